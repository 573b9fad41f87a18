#include "copies_watch.hpp"

#include <algorithm>
#include <set>

#include "replication/placement.hpp"

namespace broker::sim {

namespace {

/// Contents by commit that are kept of a queue.
constexpr size_t contents_max = 256;
/// A queue with more messages is compared and checked at every so many of its steps.
constexpr uint64_t small_queue = 64;
constexpr uint64_t large_queue_every = 16;

std::string channel_text(const replication::channel_id& who) {
  return std::to_string(who.node) + "." + std::to_string(who.inc) + "." + std::to_string(who.number);
}

/// Every message of `some` is in `all`, with the same deadline and priority. Both rise.
bool is_part_of(const std::vector<recovered_run>& some, const std::vector<recovered_run>& all) {
  auto in = all.begin();
  for (const recovered_run& run : some)
    for (seqno at = run.first; at < run.first + run.count; at = in->first + in->count) {
      in = std::find_if(in, all.end(), [&](const recovered_run& one) { return one.first + one.count > at; });
      if (in == all.end() || in->first > at || in->facts != run.facts)
        return false;
    }
  return true;
}

} // namespace

/// Follows who holds what of the masters of one process.
class copies_watch::life final : public copies_watch::eyes {
public:
  explicit life(copies_watch& all) : all_(all) {}

  void asked(const replicated_queue& master, const queue_request& what, epoch mastership) override;
  void stepped(const replicated_queue& replica, const replicated_step& step) override;
  void forget() override {
    offices_.clear();
    blind_ = true;
  }

private:
  struct held {
    channel_ref channel;
    consumer_ref who;
  };
  struct office {
    seqno marked = 0; ///< earlier masters have handed out what is before, as this one knew when it began
    std::map<seqno, held> unsettled;
    std::map<uint64_t, replication::channel_id> publishers; ///< by channel_address::id
  };

  void settled(const std::string& queue, office& of, const settle_request& what, epoch mastership);
  void handed_out(const watched_queue& queue, office& of, const channel_ref& channel, const consumer_ref& who,
                  const stored_run& run, bool redelivered, bool automatic, seqno commit);
  void confirmed_to(const watched_queue& queue, const office& of, const channel_ref& channel, const confirmed& what);

  copies_watch& all_;
  std::map<queue_id, office> offices_;
  bool blind_ = false;
};

std::unique_ptr<copies_watch::eyes> copies_watch::of_life() {
  return std::make_unique<life>(*this);
}

// -- logs
// ----------------------------------------------------------------------------------------------------------------

epoch copies_watch::at(const parts& log, seqno seq) {
  const auto behind =
    std::upper_bound(log.begin(), log.end(), seq, [](seqno one, const part& other) { return one < other.first; });
  return behind == log.begin() ? 0 : std::prev(behind)->mastership;
}

/// Takes over what has changed in the log since the last look.
void copies_watch::follow(copy& what, const replication::replica_log& log) {
  const seqno length = log.length();
  what.durable = log.durable();
  // One mastership at a place says the same of everything before it (I3).
  const bool same = length >= what.length
                 && (what.length == 0 || log.mastership_at(what.length) == 0
                     || log.mastership_at(what.length) == at(what.log, what.length));
  if (!same) {
    what.log.clear();
    what.recent.clear();
    what.length = what.checked_upto = 0;
  }
  for (seqno next = what.length + 1; next <= length;) {
    const replication::log_run* run = log.find(next);
    const epoch of = run ? run->mastership : 0; // of several masterships, perhaps
    if (what.log.empty() || what.log.back().mastership != of)
      what.log.push_back({next, of});
    if (run)
      what.recent.push_back({next, run->last(), of, run->kind, run->from});
    if (run && next != run->first) { // it was shorter when it was looked at last
      what.recent.back().from.first += next - run->first;
      what.recent.back().from.prev = what.recent.back().from.first - 1;
    }
    next = run ? run->last() + 1 : std::max(next, log.described_floor()) + 1;
  }
  what.length = length;
}

bool copies_watch::has(const watched_queue& queue, const copy& what, seqno upto) const {
  if (what.length < upto || upto == 0)
    return upto == 0;
  const epoch mine = at(what.log, upto), theirs = at(queue.log, upto);
  return mine == 0 || theirs == 0 || mine == theirs;
}

/// Entries from..upto of `run` are committed for the first time (I5).
void copies_watch::note(watched_queue& queue, const brief& run, seqno from, seqno upto) {
  if (run.from.channel.none())
    return;
  if (run.kind == replication::entry_kind::forget) {
    queue.newest.erase(run.from.channel);
    return;
  }
  if (run.kind != replication::entry_kind::publish)
    return;
  const uint64_t number = run.from.first + (from - run.first);
  const uint64_t prev = from == run.first ? run.from.prev : number - 1;
  const bool known = !queue.unsure || queue.newest.contains(run.from.channel);
  uint64_t& newest = queue.newest[run.from.channel];
  if (known && prev != newest)
    broken_("I5: publish " + std::to_string(number) + " of channel " + channel_text(run.from.channel) + " is entry "
            + std::to_string(from) + " of queue '" + queue.name + "' behind its publish " + std::to_string(newest)
            + ", it was sent after " + std::to_string(prev));
  newest = number + (upto - from);
  uint64_t& confirmable = queue.confirmable[run.from.channel];
  confirmable = std::max(confirmable, newest);
}

void copies_watch::commit(watched_queue& queue, copy& mine, const replication::replica& who) {
  const replication::replica_log& log = who.log();
  const seqno upto = who.commit();
  if (const seqno both = std::min(upto, queue.committed); both != 0) { // I3, I4
    const epoch here = log.mastership_at(both), theirs = at(queue.log, both);
    if (here != 0 && theirs != 0 && here != theirs)
      broken_("I4: node " + std::to_string(who.stock().who.node) + " takes entry " + std::to_string(both)
              + " of queue '" + queue.name + "' of mastership " + std::to_string(here)
              + " for committed, another one has it of mastership " + std::to_string(theirs));
  }
  const auto forget_committed = [&] {
    while (!mine.recent.empty() && mine.recent.front().last <= queue.committed)
      mine.recent.pop_front();
  };
  forget_committed();
  if (upto <= queue.committed)
    return;
  auto run = mine.recent.begin();
  for (seqno next = queue.committed + 1; next <= upto;) {
    while (run != mine.recent.end() && run->last < next)
      ++run;
    const bool here = run != mine.recent.end() && run->first <= next;
    const epoch of = here ? run->mastership : at(mine.log, next);
    const seqno last = here ? std::min(run->last, upto) : next;
    if (here)
      note(queue, *run, next, last);
    queue.unsure = queue.unsure || !here;
    if (queue.log.empty() || queue.log.back().mastership != of)
      queue.log.push_back({next, of});
    next = last + 1;
  }
  queue.committed = upto;
  forget_committed();
  check_disks(queue, "commits");
}

/// I1: whoever is listed has everything that was ever committed on its disk. A queue that is not durable lives in the
/// sessions that are listed, so of it only those count.
void copies_watch::check_disks(const watched_queue& queue, const char* when) {
  if (!queue.placed)
    return;
  for (const replication::member& one : queue.placed->isr) {
    const auto node = nodes_.find(one.node);
    const bool current = node != nodes_.end() && node->second.first == one.inc && node->second.second;
    if (!queue.durable && !current)
      continue;
    const auto found = queue.copies.find(one.node);
    const bool whole = found != queue.copies.end() && found->second.durable >= queue.committed
                    && has(queue, found->second, queue.committed);
    if (queue.committed != 0 && !whole)
      broken_("I1: queue '" + queue.name + "' " + when + " entry " + std::to_string(queue.committed) + ", node "
              + std::to_string(one.node) + " is in sync and "
              + (found == queue.copies.end() ? "has nothing"
                                             : "has " + std::to_string(found->second.durable) + " of "
                                                 + std::to_string(found->second.length) + " entries on its disk"));
  }
}

/// C6: replicas that have committed as much hold the same messages; a blurred one no others.
void copies_watch::compare(watched_queue& queue, const copy& of, const replicated_queue& machine) {
  const replication::replica& who = machine.replica();
  const replication::replica_log& log = who.log();
  if (log.copying())
    return;
  const seqno upto = who.commit();
  const bool blurred = upto < std::max(log.known_committed(), of.blurred_upto);
  const auto found = queue.contents.find(upto);
  if (found == queue.contents.end()) {
    if (!blurred)
      queue.contents[upto] = {machine.messages(upto), machine.digest(upto), who.stock().who.node};
    if (queue.contents.size() > contents_max)
      queue.contents.erase(queue.contents.begin());
    return;
  }
  const bool good =
    blurred ? is_part_of(machine.messages(upto), found->second.messages) : machine.digest(upto) == found->second.digest;
  if (!good)
    broken_("C6: nodes " + std::to_string(found->second.node) + " and " + std::to_string(who.stock().who.node)
            + " hold different messages of queue '" + queue.name + "' after entry " + std::to_string(upto));
}

void copies_watch::stepped(const replicated_queue& machine, const replicated_step& step) {
  const replication::replica& who = machine.replica();
  const auto node = who.stock().who.node;
  watched_queue& queue = queues_[who.known().queue.queue];
  copy& mine = queue.copies[node];
  follow(mine, who.log());
  const bool advanced = mine.commit != who.commit();
  if (who.commit() < mine.commit)
    mine.blurred_upto = std::max(mine.blurred_upto, mine.commit);
  const std::pair copied{who.log().copy_base(), who.log().copied_upto()};
  if (std::exchange(mine.copied, copied) != copied)
    mine.blurred_upto = queue.committed;
  mine.commit = who.commit();
  if (advanced)
    commit(queue, mine, who);
  // I2, of the newest mastership: a node that stood still takes offices that have been over for long.
  const bool newest = !queue.placed || who.mastership() >= queue.placed->mastership;
  if (step.took_office && newest && !has(queue, mine, queue.committed))
    broken_("I2: node " + std::to_string(node) + " becomes master of queue '" + queue.name + "' with "
            + std::to_string(mine.length) + " entries, " + std::to_string(queue.committed) + " are committed");
  ++mine.steps;
  const bool look = machine.messages_logged() <= small_queue || mine.steps % large_queue_every == 0;
  if (advanced && look)
    compare(queue, mine, machine);
  if (step.took_office || (look && mine.steps % 4 == 0)) {
    machine.check(mine.checked == &machine ? mine.checked_upto : 0);
    mine.checked = &machine;
    mine.checked_upto = who.commit();
  }
}

// -- placements
// ------------------------------------------------------------------------------------------------------------

/// R3: who is promoted was in sync. R6: who is recovered has reported more than any other.
void copies_watch::check_change(const watched_queue& queue, const replication::placement& before,
                                const replication::placement& now) {
  if (now.mastership != before.mastership + 1)
    return;
  const replication::member* chosen = now.listed(now.master);
  if (chosen == nullptr || before.lists(*chosen))
    return;
  const auto report = [&](replication::node_id of) -> const replication::inventory* {
    for (const replication::inventory& one : before.inventories)
      if (one.who.node == of)
        return &one;
    return nullptr;
  };
  const replication::inventory* own = report(chosen->node);
  if (own == nullptr || before.listed(chosen->node) == nullptr)
    return broken_("R3: node " + std::to_string(chosen->node) + " becomes master of queue '" + queue.name
                   + "' and was not in sync");
  mark_("recovered");
  for (const replication::inventory& one : before.inventories) {
    const auto node = nodes_.find(one.who.node);
    const bool current = node != nodes_.end() && node->second.first == one.who.inc;
    if (current && one.clean && !one.empty && one.last > own->last)
      broken_("R6: node " + std::to_string(chosen->node) + " is recovered as master of queue '" + queue.name
              + "' with entry " + std::to_string(own->last.seq) + " as its last, node " + std::to_string(one.who.node)
              + " has entry " + std::to_string(one.last.seq));
  }
}

void copies_watch::applied(const metadata_snapshot& now, const std::vector<metadata_change>& changes) {
  std::set<queue_id> changed;
  const auto follow = [&](const queue_record& one) {
    if (!one.placement)
      return;
    watched_queue& queue = queues_[one.id];
    queue.name = one.name;
    queue.durable = one.durable;
    const auto before = std::exchange(queue.placed, one.placement);
    if (before == one.placement)
      return;
    changed.insert(one.id);
    if (before)
      check_change(queue, *before, *one.placement);
  };
  // Each by itself: a flush may apply a report of a log together with the recovery that it allows.
  for (const metadata_change& one : changes)
    if (one.what == metadata_change::kind::node_forgotten)
      nodes_.erase(static_cast<replication::node_id>(one.node->id));
    else if (one.node)
      nodes_[static_cast<replication::node_id>(one.node->id)] = {one.node->session, one.node->up};
    else if (one.queue)
      follow(*one.queue);
  nodes_.clear();
  now.for_each_node([&](const node_ptr& one) {
    nodes_[static_cast<replication::node_id>(one->id)] = {one->session, one->up};
  });
  now.for_each_queue([&](const queue_ptr& one) {
    follow(*one);
    if (changed.contains(one->id))
      check_disks(queues_[one->id], "has committed");
  });
}

// -- who holds what
// --------------------------------------------------------------------------------------------------------

void copies_watch::life::asked(const replicated_queue& master, const queue_request& what, epoch mastership) {
  if (blind_ || !master.queue())
    return;
  office& of = offices_[master.replica().known().queue.queue];
  const std::string& name = all_.queues_[master.replica().known().queue.queue].name;
  if (const auto* publish = std::get_if<publish_request>(&what)) {
    if (publish->channel && !publish->from.channel.none())
      of.publishers[publish->channel->id] = publish->from.channel;
  } else if (const auto* settle = std::get_if<settle_request>(&what)) {
    settled(name, of, *settle, mastership);
  } else if (const auto* gone = std::get_if<channel_gone>(&what)) {
    std::erase_if(of.unsettled, [&](const auto& one) { return one.second.channel == gone->channel; });
  }
}

/// What one master has handed out is settled there, once, by whom it gave it to.
void copies_watch::life::settled(const std::string& queue, office& of, const settle_request& what, epoch mastership) {
  for (const seq_range& range : what.seqs)
    for (seqno seq = range.first; seq < range.last; ++seq) {
      const auto found = of.unsettled.find(seq);
      const bool mine =
        found != of.unsettled.end() && found->second.channel == what.channel && found->second.who == what.by;
      if (mine)
        of.unsettled.erase(found);
      // A channel gives back what came late. What the queue's actor had handed out before it was replicated is settled
      // as of mastership 0 until the channel knows, whatever the first mastership here is by then, and is passed over.
      else if (what.what != settle_request::kind::requeue && mastership != 0)
        all_.broken_("C9: a channel settles entry " + std::to_string(seq) + " of queue '" + queue
                     + "', which this master has not given to it");
    }
}

void copies_watch::life::handed_out(const watched_queue& queue, office& of, const channel_ref& channel,
                                    const consumer_ref& who, const stored_run& run, bool redelivered, bool automatic,
                                    seqno commit) {
  const seqno last = run.first + run.where.size() - 1;
  if (last > commit)
    all_.broken_("C7: entry " + std::to_string(last) + " of queue '" + queue.name + "' is handed out, "
                 + std::to_string(commit) + " are committed");
  if (!redelivered && run.first < of.marked)
    all_.broken_("one place: entry " + std::to_string(run.first) + " of queue '" + queue.name
                 + "' is handed out as if for the first time, its master knew that an earlier one had done so");
  for (seqno seq = run.first; seq <= last; ++seq)
    if (const auto [found, fresh] = of.unsettled.emplace(seq, held{channel, who}); !fresh)
      all_.broken_("one place: entry " + std::to_string(seq) + " of queue '" + queue.name + "' is handed out twice");
  if (automatic)
    of.unsettled.erase(of.unsettled.lower_bound(run.first), of.unsettled.upper_bound(last));
}

/// I5: only what is committed is confirmed.
void copies_watch::life::confirmed_to(const watched_queue& queue, const office& of, const channel_ref& channel,
                                      const confirmed& what) {
  const auto who = of.publishers.find(channel->id);
  if (what.rejected || queue.unsure || who == of.publishers.end())
    return;
  const auto known = queue.confirmable.find(who->second);
  const uint64_t newest = known == queue.confirmable.end() ? 0 : known->second;
  if (what.numbers.last - 1 > newest)
    all_.broken_("I5: publish " + std::to_string(what.numbers.last - 1) + " of channel " + channel_text(who->second)
                 + " is confirmed by queue '" + queue.name + "', " + std::to_string(newest) + " is committed");
}

void copies_watch::life::stepped(const replicated_queue& replica, const replicated_step& step) {
  if (blind_)
    return;
  all_.stepped(replica, step);
  const queue_id id = replica.replica().known().queue.queue;
  const watched_queue& queue = all_.queues_[id];
  if (step.took_office)
    offices_[id] = {replica.replica().delivered_upto(), {}, {}};
  if (replica.queue())
    for (const auto& [channel, events] : step.queue.events)
      for (const queue_event& event : events) {
        if (const auto* out = std::get_if<delivered>(&event))
          handed_out(queue, offices_[id], channel, out->who, out->run, out->redelivered, out->who->no_ack,
                     replica.replica().commit());
        else if (const auto* got_one = std::get_if<got>(&event); got_one && got_one->run.batch)
          handed_out(queue, offices_[id], channel, nullptr, got_one->run, got_one->redelivered, got_one->no_ack,
                     replica.replica().commit());
        else if (const auto* yes = std::get_if<confirmed>(&event))
          confirmed_to(queue, offices_[id], channel, *yes);
      }
  else
    offices_.erase(id);
}

} // namespace broker::sim

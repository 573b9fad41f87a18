#include "cluster.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/overloaded.hpp"

namespace test {

namespace {

std::string join(const repl::wire_part& part) {
  std::string bytes = part.head;
  for (std::string_view one : part.slices)
    bytes += one;
  return bytes;
}

} // namespace

void shadow::follow(const repl::log_write& write) {
  std::visit(
    broker::overloaded{
      [&](const repl::log_emptied&) {
        log.clear();
        live.clear();
      },
      [&](const repl::log_appended& one) {
        const repl::log_run& run = one.run;
        for (uint32_t i = 0; i < run.count; ++i) {
          const bool message = run.kind == repl::entry_kind::publish;
          log.push_back({run.mastership, run.kind, run.from.channel.number, run.from.first + i, run.ranges, run.facts});
          if (message)
            live[run.first + i] = {{run.batch, {run.where.lo + i, run.where.lo + i + 1}, run.first + i}, run.facts};
        }
      },
      [&](const repl::log_truncated& one) {
        log.resize(one.from - 1);
        live.erase(live.lower_bound(one.from), live.end());
      },
      [&](const repl::log_copy_begun& one) {
        log.assign(one.base->end.seq, {});
        live.clear();
      },
      [&](const repl::log_copied& one) {
        for (const repl::live_run& run : one.live)
          for (uint32_t i = 0; i < run.where.size(); ++i)
            live[run.first + i] = {{run.batch, {run.where.lo + i, run.where.lo + i + 1}, run.first + i}, run.facts};
      },
      [](const repl::log_copy_ended&) {},
      [&](const repl::log_forgotten& one) {
        for (const seq_range& range : one.ended)
          live.erase(live.lower_bound(range.first), live.lower_bound(range.last));
      },
    },
    write.what);
}

std::set<seqno> ledger::live() const {
  std::set<seqno> all;
  for (seqno seq = 1; seq <= committed.size(); ++seq) {
    const entry& one = committed[seq - 1];
    if (one.kind == repl::entry_kind::publish)
      all.insert(seq);
    if (one.ends)
      for (const seq_range& range : *one.ends)
        all.erase(all.lower_bound(range.first), all.lower_bound(range.last));
  }
  return all;
}

cluster::cluster(cluster_settings given) : settings(given), nodes(static_cast<size_t>(given.nodes)) {
  repl::metadata_view view;
  view.queue.queue = 7;
  view.queue.master = 1;
  view.queue.min_in_sync = given.min_in_sync;
  for (int who = 1; who <= given.nodes; ++who) {
    const auto number = static_cast<repl::node_id>(who);
    view.nodes.nodes.push_back({number, 0, false});
    view.queue.nodes.push_back(number);
    if (who <= given.members)
      view.queue.isr.push_back({number, 1});
  }
  versions.push_back(std::make_shared<const repl::metadata_view>(view));
  for (int who = given.nodes; who >= 1; --who)
    restart(who);
  calm();
}

void cluster::note(uint64_t value) {
  trace = (trace ^ value) * 0x100000001b3u;
  trace ^= trace >> 29;
}

// -- nodes
// --------------------------------------------------------------------------------------------------------------

void cluster::perform(int who, repl::effects& out) {
  node& one = at(who);
  one.storage->perform(out.writes, one.machine->log(), one.machine->commit(), one.machine->delivered_upto());
  for (repl::log_write& write : out.writes) {
    truncations += std::holds_alternative<repl::log_truncated>(write.what);
    copies += std::holds_alternative<repl::log_copy_ended>(write.what);
    one.written.follow(write);
    one.pending.push_back(std::move(write));
  }
  offices += out.took_office;
  for (const repl::outgoing& sent : out.sends) {
    const int to = static_cast<int>(sent.to);
    if (cuts.count({who, to}) != 0 || !at(to).up)
      continue;
    const repl::wire_message encoded = repl::encode(sent.message);
    for (const repl::wire_part& part : repl::split(sent.message.queue, encoded))
      links[{who, to}].push_back(join(part));
  }
  for (const repl::placement_command& what : out.proposals)
    proposals.push_back(what);
  one.reads.insert(one.reads.end(), out.reads.begin(), out.reads.end());
  if (out.damaged && broken.empty())
    broken = "a log is found damaged without a fault";
  if (out.committed != 0 && one.machine->is_master())
    committed(who, out.committed);
  if (who == owed_by_ && (out.took_office || out.deposed))
    owed_.clear();
  confirm(who);
  one.machine->check();
  if (out.start_over) {
    crash(who);
    restart(who, fate::starts_over);
  }
}

void cluster::committed(int who, seqno upto) {
  const auto& log = at(who).written.log;
  for (seqno seq = 1; seq <= upto; ++seq) {
    const entry& mine = log[seq - 1];
    if (mine.mastership == 0)
      continue;
    if (seq > truth.committed.size())
      truth.committed.push_back(mine);
    else if (!truth.committed[seq - 1].same(mine) && broken.empty())
      broken = "I4: two different entries committed at one seq";
  }
  note(upto);
}

void cluster::confirm(int who) {
  if (owed_by_ != who || !at(who).machine->is_master())
    return;
  const seqno upto = at(who).machine->commit();
  std::erase_if(owed_, [&](const owed& one) {
    if (one.at > upto)
      return false;
    channels.at(one.channel).done(one.numbers);
    for (uint64_t number = one.numbers.first; number < one.numbers.last; ++number)
      truth.confirmed[one.channel].insert(number);
    return true;
  });
}

void cluster::crash(int who) {
  node& one = at(who);
  one.up = false;
  one.machine.reset();
  one.pending.clear();
  one.reads.clear();
  one.written = one.disk;
  for (int other = 1; other <= settings.nodes; ++other) {
    links[{other, who}].clear();
    assemblers_[{other, who}].reset();
  }
  note(static_cast<uint64_t>(who));
}

/// The store lost what was not synced. What it makes of the rest must be what was written.
repl::replica_log cluster::recover(int who) {
  node& one = at(who);
  const auto fail = [&](const std::string& what) {
    if (broken.empty())
      broken = what + " (n" + std::to_string(who) + ")";
  };
  if (!one.store)
    one.store = std::make_unique<log_model::ending_store>();
  auto found = repl::recover_log(one.store->crash(nullptr));
  BROKER_ASSERT(found.ok(), "a log that was written is found again");
  std::set<seqno> live, written;
  for (const auto& run : found->live)
    for (uint32_t i = 0; i < run.count; ++i)
      live.insert(run.first + i);
  for (const auto& [seq, unused] : one.disk.live)
    written.insert(seq);
  if (found->log.end() != one.image.end() || found->log.chain() != one.image.chain()
      || found->log.copying() != one.image.copying())
    fail("another log is found than was written");
  else if (!found->log.copying() && live != written)
    fail("other messages are found than were written");
  if (found->log.known_committed() > truth.committed.size())
    fail("I4: a restart takes entries for committed that are not");
  repl::log_storage_settings limits;
  limits.checkpoint_records = settings.checkpoint_every;
  one.storage.emplace(7, *one.store, *found, limits);
  return std::move(found->log);
}

void cluster::restart(int who, fate of_log) {
  node& one = at(who);
  BROKER_ASSERT(!one.up, "only what is down restarts");
  if (of_log == fate::lost) {
    one.store.reset();
    one.image = {};
    one.disk = {};
    one.damaged = true;
  }
  repl::replica_log log = recover(who);
  if (of_log == fate::starts_over) { // on the disk the old one stays until the empty one is written
    one.storage->begin_again();
    log = {};
  }
  one.written = one.disk;
  one.up = true;
  ++one.inc;
  repl::metadata_view view = head();
  const auto registered = repl::register_node(view.nodes, {static_cast<repl::node_id>(who), one.inc});
  BROKER_ASSERT(registered.ok(), "a higher incarnation registers");
  view_changed(view);
  one.applied = versions.size() - 1;
  one.timers = {};
  repl::replica_settings what;
  what.self = static_cast<repl::node_id>(who);
  what.tail_bytes = settings.tail_bytes;
  what.described_bytes = settings.described_bytes;
  what.window_bytes = settings.window_bytes;
  what.copy_above_bytes = settings.copy_above_bytes;
  what.append_bytes = settings.append_bytes;
  repl::effects out;
  one.machine.emplace(what, one.inc, head(), std::move(log), out);
  perform(who, out);
}

void cluster::cut(int a, int b) {
  for (const auto& pair : {std::pair{a, b}, std::pair{b, a}}) {
    cuts.insert(pair);
    links[pair].clear();
    assemblers_[pair].reset();
  }
}

void cluster::heal() {
  cuts.clear();
}

bool cluster::deliver(int from, int to) {
  auto& link = links[{from, to}];
  if (link.empty() || !at(to).up)
    return false;
  const std::string part = std::move(link.front());
  link.pop_front();
  auto whole = assemblers_[{from, to}].take(part);
  BROKER_ASSERT(whole.ok(), "what was encoded is decoded");
  if (!whole->home)
    return true;
  auto message = repl::decode(whole->bytes, whole->home);
  BROKER_ASSERT(message.ok(), "what was encoded is decoded");
  repl::effects out;
  note(static_cast<uint64_t>(from * 16 + to));
  note(message->what.index());
  at(to).machine->receive(static_cast<repl::node_id>(from), *message, out);
  at(to).machine->pump(out);
  perform(to, out);
  return true;
}

bool cluster::sync(int who) {
  node& one = at(who);
  if (!one.up || one.pending.empty())
    return false;
  for (repl::log_write& write : one.pending) {
    one.disk.follow(write);
    if (auto* appended = std::get_if<repl::log_appended>(&write.what))
      appended->run.batch = {};
    const auto done = one.image.replay(write);
    BROKER_ASSERT(done.ok(), "a replica writes what can be replayed");
  }
  one.pending.clear();
  one.image.recovered();
  repl::effects out;
  one.machine->written(one.storage->on_logged(one.store->sync(nullptr)), out);
  one.machine->pump(out);
  perform(who, out);
  return true;
}

bool cluster::answer_read(int who) {
  node& one = at(who);
  if (!one.up || one.reads.empty())
    return false;
  const repl::read_order order = one.reads.front();
  one.reads.pop_front();
  repl::effects out;
  std::optional<repl::read_answer> answer;
  if (order.live || settings.store_keeps_log)
    answer = one.storage->read(order, one.machine->log());
  else
    answer = repl::read_answer{order, std::nullopt, {}, 0};
  if (!answer)
    one.store->answer([&](auto runs, auto facts) { answer = one.storage->on_read(runs, facts, one.machine->log()); });
  if (answer->damaged && broken.empty())
    broken = "an entry is read back that was not written so";
  if (order.live)
    one.machine->live_read(order.peer, order.ticket, answer->upto, std::move(answer->live), out);
  else
    one.machine->log_read(order.peer, order.ticket, std::move(answer->runs), out);
  one.machine->pump(out);
  perform(who, out);
  return true;
}

// -- metadata
// -----------------------------------------------------------------------------------------------------------

void cluster::view_changed(const repl::metadata_view& next) {
  const repl::placement& now = next.queue;
  for (const repl::member& one : now.isr)
    if (!versions.back()->queue.lists(one))
      at(static_cast<int>(one.node)).damaged = false;
  versions.push_back(std::make_shared<const repl::metadata_view>(next));
  note(now.version);
}

void cluster::expire(int who) {
  repl::metadata_view view = head();
  const auto number = static_cast<repl::node_id>(who);
  const auto done = repl::session_expired(view.nodes, {number, view.nodes.registered(number)});
  BROKER_ASSERT(done.ok(), "a registered incarnation expires");
  view_changed(view);
}

bool cluster::commit_proposal(size_t which) {
  if (which >= proposals.size())
    return false;
  const repl::placement_command what = proposals[which];
  proposals.erase(proposals.begin() + static_cast<ptrdiff_t>(which));
  repl::metadata_view view = head();
  (void)repl::apply(view.queue, view.nodes, what).ok(); // a refusal may still have moved V
  if (view != head())
    view_changed(view);
  return true;
}

bool cluster::apply_metadata(int who) {
  node& one = at(who);
  if (!one.up || one.applied + 1 >= versions.size())
    return false;
  repl::effects out;
  ++one.applied;
  const repl::metadata_view& next = *versions[one.applied];
  one.machine->apply(next, out);
  one.machine->pump(out);
  perform(who, out);
  const auto number = static_cast<repl::node_id>(who);
  if (!one.up || one.applied + 1 != versions.size() || next.nodes.registered(number) != one.inc
      || next.nodes.live(number))
    return true;
  repl::metadata_view view = head();
  const auto done = repl::register_node(view.nodes, {number, ++one.inc});
  BROKER_ASSERT(done.ok(), "a higher incarnation registers");
  view_changed(view);
  one.applied = versions.size() - 1;
  repl::effects again;
  one.machine->reincarnate(one.inc, head(), again);
  perform(who, again);
  return true;
}

void cluster::supervise(bool grace_over) {
  if (const auto what = repl::supervise(head(), {}, grace_over))
    proposals.push_back(*what);
}

} // namespace test

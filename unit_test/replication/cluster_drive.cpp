// Publishing, time, and the checks.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.hpp"
#include "cluster.hpp"

namespace test {

namespace {

broker::batch_ref make_batch(uint64_t channel, uint64_t first, uint32_t count) {
  auto batch = broker::make_ref<broker::publish_batch>();
  auto bytes = broker::block_ref{broker::block::create(size_t{count} * 32)};
  batch->first_confirm = first;
  for (uint32_t i = 0; i < count; ++i) {
    char* at = bytes->data() + size_t{i} * 32;
    std::memcpy(at, "\1e\1k", 4);
    const uint64_t body[2] = {channel, first + i};
    std::memcpy(at + 4, body, sizeof body);
    broker::message one{};
    one.names = at;
    one.names_size = 4;
    one.raw = at + 4;
    one.raw_size = one.body_size = sizeof body;
    one.flags = broker::message::persistent;
    batch->messages.push_back(one);
  }
  batch->blocks.push_back(std::move(bytes));
  return batch;
}

} // namespace

void cluster::publish(uint64_t channel, uint32_t count) {
  auto [at, fresh] = channels.try_emplace(channel, repl::channel_id{99, 1, channel});
  uint64_t& last = published[channel];
  at->second.add(make_batch(channel, last + 1, count), {0, count});
  last += count;
}

bool cluster::channel_sends(uint64_t channel) {
  repl::publisher& from = channels.at(channel);
  for (int who = 1; who <= settings.nodes; ++who)
    if (at(who).up && at(who).machine->is_master() && from.retarget(at(who).machine->mastership())) {
      if (owed_by_ != who)
        owed_.clear();
      owed_by_ = who;
    }
  if (owed_by_ == 0 || !at(owed_by_).up || !at(owed_by_).machine->is_master() || !from.wants_send()
      || at(owed_by_).machine->mastership() != from.target())
    return false;
  return publish_to(owed_by_, channel);
}

/// False: the master refuses, because it is handing over.
bool cluster::publish_to(int who, uint64_t channel) {
  repl::publisher& from = channels.at(channel);
  repl::publish_order order = from.next();
  const uint64_t which = order.batch->first_confirm; // the queue's options would say
  order.facts.assign(order.slices.size(), {which % 2 * which, static_cast<uint8_t>(which % 5)});
  if (std::exchange(lose_next_publish, false))
    return true;
  repl::effects out;
  const repl::publish_outcome done = at(who).machine->publish(order, out);
  BROKER_ASSERT(!done.refused || at(who).machine->office()->handing_over(), "publishes are refused for a reason");
  seqno seq = done.first;
  uint32_t skip = done.duplicates;
  for (const broker::slice& slice : order.slices)
    for (uint32_t i = slice.lo; i < slice.hi; ++i) {
      const uint64_t number = order.batch->first_confirm + i;
      if (skip != 0) {
        --skip;
        owed_.push_back({done.confirm_at, channel, {number, number + 1}});
      } else if (done.last != 0 && seq <= done.last) {
        owed_.push_back({seq++, channel, {number, number + 1}});
      }
    }
  duplicates += done.duplicates;
  gaps += done.gap;
  if (done.gap || done.refused)
    from.gap();
  at(who).machine->pump(out);
  perform(who, out);
  return !done.refused;
}

int cluster::master() const {
  for (int who = 1; who <= settings.nodes; ++who)
    if (at(who).up && at(who).machine->is_master() && at(who).machine->mastership() == head().queue.mastership)
      return who;
  return 0;
}

void cluster::settle(std::vector<seq_range> ended) {
  const int who = master();
  BROKER_ASSERT(who != 0, "a master settles");
  repl::effects out;
  at(who).machine->settle(std::move(ended), out);
  at(who).machine->pump(out);
  perform(who, out);
}

void cluster::purge() {
  const int who = master();
  BROKER_ASSERT(who != 0, "a master purges");
  std::vector<seq_range> ended;
  for (seqno seq : content(who))
    if (seq <= at(who).machine->commit())
      ended.push_back({seq, seq + 1});
  if (ended.empty())
    return;
  repl::effects out;
  at(who).machine->purge(std::move(ended), out);
  at(who).machine->pump(out);
  perform(who, out);
}

void cluster::forget(uint64_t channel) {
  const int who = master();
  BROKER_ASSERT(who != 0, "a master forgets");
  repl::effects out;
  at(who).machine->forget({99, 1, channel}, out);
  at(who).machine->pump(out);
  perform(who, out);
}

void cluster::tick(int who) {
  node& one = at(who);
  if (!one.up)
    return;
  repl::effects out;
  one.timers.tick(now_ms, *one.machine, out);
  perform(who, out);
}

void cluster::calm() {
  for (bool any = true; any;) {
    any = false;
    while (commit_proposal(0))
      any = true;
    for (int who = 1; who <= settings.nodes; ++who) {
      while (apply_metadata(who))
        any = true;
      any = sync(who) || any;
      any = answer_read(who) || any;
    }
    for (auto& [pair, link] : links)
      any = deliver(pair.first, pair.second) || any;
    for (auto& [channel, unused] : channels)
      any = channel_sends(channel) || any;
  }
}

void cluster::run_for(uint32_t milliseconds) {
  for (uint32_t passed = 0; passed < milliseconds; passed += 200) {
    now_ms += 200;
    for (int who = 1; who <= settings.nodes; ++who)
      tick(who);
    supervise(false);
    calm();
  }
}

bool cluster::in_sync(int who) const {
  const repl::member* listed = head().queue.listed(static_cast<repl::node_id>(who));
  return listed != nullptr && head().nodes.current_and_live(*listed);
}

size_t cluster::confirmed(uint64_t channel) const {
  const auto at = truth.confirmed.find(channel);
  return at == truth.confirmed.end() ? 0 : at->second.size();
}

std::set<seqno> cluster::content(int who) const {
  std::set<seqno> all;
  for (const auto& [seq, unused] : at(who).written.live)
    all.insert(seq);
  for (const entry& one : at(who).written.log)
    if (one.ends)
      for (const seq_range& range : *one.ends)
        all.erase(all.lower_bound(range.first), all.lower_bound(range.last));
  return all;
}

// -- checks
// -------------------------------------------------------------------------------------------------------------

std::string cluster::check_disk(int who) const {
  const node& one = at(who);
  const std::string name = " (n" + std::to_string(who) + ")";
  if (one.image.copying() || one.disk.log.size() < truth.committed.size())
    return "I1: an in-sync member lacks a committed entry on disk" + name;
  std::set<seqno> live;
  for (const auto& [seq, body] : one.disk.live)
    if (seq <= truth.committed.size()) {
      live.insert(seq);
      if (body.facts != truth.committed[seq - 1].facts)
        return "I1: an in-sync member has another deadline or priority of a committed message" + name;
    }
  std::map<uint64_t, uint64_t> last;
  for (seqno seq = 1; seq <= truth.committed.size(); ++seq) {
    const entry &mine = one.disk.log[seq - 1], &theirs = truth.committed[seq - 1];
    if (mine.mastership != 0 && !mine.same(theirs))
      return "I1: an in-sync member has another entry where one is committed" + name;
    if (mine.ends)
      for (const seq_range& range : *mine.ends)
        live.erase(live.lower_bound(range.first), live.lower_bound(range.last));
    if (theirs.kind == repl::entry_kind::publish)
      last[theirs.channel] = theirs.number;
    else if (theirs.kind == repl::entry_kind::forget)
      last.erase(theirs.channel);
  }
  for (size_t seq = truth.committed.size(); seq < one.disk.log.size(); ++seq)
    if (one.disk.log[seq].kind == repl::entry_kind::forget)
      last.erase(one.disk.log[seq].channel); // it has ended, whether that is committed or not
  if (live != truth.live())
    return "I1: an in-sync member's messages are not the live ones" + name;
  for (const auto& [channel, number] : last) {
    const repl::dedupe_entry* known = one.image.dedupe().find({99, 1, channel});
    if (known == nullptr || known->last < number)
      return "I1: an in-sync member would not recognise a committed publish" + name;
  }
  return {};
}

std::string cluster::check_node(int who) const {
  const node& one = at(who);
  if (!one.up)
    return {};
  if (one.machine->commit() > truth.committed.size())
    return "I4: a replica believes more committed than is";
  if (!one.machine->is_master() || one.machine->mastership() != head().queue.mastership)
    return {};
  if (one.written.log.size() < truth.committed.size())
    return "I2: the acting master lacks a committed entry";
  for (int other = 1; other < who; ++other)
    if (at(other).up && at(other).machine->is_master() && at(other).machine->mastership() == one.machine->mastership())
      return "I3: two masters in one epoch";
  return {};
}

std::string cluster::check() const {
  if (!broken.empty())
    return broken;
  std::map<uint64_t, uint64_t> last;
  for (const entry& one : truth.committed) {
    if (one.kind != repl::entry_kind::publish)
      continue;
    if (one.number != last[one.channel] + 1)
      return "I5: committed publishes are not in order, each once";
    last[one.channel] = one.number;
  }
  for (const auto& [channel, numbers] : truth.confirmed)
    if (!numbers.empty() && *numbers.rbegin() > last[channel])
      return "I5: confirmed what is not committed";
  for (int who = 1; who <= settings.nodes; ++who) {
    std::string wrong = check_node(who);
    const bool listed = head().queue.listed(static_cast<repl::node_id>(who)) != nullptr;
    if (wrong.empty() && listed && !at(who).damaged)
      wrong = check_disk(who);
    if (!wrong.empty())
      return wrong;
  }
  return {};
}

} // namespace test

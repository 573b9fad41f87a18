// Carrying out effects, in their order, with a crash possible between any two of them.
#include <algorithm>

#include "raft/membership.hpp"
#include "raft_sim/server.hpp"
#include "raft_sim/world.hpp"

namespace raft_sim {

bool server::carry_out(effects what) {
  const uint64_t mine = life;
  if (what.contradiction)
    world_.truth.fail("CONTRADICTION: server " + std::to_string(id) + ": " + *what.contradiction);
  if (!write(what))
    return false;
  const bool wrote = !what.append.empty();
  const uint64_t last = wrote ? what.append.back().index : 0;
  const uint64_t term = group->term();
  const bool hold = states_queued_ > 0;
  for (auto& [to, bytes] : what.messages) {
    if (hold) {
      held_.emplace_back(to, std::move(bytes));
      continue;
    }
    if (dies_here("between messages"))
      return false;
    if (body_kind(bytes) == kind_timeout_now && world_.servers.contains(to)) {
      const auto& there = world_.at(to).disk;
      const bool snapshot_only = there.log.empty() && there.snapshot;
      const uint64_t index = snapshot_only ? there.snapshot->index : there.log.empty() ? 0 : there.log.back().index;
      if (index < log.last())
        world_.truth.fail("TRANSFER: to a server that has not caught up");
    }
    world_.send(id, to, bytes);
  }
  if (!apply(what))
    return false;
  for (const completion& one : what.done)
    answer(one);
  if (what.changed) {
    world_.trace(id, what.changed->term, what.changed->leader);
    if (what.changed->self == role::leader) {
      world_.say("leader " + std::to_string(id) + " term " + std::to_string(what.changed->term));
      world_.truth.leads(id, what.changed->term);
      for (uint64_t index = log.base + 1; index <= world_.truth.applied(); ++index)
        if (world_.truth.binds(index, what.changed->term)
            && (index > log.last() || log.term_at(index) != world_.truth.term_at(index))) {
          world_.truth.fail("LEADER COMPLETENESS: server " + std::to_string(id) + " leads without entry "
                            + std::to_string(index));
          break;
        }
    }
  }
  if (group->members() != log.configs.back().second)
    world_.truth.fail("MEMBERSHIP: server " + std::to_string(id) + " goes by other members than its log says");
  if (what.take_snapshot)
    take_snapshot();
  if (life != mine)
    return false;
  for (const snapshot_request& request : what.send_snapshot)
    world_.later(random_.below(3), *this, [this, request] {
      const bool there = disk.snapshot && disk.snapshot->index == request.index && disk.snapshot->term == request.term;
      const std::string data = there ? disk.snapshot_data : std::string{};
      std::optional<std::string_view> bytes;
      if (there)
        bytes = std::string_view{data}.substr(std::min(request.offset, data.size()), request.bytes_max);
      carry_out(group->snapshot_read(request, data.size(), bytes));
    });
  if (what.store_chunk && !receive_chunk(*what.store_chunk))
    return false;
  if (wrote && world_.how.synchronous)
    return carry_out(group->persisted(last, term)) && life == mine;
  return life == mine;
}

void server::check_entry(const entry& one) {
  if (one.index != log.last() + 1)
    return world_.truth.fail("LOG: server " + std::to_string(id) + " leaves a gap");
  if (one.type != entry::kind::config || !leads())
    return;
  // A leader changes one member at a time.
  if (log.configs.back().first > group->commit_index())
    world_.truth.fail("MEMBERSHIP: server " + std::to_string(id) + " begins a second change");
}

// The last `count` entries on the disk. What never got there with its term may be invented again after a crash.
void server::check_stored(size_t count) {
  for (size_t i = disk.log.size() - count; i < disk.log.size(); ++i)
    if (i > 0)
      world_.truth.stores(id, disk.log[i], disk.log[i - 1].term);
}

bool server::write(const effects& what) {
  if (what.truncate_from) {
    if (*what.truncate_from <= state.index || *what.truncate_from > log.last()) {
      world_.truth.fail("LOG: server " + std::to_string(id) + " cuts off what it has applied, or nothing");
      return false;
    }
    log.truncate(*what.truncate_from);
  }
  for (const entry& one : what.append) {
    check_entry(one);
    log.append(one);
  }
  if (!what.state && !what.truncate_from && what.append.empty())
    return true;
  auto whole = [this, now = what.state, cut = what.truncate_from, append = what.append] {
    disk.write(now, cut, append);
    check_stored(append.size());
  };
  auto torn = [this, now = what.state, cut = what.truncate_from, append = what.append]() mutable {
    append.resize(random_.below(append.size() + 1));
    disk.write(now, cut, append);
  };
  const auto takes = static_cast<unsigned>(1 + random_.below(world_.how.disk_ms));
  if (world_.how.synchronous) {
    if (dies_here("before a write"))
      return false;
    const uint64_t mine = life;
    if (!world_.calm && world_.how.die_inside_one_in > 0 && random_.chance(1, 2 * world_.how.die_inside_one_in)) {
      torn();
      ++deaths_inside;
      crash();
      return life == mine;
    }
    whole();
    pause(takes);
    return !dies_here("after a write");
  }
  const bool holds = what.state.has_value();
  states_queued_ += holds ? 1 : 0;
  const uint64_t last = what.append.empty() ? 0 : what.append.back().index;
  return enqueue({{"write", takes, std::move(whole), std::move(torn), [this, holds, last, term = group->term()] {
                     const uint64_t mine = life;
                     if (holds && --states_queued_ == 0)
                       release_messages();
                     if (last > 0 && life == mine)
                       carry_out(group->persisted(last, term));
                   }}});
}

void server::release_messages() {
  for (auto& [to, bytes] : std::exchange(held_, {}))
    world_.send(id, to, bytes);
}

bool server::apply(const effects& what) {
  if (what.apply.empty())
    return true;
  if (dies_here("before applying"))
    return false;
  for (const entry& one : what.apply) {
    world_.truth.applies(id, group->term(), state.index, one);
    state.apply(one.index, one.data);
  }
  world_.truth.has_state(id, state);
  world_.trace(id, state.index, state.hash);
  if (!world_.truth.holds() || dies_here("after applying"))
    return false;
  // The answers belong to these effects: they come first. The core learns of the application in its own time.
  world_.later(random_.below(4), *this, [this, index = state.index] { carry_out(group->applied(index)); });
  return true;
}

// -- snapshots --------------------------------------------------------------------------------------------------------

void server::take_snapshot() {
  const snapshot_meta meta = group->snapshot_point();
  // applied() lags behind the state here: a host takes both at one moment.
  if (meta.index != state.index) {
    world_.later(1, *this, [this] { take_snapshot(); });
    return;
  }
  ++snapshots;
  world_.truth.has_members(id, meta.index, meta.members, "a snapshot");
  const std::string data = state.serialise();
  const unsigned takes = 1 + world_.how.snapshot_ms;
  const bool atomic = world_.how.atomic_pointer;
  auto point = [this, meta, data, atomic] {
    if (disk.snapshot && disk.snapshot->index >= meta.index)
      return;
    disk.point_to(meta, data);
    if (atomic)
      disk.drop_upto(meta.index);
  };
  enqueue({{"snapshot file", takes, [] {}, {}, {}},
           {"snapshot pointer", 1, point, {}, {}},
           {"snapshot truncation",
            1,
            [this, meta] { disk.drop_upto(meta.index); },
            {},
            [this, meta] { carry_out(group->snapshot_stored(meta)); }}});
}

bool server::receive_chunk(const snapshot_chunk& chunk) {
  if (chunk.offset == 0)
    incoming_.clear();
  if (chunk.offset != incoming_.size()) {
    world_.truth.fail("SNAPSHOT: server " + std::to_string(id) + " is handed a chunk out of order");
    return false;
  }
  incoming_ += chunk.data;
  if (dies_here("after a chunk"))
    return false;
  return !chunk.last || install(chunk.meta);
}

bool server::install(const snapshot_meta& meta) {
  const std::string data = std::exchange(incoming_, {});
  const auto whole = state_machine::parse(data);
  if (!whole || whole->index != meta.index) {
    world_.truth.fail("SNAPSHOT: server " + std::to_string(id) + " has received a torn one");
    return false;
  }
  world_.truth.has_state(id, *whole);
  world_.truth.has_members(id, meta.index, meta.members, "a snapshot received");
  const bool atomic = world_.how.atomic_pointer;
  auto point = [this, meta, data, atomic] {
    disk.point_to(meta, data);
    if (atomic)
      disk.log.clear();
  };
  auto then = [this, meta, whole] {
    ++installs;
    state = *whole;
    log.reset(meta.index, meta.term, meta.members);
    carry_out(group->snapshot_installed(meta));
  };
  return enqueue({{"install file", 1 + world_.how.snapshot_ms, [] {}, {}, {}},
                  {"install pointer", 1, point, {}, {}},
                  {"install truncation", 1, [this] { disk.log.clear(); }, {}, then}});
}

bool server::enqueue(std::vector<disk_step> steps) {
  const uint64_t mine = life;
  const bool idle = steps_.empty();
  for (disk_step& one : steps)
    steps_.push_back(std::move(one));
  if (idle)
    next_step();
  return life == mine;
}

// Writes that wait are done together with the one in front of them: group commit, as any host must do it.
void server::next_step() {
  if (dies_here("before a disk step"))
    return;
  together_ = 1;
  while (steps_.front().torn && together_ < steps_.size() && steps_[together_].torn)
    ++together_;
  world_.later(steps_.front().takes_ms, *this, [this] { finish_steps(); });
}

void server::finish_steps() {
  const uint64_t mine = life;
  std::vector<std::function<void()>> then;
  for (; together_ > 0; --together_) {
    steps_.front().change();
    then.push_back(std::move(steps_.front().then));
    steps_.pop_front();
  }
  if (dies_here("after a disk step"))
    return;
  if (!steps_.empty())
    next_step();
  for (const auto& one : then)
    if (one && life == mine)
      one();
}

// Of the writes under way some may be on the disk, and a part of the next.
void server::tear_steps() {
  for (size_t whole = random_.below(together_ + 1); whole > 0 && !steps_.empty(); --whole) {
    if (!steps_.front().torn)
      return;
    steps_.front().change();
    steps_.pop_front();
    --together_;
  }
  if (together_ > 0 && !steps_.empty() && steps_.front().torn)
    steps_.front().torn();
}

} // namespace raft_sim

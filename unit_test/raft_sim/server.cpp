#include "raft_sim/server.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "raft/log.hpp"
#include "raft/membership.hpp"
#include "raft_sim/world.hpp"

namespace raft_sim {

// -- mirror -----------------------------------------------------------------------------------------------------------

void mirror::reset(uint64_t index, uint64_t term, const membership& members) {
  base = index;
  base_term = term;
  terms.clear();
  configs.assign(1, {index, members});
}

void mirror::append(const entry& one) {
  terms.push_back(one.term);
  if (one.type == entry::kind::config)
    configs.emplace_back(one.index, *broker::raft::decode_membership(one.data));
}

void mirror::truncate(uint64_t index) {
  terms.resize(index - base - 1);
  while (configs.back().first >= index)
    configs.pop_back();
}

// -- life and death ---------------------------------------------------------------------------------------------------

server::server(world& where, node_id who, membership bootstrap_members)
  : id(who), bootstrap(std::move(bootstrap_members)), world_(where), random_(where.how.seed * 1000 + who) {}

void server::boot() {
  BROKER_ASSERT(!running(), "a server runs once");
  ++boots;
  restart found{disk.state, disk.snapshot, disk.log};
  broker::raft::reconcile(found);
  disk.log = found.log;
  check_stored(disk.log.size());
  state = {};
  log = {};
  log.reset(0, 0, bootstrap);
  if (disk.snapshot) {
    log.reset(disk.snapshot->index, disk.snapshot->term, disk.snapshot->members);
    auto restored = state_machine::parse(disk.snapshot_data);
    if (!restored || restored->index != disk.snapshot->index)
      return world_.truth.fail("SNAPSHOT: server " + std::to_string(id) + " has stored a torn one");
    state = *restored;
    world_.truth.has_state(id, state);
  }
  for (const entry& one : disk.log)
    log.append(one);
  broker::raft::settings how;
  how.self = id;
  how.bootstrap = bootstrap;
  how.seed = random_.next();
  how.snapshot_after_entries = world_.how.snapshot_after;
  how.trailing_entries = world_.how.trailing;
  how.append_bytes_max = world_.how.append_bytes;
  how.inflight_appends_max = world_.how.inflight;
  how.chunk_bytes = world_.how.chunk_bytes;
  how.proposals_max = world_.how.proposals_max;
  group = std::make_unique<broker::raft::group>(how, std::move(found));
  heard_ = world_.now();
  world_.say("boot " + std::to_string(id));
  tick_due_ = world_.now();
  if (carry_out(group->start()))
    tick();
}

void server::crash() {
  if (!running())
    return;
  world_.trace(id, 0xdead);
  world_.say("crash " + std::to_string(id));
  if (random_.chance(1, 2))
    tear_steps();
  group.reset();
  ++life;
  paused_until = 0;
  steps_.clear();
  together_ = 0;
  held_.clear();
  states_queued_ = 0;
  incoming_.clear();
  pending.clear();
}

bool server::dies_here(const char* point) {
  if (world_.calm || world_.how.die_inside_one_in == 0 || !random_.chance(1, world_.how.die_inside_one_in))
    return false;
  world_.say("dies " + std::string{point} + " " + std::to_string(id));
  ++deaths_inside;
  crash();
  return true;
}

void server::pause(uint64_t ms) {
  paused_until = std::max(paused_until, world_.now() + ms);
}

void server::tick() {
  const uint64_t mine = life;
  // After a pause what waits in the mailbox may well come before the timer: a zombie that does not know it yet.
  if (world_.now() > tick_due_ + 50 && random_.chance(1, 2)) {
    tick_due_ = world_.now() + random_.below(50);
    return world_.later(tick_due_ - world_.now(), *this, [this] { tick(); });
  }
  if (!carry_out(group->tick(world_.now())) || life != mine)
    return;
  check_leader();
  const uint64_t pause_ms = 10 + random_.below(10);
  tick_due_ = world_.now() + pause_ms;
  world_.later(pause_ms, *this, [this] { tick(); });
}

// Check-quorum: nobody leads on in silence.
void server::check_leader() {
  if (leads() && group->members().voters.size() > 1 && world_.now() > heard_ + 2 * broker::limits::raft_election_max_ms)
    world_.truth.fail("DEAF LEADER: server " + std::to_string(id) + " still leads");
}

void server::receive(node_id from, const std::string& bytes) {
  heard_ = world_.now();
  carry_out(group->recv(from, bytes));
}

// -- what clients ask -------------------------------------------------------------------------------------------------

void server::propose(const std::string& command) {
  const ticket mine = next_ticket_++;
  pending[mine] = {asked::kind::command, command, 0};
  if (carry_out(group->propose(mine, command)))
    carry_out(group->flush());
}

void server::propose(unsigned count) {
  const uint64_t mine = life;
  for (; count > 0 && life == mine; --count) {
    std::string command = std::to_string(id) + "." + std::to_string(life) + "." + std::to_string(command_number_++);
    command.resize(command.size() + random_.below(40), '.');
    const ticket number = next_ticket_++;
    pending[number] = {asked::kind::command, command, 0};
    carry_out(group->propose(number, command));
  }
  if (life == mine)
    carry_out(group->flush());
}

void server::read() {
  const ticket mine = next_ticket_++;
  pending[mine] = {asked::kind::read, {}, world_.truth.read_floor()};
  if (carry_out(group->read_barrier(mine)))
    carry_out(group->flush());
}

void server::ask(change what, node_id whom) {
  const ticket mine = next_ticket_++;
  pending[mine] = {asked::kind::change, {}, 0};
  if (what == change::add)
    carry_out(group->add_learner(mine, whom));
  else if (what == change::promote)
    carry_out(group->promote(mine, whom));
  else if (what == change::remove)
    carry_out(group->remove(mine, whom));
  else
    carry_out(group->transfer(mine, whom));
}

void server::answer(const completion& one) {
  const auto found = pending.find(one.id);
  if (found == pending.end())
    return world_.truth.fail("ANSWER: server " + std::to_string(id) + " answers a ticket twice");
  const asked what = std::move(found->second);
  pending.erase(found);
  ++outcomes[one.what];
  const bool ok = one.what == outcome::ok;
  if (what.what == asked::kind::command) {
    if (ok && one.index > state.index)
      world_.truth.fail("ANSWER: server " + std::to_string(id) + " answers before it has applied");
    if (ok)
      world_.truth.answers_ok(one.index, what.command);
    else if (one.what != outcome::lost)
      world_.truth.refuses(what.command);
  } else if (ok && what.what == asked::kind::read) {
    ++reads_done;
    world_.truth.reads(id, what.floor, state.index);
  } else if (ok) {
    ++changes_done;
  }
}

} // namespace raft_sim

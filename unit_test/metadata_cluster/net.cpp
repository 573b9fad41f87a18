#include "net.hpp"

#include <algorithm>

namespace metadata_cluster {

// -- a node -----------------------------------------------------------------------------------------------------------

void node::send_datagram(const std::string& to, std::string bytes) {
  if (world.options.lose_one_in > 0 && world.random.chance(1, world.options.lose_one_in)) {
    ++world.messages_lost;
    return;
  }
  world.post(name, to, std::move(bytes), false);
}

bool node::send(const std::string& to, std::string bytes) {
  if (world.options.refuse_one_in > 0 && world.random.chance(1, world.options.refuse_one_in))
    return false;
  if (world.is_cut(name, to))
    return false;
  world.post(name, to, std::move(bytes), true);
  return true;
}

// The disk may fail it: messages of that flush have left, what it was to write has not been written.
void node::flush() {
  if (holds_restore && host->restore_due())
    return;
  if (!restore_snapshot()) {
    BOOST_REQUIRE(disk.fail);
    return world.crash(*this);
  }
  auto flushed = host->flush();
  if (!flushed.ok() && disk.fail)
    return world.crash(*this);
  if (!flushed.ok())
    BOOST_FAIL(name << ": " << flushed.error().text);
  take(*flushed);
  host->shown();
  if (!take_snapshot()) {
    BOOST_REQUIRE(disk.fail);
    return world.crash(*this);
  }
  world.check(*this);
}

// Some at once, some while the host goes on.
bool node::take_snapshot() {
  if (snapshot && world.random.chance(1, 3)) {
    const auto job = *std::exchange(snapshot, std::nullopt);
    const auto bytes = job.write(disk);
    return bytes && host->finish_snapshot(job, *bytes);
  }
  if (!host->snapshot_due())
    return true;
  if (world.random.chance(1, 4))
    return host->take_snapshot().ok();
  snapshot = host->begin_snapshot();
  return true;
}

bool node::restore_snapshot() {
  if (!restore && host->restore_due()) {
    restore = host->begin_restore();
    restored_at = world.now + (world.options.restore_ms == 0 ? 0 : world.random.below(world.options.restore_ms));
  }
  if (!restore || world.now < restored_at)
    return true;
  auto job = std::move(*std::exchange(restore, std::nullopt));
  return job.work(disk) && host->finish_restore(job);
}

void node::take(const metadata_flush& what) {
  forgotten = forgotten || what.forgotten;
  moves.insert(moves.end(), what.moves.begin(), what.moves.end());
  for (const metadata_change& change : what.changes) {
    if (change.what == metadata_change::kind::queue_created)
      BOOST_REQUIRE_MESSAGE(queues.insert(change.queue->id).second, name << ": created twice: " << change.queue->name);
    if (change.what == metadata_change::kind::queue_deleted)
      BOOST_REQUIRE_MESSAGE(queues.erase(change.queue->id) == 1, name << ": deleted twice: " << change.queue->name);
  }
  for (const metadata_completion& one : what.done) {
    BOOST_REQUIRE_MESSAGE(answers.emplace(one.id, one.what).second, name << ": answered twice");
    results[one.id] = one.result;
    if (const auto at = asked.find(one.id); at != asked.end()) {
      world.declared(*this, at->second, one);
      asked.erase(at);
    }
    if (const auto at = deleting.find(one.id); at != deleting.end()) {
      if (one.what == outcome::ok)
        world.deleted_.insert(at->second);
      deleting.erase(at);
    }
  }
}

// -- the network ------------------------------------------------------------------------------------------------------

void net::post(const std::string& from, const std::string& to, std::string bytes, bool reliable) {
  const auto there = nodes.find(to);
  if (there == nodes.end())
    return;
  time_ms when = now + 1 + random.below(options.delay_ms);
  if (reliable) {
    time_ms& newest = newest_frame_[{from, to}];
    when = newest = std::max(newest, when);
    ++frames_sent;
  }
  message sent{from, to, std::move(bytes), there->second->life, reliable};
  if (watch)
    watch(sent);
  wire_.emplace(when, std::move(sent));
}

void net::deliver(message& what) {
  node& to = at(what.to);
  if (!to.up() || is_cut(what.from, what.to) || (what.reliable && what.life != to.life))
    return;
  to.host->at(now);
  to.host->recv(what.from, what.bytes);
  if (random.chance(1, 2)) // several messages share a flush
    to.flush();
}

void net::tick_all() {
  for (auto& [name, one] : nodes)
    if (one->up()) {
      one->host->at(now);
      if (now >= one->tick_due) {
        one->host->tick(now);
        ++one->ticks;
        one->tick_due = UINT64_MAX;
      }
      one->flush();
      if (one->up()) // its disk may have failed
        one->tick_due = std::min(one->tick_due, one->host->next_tick());
    }
}

void net::run(time_ms ms) {
  for (const time_ms until = now + ms; now < until; ++now) {
    while (!wire_.empty() && wire_.begin()->first <= now) {
      message next = std::move(wire_.begin()->second);
      wire_.erase(wire_.begin());
      deliver(next);
    }
    if (now % 10 == 0)
      tick_all();
  }
}

bool net::run_until(const std::function<bool()>& holds, time_ms ms) {
  for (const time_ms until = now + ms; now < until;) {
    if (holds())
      return true;
    run(5);
  }
  return holds();
}

void net::part(const std::string& a, const std::string& b) {
  cut(a, b);
  for (const auto& [one, other] : {std::pair{a, b}, std::pair{b, a}})
    if (at(one).up())
      at(one).host->peer_suspect(other, now);
}

void net::join_again(const std::string& a, const std::string& b) {
  cuts.erase({std::min(a, b), std::max(a, b)});
  for (const auto& [one, other] : {std::pair{a, b}, std::pair{b, a}})
    if (at(one).up() && at(other).up())
      at(one).host->peer_connected(other);
}

void net::isolate(const std::string& name) {
  for (const auto& [other, one] : nodes)
    if (other != name)
      cut(name, other);
}

// -- nodes ------------------------------------------------------------------------------------------------------------

void net::start(node& who) {
  BOOST_REQUIRE(!who.up());
  ++who.life;
  metadata_host_settings how;
  how.metadata.node = who.name;
  how.group.seed = random.next();
  how.group.snapshot_after_entries = options.snapshot_after;
  how.group.trailing_entries = 10;
  how.new_cluster = 4711;
  how.proposal_ms = options.proposal_ms;
  how.node_down_ms = options.node_down_ms;
  how.session_ms = options.session_ms;
  how.applied_at_once = options.applied_at_once;
  who.host = std::make_unique<metadata_host>(how, who.disk, &who);
  BOOST_REQUIRE(who.host->open(now).ok());
  who.queues.clear();
  who.host->snapshot()->for_each_queue([&](const queue_ptr& one) { who.queues.insert(one->id); });
  who.host->tick(now);
  for (auto& [name, other] : nodes)
    if (other->up() && other.get() != &who && !is_cut(name, who.name)) {
      who.host->peer_connected(name);
      other->host->peer_connected(who.name);
    }
  node_started first = metadata_test::first_start(who.name);
  first.host = who.name;
  first.port = 25672;
  first.incarnation = 1000 * who.life + next_ticket_;
  first.cluster = who.host->identity().cluster;
  who.start_ticket = next_ticket_++;
  who.host->propose(who.start_ticket, first);
  who.flush();
}

void net::crash(node& who) {
  BOOST_REQUIRE(who.up());
  who.host.reset();
  who.snapshot.reset();
  who.restore.reset();
  who.disk.fail = false;
  who.asked.clear();
  who.deleting.clear();
  ++who.life;
  for (auto& [name, other] : nodes)
    if (other->up() && other.get() != &who)
      other->host->peer_lost(who.name);
}

node& net::found(const std::string& name) {
  auto& slot = nodes[name] = std::make_unique<node>(*this, name);
  start(*slot);
  BOOST_REQUIRE(run_until([&] { return slot->started(); }, 1'000));
  return *slot;
}

node& net::join(const std::string& name) {
  const command_result registered = must(wait_for_leader(), register_node{name, name, 25672});
  BOOST_REQUIRE_MESSAGE(registered.ok(), registered.failure.text);
  auto& slot = nodes[name] = std::make_unique<node>(*this, name);
  slot->disk.content.identity = metadata_identity{4711, registered.number, 0, true};
  start(*slot);
  BOOST_REQUIRE_MESSAGE(run_until([&] { return slot->started(); }, 20'000), name << " has not joined");
  return *slot;
}

node* net::leader() {
  node* found = nullptr;
  for (auto& [name, one] : nodes)
    if (one->up() && one->host->leads() && (!found || one->host->group().term() > found->host->group().term()))
      found = one.get();
  return found;
}

node& net::wait_for_leader() {
  BOOST_REQUIRE_MESSAGE(run_until([&] { return leader() != nullptr; }, 10'000), "nobody leads");
  return *leader();
}

// -- clients ----------------------------------------------------------------------------------------------------------

consensus::ticket net::declare(node& at, const std::string& queue) {
  const consensus::ticket id = next_ticket_++;
  at.asked[id] = queue;
  queue_record record = metadata_test::queue(queue);
  record.node = at.name;
  at.host->propose(id, declare_queue{record});
  return id;
}

void net::remove(node& at, const std::string& queue) {
  const consensus::ticket id = next_ticket_++;
  at.deleting[id] = queue;
  unsure_.insert(queue);
  at.host->propose(id, delete_queue{"/", queue, 0});
}

command_result net::must(node& at, const command& what) {
  const consensus::ticket id = next_ticket_++;
  at.host->propose(id, what);
  BOOST_REQUIRE(run_until([&] { return at.answers.contains(id); }, 20'000));
  BOOST_REQUIRE_MESSAGE((at.answers[id] == outcome::ok), "answer " << static_cast<int>(at.answers[id]));
  return at.results[id];
}

void net::declared(const node& at, const std::string& queue, const metadata_completion& done) {
  if (done.what == outcome::ok) {
    BOOST_REQUIRE_MESSAGE(done.result.ok(), done.result.failure.text);
    BOOST_REQUIRE_MESSAGE(done.result.created, at.name << ": queue " << queue << " was declared twice");
    BOOST_REQUIRE_MESSAGE(has_queue(at, queue) || unsure_.contains(queue), "an answer is found in the snapshot");
    for (const auto& [name, other] : nodes)
      if (shown_everywhere && other->up())
        BOOST_REQUIRE_MESSAGE(has_queue(*other, queue), name << " does not show what " << at.name << " has answered");
    acked_.push_back(queue);
  } else if (done.what == outcome::lost) {
    ++lost_answers;
  } else {
    refused_.insert(queue);
  }
}

// -- what must hold ---------------------------------------------------------------------------------------------------

void net::check(node& who) {
  const uint64_t index = who.host->applied_index();
  if (!who.up() || index == who.checked_at)
    return;
  who.checked_at = index;
  const auto [at, fresh] =
    bytes_at_.emplace(std::pair{who.host->identity().cluster, index}, who.host->state().serialise());
  BOOST_REQUIRE_MESSAGE(fresh || at->second == who.host->state().serialise(),
                        who.name << " has another state at " << index);
  std::set<queue_id> there;
  who.host->snapshot()->for_each_queue([&](const queue_ptr& one) { there.insert(one->id); });
  BOOST_REQUIRE_MESSAGE(there == who.queues, who.name << " has not reported what has changed, at " << index);
}

bool net::agree() const {
  uint64_t index = 0;
  for (const auto& [name, one] : nodes)
    if (one->up() && !one->forgotten) {
      if (index != 0 && one->host->applied_index() != index)
        return false;
      index = one->host->applied_index();
    }
  return true;
}

void net::check_answers() {
  const node& who = wait_for_leader();
  for (const std::string& queue : acked_)
    if (!unsure_.contains(queue) && !doomed.contains(queue))
      BOOST_TEST(has_queue(who, queue), queue << " was answered and is not there");
  for (const std::string& queue : deleted_)
    BOOST_TEST(!has_queue(who, queue), queue << " was deleted and is there");
  for (const std::string& queue : refused_)
    BOOST_TEST(!has_queue(who, queue), queue << " was refused for certain and is there");
}

} // namespace metadata_cluster

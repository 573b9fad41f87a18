#include "link_world.hpp"

#include <cstdio>

#include <algorithm>

namespace test {

link_world::link_world(size_t nodes, uint64_t seed) : random_(seed), network_(time_, random_.fork()) {
  for (size_t which = 0; which < nodes; ++which) {
    nodes_.push_back(std::make_unique<node>());
    nodes_.back()->name = name(which);
  }
  for (size_t which = 0; which < nodes; ++which)
    start(which);
}

link_world::~link_world() {
  for (size_t which = 0; which < nodes_.size(); ++which)
    if (is_up(which))
      crash(which, true);
}

void link_world::set_clock(node& each) {
  each.scheduler().clock().current_time = caf::actor_clock::time_point{std::chrono::nanoseconds{time_.now()}};
}

void link_world::start(size_t which) {
  auto& mine = *nodes_[which];
  mine.settings = std::make_unique<config>();
  mine.system = std::make_unique<caf::actor_system>(*mine.settings);
  mine.known.clear();
  set_clock(mine);
  auto& wire = network_.attach(mine.name, [&mine](const std::string& other) { return mine.links->admit(other); });
  node_links_settings how;
  how.node = mine.name;
  how.incarnation = random_.next() | 1;
  how.random = [this] { return random_.next(); };
  how.now_ms = [this] { return time_.now() / ms; };
  how.note = [](const std::string&) {};
  mine.links = std::make_unique<node_links>(*mine.system, wire, std::move(how));
  mine.service = mine.system->spawn([this, &mine](caf::event_based_actor*) { return service_of(mine); });
  mine.links->serve(cluster_service::queues, mine.service);
  for (size_t other = 0; other < nodes_.size(); ++other)
    if (other != which)
      mine.links->connect(name(other), "", 0);
}

void link_world::crash(size_t which, bool silent) {
  auto& mine = *nodes_[which];
  network_.detach(mine.name, silent);
  caf::anon_send_exit(mine.service, caf::exit_reason::kill);
  mine.service = nullptr;
  mine.links.reset(); // its peers end with it
  mine.scheduler().run();
  mine.scheduler().clock().cancel_all();
  mine.scheduler().run();
  mine.system->await_actors_before_shutdown(false);
  mine.system.reset();
}

caf::behavior link_world::service_of(node& mine) {
  return {
    [this, &mine](node_frame_msg& message) { take(mine, message.content); },
    [](node_datagram_msg&) {},
    [this, &mine](const node_up_msg& up) {
      auto& other = mine.known[up.node];
      if (up.fresh != (up.session != other.session) && broken.empty())
        broken = mine.name + ": " + up.node + " is up in a session that is neither old nor new";
      if (up.fresh)
        other = {up.session, true, 0, 0, other.losses, other.suspicions};
      other.up = true;
    },
    [&mine](const node_suspect_msg& suspect) {
      auto& other = mine.known[suspect.node];
      other.up = false;
      ++other.suspicions;
    },
    [&mine](const node_lost_msg& lost) {
      auto& other = mine.known[lost.node];
      other.up = false;
      other.session = 0;
      ++other.losses;
    },
    [](const node_room_msg&) {},
  };
}

void link_world::take(node& mine, node_frame& frame) {
  auto& other = mine.known[frame.from];
  uint64_t number = 0;
  if (std::sscanf(frame.bytes.c_str(), "%lu ", &number) != 1 || number != ++other.received) {
    if (broken.empty())
      broken = mine.name + " received " + std::to_string(number) + " as number " + std::to_string(other.received)
             + " from " + frame.from;
    other.received = number;
  }
}

bool link_world::send(size_t from, size_t to, size_t bytes) {
  auto& other = at(from, to);
  if (!is_up(from) || other.session == 0)
    return false;
  auto payload = std::to_string(other.sent + 1) + " ";
  payload.resize(std::max(bytes, payload.size()), 'x');
  if (!nodes_[from]->links->send(name(to), cluster_service::queues, std::move(payload), other.session))
    return false;
  ++other.sent;
  return true;
}

/// One message of one actor, or one event; false when nothing happens before `until`.
bool link_world::run_one(sim_ns until) {
  std::vector<node*> ready;
  sim_ns next = time_.empty() ? until : time_.next_at();
  node* timer_of = nullptr;
  for (auto& each : nodes_) {
    if (!each->system)
      continue;
    if (each->scheduler().has_job())
      ready.push_back(each.get());
    const auto& schedule = each->scheduler().clock().schedule();
    if (schedule.empty())
      continue;
    const auto due = static_cast<sim_ns>(schedule.begin()->first.time_since_epoch().count());
    if (due < next) {
      next = due;
      timer_of = each.get();
    }
  }
  if (!ready.empty()) {
    auto& chosen = *ready[random_.below(ready.size())];
    auto& jobs = chosen.scheduler().jobs;
    const auto job = static_cast<std::ptrdiff_t>(random_.below(jobs.size()));
    std::rotate(jobs.begin(), jobs.begin() + job, jobs.begin() + job + 1);
    set_clock(chosen);
    return chosen.scheduler().try_run_once();
  }
  if (next >= until)
    return false;
  if (!timer_of) {
    time_.run_next();
    return true;
  }
  time_.advance_to(std::max(next, time_.now()));
  set_clock(*timer_of);
  timer_of->scheduler().trigger_timeout();
  return true;
}

void link_world::run_for(sim_ns length) {
  const sim_ns until = time_.now() + length;
  while (run_one(until)) {
  }
  time_.advance_to(until);
}

bool link_world::settle(sim_ns longest) {
  const auto quiet = [&] {
    for (size_t a = 0; a < nodes_.size(); ++a)
      for (size_t b = 0; b < nodes_.size(); ++b)
        if (a != b && is_up(a) && is_up(b) && (!at(a, b).up || at(a, b).sent != at(b, a).received))
          return false;
    return true;
  };
  for (const sim_ns until = time_.now() + longest; time_.now() < until && !quiet();)
    run_for(50 * ms);
  return quiet();
}

} // namespace test

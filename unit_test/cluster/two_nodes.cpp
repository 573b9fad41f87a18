#include "two_nodes.hpp"

#include <algorithm>

namespace test {

namespace {

constexpr uint64_t turn_ms = 5;
constexpr uint64_t redial_ms = 100;

std::string numbered(uint64_t session, uint64_t number, size_t bytes) {
  std::string payload = std::to_string(session) + " " + std::to_string(number) + " ";
  payload.resize(std::max(bytes, payload.size()), 'x');
  return payload;
}

} // namespace

two_nodes::two_nodes(two_nodes_settings settings) : settings_(settings), random_(settings.seed) {
  nodes_[0].name = "rabbit@a";
  nodes_[1].name = "rabbit@b";
  start(0);
  start(1);
}

void two_nodes::start(size_t which) {
  auto& node = nodes_[which];
  link_settings how;
  how.node = node.name;
  how.peer = nodes_[1 - which].name;
  how.incarnation = node.incarnation = random_() | 1;
  how.window_bytes.fill(settings_.window_bytes);
  how.break_limit_ms = settings_.break_limit_ms;
  how.random = [this] { return random_(); };
  node.link = std::make_unique<node_link>(how);
  node.session = 0;
  node.up = false;
  node.services = {};
  node.unhandled.clear();
  node.dial_at_ms = now_ + random_() % redial_ms;
}

void two_nodes::fail(const std::string& what) {
  if (broken.empty())
    broken = "seed " + std::to_string(settings_.seed) + " at " + std::to_string(now_) + " ms: " + what;
}

void two_nodes::restart(size_t which) {
  for (auto& [id, over] : wires_) {
    over.gone[which] = true;
    put(over, which, {0, {}, true, "reset"});
  }
  start(which);
}

void two_nodes::break_connections() {
  for (auto& [id, over] : wires_)
    for (size_t side : {0, 1}) {
      over.from[side].chunks.clear(); // under way: nobody gets it
      over.from[side].bytes = 0;
      over.from[side].last_due_ms = 0;
      put(over, side, {0, {}, true, "broken"});
    }
}

void two_nodes::swallow_from(size_t from) {
  for (auto& [id, over] : wires_)
    over.from[from].swallows = true;
}

void two_nodes::cut(bool on) {
  cut_ = on;
  if (on)
    break_connections();
}

void two_nodes::repeat_next(size_t from) {
  repeat_[from] = true;
}

void two_nodes::swap_last(size_t from) {
  for (auto& [id, over] : wires_)
    if (auto& chunks = over.from[from].chunks; chunks.size() >= 2 && !chunks.back().end && !over.from[from].ended)
      std::swap(chunks.back().bytes, chunks[chunks.size() - 2].bytes);
}

size_t two_nodes::open_connections() const {
  return static_cast<size_t>(std::count_if(wires_.begin(), wires_.end(), [](const auto& each) {
    return !each.second.gone[0] && !each.second.gone[1] && each.second.known[0] && each.second.known[1];
  }));
}

std::vector<size_t> two_nodes::diallers() const {
  std::vector<size_t> result;
  for (const auto& [id, over] : wires_)
    if (!over.gone[0] && !over.gone[1])
      result.push_back(over.dialler);
  return result;
}

void two_nodes::dial(size_t from, uint64_t delay_ms) {
  if (cut_)
    return;
  const uint64_t id = next_id_++;
  auto& over = wires_[id];
  over.dialler = from;
  over.delay_ms = delay_ms;
  over.known[from] = true;
  for (size_t side : {0, 1})
    over.incarnation[side] = nodes_[side].incarnation;
  carry_out(from, nodes_[from].link->opened(id, true, now_));
}

void two_nodes::put(wire& over, size_t from, chunk what) {
  auto& into = over.from[from];
  if (into.ended || (into.swallows && !what.end))
    return;
  into.ended = what.end;
  what.due_ms = std::max(into.last_due_ms, now_ + over.delay_ms + random_() % (settings_.delay_max_ms + 1));
  into.last_due_ms = what.due_ms;
  into.bytes += what.bytes.size();
  if (std::exchange(repeat_[from], repeat_[from] && what.end) && !what.end)
    into.chunks.push_back(what);
  into.chunks.push_back(std::move(what));
}

void two_nodes::deliver(uint64_t id, wire& over, size_t to) {
  auto& link = *nodes_[to].link;
  auto& chunks = over.from[1 - to].chunks;
  while (!chunks.empty() && chunks.front().due_ms <= now_) {
    const auto next = std::move(chunks.front());
    chunks.pop_front();
    over.from[1 - to].bytes -= std::min(over.from[1 - to].bytes, next.bytes.size());
    if (over.gone[to] || over.incarnation[to] != nodes_[to].incarnation)
      continue;
    if (!std::exchange(over.known[to], true))
      carry_out(to, link.opened(id, false, now_));
    if (next.end) {
      over.gone[to] = true;
      put(over, to, {0, {}, true, "closed by the other side"});
      carry_out(to, link.closed(id, next.reason, now_));
      continue;
    }
    // In two pieces, cut anywhere.
    const size_t at = next.bytes.empty() ? 0 : random_() % next.bytes.size();
    carry_out(to, link.received(id, std::string_view{next.bytes}.substr(0, at), now_));
    carry_out(to, link.received(id, std::string_view{next.bytes}.substr(at), now_));
  }
}

void two_nodes::carry_out(size_t which, link_step step) {
  auto& node = nodes_[which];
  for (auto& event : step.events)
    switch (event.what) {
    case link_event::kind::up:
      if (event.fresh) {
        if (node.session != 0)
          fail(node.name + " hears of a new session before the loss of the old one");
        ++node.sessions;
        node.services = {};
      } else if (event.session != node.session || node.up) {
        fail(node.name + " is up again in a session it does not have");
      }
      node.session = event.session;
      node.up = true;
      break;
    case link_event::kind::suspect:
      if (!node.up)
        fail(node.name + " suspects a node that is not up");
      node.up = false;
      ++node.suspicions;
      break;
    case link_event::kind::lost:
      if (node.session == 0 || event.session != node.session)
        fail(node.name + " loses a session it does not have");
      node.session = 0;
      node.up = false;
      ++node.losses;
      node.notes.push_back(event.text);
      break;
    case link_event::kind::room:
      node.services[index_of(event.service)].waits_for_room = false;
      break;
    case link_event::kind::frame:
      take_payload(which, event);
      break;
    case link_event::kind::datagram:
      ++node.services[index_of(event.service)].datagrams;
      break;
    case link_event::kind::note:
      node.notes.push_back(event.text);
      break;
    }
  for (auto& closing : step.close) {
    if (!closing.reason.empty())
      node.notes.push_back(closing.reason);
    auto& over = wires_.at(closing.connection);
    over.gone[which] = true;
    if (!closing.last.empty())
      put(over, which, {0, std::move(closing.last), false, {}});
    put(over, which, {0, {}, true, "closed by the other side"});
  }
}

void two_nodes::take_payload(size_t which, const link_event& event) {
  auto& node = nodes_[which];
  auto& log = node.services[index_of(event.service)];
  node.unhandled.push_back({event.session, event.service, window_cost(event.bytes.size())});
  uint64_t session = 0, number = 0;
  if (std::sscanf(event.bytes.c_str(), "%lu %lu ", &session, &number) != 2)
    return fail(node.name + " received a payload nobody sent");
  if (event.session != node.session)
    fail(node.name + " received a payload outside its session");
  if (log.received == 0)
    log.peer_session = session;
  if (session != log.peer_session)
    fail(node.name + " received a payload of another session of its peer");
  if (number != log.received + 1)
    fail(node.name + " received payload " + std::to_string(number) + " of service "
         + std::to_string(static_cast<int>(event.service)) + " after " + std::to_string(log.received));
  log.received = number;
}

bool two_nodes::send(size_t from, cluster_service service, size_t bytes) {
  auto& node = nodes_[from];
  auto& log = node.services[index_of(service)];
  if (node.session == 0)
    return false;
  if (!node.link->send(service, numbered(node.session, log.sent + 1, bytes), node.session)) {
    ++log.refused;
    log.waits_for_room = true;
    return false;
  }
  ++log.sent;
  return true;
}

void two_nodes::pump(size_t which) {
  auto& link = *nodes_[which].link;
  for (auto& [id, over] : wires_) {
    if (over.gone[which] || !over.known[which] || over.incarnation[which] != nodes_[which].incarnation)
      continue;
    // What is swallowed fills the sockets' buffers and then stays with the sender.
    while (over.from[which].bytes < settings_.pipe_bytes && link.has_output(id)) {
      byte_buffer out;
      link.produce(id, 32 * 1024, out, now_);
      if (over.from[which].swallows)
        over.from[which].bytes += out.size();
      put(over, which, {0, std::string{out.view()}, false, {}});
    }
  }
}

void two_nodes::turn() {
  now_ += turn_ms;
  for (size_t which : {0, 1}) {
    auto& node = nodes_[which];
    if (now_ >= std::exchange(node.tick_due_ms, std::min(node.tick_due_ms, node.link->next_tick(now_)))) {
      node.tick_due_ms = UINT64_MAX;
      carry_out(which, node.link->tick(now_, now_));
    }
    while (node.takes_notice && !node.unhandled.empty() && random_() % 4 != 0) {
      const auto done = node.unhandled.front();
      node.unhandled.pop_front();
      node.link->handled(done.session, done.service, done.cost);
    }
    if (dials_by_itself && !node.link->has_connections() && now_ >= node.dial_at_ms) {
      node.dial_at_ms = now_ + redial_ms + random_() % redial_ms;
      dial(which, 0);
    }
  }
  for (size_t which : {0, 1})
    pump(which);
  for (auto& [id, over] : wires_)
    for (size_t to : {0, 1})
      deliver(id, over, to);
  std::erase_if(wires_, [](const auto& each) {
    return each.second.gone[0] && each.second.gone[1] && each.second.from[0].chunks.empty()
        && each.second.from[1].chunks.empty();
  });
  check_bounds();
}

void two_nodes::check_bounds() {
  const uint64_t most = 2 * cluster_services * settings_.window_bytes + link_limits::datagrams_waiting_bytes;
  for (const auto& node : nodes_)
    if (node.link->kept_bytes() > most)
      fail(node.name + " keeps " + std::to_string(node.link->kept_bytes()) + " bytes");
}

void two_nodes::run_for(uint64_t ms) {
  for (const uint64_t end = now_ + ms; now_ < end;)
    turn();
}

bool two_nodes::settle(uint64_t longest_ms) {
  const auto quiet = [&] {
    for (size_t which : {0, 1}) {
      const auto &here = nodes_[which], &there = nodes_[1 - which];
      if (!here.up || here.link->unhandled_bytes() != 0)
        return false;
      for (size_t i = 0; i < cluster_services; ++i)
        if (here.services[i].sent != there.services[i].received || here.services[i].waits_for_room)
          return false;
    }
    return true;
  };
  for (const uint64_t end = now_ + longest_ms; now_ < end && !quiet();)
    turn();
  return quiet();
}

std::string two_nodes::state() const {
  std::string text;
  for (const auto& node : nodes_) {
    text += node.name + (node.up ? " up" : " not up") + ", unhandled " + std::to_string(node.link->unhandled_bytes());
    for (const auto& each : node.services)
      text += ", sent " + std::to_string(each.sent) + " received " + std::to_string(each.received)
            + (each.waits_for_room ? " waits" : "");
    text += node.notes.empty() ? "; " : ", " + node.notes.back() + "; ";
  }
  return text + std::to_string(wires_.size()) + " connections";
}

} // namespace test

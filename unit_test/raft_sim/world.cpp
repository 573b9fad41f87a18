#include "raft_sim/world.hpp"

#include <algorithm>
#include <cstdio>

namespace raft_sim {

unsigned body_kind(const std::string& bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    const unsigned field = static_cast<unsigned char>(bytes[at++]) >> 3;
    if (field > 2)
      return field;
    while (at < bytes.size() && (bytes[at++] & 0x80) != 0) {
    }
  }
  return 0;
}

namespace {

constexpr uint64_t any_life = UINT64_MAX;

} // namespace

world::world(options from, membership bootstrap) : how(std::move(from)), random(how.seed), truth(bootstrap) {
  for (const node_id id : bootstrap.voters)
    add(id, bootstrap);
}

world::~world() = default;

server& world::add(node_id id, membership bootstrap) {
  auto& made = servers[id];
  made = std::make_unique<server>(*this, id, std::move(bootstrap));
  made->boot();
  return *made;
}

server* world::leader() {
  server* found = nullptr;
  for (auto& [id, one] : servers)
    if (one->leads() && (found == nullptr || one->group->term() > found->group->term()))
      found = one.get();
  return found;
}

void world::later(uint64_t delay, server& whose, std::function<void()> what) {
  events_.push({now_ + delay, number_++, &whose, whose.life, std::move(what)});
}

bool world::step() {
  if (events_.empty() || !truth.holds())
    return false;
  event next = std::move(const_cast<event&>(events_.top()));
  events_.pop();
  now_ = next.at;
  if (next.life != any_life && next.life != next.whose->life)
    return true;
  if (next.whose->paused_until > now_) {
    next.at = next.whose->paused_until;
    events_.push(std::move(next));
    return true;
  }
  next.what();
  return true;
}

void world::run_for(uint64_t ms) {
  const uint64_t end = now_ + ms;
  while (!events_.empty() && events_.top().at <= end && step()) {
  }
  now_ = std::max(now_, end);
}

bool world::run_until(const std::function<bool()>& condition, uint64_t ms) {
  const uint64_t end = now_ + ms;
  while (!condition()) {
    if (now_ >= end || !truth.holds())
      return false;
    run_for(std::min<uint64_t>(5, end - now_));
  }
  return true;
}

void world::isolate(node_id who) {
  for (auto& [id, one] : servers)
    if (id != who) {
      cut(who, id);
      cut(id, who);
    }
}

void world::rejoin(node_id who) {
  std::erase_if(cuts, [&](const auto& link) { return link.first == who || link.second == who; });
}

void world::send(node_id from, node_id to, const std::string& bytes) {
  trace(from, to, hash_of(bytes));
  if (!servers.contains(to) || (filter && !filter(from, to, bytes)) || cuts.contains({from, to}))
    return;
  if (!calm && random.below(1000) < how.loss_per_mille)
    return;
  // A server that waits for its disk sends when that is done.
  const uint64_t busy_until = at(from).paused_until;
  uint64_t delay = 1 + random.below(how.delay_ms) + (busy_until > now_ ? busy_until - now_ : 0);
  if (!calm && random.below(1000) < how.slow_per_mille)
    delay += random.below(how.slow_ms);
  if (!calm && random.below(1000) < how.duplicate_per_mille)
    deliver(from, to, bytes, delay + random.below(how.slow_ms));
  if (how.fifo) {
    uint64_t& last = arrival_[{from, to}];
    last = std::max(last, now_ + delay);
    delay = last - now_;
  }
  deliver(from, to, bytes, delay);
}

void world::deliver(node_id from, node_id to, const std::string& bytes, uint64_t delay) {
  server& whom = at(to);
  // A message may well arrive in the receiver's next life.
  events_.push({now_ + delay, number_++, &whom, any_life, [this, from, to, bytes] {
                  if (!cuts.contains({from, to}) && at(to).running())
                    at(to).receive(from, bytes);
                }});
}

void world::say(const std::string& line) {
  if (verbose)
    std::printf("%8llu %s\n", static_cast<unsigned long long>(now_), line.c_str());
}

} // namespace raft_sim

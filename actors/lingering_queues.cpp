#include "actors/lingering_queues.hpp"

#include <utility>

namespace broker {

bool lingering_queues::add(const caf::actor& who) {
  const std::lock_guard guard{mutex_};
  if (!ended_)
    queues_.emplace(who.id(), who.address());
  return !ended_;
}

void lingering_queues::remove(const caf::actor& who) {
  const std::lock_guard guard{mutex_};
  queues_.erase(who.id());
}

void lingering_queues::end() {
  std::map<caf::actor_id, caf::actor_addr> all;
  {
    const std::lock_guard guard{mutex_};
    ended_ = true;
    all.swap(queues_);
  }
  for (const auto& [id, address] : all)
    if (const auto who = caf::actor_cast<caf::actor>(address))
      caf::anon_send_exit(who, caf::exit_reason::kill);
}

} // namespace broker

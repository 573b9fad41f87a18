#include "actors/runtime.hpp"

namespace broker {

void queue_directory::add(queue_id id, caf::actor who) {
  std::lock_guard guard{mutex_};
  queues_[id] = std::move(who);
}

void queue_directory::remove(queue_id id) {
  std::lock_guard guard{mutex_};
  queues_.erase(id);
}

caf::actor queue_directory::find(queue_id id) const {
  std::lock_guard guard{mutex_};
  auto found = queues_.find(id);
  return found == queues_.end() ? caf::actor{} : found->second;
}

std::vector<caf::actor> queue_directory::all() const {
  std::lock_guard guard{mutex_};
  std::vector<caf::actor> result;
  result.reserve(queues_.size());
  for (const auto& [id, who] : queues_)
    result.push_back(who);
  return result;
}

void queue_directory::clear() {
  std::lock_guard guard{mutex_};
  queues_.clear();
}

} // namespace broker

#include "actors/runtime.hpp"

namespace broker {

void actor_directory::add(uint64_t id, caf::actor who) {
  std::lock_guard guard{mutex_};
  actors_[id] = std::move(who);
}

void actor_directory::remove(uint64_t id) {
  std::lock_guard guard{mutex_};
  actors_.erase(id);
}

caf::actor actor_directory::find(uint64_t id) const {
  std::lock_guard guard{mutex_};
  auto found = actors_.find(id);
  return found == actors_.end() ? caf::actor{} : found->second;
}

bool actor_directory::has(uint64_t id) const {
  std::lock_guard guard{mutex_};
  return actors_.contains(id);
}

size_t actor_directory::size() const {
  std::lock_guard guard{mutex_};
  return actors_.size();
}

std::vector<caf::actor> actor_directory::all() const {
  std::lock_guard guard{mutex_};
  std::vector<caf::actor> result;
  result.reserve(actors_.size());
  for (const auto& [id, who] : actors_)
    result.push_back(who);
  return result;
}

std::map<uint64_t, caf::actor> actor_directory::entries() const {
  std::lock_guard guard{mutex_};
  return actors_;
}

void actor_directory::clear() {
  std::lock_guard guard{mutex_};
  actors_.clear();
}

void queue_directory::put(queue_id id, queue_location where) {
  std::lock_guard guard{mutex_};
  queues_[id] = std::move(where);
}

void queue_directory::remove(queue_id id) {
  std::lock_guard guard{mutex_};
  queues_.erase(id);
}

queue_location queue_directory::locate(queue_id id) const {
  std::lock_guard guard{mutex_};
  auto found = queues_.find(id);
  return found == queues_.end() ? queue_location{} : found->second;
}

bool queue_directory::has(queue_id id) const {
  std::lock_guard guard{mutex_};
  return queues_.contains(id);
}

std::vector<caf::actor> queue_directory::all() const {
  std::lock_guard guard{mutex_};
  std::vector<caf::actor> result;
  result.reserve(queues_.size());
  for (const auto& [id, where] : queues_)
    result.push_back(where.who);
  return result;
}

std::map<queue_id, queue_location> queue_directory::entries() const {
  std::lock_guard guard{mutex_};
  return queues_;
}

void queue_directory::clear() {
  std::lock_guard guard{mutex_};
  queues_.clear();
}

result<void> shared_admission::open_connection(const metadata_snapshot& metadata, const login& who,
                                               std::string_view vhost) {
  const std::lock_guard<std::mutex> lock{mutex_};
  return counts_.open_connection(metadata, who, vhost);
}

void shared_admission::close_connection(std::string_view user, std::string_view vhost, uint64_t channels) {
  const std::lock_guard<std::mutex> lock{mutex_};
  counts_.close_connection(user, vhost, channels);
}

result<void> shared_admission::open_channel(const metadata_snapshot& metadata, const login& who) {
  const std::lock_guard<std::mutex> lock{mutex_};
  return counts_.open_channel(metadata, who);
}

void shared_admission::close_channel(std::string_view user) {
  const std::lock_guard<std::mutex> lock{mutex_};
  counts_.close_channel(user);
}

void activity_board::channel_closed(const message_counts& counts, uint64_t queues_declared) {
  std::lock_guard guard{mutex_};
  ended_.messages += counts;
  ++ended_.closed;
  ended_.queues_declared += queues_declared;
}

activity_board::ended_channels activity_board::ended() const {
  std::lock_guard guard{mutex_};
  return ended_;
}

} // namespace broker

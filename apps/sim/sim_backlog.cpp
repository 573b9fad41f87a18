#include "sim_backlog.hpp"

namespace broker::sim {

void sim_backlog::apply(image& into, const change& made) {
  if (made.first == made.last)
    into[made.first] = made.value;
  else
    into.erase(into.lower_bound(made.first), into.lower_bound(made.last));
}

result<void> sim_backlog::step() {
  return ++steps_ >= fail_at_ ? error{0, "simulated backlog failure"} : result<void>{};
}

void sim_backlog::make(change made) {
  apply(now_, made);
  unsynced_.push_back(std::move(made));
}

result<void> sim_backlog::put(std::span<const entry> entries, bool sync_after) {
  if (auto stepped = step(); !stepped)
    return stepped;
  for (const auto& each : entries)
    make({{each.queue, each.seq}, {each.queue, each.seq}, each.value});
  return sync_after ? sync() : result<void>{};
}

result<void> sim_backlog::erase(queue_id queue, std::span<const seq_range> gone) {
  if (auto stepped = step(); !stepped)
    return stepped;
  for (const auto& range : gone)
    make({{queue, range.first}, {queue, range.last}, {}});
  return {};
}

result<void> sim_backlog::erase_queue(queue_id queue) {
  if (auto stepped = step(); !stepped)
    return stepped;
  make({{queue, 0}, {queue + 1, 0}, {}});
  return {};
}

result<void> sim_backlog::sync() {
  if (auto stepped = step(); !stepped)
    return stepped;
  for (const auto& made : unsynced_)
    apply(durable_, made);
  unsynced_.clear();
  return {};
}

result<void> sim_backlog::read(queue_id queue, seq_range range, const visitor& each) {
  for (auto at = now_.lower_bound({queue, range.first}); at != now_.end() && at->first < key{queue, range.last}; ++at)
    if (!each(at->first.first, at->first.second, at->second))
      break;
  return {};
}

result<void> sim_backlog::scan(const visitor& each) {
  for (const auto& [name, value] : now_)
    if (!each(name.first, name.second, value))
      break;
  return {};
}

void sim_backlog::crash(bool keep_all) {
  steps_ = 0;
  fail_at_ = UINT64_MAX;
  if (keep_all)
    return; // only the process died: unsynced writes are still there and still unsynced
  const size_t kept = random_.below(unsynced_.size() + 1);
  for (size_t i = 0; i < kept; ++i)
    apply(durable_, unsynced_[i]);
  now_ = durable_;
  unsynced_.clear();
}

} // namespace broker::sim

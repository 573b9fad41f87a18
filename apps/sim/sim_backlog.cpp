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

result<void> sim_backlog::make(change made) {
  apply(now_, made);
  unsynced_.push_back(std::move(made));
  return {};
}

result<void> sim_backlog::put(std::span<const entry> entries, bool sync_after) {
  if (auto stepped = step(); !stepped)
    return stepped;
  for (const auto& each : entries)
    if (auto made = make({{each.queue, each.seq}, {each.queue, each.seq}, each.value}); !made)
      return made;
  return sync_after ? sync() : result<void>{};
}

result<void> sim_backlog::erase(queue_id queue, std::span<const seq_range> gone) {
  if (auto stepped = step(); !stepped)
    return stepped;
  for (const auto& range : gone)
    if (auto made = make({{queue, range.first}, {queue, range.last}, {}}); !made)
      return made;
  return {};
}

result<void> sim_backlog::erase_queue(queue_id queue) {
  if (auto stepped = step(); !stepped)
    return stepped;
  return make({{queue, 0}, {queue + 1, 0}, {}});
}

result<void> sim_backlog::sync() {
  if (auto stepped = step(); !stepped)
    return stepped;
  durable_ = now_;
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
  const size_t kept = keep_all ? unsynced_.size() : random_.below(unsynced_.size() + 1);
  for (size_t i = 0; i < kept; ++i)
    apply(durable_, unsynced_[i]);
  now_ = durable_;
  unsynced_.clear();
  steps_ = 0;
  fail_at_ = UINT64_MAX;
}

} // namespace broker::sim

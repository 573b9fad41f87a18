#include "actors/move_watchers.hpp"

#include <algorithm>
#include <iterator>

namespace broker {

namespace {

/// Of a queue that has moved more than once its last move: whoever hears of several at once acts on each, and all that
/// it sends goes to the last master, which would be asked, or consumed from, once for each of them.
std::vector<queue_move> last_of_each(const std::vector<queue_move>& moves) {
  std::map<queue_id, epoch> newest;
  for (const queue_move& each : moves)
    newest[each.queue] = each.mastership; // they rise
  std::vector<queue_move> last;
  last.reserve(newest.size());
  std::copy_if(moves.begin(), moves.end(), std::back_inserter(last),
               [&](const queue_move& each) { return newest[each.queue] == each.mastership; });
  return last;
}

} // namespace

void move_watchers::add(queue_id queue, const caf::actor& who) {
  const std::lock_guard guard{mutex_};
  by_queue_[queue].emplace(who.id(), who.address());
}

void move_watchers::add_to_all(const caf::actor& who) {
  const std::lock_guard guard{mutex_};
  of_all_.emplace(who.id(), who.address());
}

void move_watchers::remove(const caf::actor& who, const std::set<queue_id>& queues) {
  const std::lock_guard guard{mutex_};
  of_all_.erase(who.id());
  for (const queue_id queue : queues)
    if (const auto at = by_queue_.find(queue); at != by_queue_.end()) {
      at->second.erase(who.id());
      if (at->second.empty())
        by_queue_.erase(at);
    }
}

std::vector<std::pair<caf::actor, std::vector<queue_move>>>
move_watchers::of(const std::vector<queue_move>& told_of) const {
  const std::vector<queue_move> moves = last_of_each(told_of);
  std::map<caf::actor_id, std::pair<caf::actor_addr, std::vector<queue_move>>> told;
  const std::lock_guard guard{mutex_};
  for (const queue_move& each : moves)
    if (const auto at = by_queue_.find(each.queue); at != by_queue_.end())
      for (const auto& [id, who] : at->second)
        if (!of_all_.contains(id)) {
          auto& mine = told[id];
          mine.first = who;
          mine.second.push_back(each);
        }
  std::vector<std::pair<caf::actor, std::vector<queue_move>>> out;
  for (const auto& [id, who] : of_all_)
    told.emplace(id, std::pair{who, moves});
  for (auto& [id, each] : told)
    if (auto who = caf::actor_cast<caf::actor>(each.first))
      out.emplace_back(std::move(who), std::move(each.second));
  return out;
}

size_t move_watchers::size() const {
  const std::lock_guard guard{mutex_};
  size_t entries = of_all_.size();
  for (const auto& [queue, who] : by_queue_)
    entries += who.size();
  return entries;
}

void move_watch::register_for(move_watchers& all, queue_id queue, const caf::actor& who) {
  if (queues_.size() <= queues_max)
    return all.add(queue, who);
  all.remove(who, queues_);
  all.add_to_all(who);
  queues_.clear();
  of_all_ = true;
}

void move_watch::leave(move_watchers& all, const caf::actor& who) {
  all.remove(who, queues_);
  queues_.clear();
  of_all_ = false;
}

} // namespace broker

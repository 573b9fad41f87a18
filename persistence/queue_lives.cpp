#include "queue_lives.hpp"

#include "base/assert.hpp"

namespace broker {

queue_id queue_lives::present(queue_id queue) const {
  BROKER_ASSERT(life_of(queue) == 0, "ids of queues are smaller");
  const auto at = lives_.find(queue);
  return at == lives_.end() ? queue : stored(queue, at->second.life);
}

queue_id queue_lives::use(queue_id queue) {
  BROKER_ASSERT(life_of(queue) == 0, "ids of queues are smaller");
  const auto at = lives_.find(queue);
  if (at == lives_.end())
    return queue;
  at->second.used = true;
  return stored(queue, at->second.life);
}

queue_id queue_lives::end(queue_id queue) {
  const queue_id ended = present(queue);
  const uint64_t next = life_of(ended) + 1;
  BROKER_ASSERT(next >> (64 - queue_bits) == 0, "a queue has been dropped too often");
  lives_[queue] = {next, false, false};
  return ended;
}

void queue_lives::noted(queue_id stored) {
  const auto at = lives_.find(queue_of(stored));
  if (at != lives_.end() && at->second.life == life_of(stored) + 1)
    at->second.noted = true;
}

void queue_lives::found(queue_id stored, bool dropped) {
  const uint64_t life = life_of(stored) + (dropped ? 1 : 0);
  if (life == 0)
    return;
  entry& known = lives_[queue_of(stored)];
  if (life > known.life)
    known = {life, false, true};
  known.used = known.used || (life == known.life && !dropped);
}

void queue_lives::forget(const std::function<bool(queue_id)>& known) {
  std::erase_if(lives_, [&](const auto& each) {
    const auto& [queue, now] = each;
    bool left = now.used || !now.noted;
    for (uint64_t life = 0; life < now.life && !left; ++life)
      left = known(stored(queue, life));
    return !left;
  });
}

} // namespace broker

// Deliveries that are not settled in time close their channel (features.md W58). The timer exists only while something
// waits, and a delivery that nobody looks at for a minute costs nothing in between.

#include <algorithm>

#include "amqp/reply.hpp"
#include "base/assert.hpp"
#include "channel/channel_impl.hpp"
#include "channel/quorum_rules.hpp"
#include "channel/reply_texts.hpp"

namespace broker {
namespace {

/// Shorter timeouts are looked at this many times while they run, but not more often than the shortest interval.
constexpr uint64_t looks_per_timeout = 4;
constexpr uint64_t shortest_interval_ms = 100;

uint64_t interval_for(uint64_t timeout_ms) {
  return std::clamp(timeout_ms / looks_per_timeout, shortest_interval_ms, limits::consumer_timeout_check_ms);
}

} // namespace

/// The timer exists only while something waits.
void channel_state::impl::want_ticks() {
  if (phase_ != phase::open)
    return;
  if (tick_in_ms_ == 0 && unacked_.size() > 0)
    want_tick(check_every_ms_);
  if (keeps_publishes_ && confirms_.waiting())
    want_tick(confirm_check_ms);
  if (masterless_ > 0 || (on_answer_ && find_use(asked_)))
    want_tick(master_check_ms);
}

void channel_state::impl::want_tick(uint64_t in_ms) {
  if (tick_in_ms_ != 0 && tick_in_ms_ <= in_ms)
    return;
  tick_in_ms_ = in_ms;
  step_->tick_in_ms = in_ms;
}

/// Deliveries of `queue` may be unsettled from now on.
void channel_state::impl::watch(const queue_record& queue) {
  watched_.try_emplace(queue.id, queue.name);
  const uint64_t timeout = options_of(queue).consumer_timeout_ms.value_or(settings_.consumer_timeout_ms);
  if (timeout != 0)
    check_every_ms_ = std::min(check_every_ms_, interval_for(timeout));
}

/// Policies change: what holds is what the metadata says now. 0 = none.
uint64_t channel_state::impl::timeout_of(queue_id queue) {
  const auto name = watched_.find(queue);
  const auto record = name == watched_.end() ? nullptr : metadata().find_queue(settings_.vhost, name->second);
  if (record && record->id == queue)
    return options_of(*record).consumer_timeout_ms.value_or(settings_.consumer_timeout_ms);
  return settings_.consumer_timeout_ms;
}

void channel_state::impl::tick(uint64_t now_ms) {
  tick_in_ms_ = 0;
  if (phase_ == phase::open)
    look_at_masters(now_ms);
  if (phase_ != phase::open)
    return;
  delivered_at_.mark(next_tag_, now_ms);
  std::map<queue_id, uint64_t> timeouts;
  for (const auto& [tag, who] : consumers_)
    timeouts.try_emplace(who->queue, 0);
  for (auto& [queue, timeout] : timeouts)
    timeout = timeout_of(queue);
  delivery_tag oldest = next_tag_;
  const unacked_block* late = nullptr;
  unacked_.for_each_block([&](const unacked_block& block) {
    oldest = std::min(oldest, block.lowest());
    const auto [timeout, fresh] = timeouts.try_emplace(block.queue, 0);
    if (fresh)
      timeout->second = timeout_of(block.queue);
    if (timeout->second != 0 && now_ms - delivered_at_.sent_by(block.lowest()) > timeout->second)
      late = &block;
    return late == nullptr;
  });
  if (late)
    return time_out(*late, timeouts[late->queue]);
  delivered_at_.forget_below(oldest);
  if (!waiting()) // the answer may be the first delivery of its queue
    std::erase_if(watched_, [&](const auto& one) { return !timeouts.contains(one.first); });
}

void channel_state::impl::time_out(const unacked_block& late, uint64_t timeout_ms) {
  const std::string number = std::to_string(settings_.number);
  const std::string used =
    std::to_string(timeout_ms) + " ms. This timeout value can be configured, see consumers doc guide to learn more";
  const auto queue = watched_.find(late.queue);
  BROKER_ASSERT(queue != watched_.end(), "a queue with unsettled deliveries is watched");
  step_->warnings.push_back("Consumer '" + (late.who ? late.who->tag : "none") + "' on channel " + number + " and "
                            + queue_title(settings_.vhost, queue->second)
                            + " has timed out waiting for a consumer acknowledgement of a delivery with delivery tag = "
                            + std::to_string(late.lowest()) + ". Timeout used: " + used);
  fail(amqp::precondition_failed("delivery acknowledgement on channel " + number
                                 + " timed out. Timeout value used: " + used),
       0);
  // Whatever a method waited for, its answer no longer matters; what is behind it must reach the channel's closing.
  on_metadata_ = nullptr;
  on_answer_ = nullptr;
  question_.reset();
  run();
}

} // namespace broker

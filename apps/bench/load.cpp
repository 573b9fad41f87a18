#include "load.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "control.hpp"

namespace broker::bench {

void load::declare() {
  control setup{run_.broker};
  if (!topology_.exchange.empty())
    setup.declare_exchange(topology_.exchange, topology_.exchange_type, run_.persistent);
  const bool durable = run_.persistent || run_.quorum;
  queue_kind kind{.durable = durable, .quorum = run_.quorum, .priorities = run_.priorities};
  if (run_.mode == run_mode::expire)
    kind.ttl_ms = run_.ttl_ms;
  for (const auto& queue : topology_.queues) {
    setup.delete_queue(queue);
    setup.declare_queue(queue, kind);
  }
  for (const auto& each : topology_.hops) {
    setup.delete_queue(each.queue);
    setup.declare_queue(each.queue, {.durable = durable, .ttl_ms = 0, .dead_letters_to = each.next});
  }
  for (const auto& binding : topology_.bindings)
    setup.bind(topology_.queues[binding.queue], topology_.exchange, binding.key);
  setup.close();
}

void load::remove() {
  control teardown{run_.broker};
  for (const auto& each : topology_.hops)
    teardown.delete_queue(each.queue);
  for (const auto& queue : topology_.queues)
    teardown.delete_queue(queue);
  if (!topology_.exchange.empty())
    teardown.delete_exchange(topology_.exchange);
  teardown.close();
}

publisher_settings load::settings_of(uint32_t publisher) const {
  return {.confirm_window = run_.confirm_window,
          .messages = run_.messages == 0 ? UINT64_MAX : share(run_.messages, run_.publishers, publisher),
          .rate = run_.rate / run_.publishers};
}

void load::open_publishers() {
  for (uint32_t i = 0; i < run_.publishers; ++i) {
    control opening{run_.broker};
    if (run_.confirm_window != 0)
      opening.select_confirms();
    message_shape shape{run_.size, run_.persistent, opening.frame_max()};
    if (run_.priorities != 0)
      shape.priority = static_cast<uint8_t>(i % (run_.priorities + 1u));
    std::vector<encoded_message> messages;
    std::vector<uint32_t> streams;
    for (const auto& target : topology_.publishers[i]) {
      messages.push_back(encode_publish(target.exchange, target.routing_key, shape));
      streams.push_back(target.stream);
    }
    publishers_.emplace_back(loop_, std::move(opening).release(), message_slab{messages}, std::move(streams),
                             settings_of(i));
  }
}

void load::open_consumers() {
  consume_start_ = now_ns();
  const consumer_settings settings{run_.ack, run_.ack_every, run_.size, run_.verify};
  for (uint32_t queue = 0; queue < run_.queues; ++queue)
    for (uint32_t i = 0; i < run_.consumers; ++i) {
      control opening{run_.broker};
      if (run_.prefetch != 0)
        opening.qos(run_.prefetch);
      opening.consume(topology_.queues[queue], run_.ack == ack_mode::automatic);
      consumers_.emplace_back(loop_, std::move(opening).release(), checks_[queue], settings).start(now_ns());
    }
}

message_counts load::counts() const {
  message_counts sum;
  for (const auto& each : publishers_) {
    sum.published += each.published();
    sum.confirmed += each.confirmed();
  }
  for (const auto& each : consumers_)
    sum.received += each.received();
  return sum;
}

std::vector<uint64_t> load::published_by_publisher() const {
  std::vector<uint64_t> published;
  for (uint32_t i = 0; i < run_.publishers; ++i)
    published.push_back(published_elsewhere_ ? share(run_.messages, run_.publishers, i) : publishers_[i].published());
  return published;
}

bool load::finished() {
  if (!std::ranges::all_of(publishers_, &publisher::finished))
    return false;
  if (consumers_.empty())
    return true;
  uint64_t expected = topology_.deliveries(topology_.sent_by_stream(published_by_publisher()));
  const uint64_t received = counts().received;
  if (received < expected)
    return false;
  for (const auto& each : checks_)
    expected += each.duplicated() + each.misrouted();
  return received >= expected;
}

void load::stop_publishers() {
  for (auto& each : publishers_)
    each.stop();
}

time_ns load::pump_publishers(time_ns now) {
  constexpr time_ns wait_max = 50'000'000; // so that the progress line and the time-out come in time
  time_ns wait = wait_max;
  for (auto& each : publishers_) {
    if (each.pump(now))
      wait = 0;
    const time_ns due = each.next_due();
    wait = std::min(wait, due > now ? due - now : 0);
  }
  return wait;
}

time_ns load::wait_until_expired() {
  control observer{run_.broker};
  const time_ns deadline = now_ns() + static_cast<time_ns>(run_.drain_timeout * static_cast<double>(ns_per_second));
  for (;;) {
    const bool empty = std::ranges::all_of(topology_.queues,
                                           [&](const std::string& queue) { return observer.queue_length(queue) == 0; });
    const time_ns now = now_ns();
    stalled_ = !empty && now > deadline;
    if (empty || stalled_) {
      observer.close();
      return now;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

measurement load::drive() {
  measurement cost{run_.pid};
  const time_ns begin = now_ns();
  const bool timed = run_.messages == 0;
  const time_ns publish_end = begin + static_cast<time_ns>(run_.seconds * static_cast<double>(ns_per_second));
  const auto patience = static_cast<time_ns>(run_.drain_timeout * static_cast<double>(ns_per_second));
  progress shown{run_.quiet, begin};
  for (auto& each : publishers_)
    each.start(begin);
  for (;;) {
    const time_ns now = now_ns();
    if (timed && now >= publish_end)
      stop_publishers();
    loop_.run_once(pump_publishers(now));
    shown.update(counts(), now);
    if (finished())
      break;
    if (now - std::min(now, shown.last_moved()) > patience) {
      stalled_ = true;
      break;
    }
  }
  cost.end();
  while (!std::ranges::all_of(consumers_, &consumer::finish) && now_ns() - shown.last_moved() < patience)
    loop_.run_once(ns_per_second / 100);
  return cost;
}

} // namespace broker::bench

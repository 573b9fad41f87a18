// What is published to exchanges, as management interfaces show it (features.md O22): counted by channels where they
// route, read by whoever wants to know, without asking a channel.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace broker {

/// As RabbitMQ counts: only the exchange that a client has named, not those that exchanges are bound to.
struct exchange_counts {
  uint64_t in = 0;  ///< messages that were published to it
  uint64_t out = 0; ///< how often a queue got one of them: of a message for three queues 3
  exchange_counts& operator+=(const exchange_counts& more) noexcept {
    in += more.in;
    out += more.out;
    return *this;
  }
  friend bool operator==(const exchange_counts&, const exchange_counts&) = default;
};

/// One channel's counts for one exchange: a single thread at a time counts, without locked instructions, and any thread
/// reads. On a cache line of its own, as others write to theirs.
class alignas(64) exchange_counter {
public:
  explicit exchange_counter(std::string_view exchange) : exchange_(exchange) {}
  virtual ~exchange_counter() = default;
  exchange_counter(const exchange_counter&) = delete;
  exchange_counter& operator=(const exchange_counter&) = delete;

  void count(uint64_t messages, uint64_t queues) noexcept {
    in_.store(in_.load(std::memory_order_relaxed) + messages, std::memory_order_relaxed);
    out_.store(out_.load(std::memory_order_relaxed) + messages * queues, std::memory_order_relaxed);
  }
  exchange_counts read() const noexcept {
    return {in_.load(std::memory_order_relaxed), out_.load(std::memory_order_relaxed)};
  }
  /// Does it count for the exchange of that name, as it is there now?
  bool is_for(std::string_view exchange) const noexcept {
    return exchange_ == exchange && !forgotten_.load(std::memory_order_relaxed);
  }
  /// The exchange has gone; one of that name that comes later has other counts. Any thread.
  void forget() noexcept { forgotten_.store(true, std::memory_order_relaxed); }

private:
  std::atomic<uint64_t> in_{0};
  std::atomic<uint64_t> out_{0};
  std::atomic<bool> forgotten_{false};
  const std::string exchange_;
};

/// Where channels have their counters from. Thread-safe; asked when a channel begins to publish to an exchange, never
/// for a message.
class exchange_board {
public:
  virtual ~exchange_board() = default;
  /// For one channel. What it has counted stays when it goes.
  virtual std::shared_ptr<exchange_counter> open(std::string_view vhost, std::string_view exchange) = 0;
  /// What nobody has a counter for.
  virtual void add(std::string_view vhost, std::string_view exchange, exchange_counts more) = 0;
};

} // namespace broker

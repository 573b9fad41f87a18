// What happened to messages, counted as management interfaces show it (features.md O22, O43). Plain numbers, counted
// per run of messages by whoever owns them; never shared between threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace broker {

/// Names and order as in RabbitMQ's message_stats. A channel counts all of them, a queue those it sees.
enum class counted : uint8_t {
  publish,
  confirm,
  return_unroutable,
  drop_unroutable,
  get,
  get_no_ack,
  deliver,
  deliver_no_ack,
  redeliver,
  ack,
  get_empty,
};
inline constexpr size_t counted_kinds = 11;

struct message_counts {
  std::array<uint64_t, counted_kinds> of{};

  uint64_t& operator[](counted what) noexcept { return of[static_cast<size_t>(what)]; }
  uint64_t operator[](counted what) const noexcept { return of[static_cast<size_t>(what)]; }
  uint64_t deliver_get() const noexcept {
    const message_counts& me = *this;
    return me[counted::deliver] + me[counted::deliver_no_ack] + me[counted::get] + me[counted::get_no_ack];
  }
  message_counts& operator+=(const message_counts& other) noexcept {
    for (size_t i = 0; i < counted_kinds; ++i)
      of[i] += other.of[i];
    return *this;
  }
  friend bool operator==(const message_counts&, const message_counts&) = default;
};

/// How fast counts rise, seen by who looks now and then: over the time between the last two looks that were at least
/// `interval_ms` apart. Nothing runs in between.
class count_rates {
public:
  static constexpr uint64_t interval_ms = 4'500;
  /// Older than this, the last look says nothing about now.
  static constexpr uint64_t stale_ms = 60'000;

  /// Events per second. `now_ms` is monotonic.
  const std::array<double, counted_kinds>& look(const message_counts& now, uint64_t now_ms) {
    if (looked_ms_ == 0 || now_ms > looked_ms_ + stale_ms) {
      rates_ = {};
      looked_ms_ = now_ms;
      before_ = now;
    } else if (now_ms >= looked_ms_ + interval_ms) {
      for (size_t i = 0; i < counted_kinds; ++i)
        rates_[i] = static_cast<double>(now.of[i] - before_.of[i]) * 1'000 / static_cast<double>(now_ms - looked_ms_);
      looked_ms_ = now_ms;
      before_ = now;
    }
    return rates_;
  }
  /// As far as was seen, nothing happens: a later look would say the same.
  bool rest(const message_counts& now) const { return rates_ == decltype(rates_){} && before_ == now; }
  /// They did, until `at_ms`: as if somebody had looked then.
  void rested_until(uint64_t at_ms) {
    if (looked_ms_ != 0 && at_ms >= looked_ms_ + interval_ms)
      looked_ms_ = at_ms;
  }

private:
  message_counts before_;
  uint64_t looked_ms_ = 0; ///< 0 = never
  std::array<double, counted_kinds> rates_{};
};

/// Both, as reports carry them.
struct counts_report {
  message_counts counts;
  std::array<double, counted_kinds> rates{};
  friend bool operator==(const counts_report&, const counts_report&) = default;
};

} // namespace broker

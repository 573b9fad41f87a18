#include "queue/expiry.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

#include "amqp/properties.hpp"
#include "base/assert.hpp"
#include "ports/message_store.hpp"

namespace broker::queueing {

namespace {

/// The text is a number of milliseconds: channel/message_checks has refused everything else.
std::optional<uint64_t> own_ttl_ms(const message& what) noexcept {
  std::string_view text = amqp::peek_expiration(what.property_bytes());
  if (text.starts_with('+') || text.starts_with('-')) // "-0" is a zero, too
    text.remove_prefix(1);
  uint64_t ttl_ms = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), ttl_ms);
  return fault == std::errc{} ? std::optional(ttl_ms) : std::nullopt;
}

} // namespace

std::optional<uint64_t> time_to_live_ms(const message& what, const queue_options& options) noexcept {
  if (!what.has(message::has_expiration))
    return options.message_ttl_ms;
  const auto own = own_ttl_ms(what);
  if (!own || !options.message_ttl_ms)
    return own ? own : options.message_ttl_ms;
  return std::min(*own, *options.message_ttl_ms);
}

uint64_t deadline_after(uint64_t now_ms, uint64_t ttl_ms) noexcept {
  const uint64_t step = std::bit_floor(std::max<uint64_t>(ttl_ms / deadline_steps, 1));
  return std::max<uint64_t>((now_ms + ttl_ms + step - 1) & ~(step - 1), 1);
}

uint64_t deadline_to_wall(uint64_t deadline_ms, uint64_t now_ms, uint64_t wall_ms) noexcept {
  if (deadline_ms == 0)
    return 0;
  const uint64_t wall_deadline =
    deadline_ms >= now_ms ? wall_ms + (deadline_ms - now_ms) : wall_ms - std::min(wall_ms, now_ms - deadline_ms);
  return std::clamp<uint64_t>(wall_deadline, 1, message_facts::deadline_max_ms);
}

uint64_t deadline_from_wall(uint64_t deadline_ms, uint64_t now_ms, uint64_t wall_ms) noexcept {
  if (deadline_ms == 0)
    return 0;
  if (deadline_ms >= wall_ms)
    return std::max<uint64_t>(now_ms + (deadline_ms - wall_ms), 1);
  return now_ms > 1 ? now_ms - 1 : 1;
}

} // namespace broker::queueing

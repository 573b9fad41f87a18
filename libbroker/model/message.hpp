// Messages as they travel: immutable slices of the block they were read into, grouped in batches. All publishes of one
// channel in one socket read are one `publish_batch` with one reference count; stages hand on runs [lo, hi) of it
// (hotpath.md rules 2 and 3).
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/block.hpp"
#include "base/ids.hpp"
#include "base/ref_counted.hpp"

namespace broker {

/// One message: 32 bytes that point into a block of its batch. Both parts are kept exactly as they came, so that a
/// delivery is a short prefix and one copy.
struct message {
  enum flag : uint16_t {
    persistent = 1,      ///< delivery-mode 2
    mandatory = 2,       ///< basic.publish mandatory
    has_headers = 4,     ///< carries a headers table (headers exchange, CC, BCC, x- headers)
    has_user_id = 8,     ///< must equal the login (W68)
    has_expiration = 16, ///< per-message TTL (W48)
    has_reply_to = 32,   ///< may be direct reply-to (W69)
    immediate = 64,      ///< refused with 540 (W22)
  };

  const char* names;    ///< exchange shortstr, then routing key shortstr, as in basic.publish
  const char* raw;      ///< content header frame, then body frames, whole frames with the publisher's channel number
  uint32_t raw_size;    ///< bytes of `raw`
  uint32_t body_size;   ///< bytes of the body without frame overhead
  uint32_t header_size; ///< bytes of the content header frame at the start of `raw`
  uint16_t names_size;  ///< bytes of `names`
  uint16_t flags;

  bool has(flag which) const noexcept { return (flags & which) != 0; }
  std::string_view exchange() const noexcept { return {names + 1, static_cast<uint8_t>(names[0])}; }
  std::string_view routing_key() const noexcept {
    const char* at = names + 1 + static_cast<uint8_t>(names[0]);
    return {at + 1, static_cast<uint8_t>(*at)};
  }
  /// Property flags and values of the content header (after class-id, weight, body size).
  std::string_view property_bytes() const noexcept { return {raw + 7 + 12, header_size - 7 - 12 - 1}; }
};
static_assert(sizeof(message) == 32);

/// Whoever gets bytes of credit back when a batch has been accepted everywhere: the session that read it. Thread-safe.
class credit_sink : public ref_counted {
public:
  virtual void credit(size_t bytes) noexcept = 0;
};

/// The publishes of one channel in one read (or one read-back from disk). Built by one owner, then immutable except for
/// `first_confirm`, which the channel sets before it hands the batch on, and the holders' count. Thread-safe from then
/// on.
class publish_batch final : public ref_counted {
public:
  std::vector<message> messages;
  /// Keeps the bytes alive; usually one block.
  std::vector<block_ref> blocks;
  /// Accounted cost: raw bytes plus limits::publish_overhead_bytes for each message.
  size_t bytes = 0;
  /// Confirm number of messages[0]; 0 when the channel is not in confirm mode.
  confirm_number first_confirm = 0;
  /// Gets `bytes` back when the last holder releases; may be null.
  ref<credit_sink> credit_to;

  /// A stage that delays the publisher's credit holds the batch, once per queue or store; see architecture.md D13.
  void hold(int count = 1) noexcept { holders_.fetch_add(count, std::memory_order_relaxed); }
  void release() noexcept {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1 && credit_to)
      credit_to->credit(bytes);
  }

private:
  std::atomic<int> holders_{0};
};
using batch_ref = ref<publish_batch>;

/// Messages [lo, hi) of a batch.
struct slice {
  uint32_t lo = 0;
  uint32_t hi = 0;
  uint32_t size() const noexcept { return hi - lo; }
  friend bool operator==(const slice&, const slice&) = default;
};

/// Consecutive messages of a queue in memory: batch[where] has the sequence numbers first, first+1, ...
struct stored_run {
  batch_ref batch;
  slice where;
  seqno first = 0;
};

} // namespace broker

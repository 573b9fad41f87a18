// What a queue does beyond first in, first out: its arguments merged with the policies that match it (features.md
// W48-W60, O29-O31). Computed by the metadata whenever arguments or policies change, then immutable: every node
// computes the same. Times are milliseconds; an empty optional means "not limited".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace broker {

enum class queue_type : uint8_t { classic, quorum };
enum class overflow_policy : uint8_t { drop_head, reject_publish, reject_publish_dlx };
enum class dead_letter_strategy : uint8_t { at_most_once, at_least_once };

struct queue_options {
  queue_type type = queue_type::classic;
  std::optional<uint64_t> message_ttl_ms;                ///< W48
  std::optional<uint64_t> expires_ms;                    ///< W49: unused for this long, the queue is deleted
  std::optional<uint64_t> max_length;                    ///< W50: ready messages
  std::optional<uint64_t> max_length_bytes;              ///< W50: ready body bytes
  overflow_policy overflow = overflow_policy::drop_head; ///< W51
  std::optional<std::string> dead_letter_exchange;       ///< W52; "" is the default exchange
  std::optional<std::string> dead_letter_routing_key;    ///< empty: the message's own keys
  dead_letter_strategy strategy = dead_letter_strategy::at_most_once;
  bool single_active_consumer = false;         ///< W54
  uint8_t max_priority = 0;                    ///< W55; 0 = no priorities
  std::optional<uint64_t> delivery_limit;      ///< W57
  std::optional<uint64_t> consumer_timeout_ms; ///< W58; empty: the node's setting
  bool deduplicate = false;                    ///< U11: x-message-deduplication
  uint64_t deduplication_window = 0;           ///< U11: messages remembered; 0 = limits' default

  friend bool operator==(const queue_options&, const queue_options&) = default;
};

} // namespace broker

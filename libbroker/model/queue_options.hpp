// What a queue does beyond first in, first out: its arguments merged with the policies that match it (features.md
// W48-W60, O29-O31). Computed by the metadata whenever arguments or policies change, then immutable: every node
// computes the same. Times are milliseconds; an empty optional means "not limited".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "amqp/field_table.hpp"

namespace broker {

enum class queue_type : uint8_t { classic, quorum };
enum class overflow_policy : uint8_t { drop_head, reject_publish, reject_publish_dlx };
enum class dead_letter_strategy : uint8_t { at_most_once, at_least_once };

/// Mirroring of a classic queue as ha-* policies ask for it (Q10-Q15).
struct mirroring_options {
  enum class mode : uint8_t { none, all, exactly, nodes };
  mode what = mode::none;
  uint64_t copies = 0;            ///< exactly: master included, at least 1
  std::vector<std::string> nodes; ///< nodes: their names
  bool sync_automatically = false;
  uint64_t sync_batch_size = 4096;           ///< messages (Q13)
  bool promote_unsynced_on_shutdown = false; ///< ha-promote-on-shutdown: always (Q14)
  bool promote_unsynced_on_failure = true;   ///< ha-promote-on-failure: always (Q15)

  friend bool operator==(const mirroring_options&, const mirroring_options&) = default;
};

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
  mirroring_options mirroring;                 ///< Q10-Q15; of classic queues
  std::string leader_locator;                  ///< W59: "client-local", "balanced", ...; "" = the node's default
  uint64_t initial_group_size = 0;             ///< x-quorum-initial-group-size; 0 = the default

  friend bool operator==(const queue_options&, const queue_options&) = default;
};

/// What a queue's own arguments say. Values that queue_arguments.hpp would refuse count as absent.
queue_options options_of_arguments(const amqp::field_table& arguments);

/// "drop-head", "reject-publish", "reject-publish-dlx"; empty for other texts.
std::optional<overflow_policy> parse_overflow(std::string_view text);
/// "at-most-once", "at-least-once"; empty for other texts.
std::optional<dead_letter_strategy> parse_dead_letter_strategy(std::string_view text);
/// "classic", "quorum" and "rabbit_classic_queue", "rabbit_quorum_queue"; empty for other texts.
std::optional<queue_type> parse_queue_type(std::string_view text);
std::string_view queue_type_name(queue_type type);

} // namespace broker

// What the model clients did and saw, and the promises checked against it (guarantees.md section 5): C1 nothing
// confirmed is lost, C2 nothing unpublished is delivered, C3 order per publisher and queue, C8 one confirm per publish,
// and that bodies arrive as they were sent. The ledger outlives crashes of the node.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace broker::sim {

/// Identity of a published message: publisher incarnation in the upper, its number in the lower half.
using message_id = uint64_t;

/// Body of a message: its id and filler that depends on it, so that a mixed-up or damaged body is seen.
std::string make_body(message_id id, size_t size);
/// The id of a delivered body, or a violation text in `problem`.
message_id read_body(std::string_view body, std::string& problem);

class ledger {
public:
  struct publish {
    uint32_t queue = 0;          ///< index of the one queue it goes to; queue_none when unroutable
    bool survives_crash = false; ///< persistent, to a durable queue
    bool confirm_mode = false;
    bool at_most_once = false; ///< its queue has automatic-ack consumers: delivery may be lost with a connection
  };
  static constexpr uint32_t queue_none = ~0u;

  // -- publishers --
  void published(message_id id, const publish& what);
  void confirmed(message_id id);
  void nacked(message_id id);
  void returned(message_id id);
  /// Rolled back or never committed: must not be delivered.
  void withdrawn(message_id id);
  /// The publisher's connection is gone: no confirm will come for what is outstanding.
  void abandoned(message_id id);
  /// Sent in a transaction whose commit was answered.
  void committed(message_id id);

  // -- consumers --
  /// A new basic.consume (or a channel that uses basic.get): order is checked per consumer.
  uint64_t new_consumer(uint32_t queue);
  void delivered(uint64_t consumer, message_id id, bool redelivered);
  /// The client is done with it: acked, rejected without requeue, or delivered with automatic ack.
  void settled(message_id id);

  // -- faults --
  void node_crashed();
  /// A promise is broken, found by somebody else.
  void violation(std::string what);

  /// Final check, after faults have stopped and all queues were drained.
  void finish();

  const std::vector<std::string>& violations() const { return violations_; }
  uint64_t published_count() const { return messages_.size(); }
  uint64_t confirmed_count() const { return confirmed_; }
  uint64_t delivered_count() const { return delivered_; }
  uint64_t duplicate_count() const { return duplicates_; }
  uint64_t outstanding_confirms() const { return outstanding_; }

private:
  struct record {
    publish what;
    bool confirmed = false;
    bool nacked = false;
    bool returned = false;
    bool withdrawn = false;
    bool abandoned = false;
    bool delivered = false;
    bool settled = false;
    bool may_be_lost = false; ///< transient at a crash
  };
  record* find(message_id id, const char* doing);

  std::map<message_id, record> messages_;
  struct consumer {
    uint32_t queue;
    std::map<uint32_t, message_id> newest; ///< per publisher incarnation: last first-time delivery
  };
  std::map<uint64_t, consumer> consumers_;
  uint64_t next_consumer_ = 1;
  uint64_t confirmed_ = 0;
  uint64_t delivered_ = 0;
  uint64_t duplicates_ = 0;
  uint64_t outstanding_ = 0;
  std::vector<std::string> violations_;
};

} // namespace broker::sim

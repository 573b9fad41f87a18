// Sends messages that a queue keeps on to other queues, at least once: each publish asks every target for a confirm,
// and the queue keeps its message until all have answered. A crash in between leaves the message in its queue; it may
// then arrive twice, never not at all (guarantees.md G2). Used by dead-lettering (W52); general, so that other ways of
// passing stored messages on can use it. At most limits::dead_letters_in_flight_* are under way.
// Owned by one queue; not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "amqp/properties.hpp"
#include "base/limits.hpp"
#include "channel/protocol.hpp"

namespace broker::queueing {

/// Appends `original` to `batch` as a message of its own under another exchange and routing key, with these properties,
/// in a block of its own; the body is copied. Flags that only a publishing channel minds are off.
void append_republished(publish_batch& batch, const message& original, std::string_view exchange,
                        std::string_view routing_key, const amqp::properties& properties);
/// Likewise with properties as they are on the wire, flags and values.
void append_republished(publish_batch& batch, const message& original, std::string_view exchange,
                        std::string_view routing_key, std::string_view property_bytes);

class forwarder {
public:
  /// How the forwarding of one message ended.
  struct outcome {
    seqno message = 0;
    std::vector<queue_id> refused; ///< targets that have no room for it (W51); empty: all have it
    bool unreachable = false;      ///< of one of `refused` it is not known whether it has it: its node is down
  };
  using requests = std::vector<std::pair<queue_id, queue_request>>;

  /// `from`: where targets send their confirms, the queue's own address.
  explicit forwarder(channel_ref from) : from_(std::move(from)) {}

  bool has_room() const noexcept {
    return flights_.size() < limits::dead_letters_in_flight_max && bytes_ < limits::dead_letters_in_flight_bytes;
  }
  bool empty() const noexcept { return flights_.empty(); }

  /// Batch to append the next message to, with append_republished; then launch() it.
  publish_batch& batch();
  /// The message last appended to batch() is `message` of this queue and goes to `targets`, each named once, at least
  /// one.
  void launch(seqno message, std::vector<queue_id> targets);
  /// The last append to batch() goes nowhere.
  void discard();
  /// Hands out what was launched, one request per target.
  void flush(requests& to);

  /// A target's confirm: appends what has ended.
  void answered(const confirmed& what, std::vector<outcome>& ended);
  /// A target is gone: what it owes counts as confirmed (W67).
  void target_gone(queue_id target, std::vector<outcome>& ended);
  /// A target's node is down: what it owes counts as refused, but it may have some of it.
  /// Only what was sent to the master `upto` or an earlier one: what is under way to a later one is not lost with that.
  void target_unreachable(queue_id target, epoch upto, std::vector<outcome>& ended);
  /// The request to `target` that begins with `from` went to this master of it; 0, and not to be said: it has no
  /// copies.
  void sent_to_master(queue_id target, confirm_number from, epoch mastership);

private:
  struct flight {
    seqno message = 0;
    uint64_t bytes = 0;
    std::vector<queue_id> waiting; ///< have not answered; empty: ended
    std::vector<queue_id> refused;
    bool unreachable = false;
  };
  /// What goes to a replicated target goes to this master of it from that number on.
  struct office {
    epoch mastership = 0;
    confirm_number since = 0;
  };
  void answer(flight& one, queue_id target, bool rejected, std::vector<outcome>& ended);
  void drop_ended();

  channel_ref from_;
  batch_ref batch_;                                         ///< being filled
  confirm_number oldest_ = 1;                               ///< of flights_.front()
  std::deque<flight> flights_;                              ///< by confirm number, dense
  uint64_t bytes_ = 0;                                      ///< of flights that have not ended
  std::unordered_map<queue_id, std::vector<slice>> slices_; ///< of batch_, by target
  std::unordered_map<queue_id, office> offices_;            ///< of targets with copies, while anything is under way
  std::vector<queue_id> order_;                             ///< targets of batch_, as they came up
};

} // namespace broker::queueing

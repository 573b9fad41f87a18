// The hidden queue of an exchange that delays (features.md P07, U12; guarantees.md G1): keeps publishes until their
// time has come and then publishes them through the exchange's own bindings, at least once.
//
// Every message is stored durably whatever its delivery mode, with its deadline as a fact of the record, so that delays
// survive a restart; the publisher's confirm waits for that. Bodies are not kept: a message is read back when it is
// due. So it costs 16 bytes of memory while it waits, and few are in memory at once (limits::delayed_in_flight_max). A
// due message is settled when every queue it went to has confirmed it: a crash before that repeats it, never loses it.
// A queue that refuses (x-overflow reject-publish) is asked again after limits::delayed_retry_ms. What is routed
// nowhere when its time has come is dropped, as by RabbitMQ's plug-in. Deadlines are wall-clock time, the only clock
// that outlives the process. Equal deadlines leave in the order of arrival.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "channel/protocol.hpp"
#include "metadata/snapshot.hpp"
#include "ports/message_store.hpp"
#include "queue/publisher_credit.hpp"
#include "queue/queue_state.hpp"

namespace broker {

/// What one call asks the actor to do.
struct delay_step {
  queue_step answers; ///< to channels; and when to call tick()
  std::vector<std::pair<queue_id, queue_request>> requests;
};

/// Not thread-safe. Every call gets the wall-clock time in milliseconds since 1970.
class delay_queue {
public:
  /// `self` is where queues answer to. `store` is attached for this queue by the caller; `recovered` may be null. Call
  /// tick() once before anything else.
  delay_queue(std::shared_ptr<const queue_record> record, channel_ref self, message_store& store,
              std::function<snapshot_ptr()> metadata, const recovered_queue* recovered);

  /// Publishes are kept; whatever else is asked of a queue is answered as if there were none of that name.
  void handle(queue_request request, uint64_t wall_ms, delay_step& step);
  /// Answers of the queues that due messages went to.
  void event(const queue_event& what, uint64_t wall_ms, delay_step& step);
  /// There is no such queue: it owes nothing any more.
  void queue_gone(queue_id queue, uint64_t wall_ms, delay_step& step);

  void durable(seqno upto, uint64_t wall_ms, delay_step& step);
  void read_done(const std::vector<stored_run>& runs, uint64_t wall_ms, delay_step& step);
  void tick(uint64_t wall_ms, delay_step& step);
  /// The exchange is gone: outstanding confirms are given, nothing more is forwarded.
  void deleted(delay_step& step);

  uint64_t messages() const noexcept { return waiting_.size() + wanted_.size() + forwards_.size(); }

private:
  struct deadline {
    uint64_t at_ms;
    seqno seq;
    auto operator<=>(const deadline&) const = default;
  };
  /// A due message on its way.
  struct forward {
    seqno seq = 0;
    batch_ref batch;
    std::vector<queue_id> owed; ///< queues that have not confirmed
    bool to_one = false;        ///< it went to a single queue
  };
  using forward_at = std::map<confirm_number, forward>::iterator;

  void keep(publish_request& request, uint64_t wall_ms, delay_step& step);
  void answer_missing(const queue_request& request, delay_step& step) const;
  void work(uint64_t wall_ms, delay_step& step);
  void take_due(uint64_t wall_ms);
  void read_wanted();
  void send_out(seqno seq, const message& what, delay_step& step);
  void send(const forward& what, confirm_number number, queue_id to, delay_step& step) const;
  void wait_until(uint64_t at_ms, seqno seq);
  void confirmed_by(queue_id queue, confirm_number number);
  void refused_by(queue_id queue, confirm_number number, uint64_t wall_ms);
  void end(forward_at what);
  void ask_again(uint64_t wall_ms, delay_step& step);
  void settle(seqno seq);

  const std::shared_ptr<const queue_record> record_;
  const channel_ref self_;
  message_store& store_;
  const std::function<snapshot_ptr()> metadata_;
  bool deleted_ = false;

  seqno next_ = 1;
  seqno durable_ = 1;
  std::vector<deadline> waiting_; ///< a heap, the earliest at the front
  std::set<seqno> wanted_;        ///< due, to be read back
  std::optional<seq_range> read_; ///< asked of the store
  queueing::confirm_list confirms_;
  queueing::hold_list holds_;

  std::map<confirm_number, forward> forwards_;
  confirm_number next_forward_ = 1;
  size_t forward_bytes_ = 0;
  std::set<std::pair<confirm_number, queue_id>> refused_;
  uint64_t ask_again_ms_ = 0;      ///< wall clock; 0: nothing is refused
  std::vector<seq_range> settled_; ///< of this step
};

} // namespace broker

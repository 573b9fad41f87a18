// The hidden queue of an exchange that delays (features.md P07, U12; guarantees.md G1): keeps publishes until their
// time has come and then publishes them through the exchange's own bindings, at least once.
//
// Every message is stored durably whatever its delivery mode, with its deadline as a fact of the record, so that delays
// survive a restart; the publisher's confirm waits for that. Bodies are not kept: a message is read back when it is
// due. So it costs 16 bytes of memory while it waits, and few are in memory at once (forwarder.hpp). A due message is
// settled when every queue it went to has confirmed it: a crash before that repeats it, never loses it. Queues that
// refuse it (x-overflow reject-publish) get it again after limits::delayed_retry_ms; those that make a dead letter of
// it (reject-publish-dlx) do not. What is routed nowhere when its time has come is dropped, as by RabbitMQ's plug-in.
// Deadlines are wall-clock time, the only clock that outlives the process. Equal deadlines leave in the order of
// arrival.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "queue/forwarder.hpp"
#include "queue/publisher_credit.hpp"
#include "queue/queue_state.hpp"

namespace broker {

/// Not thread-safe. `wall_ms` everywhere: milliseconds since 1970.
class delay_queue {
public:
  /// `settings`: address and snapshots are needed. `store` is attached for this queue by the caller; `recovered` may be
  /// null. Call tick() once before anything else.
  delay_queue(std::shared_ptr<const queue_record> record, queue_settings settings, message_store& store,
              const recovered_queue* recovered);

  /// Publishes are kept; whatever else is asked of a queue is answered as if there were none of that name.
  void handle(queue_request request, uint64_t wall_ms, queue_step& step);

  // -- answers of the queues that due messages were sent to --
  void answered(const confirmed& what, uint64_t wall_ms, queue_step& step);
  void target_gone(queue_id target, uint64_t wall_ms, queue_step& step);
  /// As of queue_state.
  void target_unreachable(queue_id target, epoch upto, uint64_t wall_ms, queue_step& step);
  void sent_to_master(queue_id target, confirm_number from, epoch mastership) {
    forwarder_.sent_to_master(target, from, mastership);
  }

  // -- answers of the store --
  void durable(seqno upto, uint64_t wall_ms, queue_step& step);
  void read_done(const std::vector<stored_run>& runs, uint64_t wall_ms, queue_step& step);

  /// Asked for by queue_step::tick_in_ms.
  void tick(uint64_t wall_ms, queue_step& step);
  /// The exchange is gone: outstanding confirms are given, nothing more is sent on.
  void deleted(queue_step& step);

  /// Those that wait, and those on their way.
  uint64_t messages() const noexcept {
    return waiting_.size() + resting_.size() + due_.size() + again_.size() + flying_;
  }

private:
  struct deadline {
    uint64_t at_ms;
    seqno seq;
    auto operator<=>(const deadline&) const = default;
  };

  void keep(publish_request& request, uint64_t wall_ms, queue_step& step);
  void wait_until(uint64_t at_ms, seqno seq);
  void answer_missing(const queue_request& request, queue_step& step) const;
  void work(uint64_t wall_ms, queue_step& step);
  void take_due(uint64_t wall_ms);
  void read_due();
  void send_out(seqno seq, const message& what, const exchange_record& exchange);
  std::vector<queue_id> targets_of(seqno seq, const exchange_record& exchange, const message& what);
  template<class Hear>
  void hear_of_targets(uint64_t wall_ms, queue_step& step, Hear hear);
  void landed(std::vector<queueing::forwarder::outcome>& ended, uint64_t wall_ms);
  void settle(seqno seq);

  const std::shared_ptr<const queue_record> record_;
  const queue_settings settings_;
  message_store& store_;
  bool deleted_ = false;

  seqno next_ = 1;
  seqno durable_ = 1;
  std::vector<deadline> waiting_; ///< a heap, the earliest at the front
  std::deque<deadline> resting_;  ///< refused, in the order in which they are tried again
  std::set<seqno> due_;           ///< to be read back
  std::set<seqno> again_;         ///< the same, refused before
  bool retried_ = false;          ///< the last read was of those
  std::optional<seq_range> read_; ///< asked of the store
  queueing::confirm_list confirms_;
  queueing::hold_list holds_;

  queueing::forwarder forwarder_;
  uint64_t flying_ = 0;
  std::map<seqno, std::vector<queue_id>> refused_; ///< which wait again: for these queues only
  std::set<queue_id> burying_;                     ///< targets that make a dead letter of what they refuse
  std::vector<seq_range> settled_;                 ///< of this step
};

} // namespace broker

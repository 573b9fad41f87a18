// What the model clients did and saw, and the promises checked against it (guarantees.md section 5): C1 nothing
// confirmed is lost, C2 nothing unpublished is delivered, C3 order per publisher and queue, C8 one confirm per publish,
// and that bodies arrive as they were sent. For queues with limits and dead letters C1 reads: a confirmed message is in
// exactly one place or on its way (ends.cpp says where it may have ended); it expires neither early nor late, passes
// no message of higher priority, and its death headers tell the way it came. The ledger outlives crashes of the node.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "deaths.hpp"
#include "queue_plan.hpp"
#include "run.hpp"
#include "virtual_time.hpp"

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
    bool survives_crash = false; ///< persistent, to a durable queue with durable queues behind it
    bool confirm_mode = false;
    bool at_most_once = false; ///< a queue on its way has automatic-ack consumers: lost with a connection
    uint8_t priority = 0;
    uint64_t delay_ms = 0; ///< of the delayed exchange
    std::optional<uint64_t> expiration_ms;
    uint64_t bytes = 0;
  };
  static constexpr uint32_t queue_none = ~0u;

  /// What a consumer got. `prompt`: the client has been reading all the time, so it was handed out just now.
  struct delivery {
    bool redelivered = false;
    bool prompt = true;
    const amqp::properties& properties;
  };

  /// Both outlive the ledger; `queues` is complete before the first publish.
  ledger(const virtual_time& time, const queue_plans& queues) : time_(time), queues_(queues) {}

  /// In a cluster a publish may be refused or returned while its queue cannot be reached: `disturbed` says whether
  /// something of the kind may have been so since then.
  void in_cluster(std::function<bool(sim_ns since)> disturbed) { disturbed_ = std::move(disturbed); }
  bool excused(sim_ns since) const { return disturbed_ && disturbed_(since); }

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
  /// A new basic.consume (or a channel that uses basic.get) of a client of that node: order is checked per consumer.
  uint64_t new_consumer(uint32_t queue, std::string node = "");
  /// It has cancelled or lost its connection: another may become the single active one.
  void consumer_left(uint64_t who);
  void delivered(uint64_t consumer, message_id id, const delivery& what);
  /// The client is done with it: acked, or delivered with automatic ack.
  void settled(message_id id);
  /// Likewise: that consumer has acked what it had got at `got`.
  void acked(uint64_t who, message_id id, sim_ns got);
  /// The client has rejected it without requeue.
  void rejected(message_id id, uint32_t queue);
  /// The connection was lost soon after settled() or rejected(): the broker may not have heard of it.
  void doubted(message_id id);

  // -- the node --
  /// The calendar of a node is off by so much from now on, until it jumps again.
  void calendar_jumped(const std::string& node, int64_t offset_ms);
  void node_crashed();
  /// The queue is being deleted with everything in it: from now on until it is over, messages to it may end there.
  void queue_doomed(uint32_t queue);
  void no_queue_doomed() { doomed_.clear(); }
  /// The queue is no more, with everything in it; another one of that name may follow.
  void queue_vanished(uint32_t queue);
  /// A replicated queue has another master: what the last one has handed out may be handed out again, as if for the
  /// first time.
  void master_moved(uint32_t queue);
  /// The session of a queue's node with that of its dead letters' target is over: letters that have not been confirmed
  /// are sent again, also those that have arrived.
  void letters_unanswered(uint32_t queue);
  /// The session of a queue's node with that of consumers is over, one of the two has noticed. It may have carried
  /// nothing from `silent_since` on: what those consumers have acked later may be in the queue again.
  void session_over(uint32_t queue, const std::string& node, sim_ns silent_since);
  /// A client purges the queue: what was sent to it before the answer may end there.
  void purging(uint32_t queue);
  /// It has the answer, or will never get it: then the broker may purge a while later.
  void purged(uint32_t queue, bool answered);
  /// Nothing is wrong any more and all copies agree: who begins to consume from now on gets every message once.
  void settled_down() { quiet_since_ = time_.now(); }
  /// That queue has another master since just now: what it holds is on its way again.
  bool moving(uint32_t queue) const;
  /// queue.declare-ok in a quiet moment: no faults, no publishes, everything that expires has had the time.
  void counted(uint32_t queue, uint64_t messages, sim_ns quiet_for);
  /// A promise is broken, found by somebody else.
  void violation(std::string what);

  /// Every confirmed message is settled or may have ended otherwise.
  bool all_accounted() const;
  /// Final check, after faults have stopped and all queues were drained.
  void finish();

  const std::vector<std::string>& violations() const { return violations_; }
  /// Violations and counts.
  void report(run_result& to) const;
  uint64_t outstanding_confirms() const { return outstanding_; }
  uint64_t deliveries() const { return delivered_; }
  /// What messages went through, for the rare states of a sweep: "dead-expired", "delayed", ...
  const std::set<std::string>& markers() const { return markers_; }

private:
  /// A message in one queue, once: it may come back there in a circle of dead letters.
  struct visit {
    uint32_t queue;
    uint64_t deaths;
    uint64_t deliveries = 0;
    uint64_t firsts = 0; ///< of these, not flagged redelivered
    sim_ns in_quiet = 0; ///< when it came last, not flagged, with nothing wrong; 0 = never
    size_t moves = 0;    ///< of its queue: so many first ones cannot explain why it comes again
    /// Those that came, not flagged, by the times of their deaths.
    std::set<std::vector<uint64_t>> letters{};
  };
  /// That of a node, for a while.
  struct calendar {
    std::string node;
    int64_t offset_ms = 0;
    sim_ns from = 0;
    sim_ns until = UINT64_MAX;
  };
  struct record {
    publish what;
    sim_ns sent = 0;
    sim_ns accepted = 0; ///< when the client knew that the queue has it; 0 = it does not
    uint64_t life = 0;   ///< the node's, when it was published
    bool confirmed = false;
    bool nacked = false;
    bool given_up = false; ///< nacked when not its queue but its channel may have said so
    bool returned = false;
    bool withdrawn = false;
    bool abandoned = false;
    bool delivered = false;
    bool settled = false;
    bool doubted = false;
    uint64_t acked_by = 0; ///< the consumer, if it was settled so
    sim_ns acked_at = 0;
    sim_ns held_since = 0;    ///< by that consumer, or on its way there
    bool may_be_lost = false; ///< transient at a crash
    uint32_t rejected_in = 0; ///< bit per queue
    std::vector<visit> visits;
  };
  /// Deliveries so far: what a later one with a higher priority must not have waited behind.
  struct consumer {
    uint32_t queue = 0;
    std::string node;
    sim_ns since = 0;
    bool left = false;
    std::map<std::pair<uint32_t, uint8_t>, message_id> newest; ///< per publisher incarnation and priority
    using by_life = std::map<std::pair<uint64_t, uint8_t>, std::pair<sim_ns, message_id>>; ///< per life and priority
    by_life latest;     ///< the one that was sent last
    by_life handed;     ///< the last, and not before when it was
    sim_ns horizon = 0; ///< everything from now on has been handed out after this
  };
  /// The end of a session between a queue's node and that of consumers.
  struct silence {
    sim_ns since = 0;
    sim_ns over = 0;
  };
  record* find(message_id id, const char* doing);
  bool may_be_purged(uint32_t queue) const;
  /// It has just gone, and not every node may know.
  bool may_be_gone(uint32_t queue) const;
  /// Whatever was sent to `queue`, or may come there as a dead letter, may be gone.
  void excuse_all(uint32_t queue);
  /// Since it was published no node has died, and no queue on its way has got another master.
  bool undisturbed(const record& what) const;
  /// The queue has got another master then or later.
  bool moved_since(uint32_t queue, sim_ns when) const;
  /// What came in the quiet may come again, since its queue's master has moved at about that time.
  bool handed_out_again(visit& here) const;
  /// The session between that consumer's queue and its node was over then or later.
  bool out_of_reach_since(const consumer& who, sim_ns when) const;
  /// It was acked, and its queue may not have heard of that before it had died so often.
  bool ack_lost(const record& what, uint64_t deaths) const;
  /// So many letters of it there may be after these deaths: 1, or more where some were sent again.
  uint64_t letters_at_most(const record& what, const deaths_seen& deaths) const;
  /// It was nacked and may be in its queue all the same.
  bool may_be_there(const record& what) const;
  uint8_t priority_in(uint32_t queue, const record& what) const;

  // -- each delivery (deliveries.cpp) --
  void check_way(message_id id, const record& what, uint32_t queue, const deaths_seen& deaths,
                 const amqp::properties& properties);
  void check_death(message_id id, const record& what, const death_seen& death);
  void check_times(message_id id, const record& what, const deaths_seen& deaths, const delivery& how, uint32_t queue);
  void check_once(message_id id, record& what, const consumer& who, const deaths_seen& deaths, bool redelivered);
  void check_order(message_id id, const record& what, consumer& who, const deaths_seen& deaths, const delivery& how);
  void check_active(uint64_t who, const consumer& one);

  // -- where a message may have ended (ends.cpp) --
  bool promised(const record& what) const;
  bool may_have_ended(message_id id, const record& what) const;
  bool dropped_for_length(message_id id, const record& what) const;

  const virtual_time& time_;
  const queue_plans& queues_;
  std::function<bool(sim_ns since)> disturbed_;
  std::map<message_id, record> messages_;
  std::map<uint32_t, std::vector<message_id>> sent_to_; ///< per queue, in the order of publishing
  std::set<uint32_t> doomed_;
  std::map<uint32_t, uint32_t> purging_;    ///< by queue: purges without an answer
  std::map<uint32_t, sim_ns> purged_until_; ///< by queue: one whose client has gone may still come
  std::map<uint32_t, sim_ns> vanished_at_;
  std::optional<sim_ns> quiet_since_;
  std::map<uint32_t, std::vector<sim_ns>> moved_at_;      ///< by queue, each time
  std::map<uint32_t, std::vector<sim_ns>> unanswered_at_; ///< by queue, each time that its letters were sent again
  std::map<std::pair<uint32_t, std::string>, std::vector<silence>> silences_; ///< by queue and consumers' node
  std::map<uint64_t, consumer> consumers_;
  std::map<uint32_t, uint64_t> active_; ///< of queues with a single active consumer
  uint64_t next_consumer_ = 1;
  uint64_t confirmed_ = 0;
  uint64_t delivered_ = 0;
  uint64_t duplicates_ = 0;
  uint64_t outstanding_ = 0;
  uint64_t life_ = 1;
  std::optional<sim_ns> crashed_at_; ///< when it began
  std::vector<std::string> violations_;
  std::set<std::string> markers_;
  std::vector<calendar> calendars_{{}}; ///< that nodes have had; the first is that of those that never jumped
};

/// "message 3:17" for people.
std::string message_text(message_id id);

} // namespace broker::sim

// The home side of a bridge: channels of this node that use queues of the other. See bridge_state.hpp.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "cluster/bridge_state.hpp"
#include "cluster/record_outbox.hpp"

namespace broker::bridging {

class home_side {
public:
  home_side(const bridge_settings& settings, record_outbox& out) : settings_(settings), out_(out) {}

  void session_begins(bridge_step& step);
  void session_ends(bridge_step& step);

  void request(bool session, queue_id queue, queue_request& what, epoch mastership, bridge_step& step);
  void channel_ended(uint64_t channel);
  void ask_report(bool session, uint64_t key, queue_id queue, bool consumers, uint64_t now_ms, bridge_step& step);
  void tick(uint64_t now_ms, bridge_step& step);

  // -- from the other node; false: it breaks the protocol --
  bool take(taken& what);
  bool take(delivery& what, bridge_step& step);
  bool take(answer& what, bridge_step& step);
  bool take(confirms& what, bridge_step& step);
  bool take(fetched& what, bridge_step& step);
  bool take(consumer_event& what, bridge_step& step);
  bool take(want& what);
  bool take(returned& what, bridge_step& step);
  bool take(report_answer& what, bridge_step& step);
  bool take(gap& what, bridge_step& step);

  size_t channels() const { return channels_.size(); }
  size_t consumers() const { return consumers_.size(); }
  size_t unreleased() const { return holds_.size(); }
  int64_t places_lent() const;
  void check() const;

private:
  struct channel {
    channel_ref address;
    std::map<queue_id, epoch> queues; ///< may owe an answer or a confirm; under which mastership it was asked last
    std::map<queue_id, epoch> lost;   ///< replicated ones it was told of as out of reach
    std::set<consumer_key> consumers;
    std::map<queue_id, std::set<seqno>> fetched; ///< with basic.get, not settled
    ref<prefetch_window> window;
    int64_t lent = 0;    ///< places the other node has and has not used, as far as is known here
    uint32_t wanted = 0; ///< places it has asked for since the last loan
    bool recalled = false;
  };
  struct consumer_entry {
    consumer_ref who;
    uint64_t unsettled = 0;
    int64_t unreported = 0; ///< bytes that arrived less those reported as written
    bool ended = false;     ///< cancelled: only settles
  };
  using consumer_at = std::map<consumer_key, consumer_entry>::iterator;
  /// A publish record that has not been taken over.
  struct hold {
    batch_ref batch;
    int count = 0; ///< requests it carries; 0: taken over
  };

  struct request_visitor;
  channel& channel_of(const channel_ref& address, bridge_step& step);
  channel* find_channel(channel_key key);
  void note_use(channel& from, queue_id queue, epoch mastership);
  void refuse(queue_id queue, queue_request& what, epoch mastership, bridge_step& step);
  void lose(const channel_ref& address, queue_id queue, epoch mastership, bridge_step& step);
  void send_publish(channel& from, queue_id queue, publish_request& what, epoch mastership);
  void add_part(channel_key from, const publish_request& what, publish::target part);
  void send_settlement(queue_id queue, settle_request& what, epoch mastership);
  void begin_consumer(const consumer_ref& who, epoch mastership, bridge_step& step);
  void leave_queue(channel& from, queue_id queue, const replication::channel_id& publisher);
  /// Its consumers end; `tell`: the other node is told of each.
  void forget_queue(channel& from, queue_id queue, bool tell);
  consumer_at find_consumer(const consumer_ref& who);
  void erase_consumer(consumer_at at, bool tell);
  void recall_if_idle(channel& of);
  void forget_if_settled(consumer_at at);

  void report_written(consumer_key key, consumer_entry& entry);
  static void flow(consumer_entry& entry, uint64_t bytes);
  void lend_places(channel_key key, channel& to);
  void window_has_room(channel_key key, channel& from);
  void give_back(channel& from, int64_t places, bridge_step& step);
  bool give_back_forgotten(const delivery& what, bridge_step& step);

  const bridge_settings& settings_;
  record_outbox& out_;
  std::map<channel_key, channel> channels_;
  std::map<consumer_key, consumer_entry> consumers_;
  std::unordered_map<const consumer*, consumer_key> keys_;
  /// Windowed ones of channels that live, until the other node has forgotten them, too: what comes to them has taken
  /// places of their channel's window.
  std::map<consumer_key, channel_key> forgotten_;
  consumer_key last_consumer_ = 0;
  std::deque<hold> holds_;
  uint64_t first_hold_ = 0; ///< number of holds_.front()
  struct question {
    uint64_t asker;
    uint64_t due_ms;
  };
  std::map<report_key, question> questions_; ///< rising keys have rising due times
  report_key last_report_ = 0;
};

/// Appends to the news of `to`, joined with what went there just before.
void add_event(bridge_step& step, const channel_ref& to, queue_event what, epoch from = 0);
/// Asks for a tick in `in_ms` at the latest.
void want_tick(bridge_step& step, uint64_t in_ms);

/// A channel's window up to this size lends place by place, and wants back what is not used.
inline constexpr uint32_t tight_window = 16 * 1024;
/// Places of a larger window that are lent at once.
inline constexpr uint32_t loan_places = 16 * 1024;
/// How long places of a tight window may lie unused on another node.
inline constexpr uint64_t loan_idle_ms = 25;
/// How long another node may take to answer an operator's question.
inline constexpr uint64_t report_ms = 2'000;

} // namespace broker::bridging

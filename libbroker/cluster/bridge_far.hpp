// The far side of a bridge: queues of this node that channels of the other use. See bridge_state.hpp.
#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "cluster/bridge_state.hpp"
#include "cluster/record_outbox.hpp"

namespace broker::bridging {

class far_side {
public:
  far_side(const bridge_settings& settings, record_outbox& out) : settings_(settings), out_(out) {}

  void session_begins(uint64_t session) { session_ = session; }
  void session_ends(bridge_step& step);

  void events(uint64_t address, std::vector<queue_event>& what, epoch from);
  void taken_over(uint64_t session, uint64_t number);
  void place_wanted(uint64_t session, channel_key channel, uint32_t places);
  void undeliverable(queue_task& what, bridge_step& step);
  void queues_changed(bridge_step& step);
  void tick(uint64_t now_ms, bridge_step& step);

  // -- from the other node; false: it breaks the protocol --
  bool take(publish& what, bridge_step& step);
  bool take(settle& what, bridge_step& step);
  bool take(consume& what, bridge_step& step);
  bool take(cancel& what, bridge_step& step);
  bool take(ask& what, bridge_step& step);
  bool take(written& what, bridge_step& step);
  bool take(lend& what, uint64_t now_ms, bridge_step& step);
  bool take(recall& what);
  bool take(forget& what);
  bool take(channel_ended& what, bridge_step& step);

  size_t channels() const { return channels_.size(); }
  size_t consumers() const { return consumers_.size(); }
  void check() const;

private:
  /// Of a channel of the other node.
  struct twin {
    channel_ref address;
    std::set<queue_id> queues;  ///< where it may consume or hold messages
    std::set<queue_id> closing; ///< closed for a deletion that it asked for
    std::set<consumer_key> consumers;
    ref<prefetch_window> window; ///< places borrowed from the channel's own; null: none yet
    ref<place_lender> lender;
    bool tight = false;
    int64_t unused_at_tick = 0;
  };
  /// Of a consumer of the other node.
  struct twin_consumer {
    consumer_ref who;
    epoch mastership = 0; ///< it is known to this master, and to no other
  };
  struct event_visitor;

  twin& twin_of(channel_key key);
  twin* find_twin(channel_key key);
  void send(queue_task what, bridge_step& step);
  void send_or_wait(queue_task what, bridge_step& step);
  void refuse(const queue_task& what, answer::kind why, epoch from = 0);
  void drop(const queue_task& what);
  void leave(twin& who, const std::set<queue_id>& queues, bridge_step& step);
  void erase_consumer(consumer_key key);
  void forget_consumer(consumer_key key);
  ref<prefetch_window> window_of(channel_key key, twin& who);
  uint32_t take_unused(twin& who);
  void look_at_loan(twin& who);

  const bridge_settings& settings_;
  record_outbox& out_;
  uint64_t session_ = 0;
  std::map<channel_key, twin> channels_;
  std::unordered_map<uint64_t, channel_key> by_address_; ///< id of the twin's address
  std::map<consumer_key, twin_consumer> consumers_;
  std::unordered_map<const consumer*, consumer_key> keys_;
  consumer_key last_consumer_ = 0;
  uint64_t next_publish_ = 0;
  std::map<queue_id, std::vector<queue_task>> coming_; ///< wait for the queue, or a mastership, to be known here
  uint64_t tick_due_ms_ = 0;                           ///< for tight loans; 0: none is open
};

} // namespace broker::bridging

// One AMQP channel without its actor: publishes are routed and confirmed, deliveries get their tags, acks find their
// queues, transactions, prefetch, consumers, and every method of classes channel, exchange, queue, basic, confirm and
// tx (features.md W13-W20, W35-W47, W61-W72; reply texts as RabbitMQ writes them).
//
// Steps are in wire order. A method that changes metadata is proposed, and everything behind it waits until
// `metadata_done`; likewise methods that need a queue's answer (declare-ok's counts, get, purge, delete, consume).
// Invariants: delivery tags are dense from 1; every publish in confirm mode is acked or nacked exactly once, never
// before the promise of guarantees.md G1 holds (C8); a mandatory return precedes its confirm (W66); after an error
// nothing but channel.close-ok is acted on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "channel/protocol.hpp"
#include "cluster/reachability.hpp"
#include "metadata/command.hpp"
#include "metadata/snapshot.hpp"
#include "model/exchange_counts.hpp"
#include "model/message_counts.hpp"

namespace broker {

struct channel_settings {
  channel_number number = 0;
  connection_id connection = 0;
  std::string vhost;
  login user;
  std::string node;
  /// Which nodes are down; outlives the channel. Null: there are no others.
  const node_reachability* nodes = nullptr;
  /// This node has known of no leader of the metadata for longer than an election takes. Null: there always is one.
  std::function<bool()> in_minority;
  /// Where queues live that name no locator: client-local, balanced or random (queue_leader_locator, W59).
  std::string queue_leader_locator;
  std::string connection_name; ///< for the firehose
  /// True while any vhost of the node is traced (P05); outlives the channel. Null: never.
  const std::atomic<bool>* tracing = nullptr;
  uint32_t frame_max = limits::frame_max_bytes;
  bool consumer_cancel_notify = false; ///< client capability (W04)
  uint64_t random_seed = 0;            ///< for server-generated names (W41)
  /// May the channel of that identity live on the node of that tag? For queue.declare of a reply-to address (W69); may
  /// be empty. Of other nodes it is only known whether they can be reached.
  std::function<bool(uint32_t node, uint64_t channel)> channel_lives;
  /// For queues that have no timeout of their own (W58); 0 = none.
  uint64_t consumer_timeout_ms = limits::consumer_timeout_ms;
  /// Where what is published to exchanges is counted; outlives the channel. Null: it is not.
  exchange_board* exchanges = nullptr;
  /// Under which replicated queues know what it sends again (G2); none: nothing is replicated.
  replication::channel_id publisher{};
};

/// What one call asks the actor to do, in this order.
struct channel_step {
  std::vector<std::pair<queue_id, queue_request>> requests;
  std::vector<outgoing> out;
  std::vector<command> proposals; ///< each answered by one metadata_done, in order
  /// The snapshot is to have everything that was answered on any node before; answered by one metadata_done.
  bool bring_up_to_date = false;
  std::vector<direct_reply> replies; ///< each for the channel it names, if that lives
  /// Call tick() in this many milliseconds (0: no need); takes the place of a later one that was asked for before.
  uint64_t tick_in_ms = 0;
  std::vector<std::string> warnings; ///< lines for the log
  bool finished = false;             ///< the channel has ended; the actor may go once the above is done
};

class channel_state {
public:
  /// `metadata` gives the newest snapshot: a metadata_done is preceded by a snapshot that contains it.
  channel_state(channel_settings settings, channel_ref self, std::function<snapshot_ptr()> metadata);
  ~channel_state();

  void input(channel_input in, channel_step& step);
  /// `from`: of a replicated queue, the mastership of the master that says so. Answers of a master that is none any
  /// more are dropped; 0 is never old.
  void event(std::vector<queue_event> events, channel_step& step, epoch from = 0);
  void metadata_done(command_result result, channel_step& step);
  /// The node has no such queue (any more): every outstanding request to it is answered as RabbitMQ answers for a queue
  /// deleted meanwhile: publishes count as confirmed (W67), methods fail with 404, consumers are cancelled (W65).
  void queue_gone(queue_id queue, channel_step& step);
  /// The node of the queue is down or out of reach, and what was under way to it may be lost: its publishes are nacked,
  /// its consumers cancelled, the method that waits for it fails with `why`, as in RabbitMQ. What was delivered stays
  /// unsettled here; its settlement goes nowhere. A replicated queue is waited for instead, until queue_moved: its
  /// publishes for confirm_timeout_ms, methods for master_wait_ms (replicated_use.hpp). `mastership`: of the master
  /// that is out of reach; it means nothing if the queue has another one by now. 0: of none, for what was sent before
  /// the channel knew that the queue is replicated; it means nothing if the channel knows by now.
  void queue_unreachable(queue_id queue, const error& why, channel_step& step, epoch mastership = 0);
  /// A replicated queue has another master (features.md Q11), or the present one, whose node was out of reach, can be
  /// reached again. What is not confirmed is sent to it, in order; consumers begin anew, or are cancelled if they wish
  /// (x-cancel-on-ha-failover); whoever waits for an answer asks again. What was delivered stays unsettled here; its
  /// settlement goes nowhere. Nothing happens if the mastership is known and its master was never out of reach.
  void queue_moved(queue_id queue, epoch mastership, channel_step& step);
  /// Another channel of this node has published to this one's reply-to address.
  void reply(direct_reply what, channel_step& step);
  /// Looks for deliveries that have been unsettled for too long (W58). `now_ms` is monotonic milliseconds.
  void tick(uint64_t now_ms, channel_step& step);
  /// The connection closes: queues get `channel_gone`, nothing is sent to the client.
  void stop(channel_step& step);

  /// For which master of a replicated queue the requests of a step are; 0: the queue is not replicated.
  epoch mastership_of(queue_id queue) const;

  // -- what is known of it (list_channels) --
  size_t consumers() const;
  size_t unacked() const;
  size_t unconfirmed() const;
  size_t uncommitted() const;           ///< messages published in the open transaction
  size_t uncommitted_acks() const;      ///< messages settled in it
  uint16_t prefetch() const;            ///< of consumers begun later; 0 = none
  uint32_t global_prefetch() const;     ///< of the whole channel; 0 = none
  const message_counts& counts() const; ///< of all its messages
  uint64_t queues_declared() const;     ///< answers to queue.declare, new queues or not
  bool confirm_mode() const;
  bool transactional() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace broker

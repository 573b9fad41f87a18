// What the actors of one node share: the ports (real or simulated), the newest metadata snapshot, the directory of
// queues and the settings. Built by the host (apps/server or the simulator) before the first actor, destroyed after the
// last. Members are constant after start unless they say how they are shared.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex> // layers: the directories are read from every loop; taken once per channel and queue
#include <string>
#include <vector>

#include "actors/bridge_directory.hpp"
#include "actors/caf.hpp"
#include "actors/exchange_totals.hpp"
#include "actors/lingering_queues.hpp"
#include "actors/move_watchers.hpp"
#include "actors/queue_factory.hpp"
#include "actors/touched_queues.hpp"
#include "base/ids.hpp"
#include "connection/admission.hpp"
#include "connection/connection.hpp"
#include "metadata/snapshot.hpp"
#include "model/message_counts.hpp"
#include "ports/message_store.hpp"
#include "queue/queue_state.hpp"

namespace broker {

class cluster_links;
class replica_links;
class replica_watch;

/// Queue or channel id to actor. Thread-safe; channels keep what they found, so it is asked once per channel and queue.
class actor_directory {
public:
  void add(uint64_t id, caf::actor who);
  void remove(uint64_t id);
  /// Null when the node has no such actor.
  caf::actor find(uint64_t id) const;
  bool has(uint64_t id) const;
  size_t size() const;
  std::vector<caf::actor> all() const;
  std::map<uint64_t, caf::actor> entries() const;
  void clear();

private:
  mutable std::mutex mutex_;
  std::map<uint64_t, caf::actor> actors_;
};

/// Where a queue is, as this node's metadata has it.
struct queue_location {
  caf::actor who;       ///< its master's actor, or the bridge to the node of its master
  epoch mastership = 0; ///< of a replicated queue; 0: it is not replicated
  bool here = true;     ///< `who` is of this node
};

/// Queue to location. Thread-safe, used as actor_directory.
class queue_directory {
public:
  void put(queue_id id, queue_location where);
  void remove(queue_id id);
  caf::actor find(queue_id id) const { return locate(id).who; }
  /// `who` is null when the node knows no such queue.
  queue_location locate(queue_id id) const;
  bool has(queue_id id) const;
  std::vector<caf::actor> all() const;
  std::map<queue_id, queue_location> entries() const;
  void clear();

private:
  mutable std::mutex mutex_;
  std::map<queue_id, queue_location> queues_;
};

/// The newest metadata snapshot. Thread-safe: one writer (the metadata actor), any reader.
class snapshot_board {
public:
  void publish(snapshot_ptr next) { current_.store(std::move(next)); }
  snapshot_ptr read() const { return current_.load(); }

private:
  std::atomic<snapshot_ptr> current_;
};

/// connection_counts behind a lock: asked once per connection and channel.
class shared_admission final : public admission {
public:
  result<void> open_connection(const metadata_snapshot& metadata, const login& who, std::string_view vhost) override;
  void close_connection(std::string_view user, std::string_view vhost, uint64_t channels) override;
  result<void> open_channel(const metadata_snapshot& metadata, const login& who) override;
  void close_channel(std::string_view user) override;

private:
  std::mutex mutex_;
  connection_counts counts_;
};

/// What has come and gone on this node since it started, for operators (features.md O22, O42). Thread-safe; touched
/// once per connection, channel and queue, never per message.
class activity_board {
public:
  struct ended_channels {
    message_counts messages;
    uint64_t closed = 0;
    uint64_t queues_declared = 0;
  };

  /// What a channel has counted goes on to count here.
  void channel_closed(const message_counts& counts, uint64_t queues_declared);
  ended_channels ended() const;
  void queue_created(bool here) { queues_created.fetch_add(here ? 1 : 0, std::memory_order_relaxed); }
  void queue_deleted(bool here) { queues_deleted.fetch_add(here ? 1 : 0, std::memory_order_relaxed); }

  std::atomic<uint64_t> connections_opened{0};
  std::atomic<uint64_t> connections_closed{0};
  std::atomic<uint64_t> channels_opened{0};
  std::atomic<uint64_t> queues_created{0}; ///< with their master here
  std::atomic<uint64_t> queues_deleted{0};

private:
  mutable std::mutex mutex_;
  ended_channels ended_;
};

/// What replicas of a node keep and send at once; the simulator draws smaller ones, so that copies and reads of the log
/// come about with little in them.
struct replica_bounds {
  size_t append_bytes = limits::replication_append_bytes;
  size_t tail_bytes = limits::replication_tail_bytes;
  size_t described_bytes = limits::replication_described_bytes;
  size_t copy_window_bytes = limits::replication_copy_window_bytes;
  /// replication::replica_settings::copy_above_bytes.
  size_t copy_above_bytes = limits::replication_tail_bytes / 4;
};

struct runtime {
  std::string node;
  message_store* store = nullptr;
  queue_settings queues;
  /// Deliveries unsettled for longer close their channel (W58); 0 = never.
  uint64_t consumer_timeout_ms = limits::consumer_timeout_ms;
  /// Where queues live that name no locator (W59); "" = client-local.
  std::string queue_leader_locator;
  /// Monotonic milliseconds. The wall clock is in `queues`: only deadlines that survive a restart use it.
  std::function<uint64_t()> now_ms;
  /// Seeds for server-generated names; thread-safe.
  std::function<uint64_t()> next_seed;
  /// The metadata actor waits for the disk: production gives it a thread of its own (docs/adr/0002), simulation does
  /// not.
  bool metadata_on_own_thread = true;

  /// A line for the log, of level warning; thread-safe, may be null.
  std::function<void(const std::string&)> warn;

  queue_factory make_queue;

  snapshot_board snapshots;
  /// Some vhost is traced (P05). Written by the metadata actor; channels look at it before anything else.
  std::atomic<bool> tracing{false};
  queue_directory queues_by_id;
  move_watchers moves;               ///< who hears of another master of a replicated queue
  actor_directory replicas_by_id;    ///< queue_id: replicas of this node, masters and mirrors
  lingering_queues lingering;        ///< in no directory any more
  actor_directory channels_by_id;    ///< channel_address::id, for direct replies (W69)
  actor_directory connections_by_id; ///< connection_id; those that have opened a vhost
  /// Bridges to other nodes: actors for queues that live there. Empty without `cluster`.
  bridge_directory bridges;
  activity_board activity;
  touched_queues touched;
  exchange_totals exchanges;
  shared_admission admitted; ///< connections and channels by vhost and user (O32)
  /// Ids of channels, queues' addresses and connections of this node start.
  std::atomic<uint64_t> next_channel{1};
  std::atomic<uint64_t> next_connection{1};
  caf::actor metadata; ///< set once at start
  /// Since when this node knows of no leader of the metadata: nothing that all nodes must agree on can change (G5).
  /// 0: it knows one. Written by the metadata actor.
  std::atomic<uint64_t> leaderless_since_ms{0};
  /// The links to other nodes (actors/cluster.hpp); null: this node is alone. Set once before the first actor.
  cluster_links* cluster = nullptr;
  /// How replicas of this node reach others (actors/replica_links.hpp); null without `cluster`. Set once, likewise.
  std::shared_ptr<replica_links> replicas;
  replica_bounds replica_sizes;
  /// Sees every step of every replica (actors/replica_watch.hpp); null outside the simulator. Set once, likewise.
  replica_watch* watch = nullptr;
  /// Number of this node in placements (node_record::id); 0: queues are not replicated. Set once at start, by the
  /// metadata actor.
  replication::node_id replica_id = 0;
  /// A replica of this node must empty its log, which it may only under a new session of the node (T19). Written by
  /// replicas, taken by the metadata actor.
  std::atomic<bool> session_wanted{false};
  /// Masters of replicated queues of this node may deliver before this time (runtime::now_ms, G5): the cluster does not
  /// take the node for dead, and nobody else is made master, before it. Written by the metadata actor; for ever without
  /// replication, or while this node is alone.
  std::atomic<uint64_t> session_valid_until_ms{UINT64_MAX};

  std::function<snapshot_ptr()> snapshot_reader() {
    return [this] { return snapshots.read(); };
  }
};

/// A session's end as the actors see it: the socket's host in net, the model client in simulation. Thread-safe.
class session_link : public credit_sink {
public:
  /// Items of one channel, in order.
  virtual void push(std::vector<outgoing> items) = 0;
  /// Every channel has stopped and the exclusive queues are gone.
  virtual void torn_down() = 0;
  /// Closes the client's connection with this error (320 and the like).
  virtual void close(error why) = 0;
  /// True once a channel of this connection has declared an exclusive queue.
  std::atomic<bool> owns_queues{false};
};

} // namespace broker

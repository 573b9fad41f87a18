// What the metadata store knows (architecture.md D9): immutable records, shared by reference between snapshots.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "amqp/field_table.hpp"
#include "base/ids.hpp"
#include "model/queue_options.hpp"

namespace broker {

class exchange_plugin;
struct queue_record;

namespace replication {
struct placement;
}

enum class exchange_type : uint8_t { direct, fanout, topic, headers, plugin };

struct exchange_record {
  std::string vhost;
  std::string name; ///< "" is the default exchange
  std::string type; ///< "direct", "fanout", "topic", "headers", or the name of a plug-in's type
  // -- derived from the type (resolve_type) --
  exchange_type kind = exchange_type::direct;
  std::shared_ptr<const exchange_plugin> plugin; ///< null for built-in types
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  amqp::field_table arguments;
  std::string alternate_exchange; ///< "" = none (W46); argument, else policy
  std::string policy;             ///< name of the policy in force, "" = none (O29)
  /// Hidden queue of a type that delays (P07), else null. In declare_exchange: on which node it is to be.
  std::shared_ptr<const queue_record> delay_queue;
};

struct queue_record {
  queue_id id = 0;
  std::string vhost;
  std::string name;
  bool durable = false;
  bool exclusive = false;
  bool auto_delete = false;
  amqp::field_table arguments;
  /// Connection that owns an exclusive queue; 0 = none. Dead owners' queues are deleted at node start.
  connection_id owner = 0;
  std::string node; ///< master's node name
  epoch mastership = 1;
  /// Hidden queues only: the exchange whose delayed messages this one keeps (P07). A hidden queue is no client's: it is
  /// reached through its exchange's record alone, lives and dies with the exchange, and is in no list.
  std::string delays_for;
  /// Who holds copies and who is in sync (docs/internals/replication.md); null: the queue is not replicated. `node` and
  /// `mastership` are its master's, always. Never proposed with a declare: change_placement, policies and nodes change
  /// it.
  std::shared_ptr<const replication::placement> placement;
  uint32_t copies = 0; ///< of a quorum queue, as an operator has made it (grow, shrink); 0 = as its arguments say
  // -- derived by the metadata from arguments and policies; never proposed, never serialised --
  std::string policy;          ///< name of the policy in force, "" = none (O29)
  std::string operator_policy; ///< O31
  /// Never null in a record that a snapshot gives out. A change gives a new record with the same id; routing results
  /// may still name the older one, so whoever needs options takes the record of `find_queue`.
  std::shared_ptr<const queue_options> options;
};

struct binding_record {
  std::string source;
  std::string destination;
  bool to_exchange = false;
  std::string routing_key;
  amqp::field_table arguments;
};

struct permission {
  std::string configure;
  std::string write;
  std::string read;
};

/// Regular expressions on routing keys of one topic exchange (O33).
struct topic_permission {
  std::string exchange;
  std::string write;
  std::string read;
};

/// Limits by their names in rabbitmqctl: max-connections, max-queues (vhost), max-connections, max-channels (user). -1
/// = none (O32).
using limit_table = std::map<std::string, int64_t>;

struct vhost_record {
  std::string name;
  std::string description;
  std::vector<std::string> tags;
  std::string default_queue_type; ///< "" = classic
  bool tracing = false;           ///< trace_on (P05)
  limit_table limits = {};
};

/// A policy or an operator policy (O29-O31). `definition` is JSON text of one object, keys sorted.
struct policy_record {
  std::string vhost;
  std::string name;
  std::string pattern;
  std::string apply_to = "all"; ///< all, queues, exchanges, classic_queues, quorum_queues, streams
  int64_t priority = 0;
  std::string definition;
};

/// A runtime parameter; vhost "" = global. `value` is JSON text, keys sorted.
struct parameter_record {
  std::string vhost;
  std::string component; ///< "" for global ones
  std::string name;
  std::string value;
};

/// A node of the cluster: registered when it joins (the very first one when it starts), until an operator forgets it.
struct node_record {
  uint64_t id = 0; ///< in the consensus group: from 1, never reused, not even for the same name (R6)
  std::string name;
  std::string host; ///< of its cluster listener; "" = not reachable from other nodes
  uint16_t port = 0;
  uint64_t incarnation = 0; ///< random number of its present or last run; 0 = it has never been up
  uint64_t run = 0;         ///< small number of that run, unique in the cluster: its connections' ids begin with it
  bool up = false;
  /// Number of its present or last session, rising, from the same count as runs: that of its run, or a newer one if it
  /// was taken for dead and came back. What replication calls an incarnation, unless the node has lost its copy of the
  /// queue since (replication::nodes_of): a session that has ended is over for good.
  uint64_t session = 0;
};
using node_ptr = std::shared_ptr<const node_record>;

struct user_record {
  std::string name;
  /// base64(salt[4] + sha256(salt + password)), RabbitMQ's rabbit_password_hashing_sha256 (S2). Empty: no password
  /// login.
  std::string password_hash;
  std::vector<std::string> tags;
  /// "rabbit_password_hashing_sha256" (default), _sha512 or _md5 (imported definitions, S2).
  std::string hashing = "rabbit_password_hashing_sha256";
  limit_table limits = {};
};

} // namespace broker

// Changes of the metadata: proposed to the consensus group, evaluated deterministically when applied, so that every
// node gives the same answer (guarantees.md G8). Serialised as Protobuf (proto/metadata.proto).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "amqp/field_table.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/records.hpp"
#include "replication/placement.hpp"

namespace broker {

/// Creates the queue, or compares with the existing one (W37): 406 inequivalent arg, 405 exclusive owner.
struct declare_queue {
  queue_record queue; ///< id is assigned at apply
};
/// Deletes by id, so that a queue re-declared meanwhile survives; missing is success (W26). `unless_used`-like checks
/// are the queue's own and come before.
struct delete_queue {
  std::string vhost;
  std::string name;
  queue_id id = 0; ///< 0: whichever queue has the name now (operators)
};
/// Deletes every exclusive queue of a connection (W39), or of all connections (owner 0: node start).
struct delete_exclusive_queues {
  connection_id owner = 0;
};
struct declare_exchange {
  exchange_record exchange; ///< 406 inequivalent arg against an existing one (W36)
};
struct delete_exchange {
  std::string vhost;
  std::string name;
  bool if_unused = false; ///< 406 "exchange 'x' in vhost '/' in use"
};
/// 404 if source or destination is missing.
struct bind {
  std::string vhost;
  binding_record binding;
  connection_id by = 0; ///< exclusive queues are bound by their owner only (405)
};
/// Missing is success (W26). The last binding from an auto-delete exchange deletes it (W35).
struct unbind {
  std::string vhost;
  binding_record binding;
  connection_id by = 0;
};
struct put_user {
  user_record user;
  bool must_be_new = false; ///< refuse if it exists
  bool must_exist = false;  ///< refuse if it does not
  bool keep_hash = false;   ///< only the tags change
  bool keep_tags = false;   ///< only the password changes
};
struct delete_user {
  std::string name;
};
struct set_permission {
  std::string vhost;
  std::string user;
  permission rights;
};
struct clear_permission {
  std::string vhost;
  std::string user;
};
struct put_vhost {
  vhost_record vhost;
  bool must_be_new = false;
};
/// Deletes everything in it; its connections are closed by the nodes that hold them (metadata_change::vhost_deleted).
struct delete_vhost {
  std::string name;
};
struct set_vhost_limits {
  std::string vhost;
  limit_table limits; ///< replaces all
};
struct set_user_limits {
  std::string user;
  limit_table limits; ///< replaces all
};
struct set_tracing {
  std::string vhost;
  bool on = false;
};
struct set_topic_permission {
  std::string vhost;
  std::string user;
  topic_permission rights;
};
struct clear_topic_permission {
  std::string vhost;
  std::string user;
  std::string exchange; ///< "" = all exchanges
};
/// Refused with rabbitmqctl's words if pattern, apply-to or a key of the definition is not valid.
struct put_policy {
  policy_record policy;
  bool operator_policy = false;
};
struct delete_policy {
  std::string vhost;
  std::string name;
  bool operator_policy = false;
};
struct set_parameter {
  parameter_record parameter; ///< component "" = global parameter
};
struct clear_parameter {
  std::string vhost;
  std::string component;
  std::string name;
};

/// The first command of a node after it has started. What died with its last run goes: exclusive and non-durable queues
/// it was master of and, with `alone`, non-durable exchanges; with them their bindings. (A durable auto-delete exchange
/// stays, as after a RabbitMQ restart.) The very first one ever makes the default vhost and seeds the default user with
/// full rights on it; a deleted default user does not come back at the next start.
/// From a proposer, it marks that node as up with a fresh incarnation; result: the number of its run.
struct node_started {
  std::string node;
  bool alone = true; ///< no other node is running; with a proposer the state knows better
  user_record default_user;
  permission default_rights;      ///< of the default user on the default vhost
  std::string default_vhost = {}; ///< "" = metadata_settings::default_vhost
  std::string host = {};
  uint16_t port = 0;
  uint64_t incarnation = 0;
  uint64_t cluster = 0; ///< metadata_identity::cluster of the proposer
};
/// A node is to join; result: its id in the group. A name that has been up is refused until it is forgotten; one that
/// has not (a join that was cut short) gets a new id, and the old one is gone for ever.
struct register_node {
  std::string name;
  std::string host;
  uint16_t port = 0;
};
/// Removes a node that is down, and the queues it is master of (S15). A replicated queue stays as long as any other
/// node is listed in its in-sync set: it loses the copy, and if that was the master's another one takes its place. The
/// hidden queues of delaying exchanges (P07) begin anew on the node with the lowest id.
struct forget_node {
  std::string name;
};
/// That run is over, or nobody reaches it: its exclusive and non-durable queues go; of the non-durable ones that are
/// replicated those that nobody in sync is alive for. Of another incarnation: nothing.
struct node_down {
  std::string name;
  uint64_t incarnation = 0;
  /// Only its session is over, so that others may follow its masters: it may live, and no queue goes yet. Either it
  /// says node_up, or a node_down without this comes.
  bool silent = false;
};
/// A run that was taken for dead is not. It goes on under a new session.
struct node_up {
  std::string name;
  uint64_t incarnation = 0;
  bool anew = false; ///< under a new session even if it was not taken for dead: replicas of it empty their logs (T19)
};
/// Takes the place of a proposal that nobody waits for any more.
struct withdrawn {};
/// What a master or the supervisor proposes for one replicated queue (replication/placement.hpp). Refused, with the
/// reason, if it changes nothing. An alter_isr may be refused and still move the version: that is no failure here, its
/// proposer sees in the placement what has become of it (M2).
struct change_placement {
  std::string vhost;
  std::string name;
  queue_id id = 0; ///< a queue of the same name is another one
  replication::placement_command what;
};
using any_command =
  std::variant<declare_queue, delete_queue, delete_exclusive_queues, declare_exchange, delete_exchange, bind, unbind,
               put_user, delete_user, set_permission, clear_permission, node_started, put_vhost, delete_vhost,
               set_vhost_limits, set_user_limits, set_tracing, set_topic_permission, clear_topic_permission, put_policy,
               delete_policy, set_parameter, clear_parameter, register_node, forget_node, node_down, node_up, withdrawn,
               change_placement>;

/// Any command; a class for the reason of amqp::method.
class command : public any_command {
public:
  using any_command::any_command;
  using any_command::operator=;
  command();
  command(const command& other);
  command(command&& other) noexcept;
  command& operator=(const command& other);
  command& operator=(command&& other) noexcept;
  ~command();
};

/// Which proposal an entry of the log is. Each is applied exactly once however often it is in the log: a node's in the
/// order of its sequence without gaps, beginning with the node_started of its run.
struct proposer {
  uint64_t node = 0;     ///< id in the group; 0 = none, and the entry is applied as it is
  uint64_t run = 0;      ///< metadata_identity::run: rises with each start
  uint64_t sequence = 0; ///< from 1 per run
  friend bool operator==(const proposer&, const proposer&) = default;
};
struct proposed_command {
  command what;
  proposer by;
};

/// What applying a command gave. `failure.code` 0 and empty text = success; code 0 with text is a refusal of an
/// operator's command in rabbitmqctl's words.
struct command_result {
  error failure;
  bool created = false;                      ///< declare, put_user: new, not merely equivalent
  std::shared_ptr<const queue_record> queue; ///< declare_queue: the queue as it now stands
  uint64_t number = 0;                       ///< node_started: of the run; register_node: the node's id
  bool ok() const noexcept { return failure.code == 0 && failure.text.empty(); }
};

/// What else an applied command did that the actor layer must carry out, in this order.
struct metadata_change {
  enum class kind : uint8_t {
    queue_created,
    queue_deleted,
    queue_changed, ///< same id, new options (of a policy, or of a limit that came or went with one) or placement
    vhost_created,
    vhost_deleted, ///< close its connections: 320 "CONNECTION_FORCED - vhost 'v' is deleted"
    user_deleted,  ///< close its connections: 320 "CONNECTION_FORCED - user 'u' is deleted"
    node_registered,
    node_forgotten,
    node_up, ///< also: up with another incarnation than before, or at another address
    node_down,
  };
  kind what;
  std::shared_ptr<const queue_record> queue; ///< of queue_*: the record as it now stands (deleted: as it stood)
  std::string name;                          ///< of vhost_* and user_*
  node_ptr node = {};                        ///< of node_*: as it now stands (forgotten: as it stood)
};

} // namespace broker

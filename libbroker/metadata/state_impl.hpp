// The mutable side of metadata_state: its tables and the indexes that no snapshot needs. Internal to this folder; the
// apply functions are grouped by what they change: apply_queue.cpp, apply_exchange.cpp, apply_access.cpp,
// apply_vhost.cpp, apply_policy.cpp, apply_node.cpp, apply_placement.cpp.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "metadata/copies.hpp"
#include "metadata/metadata_state.hpp"
#include "metadata/tables.hpp"

namespace broker {

namespace proto {
class Queue;
class Vhost;
class MetadataSnapshot;
} // namespace proto

struct metadata_state::impl {
  explicit impl(metadata_settings what);

  using changes_t = std::vector<metadata_change>;

  // -- apply_queue.cpp --
  command_result apply(const declare_queue& what, changes_t& changes);
  command_result apply(const delete_queue& what, changes_t& changes);
  command_result apply(const delete_exclusive_queues& what, changes_t& changes);
  // -- apply_exchange.cpp --
  command_result apply(const declare_exchange& what, changes_t& changes);
  command_result apply(const delete_exchange& what, changes_t& changes);
  command_result apply(const bind& what, changes_t& changes);
  command_result apply(const unbind& what, changes_t& changes);
  // -- apply_access.cpp --
  command_result apply(const put_user& what, changes_t& changes);
  command_result apply(const delete_user& what, changes_t& changes);
  command_result apply(const set_permission& what, changes_t& changes);
  command_result apply(const clear_permission& what, changes_t& changes);

  command_result apply(const set_topic_permission& what, changes_t& changes);
  command_result apply(const clear_topic_permission& what, changes_t& changes);
  command_result apply(const set_user_limits& what, changes_t& changes);
  // -- apply_vhost.cpp --
  command_result apply(const put_vhost& what, changes_t& changes);
  command_result apply(const delete_vhost& what, changes_t& changes);
  command_result apply(const set_vhost_limits& what, changes_t& changes);
  command_result apply(const set_tracing& what, changes_t& changes);
  command_result apply(const set_parameter& what, changes_t& changes);
  command_result apply(const clear_parameter& what, changes_t& changes);
  // -- apply_node.cpp --
  command_result apply(const node_started& what, changes_t& changes);
  command_result apply(const register_node& what, changes_t& changes);
  command_result apply(const forget_node& what, changes_t& changes);
  command_result apply(const node_down& what, changes_t& changes);
  command_result apply(const node_up& what, changes_t& changes);
  command_result apply(const withdrawn&, changes_t&) { return {}; }
  /// Is this the proposal that comes next? Notes it then.
  bool admit(const proposed_command& what);
  result<void> check_start(const node_started& what) const;
  result<void> seed(const node_started& what, changes_t& changes);
  uint64_t note_start(const node_started& what, changes_t& changes);
  void leave_others_behind(changes_t& changes);
  node_ptr find_node(std::string_view name) const;
  node_ptr find_node(uint64_t id) const;
  void put_node(node_record record);
  void erase_node(uint64_t id);
  /// What a run of a node takes with it: exclusive and non-durable queues it was master of.
  void drop_transient_queues(const std::string& node, changes_t& changes);
  /// A node that is none any more takes its queues with it, and its copies of others.
  void forget_queues(const node_record& gone, changes_t& changes);
  void rehome_delay_queues(const std::string& from, const std::string& to, changes_t& changes);
  // -- apply_policy.cpp --
  command_result apply(const put_policy& what, changes_t& changes);
  command_result apply(const delete_policy& what, changes_t& changes);
  /// Fills in what follows from arguments and policies: options, policy names, alternate exchange.
  static void derive(const vhost_tables& vhost, queue_record& record);
  static void derive(const vhost_tables& vhost, exchange_record& record);
  /// `was` has been replaced by `is` (either may be null): whatever they were or are in force for gets a new record.
  void policy_changed(vhost_tables& vhost, bool operators, const policy_ptr& was, const policy_ptr& is,
                      changes_t& changes);

  // -- apply_placement.cpp --
  command_result apply(const change_placement& what, changes_t& changes);
  /// Makes `next` the placement of the record, and its node and mastership the placement's. Who loses its copy by that
  /// is another incarnation to the queue from now on.
  void adopt(queue_record& record, replication::placement next);
  /// False: its master's node is down, so not yet.
  bool begin_placement(queue_record& record);
  /// What the record's options, and the nodes as they are, make of its placement. Nothing if nothing is to be changed.
  /// `present_min`: so many had to be in sync until now, whatever the placement says.
  void place_copies(queue_record& record, bool is_new, uint32_t present_min = 0);
  void place_all_copies(changes_t& changes);
  /// Where its copies shall be, and how many of them in sync; `holders` as of now.
  replication::place wanted_place(const queue_record& record, const replication::placement& present,
                                  const std::vector<copy_holder>& holders, bool is_new) const;
  /// A node is no node any more. False: nobody else was listed, and the queue is gone with it.
  bool forget_copies(queue_record& record, replication::node_id gone);
  /// The nodes are as they are after a run of `node` is over: is the queue over with it?
  bool ends_with_run(const queue_record& queue, const std::string& node) const;
  std::vector<copy_holder> copy_holders() const;
  void count_copies(const queue_record& queue, bool added);
  /// Puts the changed record in the place of the one before, and reports it.
  void replace_queue(vhost_tables& vhost, const queue_ptr& before, std::shared_ptr<queue_record> after,
                     changes_t& changes);

  // -- snapshot_codec.cpp --
  result<queue_ptr> read_queue(const vhost_tables& vhost, const proto::Queue& from) const;
  result<void> read_vhost(const proto::Vhost& from);
  result<void> read_nodes(const proto::MetadataSnapshot& from);
  result<void> insert_read_binding(vhost_tables& vhost, binding_record record);

  // -- building blocks --
  /// The vhost for changing, or null. Marks the state as changed.
  vhost_tables* own_vhost(std::string_view name);
  /// The exchange for changing; must exist.
  exchange_node& own_exchange(vhost_tables& vhost, std::string_view name);
  void create_vhost(vhost_record what);
  void insert_queue(vhost_tables& vhost, queue_ptr queue);
  void insert_exchange(vhost_tables& vhost, exchange_record record);
  /// May a binding from `source` be made? Error: 406 of the exchange's type.
  result<void> check_binding(const exchange_record& source, const binding_record& record) const;
  /// Adds a binding whose ends exist. False if it is there already. Error: as check_binding.
  result<bool> insert_binding(vhost_tables& vhost, binding_record record);

  /// Removes the queue and its bindings. `cascade`: auto-delete exchanges that lose their last binding go too.
  void remove_queue(vhost_tables& vhost, const queue_ptr& queue, bool cascade, changes_t& changes);
  /// Removes the exchange and the bindings from it and to it.
  void remove_exchange(vhost_tables& vhost, const std::string& name, bool cascade, changes_t& changes);
  /// Removes all bindings to a destination. Gives the exchanges they came from, each once, by name.
  std::set<std::string> remove_bindings_to(vhost_tables& vhost, bool to_exchange, const std::string& name);
  /// Deletes those of `sources` that are auto-delete and have no binding left, and so on (W35).
  void delete_unused_exchanges(vhost_tables& vhost, std::set<std::string> sources, changes_t& changes);
  /// The hidden queue of a new exchange that delays.
  queue_ptr make_delay_queue(const exchange_record& exchange);
  static void forget_delay_queue(const exchange_record& exchange, changes_t& changes);

  /// For each destination, the bindings to it: (source, identity). Ordered, since the order of cascades must be the
  /// same on every node.
  struct destination_key {
    std::string vhost;
    std::string name;
    bool is_exchange = false;
    auto operator<=>(const destination_key&) const = default;
  };
  void forget_binding(const std::string& vhost, const bound& binding);

  std::shared_ptr<const metadata_settings> settings;
  metadata_tables now;
  uint64_t version = 1;
  queue_id next_queue = 1;
  bool seeded = false; ///< a node_started has been applied
  uint64_t next_node = 1;
  uint64_t next_run = 1;                  ///< numbers runs and sessions of nodes, and incarnations of their copies
  std::map<uint64_t, proposer> proposers; ///< by node, those that have been up: the last proposal applied
  proposer by;                            ///< of the command being applied
  std::map<destination_key, std::set<std::pair<std::string, std::string>>> bindings_to;
  std::map<connection_id, std::set<std::pair<std::string, std::string>>> exclusive_queues; ///< owner: vhost, name
  // How many queues have a copy on a node, if queues are replicated: those that are, by the node's id; those that are
  // not, by its name.
  std::map<replication::node_id, uint64_t> copies_on;
  std::map<std::string, uint64_t> plain_on;
  bool changed = false; ///< by the command being applied
  mutable snapshot_ptr current;
};

/// A failed command.
inline command_result refused(error why) {
  command_result out;
  out.failure = std::move(why);
  return out;
}
/// As AMQP clients read it.
command_result no_such_vhost(std::string_view name);
/// As operators read it.
command_result missing_vhost(const std::string& name);
/// Limits of a vhost or a user by name; error in rabbitmqctl's words.
result<void> check_limits(const limit_table& limits, std::initializer_list<std::string_view> known);

} // namespace broker

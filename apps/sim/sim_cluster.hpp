// The nodes of a simulated cluster and what an operator does with them: start, power cuts, joining, forgetting
// (docs/simulation.md). Each has a disk of its own; all share the network, the clock and the watch of what they must
// agree on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agreement.hpp"
#include "sim_links.hpp"
#include "sim_node.hpp"

namespace broker::sim {

/// What a run's nodes are configured with; drawn from the seed.
struct cluster_plan {
  uint32_t nodes = 3;
  uint64_t break_limit_ms = link_limits::break_limit_ms;
  uint64_t node_down_ms = limits::metadata_node_down_ms;
  size_t snapshot_entries = limits::metadata_snapshot_entries;
  bool replication = false; ///< of queues that want copies
  replica_bounds replica_sizes;
  uint64_t heartbeat_ms = limits::raft_heartbeat_ms;
  disk_latency disk;
  network_delay network;
};

class sim_cluster {
public:
  struct member {
    std::string name;
    std::unique_ptr<sim_disk> disk;
    std::unique_ptr<sim_backlog> backlog;
    std::unique_ptr<plant> mistakes;
    std::unique_ptr<sim_node> node;
    bool belongs = false;      ///< its disk says that it is a member
    bool leaving = false;      ///< an operator keeps it stopped, to forget it
    bool forgotten = false;    ///< the others have said so; its old disk may come back
    bool joining = false;      ///< register_node is under way
    uint64_t attempt = 0;      ///< of joining
    bool disk_trouble = false; ///< an error is armed: a start may fail
    bool restarts = false;     ///< a start is planned
    sim_ns started = 0;
  };
  struct events {
    std::function<void(const std::string&)> say;
    std::function<void(const std::string&)> violation;
    std::function<void(const std::string&)> mark; ///< a rare state is reached
    /// A node's memory is gone, and what was not synced of its disk.
    std::function<void()> crashed;
    /// An operator is about to forget that node: what lives there may be lost from now on.
    std::function<void(const std::string& node)> forgetting;
    /// All that serve have heard that it was.
    std::function<void()> forgot;
    /// A node has given up its session with another one.
    std::function<void(const sim_node& node, const std::string& other)> session_over;
    /// The first node has applied that a replicated queue has another master, or a queue is replicated from now on.
    std::function<void(const queue_record&)> moved;
    /// The first node has applied that it is no more.
    std::function<void(const std::string& queue)> vanished;
  };

  sim_cluster(virtual_time& time, random_source random, cluster_plan plan, const std::string& plant_name, events told,
              std::shared_ptr<const guests> own = nullptr);
  ~sim_cluster();

  // -- running
  /// One job of one actor, or one event.
  void step();
  std::vector<std::unique_ptr<member>>& members() { return members_; }
  sim_network& network() { return network_; }
  const agreement& watch() const { return watch_; }

  // -- operators
  /// The first node, alone; then one after the other joins. Calls itself until all are members.
  void form();
  bool formed() const;
  /// Masters are to leave `who`, or need not any more.
  void drain(member& who, bool on);
  void start(member& who);
  void power_cut(member& who, bool silent);
  void restart_later(member& who, sim_ns longest);
  /// A blank node joins, through any other.
  void join(member& who);
  /// Stops it, has the others forget it; then its old disk comes back (it must be told), and it joins as a blank one.
  void remove(member& who);
  /// Faults are over: everybody who belongs starts, no operator has anything left to do.
  void calm();

  // -- what is true
  /// Something has happened that may make a queue or a majority unreachable for a while.
  void trouble() { last_trouble_ = time_.now(); }
  /// Since then, or up to a moment before, or still.
  bool disturbed(sim_ns since) const;
  /// A node that serves clients, drawn; null: there is none.
  member* any_serving();
  member* any(const std::function<bool(const member&)>& fits);
  bool is_calm() const noexcept { return calm_; }
  /// Everybody serves, has the same metadata, and the group's members are those of the table. Else what is missing.
  std::string unsettled() const;
  /// Of replicated queues: every copy is in sync again and all hold the same. Else what is missing. The answers of
  /// replicas are those that it asked for when it was called last.
  std::string unsettled_copies();
  /// Bounds of what links hold (C11).
  void check_links() const;

private:
  void step_timer();
  void make(member& who);
  void ended_by_itself(member& who);
  void try_to_forget(member& who);
  void come_back(member& who);
  void wait_until_applied(uint64_t index);
  bool left(const member& who) const;
  void crash_disk(member& who);
  void noted(member& who, const std::string& line);
  void queue_started(const std::string& node, const queue_record& record);
  std::string unsettled_queues(const member& who) const;
  std::string unsettled_copies(const queue_record& queue);
  void look_at_queues(const metadata_host& host, const std::vector<metadata_change>& changes);
  void tell_drained(member& who);

  virtual_time& time_;
  random_source random_;
  const cluster_plan plan_;
  const std::string plant_;
  const events told_;
  const std::shared_ptr<const guests> own_;
  sim_network network_;
  agreement watch_;
  copies_watch copies_;
  std::vector<std::unique_ptr<member>> members_;
  std::vector<std::shared_ptr<void>> attic_; ///< machines that were reset: events of theirs may still be planned
  std::map<std::string, std::pair<queue_id, epoch>> queues_; ///< as the node that has applied most knows them
  uint64_t queues_at_ = 0;                                   ///< that node's entry
  std::set<std::string, std::less<>> drained_;
  std::map<std::pair<queue_id, std::string>, replica_audit> audits_;
  sim_ns last_trouble_ = 0;
  bool calm_ = false;
};

} // namespace broker::sim

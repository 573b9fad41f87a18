// One simulated node: the production actors on CAF's deterministic coordinator, the production journal on a simulated
// disk, simulated wires for sockets (docs/simulation.md). A crash stops it between two jobs or inside any disk
// operation; what was not synced is lost as the disk decides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/cluster.hpp"
#include "actors/messages.hpp"
#include "base/raft_limits.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "cluster/link_limits.hpp"
#include "copies_watch.hpp"
#include "guests.hpp"
#include "plants.hpp"
#include "sim_backlog.hpp"
#include "sim_disk.hpp"
#include "sim_links.hpp"
#include "sim_session.hpp"
#include "virtual_time.hpp"

namespace broker {
class metadata_host;
}

namespace broker::sim {

/// Small on purpose: paging, pacing and retirement of segments must happen within seconds.
struct node_limits {
  size_t queue_memory_bytes = 64 * 1024;
  size_t queue_pace_bytes = 32 * 1024;
  size_t segment_bytes = 256 * 1024;
  size_t inflight_bytes = 64 * 1024;
  size_t memory_bytes = 16 * 1024 * 1024; ///< of the node: above it its queues are under pressure
};

/// How long an operation of a disk takes.
struct disk_latency {
  sim_ns base = 200 * us;
  sim_ns spread = 2 * ms;
};

/// Where a node stands in a cluster, and who watches it there.
struct cluster_seat {
  std::string name;
  sim_network* network = nullptr; ///< null: the node is alone, without links
  uint64_t break_limit_ms = link_limits::break_limit_ms;
  uint64_t node_down_ms = limits::metadata_node_down_ms;
  size_t snapshot_entries = limits::metadata_snapshot_entries;
  uint64_t heartbeat_ms = limits::raft_heartbeat_ms; ///< of the metadata group; its elections wait for longer, too
  bool replication = false;                          ///< metadata_settings::replication
  replica_bounds replica_sizes;
  disk_latency disk;              ///< when nothing is wrong
  copies_watch* copies = nullptr; ///< sees every step of every replica; null: nobody does
  std::vector<std::string> seeds; ///< nodes it knows from its join; more come from the metadata
  /// After every flush of the metadata, with the node's host.
  std::function<void(const metadata_host&, const std::vector<metadata_change>&)> flushed;
  /// A queue's actor is started here.
  std::function<void(const queue_record&)> queue_started;
  std::shared_ptr<const guests> own; ///< behaviours of somebody's own; null: none
};

class sim_node {
public:
  /// `disk` and `backlog` outlive the node's crashes. `log` gets the node's log lines.
  sim_node(virtual_time& time, random_source random, sim_disk& disk, sim_backlog& backlog, plant& mistakes,
           node_limits bounds, std::function<void(const std::string&)> log, cluster_seat seat = {});
  ~sim_node();

  /// Recovers and serves. Error: the node refuses to start (damage, or the disk failed it); it is down then. A member
  /// of a cluster serves later: see serves().
  result<void> start();
  bool up() const noexcept { return process_ != nullptr; }
  /// Nothing of the process runs any more. The disk must be crashed by the caller, too. `silent`: nobody hears of it.
  void crash(bool silent = false);
  /// The node has ended itself after a failed write (guarantees.md G6): the caller crashes and restarts it.
  bool failed() const noexcept { return failed_; }

  bool has_job() const;
  /// Runs one message of one actor, chosen by the seed.
  void run_job();
  /// Time of the next actor timer; false: there is none.
  bool next_timer(sim_ns& at) const;
  void run_timer();

  /// A new connection, or null while the node is down.
  ref<sim_session> connect(wire_peer& client);
  /// How long a disk operation takes from now on: `base` and up to `spread` more.
  void set_disk_latency(sim_ns base, sim_ns spread);
  void usual_disk_latency() { latency_ = seat_.disk; }
  /// Each job of an actor takes up to so long from now on: mailboxes fill while the world goes on. 0: no time at all.
  void set_job_time(sim_ns most) { job_time_ = most; }

  // -- in a cluster --
  const std::string& name() const noexcept { return seat_.name; }
  /// A majority has heard of this run: clients may come.
  bool serves() const noexcept;
  /// The others have removed it.
  bool forgotten() const noexcept;
  /// SIGSTOP: nothing of the process runs until resume(); what arrives waits.
  void pause();
  void resume();
  bool paused() const noexcept { return paused_; }
  /// The calendar is wrong by so much from now on.
  void set_wall_offset(int64_t offset_ms) { wall_offset_ms_ = offset_ms; }
  /// The monotonic clock runs so many millionths too fast. Only while the node is down.
  void set_drift(int64_t millionths) { drift_ = millionths; }
  /// An operator's change; `done` as proposal::done. The node must be up.
  void propose(command what, std::function<void(command_result)> done);
  /// The newest metadata; null before the first.
  snapshot_ptr metadata() const;
  /// Queues that have an actor here.
  bool runs_queue(queue_id id) const;
  std::vector<node_state> links() const;
  /// Of the running process, for tests that ask its actors.
  runtime& shared();
  caf::actor_system& system();
  /// A planted mistake: a queue of another node is made here as well.
  void start_foreign_queue(const queue_record& record);

private:
  struct process;
  result<void> open_cluster(process& life);
  uint64_t monotonic_ms() const;
  result<void> open_store(process& life);
  result<void> open_metadata(process& life);
  void schedule_writer();
  void schedule_flush();
  void schedule_reader();
  void schedule_helper();
  void schedule_tick();
  void tell_pressure();
  void fail(const error& why);
  sim_ns disk_delay();
  template<class Function>
  void later(sim_ns delay, Function what);

  virtual_time& time_;
  random_source random_;
  sim_disk& disk_;
  sim_backlog& backlog_;
  plant& mistakes_;
  const node_limits bounds_;
  const std::function<void(const std::string&)> log_;
  const cluster_seat seat_;
  bool paused_ = false;
  std::vector<std::function<void()>> missed_; ///< while paused
  int64_t wall_offset_ms_ = 0;
  int64_t drift_ = 0;
  disk_latency latency_;
  sim_ns job_time_ = 0;
  sim_ns busy_until_ = 0;
  bool failed_ = false;
  uint64_t next_seed_ = 1;
  uint64_t next_port_ = 10'000;
  std::unique_ptr<process> process_;
  uint64_t lives_ = 0;
};

} // namespace broker::sim

// One simulated node: the production actors on CAF's deterministic coordinator, the production journal on a simulated
// disk, simulated wires for sockets (docs/simulation.md). A crash stops it between two jobs or inside any disk
// operation; what was not synced is lost as the disk decides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/random.hpp"
#include "base/result.hpp"
#include "plants.hpp"
#include "sim_backlog.hpp"
#include "sim_disk.hpp"
#include "sim_session.hpp"
#include "virtual_time.hpp"

namespace broker::sim {

/// Small on purpose: paging, pacing and retirement of segments must happen within seconds.
struct node_limits {
  size_t queue_memory_bytes = 64 * 1024;
  size_t queue_pace_bytes = 32 * 1024;
  size_t segment_bytes = 256 * 1024;
  size_t inflight_bytes = 64 * 1024;
  size_t memory_bytes = 16 * 1024 * 1024; ///< of the node: above it its queues are under pressure
};

class sim_node {
public:
  /// `disk` and `backlog` outlive the node's crashes. `log` gets the node's log lines.
  sim_node(virtual_time& time, random_source random, sim_disk& disk, sim_backlog& backlog, plant& mistakes,
           node_limits bounds, std::function<void(const std::string&)> log);
  ~sim_node();

  /// Recovers and serves. Error: the node refuses to start (damage, or the disk failed it); it is down then.
  result<void> start();
  bool up() const noexcept { return process_ != nullptr; }
  /// Nothing of the process runs any more. The disk must be crashed by the caller, too.
  void crash();
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

private:
  struct process;
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
  sim_ns latency_base_ = 200 * us;
  sim_ns latency_spread_ = 2 * ms;
  bool failed_ = false;
  uint64_t next_seed_ = 1;
  uint64_t next_port_ = 10'000;
  std::unique_ptr<process> process_;
  uint64_t lives_ = 0;
};

} // namespace broker::sim

// One simulated node: the production actors on CAF's deterministic coordinator, the production journal on a simulated
// disk, simulated wires for sockets (docs/simulation.md). A crash stops it between two jobs or inside any disk
// operation; what was not synced is lost as the disk decides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "plants.hpp"
#include "sim_disk.hpp"
#include "sim_session.hpp"
#include "virtual_time.hpp"

namespace broker::sim {

struct node_limits {
  size_t queue_memory_bytes = 64 * 1024;
  size_t segment_bytes = 256 * 1024;
  size_t inflight_bytes = 64 * 1024;
};

class sim_node {
public:
  /// `disk` outlives the node's crashes. `log` gets the node's log lines.
  sim_node(virtual_time& time, random_source random, sim_disk& disk, plant& mistakes, node_limits bounds,
           std::function<void(const std::string&)> log);
  ~sim_node();

  /// Recovers and serves. Error: the node refuses to start (damage); it is down then.
  result<void> start();
  bool up() const;
  /// Power cut: nothing of the process runs any more. The disk must be crashed by the caller, too.
  void crash();
  /// Clean stop: clients get 320, everything is flushed. Runs jobs and virtual time by itself.
  void stop();
  /// The node has ended itself after a failed write (guarantees.md G6); the caller restarts it.
  bool failed() const;

  bool has_job() const;
  /// Runs one message of one actor, chosen by the seed.
  void run_job();
  /// Time of the next actor timer, or none.
  bool next_timer(sim_ns& at) const;
  void run_timer();

  /// A new connection, or null while the node does not listen.
  ref<sim_session> connect(wire_peer& client);
  /// How long one disk operation takes now.
  void set_disk_latency(sim_ns base, sim_ns spread);

private:
  struct process;
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace broker::sim

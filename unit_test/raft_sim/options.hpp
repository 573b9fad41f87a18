// What one seed of the chaos decides about its world: sizes, speeds and which faults it has. Drawn anew for each seed,
// so that a sweep sees quiet and wild worlds (swarm testing, guarantees.md section 5).
#pragma once

#include <cstdint>
#include <string>

#include "base/random.hpp"

namespace raft_sim {

struct options {
  uint64_t seed = 1;
  unsigned servers = 3; ///< voters at the start
  uint64_t chaos_ms = 8'000;
  uint64_t leader_ms = 15'000; ///< within which there is a leader after the faults have stopped
  /// Within which somebody must apply something, until all agree: an old leader's entries travel one by one over a slow
  /// line before the first of the new term can be committed.
  uint64_t calm_ms = 150'000;

  // network
  unsigned loss_per_mille = 0;
  unsigned duplicate_per_mille = 0;
  unsigned slow_per_mille = 0; ///< messages that take up to slow_ms
  unsigned delay_ms = 5;
  unsigned slow_ms = 3'000;
  bool fifo = true; ///< within a link; otherwise reordered there too

  // disk
  bool synchronous = true;    ///< the host waits for each write, as metadata_host does; otherwise writes queue
  bool atomic_pointer = true; ///< snapshot pointer and truncation are one batch, as with LevelDB
  unsigned disk_ms = 2;
  unsigned snapshot_ms = 20;

  // faults, per mille and server in each 20 ms
  unsigned crash_per_mille = 3;
  unsigned restart_per_mille = 60;
  unsigned cut_per_mille = 8;
  unsigned heal_per_mille = 30;
  unsigned pause_per_mille = 2;
  unsigned die_inside_one_in = 0; ///< at each point inside a step; 0: never
  bool membership = false;
  bool transfers = false;

  // load
  unsigned propose_every_ms = 20;
  unsigned read_every_ms = 40;

  // the core's settings
  size_t snapshot_after = 32;
  size_t trailing = 8;
  size_t append_bytes = 300;
  size_t inflight = 4;
  size_t chunk_bytes = 100;
  size_t proposals_max = 32;
};

options draw(uint64_t seed);

} // namespace raft_sim

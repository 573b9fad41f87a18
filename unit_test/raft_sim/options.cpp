#include "raft_sim/options.hpp"

#include <initializer_list>

namespace raft_sim {
namespace {

template<class T>
T pick(broker::random_source& random, std::initializer_list<T> from) {
  return from.begin()[random.below(from.size())];
}

/// Many short reigns, and entries that arrive one by one: the land of figure 8.
void torn_terms(options& out, broker::random_source& random) {
  out.servers = pick(random, {3u, 5u});
  out.append_bytes = 64;
  out.inflight = 1;
  out.delay_ms = pick(random, {5u, 40u, 120u});
  out.disk_ms = pick(random, {1u, 5u});
  out.chaos_ms = 10'000;
  out.crash_per_mille = pick(random, {6u, 15u});
  out.restart_per_mille = 150;
  out.cut_per_mille = pick(random, {10u, 25u});
  out.heal_per_mille = pick(random, {20u, 60u});
  out.die_inside_one_in = pick(random, {60u, 200u});
  out.membership = false;
  out.propose_every_ms = 60;
}

/// Candidates side by side, votes long on their way, and voters that are back before the next request reaches them:
/// where a vote that was not stored is given twice.
void crowded_elections(options& out, broker::random_source& random) {
  out.servers = 3;
  out.delay_ms = pick(random, {120u, 250u});
  out.disk_ms = 1;
  out.chaos_ms = 15'000;
  out.loss_per_mille = out.slow_per_mille = out.cut_per_mille = out.pause_per_mille = 0;
  out.crash_per_mille = pick(random, {20u, 40u});
  out.restart_per_mille = 1'000;
  out.die_inside_one_in = 0;
  out.membership = false;
  out.propose_every_ms = 60;
}

} // namespace

options draw(uint64_t seed) {
  broker::random_source random{seed * 0x9e3779b97f4a7c15u + 7};
  options out;
  out.seed = seed;
  out.servers = pick(random, {1u, 2u, 3u, 3u, 3u, 4u, 5u, 5u});
  out.chaos_ms = pick(random, {3'000u, 6'000u, 10'000u});
  out.loss_per_mille = pick(random, {0u, 0u, 20u, 80u, 200u});
  out.duplicate_per_mille = pick(random, {0u, 30u, 150u});
  out.slow_per_mille = pick(random, {0u, 0u, 5u, 40u});
  out.delay_ms = pick(random, {1u, 5u, 20u, 120u});
  out.fifo = random.chance(3, 4);
  out.synchronous = random.chance(1, 2);
  out.atomic_pointer = random.chance(1, 2);
  out.disk_ms = pick(random, {1u, 5u, 40u, 120u});
  out.snapshot_ms = pick(random, {2u, 50u, 400u});
  out.crash_per_mille = pick(random, {0u, 3u, 6u, 12u});
  out.cut_per_mille = pick(random, {0u, 4u, 10u, 20u});
  out.pause_per_mille = pick(random, {0u, 2u, 6u});
  out.die_inside_one_in = pick(random, {0u, 2'000u, 600u, 200u});
  out.membership = random.chance(1, 2);
  out.transfers = random.chance(1, 3);
  out.propose_every_ms = pick(random, {3u, 15u, 60u});
  out.read_every_ms = pick(random, {10u, 40u, 200u});
  out.snapshot_after = pick<size_t>(random, {8, 32, 128, 100'000});
  out.trailing = pick<size_t>(random, {0, 4, 32});
  out.append_bytes = pick<size_t>(random, {64, 300, 2'000});
  out.inflight = pick<size_t>(random, {1, 3, 16});
  out.chunk_bytes = pick<size_t>(random, {40, 150, 5'000});
  out.proposals_max = pick<size_t>(random, {4, 32, 256});
  if (seed % 8 == 5)
    torn_terms(out, random);
  else if (seed % 8 == 3)
    crowded_elections(out, random);
  return out;
}

} // namespace raft_sim

// One simulated run: a node of production actors under virtual time, model clients, faults, checkers (guarantees.md
// section 5). The same options give the same trace hash, always.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guests.hpp"
#include "numbered.hpp"

namespace broker::sim {

struct run_options {
  uint64_t seed = 1;
  double minutes = 1; ///< virtual, before the drain
  // fault kinds that the seed may switch on
  bool crashes = true; ///< power cuts between and inside disk operations (F1, F3, F4, F16)
  bool disk = true;    ///< EIO, full disk, damaged records (F5, F8, F9)
  bool cuts = true;    ///< lost connections (F21)
  bool stalls = true;  ///< slow disk, clients that do not read (F10, F19)
  // the same, of clusters
  bool partitions = true;            ///< halves, one-way, ring, single node (F12)
  bool links = true;                 ///< broken connections, delay (F13)
  bool pauses = true;                ///< a process stands still and goes on (F14)
  bool clocks = true;                ///< calendars jump, clocks drift (F15)
  bool members = true;               ///< nodes are forgotten and join anew (F17)
  bool policies = true;              ///< which queues are mirrored, and how, changes
  bool drains = true;                ///< masters leave a node, and may come back (U05)
  bool orders = true;                ///< masters are to change as nobody should want it, or too late
  bool strikes = true;               ///< something goes wrong just when a queue has got another master
  uint32_t nodes = 1;                ///< 1: one node without links (run.cpp); more: a cluster (cluster_run.cpp)
  std::string faults;                ///< the choice as it was given, for people; "" = all
  std::string plant;                 ///< name of a mistake to plant, "" = none
  chosen_numbers only_faults;        ///< of those that the seed would have come, in their order
  chosen_numbers only_clients;       ///< of publishers, consumers and registrars, in the order in which they are made
  std::shared_ptr<const guests> own; ///< behaviours of somebody's own that take part; null: none
  bool verbose = false;              ///< prints faults and node log lines as they happen
  double until_s = 0;                ///< stop here (replay); 0 = run to the end
  bool stop_at_first = false;        ///< the first violation ends the run
};

struct run_result {
  std::vector<std::string> violations;
  uint64_t published = 0;
  uint64_t confirmed = 0;
  uint64_t delivered = 0;
  uint64_t duplicates = 0;
  uint64_t crashes = 0;
  uint64_t cuts = 0;
  uint64_t disk_faults = 0;
  uint64_t changes = 0; ///< of the metadata, answered
  uint32_t faults = 0;  ///< that came, also those that were left out
  uint32_t clients = 0; ///< likewise
  uint64_t trace = 0;
  double virtual_s = 0;
  double wall_s = 0;
  /// Rare states reached, by name: a state no seed of a sweep reaches is untested.
  std::vector<std::string> markers;
};

run_result simulate(const run_options& options);

/// `list`: comma-separated kinds as warren-sim takes them, or "none". False: one of them is none.
bool choose_faults(const std::string& list, run_options& options);
/// How many nodes a seed runs with that draws them: 1 to `most`.
uint32_t draw_nodes(uint64_t seed, uint32_t most);
/// The command that repeats a run, and what was broken.
void print_failure(const run_options& options, const run_result& result);

/// One line for people: counts, result, trace.
std::string summary(const run_options& options, const run_result& result);

} // namespace broker::sim

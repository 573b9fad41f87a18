// Bounds of an exploration, and the mistakes that can be planted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replication/plant.hpp"

namespace explorer {

/// Most nodes and log entries of an exploration.
inline constexpr int nodes_max = 4;
inline constexpr int entries_max = 8;

/// How often each fault, or anything else that only costs states, may happen in one run.
enum budget {
  crash,     ///< power failure of one node: what is not synced is gone
  loss,      ///< a disconnect between two nodes
  expire,    ///< the session of a running node expires
  slow,      ///< a running mirror is proposed for removal
  tail,      ///< a restart finds the last durable entry silently gone
  wipe,      ///< a restart finds an empty disk, and knows it
  resend,    ///< a publish is lost, or the channel sends again early
  settle,    ///< the master settles a committed message
  purge,     ///< the master purges what is committed
  hand_over, ///< the master hands over to an in-sync replica
  retry,     ///< a retry timer fires although something is under way
  forget,    ///< a channel whose publishes are all confirmed ends
  take,      ///< a policy takes a node's copy away; giving it back costs nothing
  budgets,
};

struct options {
  int nodes = 3;
  int members = 3; ///< the first so many are in sync at the start
  int messages = 2;
  int epochs = 3;
  int min_in_sync = 1;
  int budget[budgets] = {};
  bool grace = false;           ///< recovery need not wait for all listed replicas
  bool live = false;            ///< I8: from every state, does a fault-free schedule confirm everything?
  bool lazy_fsync = false;      ///< a mirror's fsync is a step of its own
  bool free = false;            ///< one channel per message, so that order and content differ between masters
  bool copy = false;            ///< joins into an empty log go by copy
  bool short_tail = false;      ///< committed entries leave memory at once and the store has not kept them
  bool stale = false;           ///< messages of older epochs are delivered and rejected, not dropped
  bool split_inventory = false; ///< an inventory reaches the metadata some time after it was made
  bool announce = false;        ///< idle masters tell of the commit
  uint64_t plants = 0;
  uint64_t states_max = 60'000'000;

  /// Highest incarnation of a node that does not start over.
  uint64_t inc_max() const { return static_cast<uint64_t>(3 + budget[take]); }
  bool planted(broker::replication::plant which) const { return (plants >> static_cast<unsigned>(which) & 1) != 0; }
};

/// Reads `--name value` options, as in "--nodes 3 --crash 1 --copy". Empty result: done; otherwise what is wrong.
std::string parse(const std::vector<std::string>& words, options& into);
/// Name of a plant as on the command line, "remove-early".
std::string plant_name(broker::replication::plant which);
/// One line that `parse` understands.
std::vector<std::string> split(const std::string& line);

} // namespace explorer

// One node of the explored cluster: the real replica, its disk, and what the store still owes it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"
#include "replication/replica.hpp"

namespace explorer {

namespace repl = broker::replication;

/// Entries as the explorer compares them: mastership << 8 | content. 0 = a hole below a copy's base.
using code = uint16_t;

/// Everything that can be in an entry, numbered. `publish`: its channel and number; otherwise what it ends.
struct content {
  repl::entry_kind kind = repl::entry_kind::publish;
  uint64_t channel = 0;
  uint64_t number = 0;
  uint32_t ends = 0; ///< bit per seq
  friend bool operator==(const content&, const content&) = default;
};
uint8_t content_id(const content& what);
const content& content_of(code entry);
code code_of(const repl::log_run& run, broker::seqno seq);

/// The log as codes; returns its length.
int codes_of(const repl::replica_log& log, code (&into)[entries_max]);

struct sim_node {
  bool up = false;
  bool damaged = false;    ///< the disk has lost something since it was last put into the in-sync set
  bool start_over = false; ///< wants to come again with an empty log
  repl::incarnation inc = 0;
  std::optional<repl::replica> machine; ///< none: down, or the queue has no copy here
  repl::incarnation dropped_as = 0;     ///< a replica of this life has dropped its log under this one
  repl::replica_log image;              ///< what a crash leaves
  uint32_t image_live = 0;              ///< messages whose bodies it has, bit per seq
  std::vector<repl::log_write> pending; ///< written, not synced
  std::vector<repl::read_order> reads;

  /// Everything that was written is on disk; the replica is told.
  void sync(repl::effects& out);
  /// The log as it will be on disk when everything that was written is there.
  repl::replica_log written() const;
  /// Messages whose bodies the store has, synced or not.
  uint32_t live() const;
  /// Takes what a step wrote and wants to read.
  void take(repl::effects& out, bool settles_sync_at_once);
  void power_failure();
  /// The queue has no copy here any more.
  void drop();
  void describe(std::string& out) const;

private:
  bool wanted(const repl::read_order& order) const;
};

/// What a write does to the bodies a store has.
void follow(const repl::log_write& write, uint32_t& live);
/// A batch with the one message `number` of `channel`.
broker::batch_ref batch_of(uint64_t channel, uint64_t number);
repl::channel_id channel_named(uint64_t number);

} // namespace explorer

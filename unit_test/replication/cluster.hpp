// A cluster of replicas of one queue for scenarios and the simulator: real replicas, timers, publishers, placement
// commands and wire format; the test moves messages, disks, metadata and time. Promises are checked as they are made.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "ending_store.hpp"
#include "replication/log_recovery.hpp"
#include "replication/log_storage.hpp"
#include "replication/publisher.hpp"
#include "replication/replica_timers.hpp"
#include "replication/supervise.hpp"
#include "replication/wire.hpp"

namespace test {

namespace repl = broker::replication;
using broker::seq_range;
using broker::seqno;

/// One entry as the test remembers it. mastership 0: below a copy's base.
struct entry {
  broker::epoch mastership = 0;
  repl::entry_kind kind = repl::entry_kind::publish;
  uint64_t channel = 0;
  uint64_t number = 0;
  repl::range_list ends;
  broker::message_facts facts;
  bool same(const entry& other) const {
    return mastership == other.mastership && kind == other.kind && channel == other.channel && number == other.number
        && facts == other.facts;
  }
};

/// What is on a disk, or will be: the log as entries, and the messages whose bodies are there.
struct shadow {
  std::vector<entry> log;
  std::map<seqno, repl::live_run> live;
  void follow(const repl::log_write& write);
};

struct node {
  bool up = false;
  bool damaged = false;
  repl::incarnation inc = 0;
  std::optional<repl::replica> machine;
  repl::replica_timers timers;
  std::unique_ptr<log_model::ending_store> store;
  std::optional<repl::log_storage> storage;
  repl::replica_log image; ///< what a crash must leave: no bodies, those are in `disk`
  shadow disk;
  shadow written; ///< disk and what is not synced yet
  std::vector<repl::log_write> pending;
  std::deque<repl::read_order> reads;
  size_t applied = 0; ///< index into cluster::versions
};

/// What the committed log says, whoever committed it.
struct ledger {
  std::vector<entry> committed;
  std::map<uint64_t, std::set<uint64_t>> confirmed; ///< by channel
  std::set<seqno> live() const;
};

struct cluster_settings {
  int nodes = 3;
  int members = 3;
  uint32_t min_in_sync = 1;
  size_t tail_bytes = SIZE_MAX;
  size_t described_bytes = SIZE_MAX; ///< 0: of what leaves memory nothing is known any more
  size_t copy_above_bytes = SIZE_MAX;
  size_t append_bytes = 4096;
  size_t window_bytes = broker::limits::replication_window_bytes;
  bool store_keeps_log = true;    ///< else entries that left memory cannot be read back
  size_t checkpoint_every = 4096; ///< so many records of a log; from then on a disk tells less of what is committed
};

/// What becomes of a log in a restart.
enum class fate : uint8_t {
  kept,
  lost,        ///< the disk is empty
  starts_over, ///< given up on purpose (T19)
};

class cluster {
public:
  explicit cluster(cluster_settings settings);

  // -- what the world does --
  void publish(uint64_t channel, uint32_t count);
  void crash(int who);
  void restart(int who, fate of_log = fate::kept);
  void cut(int a, int b);
  void heal();
  void expire(int who);
  void propose(const repl::placement_command& what) { proposals.push_back(what); }

  // -- one thing at a time: false if there is nothing to do --
  bool deliver(int from, int to);
  bool sync(int who);
  bool apply_metadata(int who);
  bool commit_proposal(size_t which);
  bool answer_read(int who);
  bool channel_sends(uint64_t channel);
  void tick(int who);
  void supervise(bool grace_over);
  /// Everything above until nothing is left, without time passing.
  void calm();
  /// The same with time passing: retries, removals and supervision take place.
  void run_for(uint32_t milliseconds);

  // -- what a master decides --
  int master() const; ///< node that acts as master of the newest epoch, 0 = none
  void settle(std::vector<seq_range> ended);
  void purge();
  void forget(uint64_t channel);

  // -- what can be asked --
  node& at(int who) { return nodes[static_cast<size_t>(who) - 1]; }
  const node& at(int who) const { return nodes[static_cast<size_t>(who) - 1]; }
  const repl::metadata_view& head() const { return *versions.back(); }
  bool in_sync(int who) const;
  size_t confirmed(uint64_t channel = 1) const;
  std::set<seqno> content(int who) const; ///< messages it would hand out as a master
  /// The first broken promise, "" = none: I1-I5, bodies and de-duplication.
  std::string check() const;

  cluster_settings settings;
  std::vector<node> nodes;
  std::map<std::pair<int, int>, std::deque<std::string>> links; ///< encoded parts
  std::set<std::pair<int, int>> cuts;
  std::vector<std::shared_ptr<const repl::metadata_view>> versions;
  std::deque<repl::placement_command> proposals;
  std::map<uint64_t, repl::publisher> channels;
  std::map<uint64_t, uint64_t> published; ///< by channel: last number
  ledger truth;
  uint64_t now_ms = 1000;
  std::string broken;                                                        ///< first promise broken by a step
  uint64_t trace = 0;                                                        ///< hash over everything that happened
  size_t copies = 0, truncations = 0, offices = 0, gaps = 0, duplicates = 0; ///< sometimes-reached markers
  bool lose_next_publish = false;

private:
  struct owed {
    seqno at = 0;
    uint64_t channel = 0;
    seq_range numbers;
  };

  void perform(int who, repl::effects& out);
  void committed(int who, seqno upto);
  void confirm(int who);
  bool publish_to(int who, uint64_t channel);
  void view_changed(const repl::metadata_view& next);
  repl::replica_log recover(int who);
  std::string check_disk(int who) const;
  std::string check_node(int who) const;
  void note(uint64_t value);

  std::vector<owed> owed_;
  int owed_by_ = 0;
  std::map<std::pair<int, int>, repl::part_assembler> assemblers_;
};

} // namespace test

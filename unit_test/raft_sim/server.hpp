// One server: a host that carries out the effects of a raft::group against a disk that can fail it at any point. It is
// what a production host must be, plus the crash points and the checks.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "raft/group.hpp"
#include "raft_sim/disk.hpp"
#include "raft_sim/state_machine.hpp"

namespace raft_sim {

class world;

/// What was handed to the store, durable or not: what the core says must agree with it.
struct mirror {
  uint64_t base = 0;
  uint64_t base_term = 0;
  std::vector<uint64_t> terms; ///< of base + 1 ...
  std::vector<std::pair<uint64_t, membership>> configs;

  uint64_t last() const { return base + terms.size(); }
  uint64_t term_at(uint64_t index) const { return index == base ? base_term : terms.at(index - base - 1); }
  void reset(uint64_t index, uint64_t term, const membership& members);
  void append(const entry& one);
  void truncate(uint64_t index);
};

class server {
public:
  server(world& where, node_id who, membership bootstrap_members);

  void boot();
  void crash();
  bool running() const { return group != nullptr; }
  bool leads() const { return running() && group->state() == role::leader; }
  void pause(uint64_t ms);

  void receive(node_id from, const std::string& bytes);
  /// As a link tells it, rightly or not.
  void hear_of_end(node_id who) { carry_out(group->ended(who)); }
  /// Proposes commands of its own making, as one batch.
  void propose(unsigned count);
  void propose(const std::string& command);
  void read();
  enum class change : uint8_t { add, promote, remove, transfer };
  void ask(change what, node_id whom);
  bool idle() const { return pending.empty(); }

  const node_id id;
  const membership bootstrap;
  disk_image disk;
  std::unique_ptr<broker::raft::group> group; ///< null: down
  state_machine state;
  mirror log;
  uint64_t life = 0; ///< rises with each crash: what belongs to an earlier life is dropped
  uint64_t paused_until = 0;
  bool gone = false; ///< removed for good
  std::map<outcome, unsigned> outcomes;
  unsigned boots = 0, installs = 0, snapshots = 0, deaths_inside = 0, reads_done = 0, changes_done = 0;

private:
  struct asked {
    enum class kind : uint8_t { command, read, change } what = kind::command;
    std::string command;
    uint64_t floor = 0;
  };

  bool dies_here(const char* point);
  void tick();
  /// All of these return false when the server died on the way.
  bool carry_out(effects what);
  bool write(const effects& what);
  bool apply(const effects& what);
  void check_entry(const entry& one);
  void check_stored(size_t count);
  void check_leader();
  void answer(const completion& one);
  void take_snapshot();
  bool receive_chunk(const snapshot_chunk& chunk);
  bool install(const snapshot_meta& meta);
  bool enqueue(std::vector<disk_step> steps);
  void next_step();
  void finish_steps();
  void tear_steps();
  void release_messages();

  world& world_;
  broker::random_source random_;
  std::deque<disk_step> steps_;
  size_t together_ = 0;                               ///< of them, under way
  std::vector<std::pair<node_id, std::string>> held_; ///< until a hard state is durable
  unsigned states_queued_ = 0;
  std::string incoming_; ///< temporary file of a snapshot
  std::map<ticket, asked> pending;
  ticket next_ticket_ = 1;
  uint64_t command_number_ = 0;
  uint64_t heard_ = 0;
  uint64_t tick_due_ = 0;
};

} // namespace raft_sim

// Steps of one node, each run once on the real code and remembered: the explorer meets the same node in the same
// situation in thousands of global states. Nodes, messages, proposals, metadata views and channels are interned by
// their canonical bytes, so a global state is a handful of numbers.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "replication/publisher.hpp"
#include "sim_node.hpp"

namespace explorer {

/// Equal things get equal numbers; 0 is none.
template<class T>
class intern_table {
public:
  uint32_t put(T what, const std::string& canonical) {
    auto [at, fresh] = index_.try_emplace(canonical, static_cast<uint32_t>(all_.size()));
    if (fresh)
      all_.push_back(std::make_unique<T>(std::move(what)));
    return at->second;
  }
  const T& operator[](uint32_t number) const { return *all_[number]; }
  size_t size() const { return all_.size(); }

private:
  std::vector<std::unique_ptr<T>> all_{1};
  std::unordered_map<std::string, uint32_t> index_;
};

/// What the checks and the enabling conditions ask of a node, computed once per node state.
struct summary {
  bool up, replica, master, damaged, start_over, image_copying, reads, unsynced, owes_sync;
  uint8_t inc, len, dlen, durable, commit, matched;
  uint16_t mastership;
  code log[entries_max], disk[entries_max];
  uint16_t masters[entries_max]; ///< of each entry of the log; 0 = not known, in front of the end of a copy's base
  uint32_t chains[entries_max];  ///< over each entry and all before it, where `masters` knows the entry
  uint32_t disk_live, live;
  bool dedupe_follows;                           ///< what is on disk as de-duplication follows from the entries
  uint8_t dedupe[entries_max + 1];               ///< last publish of each channel on disk
  uint8_t wants_send, stuck, slow, handing_over; ///< bit per peer (node number - 1)
  bool pending;
};

enum class step : uint8_t {
  apply,
  receive,
  sync,
  publish,
  send,
  propose,
  remove_slow,
  retry,
  read,
  crash,
  restart,
  settle,
  purge,
  deliver,
  begin_hand_over,
  propose_hand_over,
  announce,
  repeat,
  forget,
};

struct event {
  step what;
  uint8_t who = 0;  ///< a node or an entry
  uint32_t arg = 0; ///< number of a message, view, order
};

struct outcome {
  uint32_t node = 0;
  bool changed = false;
  std::vector<std::pair<uint8_t, uint32_t>> sends;
  std::vector<uint32_t> proposals;
  uint8_t committed = 0; ///< not 0: the log is committed up to here
  bool gap = false;
  std::string broken; ///< an assertion failed
};

class node_steps {
public:
  explicit node_steps(const options& bounds) : bounds_(bounds) {}

  const outcome& run(uint32_t node, const event& what);
  const summary& of(uint32_t node) const { return summaries_[node]; }
  const sim_node& node(uint32_t number) const { return nodes_[number]; }
  uint32_t put(const sim_node& node);
  uint32_t put(const repl::metadata_view& view);
  uint32_t put(const repl::placement_command& command);
  uint32_t put(const repl::publisher& channel);
  const repl::metadata_view& view(uint32_t number) const { return views_[number]; }
  const repl::envelope& message(uint32_t number) const { return messages_[number]; }
  const repl::placement_command& proposal(uint32_t number) const { return proposals_[number]; }
  const repl::publisher& channel(uint32_t number) const { return channels_[number]; }
  size_t different_nodes() const { return nodes_.size(); }
  size_t real_steps() const { return outcomes_.size(); }

  /// A node of the explored cluster as it is at the start, or after a restart. Without a replica if it has no copy.
  sim_node start(repl::node_id self, repl::incarnation inc, const repl::metadata_view& known, repl::replica_log log,
                 uint32_t live) const;

private:
  void begin(sim_node& one, repl::node_id self, const repl::metadata_view& known, repl::effects& out) const;
  void show(sim_node& one, repl::node_id self, const repl::metadata_view& known, repl::effects& out) const;
  void perform(sim_node& one, const event& what, outcome& done, repl::effects& out);
  void perform_as_master(sim_node& one, const event& what, outcome& done, repl::effects& out);
  void answer_read(sim_node& one, repl::effects& out) const;
  void settle_disk(sim_node& one, const event& what, repl::effects& out) const;
  summary summarise(const sim_node& node) const;
  void summarise_log(const sim_node& node, summary& all) const;

  const options& bounds_;
  intern_table<sim_node> nodes_;
  intern_table<repl::envelope> messages_;
  intern_table<repl::placement_command> proposals_;
  intern_table<repl::metadata_view> views_;
  intern_table<repl::publisher> channels_{};
  std::deque<summary> summaries_{1}; ///< stays where it is: events read of one while they make others
  std::unordered_map<uint64_t, uint32_t> memo_;
  std::deque<outcome> outcomes_; // references stay valid
};

/// Thrown by BROKER_ASSERT in the test programs.
struct broken_assertion {
  std::string text;
};

} // namespace explorer

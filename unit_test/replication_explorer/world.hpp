// The explored cluster: a global state of a few hundred bytes, and everything that can happen in it. Every decision is
// made by the real code (node_steps.hpp; placement commands): the world only moves messages, disks and metadata about.
// Metadata is a list of versions, of which each node has applied a part. Proposals float free once made. Messages are
// FIFO per pair, two under way at most.
#pragma once

#include <functional>
#include <string>

#include "node_steps.hpp"

namespace explorer {

inline constexpr int views_max = 14;
inline constexpr int proposals_max = 3;

/// Plain bytes: equal bytes are equal states.
struct state {
  uint32_t node[nodes_max];
  uint32_t link[nodes_max][nodes_max][2];
  uint32_t view[views_max]; ///< the oldest that someone has as its newest, up to the newest of all
  uint32_t proposal[proposals_max];
  uint32_t channel;            ///< the publisher; 0 with one channel per message
  code committed[entries_max]; ///< what is committed, whoever did it
  uint8_t applied[nodes_max];  ///< index into view
  uint8_t views, proposals, length, target, holders, confirmed;
  uint8_t left[budgets];
  uint8_t unused[2];
};
static_assert(sizeof(state) % 4 == 0 && std::is_trivially_copyable_v<state>);

struct label {
  const char* what;
  int who;
  int other;
};

class world {
public:
  using emit = std::function<void(const state&, const label&)>;

  explicit world(const options& bounds) : bounds_(bounds), steps_(bounds) {}

  state initial();
  /// Calls `out` with every state one step away. Without faults: only what a calm cluster does.
  void successors(const state& from, bool faults, const emit& out);
  /// What is wrong with the state, or null. Also set by a step that breaks a promise at once.
  const char* check(const state& at);
  const char* broken() const { return broken_.empty() ? nullptr : broken_.c_str(); }
  void forgive() { broken_.clear(); }
  /// Everything is confirmed and every node is in sync.
  bool all_well(const state& at) const;
  bool done(const state& at) const;
  void print(const state& at) const;
  const node_steps& steps() const { return steps_; }

private:
  const repl::metadata_view& head(const state& at) const { return steps_.view(at.view[at.views - 1]); }
  const summary& of(const state& at, int node) const { return steps_.of(at.node[node]); }

  // -- parts of a step --
  bool run(state& at, int node, const event& what);
  void deliver_outcome(state& at, int node, const outcome& done);
  void push(state& at, int from, int to, uint32_t message) const;
  void commit(state& at, int node, int length);
  void confirm(state& at);
  bool commit_view(state& at, repl::metadata_view next);
  bool command(state& at, const repl::placement_command& what);
  void count_holders(state& at, const repl::metadata_view& before);
  void tidy(state& at) const;
  void tidy_links(state& at) const;
  bool dead(const state& at, const repl::placement_command& what) const;
  bool dead(const state& at, int to, const repl::envelope& message) const;
  void fail(const std::string& what) { broken_ = what; }

  // -- what can happen --
  void node_events(const state& from, bool faults, const emit& out);
  void restarts(const state& from, bool faults, const emit& out);
  void restart(const state& from, int node, int kind, const emit& out);
  void messages(const state& from, const emit& out);
  void master_events(const state& from, int node, bool faults, const emit& out);
  void peer_events(const state& from, int node, int peer, bool faults, const emit& out);
  void entry_events(const state& from, int node, const emit& out);
  void metadata_events(const state& from, bool faults, const emit& out);
  void recoveries(const state& from, const emit& out);
  void policies(const state& from, bool faults, const emit& out);
  void channel_events(const state& from, bool faults, const emit& out);
  void free_publishes(const state& from, const emit& out);
  void faults(const state& from, const emit& out);
  repl::incarnation next_inc(const state& at, int node) const;
  void register_as(state& at, int node, repl::incarnation inc, repl::metadata_view& view);
  void go(state& next, const emit& out, const char* what, int who, int other = -1);

  // -- invariants --
  const char* check_disk(const state& at, int node) const;
  const char* check_memory(const state& at, int node) const;
  const char* check_pair(const state& at, int a, int b) const;
  const char* check_order(const code* log, int length) const;
  uint32_t live_of(const state& at) const;

  const options& bounds_;
  node_steps steps_;
  std::string broken_;
};

} // namespace explorer

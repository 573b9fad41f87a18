// Drives the metadata of one node without an actor or a clock: owns metadata_state and its consensus group and carries
// the group's effects out against the store and the other nodes (consensus.md section 6; docs/internals/metadata.md).
// What an actor or a simulator calls; single-threaded.
//
// Every call but flush() only queues. flush() makes all of it durable with one synced write, applies what is committed
// in order and gives answers and changes (group commit). A node alone is a group of one: there an answer comes with the
// next flush. In a cluster a node's proposals travel to the leader, are applied exactly once (proposal_window.hpp), and
// are answered when this node itself has applied them, and every other node that can be reached and keeps up has, too
// (answer_gate.hpp): whoever has an answer finds it in snapshot(), and on the other nodes.
// Snapshots are taken between flushes, and written beside them (metadata_snapshot_job), so that nothing waits for one;
// one that is received is restored beside them, too (metadata_restore_job).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "metadata/answer_gate.hpp"
#include "metadata/metadata_state.hpp"
#include "metadata/peer_message.hpp"
#include "metadata/proposal_window.hpp"
#include "ports/metadata_peers.hpp"
#include "ports/metadata_store.hpp"
#include "raft/group.hpp"

namespace broker {

struct metadata_host_settings {
  metadata_settings metadata;
  raft::settings group;     ///< self and bootstrap come from the store
  uint64_t new_cluster = 1; ///< random number of the cluster that a blank node founds
  consensus::time_ms proposal_ms = limits::metadata_proposal_ms;
  /// After this long without a word from a node the leader marks it as down, and what lives with it is gone.
  consensus::time_ms node_down_ms = limits::metadata_node_down_ms;
  /// After this long its session is over, so that its masters get successors (G5; it counts the same time for itself,
  /// see replication::session_lease). 0: it lasts as long as the node is up.
  consensus::time_ms session_ms = 0;
  size_t applied_at_once = limits::metadata_applied_at_once; ///< entries in one flush()
};

/// The answer to one proposal or read. `result` counts only when `what` is ok. Of the rest, only `lost` leaves open
/// whether it happened: it was sent and not seen applied in time.
struct metadata_completion {
  consensus::ticket id = 0;
  consensus::outcome what = consensus::outcome::ok;
  command_result result;
};
struct metadata_flush {
  std::vector<metadata_completion> done;
  std::vector<metadata_change> changes;            ///< of all commands, in order
  std::optional<consensus::leadership> leadership; ///< if it has changed
  /// This node has been forgotten: it is no member any more, and must be reset before it can join again (S15).
  bool forgotten = false;
  /// What the leader wishes of masters of this node (move_master).
  std::vector<peer_message::move_master> moves;
  /// This leader hands over to a node that reaches everybody whom it reaches, and one more.
  struct better_connected {
    std::string next;
    std::string stranded;
  };
  std::optional<better_connected> hands_over;
};

/// A snapshot that has been begun: its content is fixed, so that it may be written while the host goes on.
struct metadata_snapshot_job {
  consensus::snapshot_meta meta;
  std::shared_ptr<const metadata_image> image;

  /// What takes time: encodes the image and writes it beside the store's other work. On any thread. Error: a failed
  /// write; the node must end (G6).
  result<std::string> write(metadata_store& store) const;
};

/// A snapshot that was received whole, and becomes the state while the host goes on.
struct metadata_restore_job {
  consensus::snapshot_meta meta;
  std::string bytes;
  snapshot_ptr before; ///< what it takes the place of
  /// What it becomes; after finish_restore() what it has replaced. The end of a large one takes time, wherever it ends.
  std::unique_ptr<metadata_state> state;
  std::vector<metadata_change> changes; ///< from `before` to it

  /// What takes time: decodes and compares it, and writes it beside the store's other work. On any thread. Error: bytes
  /// this version does not understand, or a failed write; the node must end (G6, G7).
  result<void> work(metadata_store& store);
};

class metadata_host {
public:
  /// `store` and `peers` outlive the host. Without peers the node is alone.
  metadata_host(metadata_host_settings settings, metadata_store& store, metadata_peers* peers = nullptr);

  /// Loads and restores. Alone it also replays: the state is then what every answer before the last stop said, and what
  /// queues were created or deleted meanwhile is not reported (the caller compares its queues' files with snapshot()).
  /// A member of a larger group has the state of its last snapshot until it hears from a leader; the answer to its
  /// node_started tells that it is up to date. Once, first.
  /// `now` as in tick(): deadlines count from it. Errors: the store's, or stored bytes this version does not
  /// understand. The node must not start then (G7).
  result<void> open(consensus::time_ms now);

  /// Queues a command. Answers: ok; overloaded (limits::metadata_proposals_max outstanding); refused (too large);
  /// not_leader (no majority for metadata_host_settings::proposal_ms: it has not happened); lost (nor known whether).
  /// node_started has all the time it needs, and is the first of a run.
  void propose(consensus::ticket id, command what);
  /// Ok when snapshot() has everything that was answered anywhere before this call. Else not_leader after proposal_ms.
  /// At leisure it waits for the leader's next heartbeat, and costs next to nothing; it may get lost.
  void read_barrier(consensus::ticket id, consensus::read_haste haste = consensus::read_haste::at_once);
  /// Another node becomes the leader; ok when this one leads no more. not_leader unless this one does.
  void transfer(consensus::ticket id, consensus::node_id to);
  /// Other voters that are connected: whom leadership may be transferred to.
  std::vector<consensus::node_id> successors() const;
  /// At next_tick(), in a cluster; a node alone needs no time. Monotonic.
  void tick(consensus::time_ms now);
  /// The time of what is called next; before every call but tick() when ticks are rare.
  void at(consensus::time_ms now);
  /// When tick() has something to do, as things are; other calls, and flush(), may move it.
  consensus::time_ms next_tick() const;

  /// Bytes from the host of the node with that (authenticated) name. Malformed ones, and those of another cluster, are
  /// ignored.
  void recv(const std::string& from, std::string_view bytes);
  /// The link to a node is up, is broken, or its session is over: the leader marks a node that stays away as down.
  void peer_connected(const std::string& node);
  /// `heard`: when it was last heard of; its time counts from then.
  void peer_suspect(const std::string& node, consensus::time_ms heard);
  void peer_lost(const std::string& node);

  /// Tells the node of a queue's master that it should hand over; here that is part of the next flush. A wish: it may
  /// get lost.
  void move_master(const std::string& node, const peer_message::move_master& what);

  /// Something waits for flush() that does not come by itself with time.
  bool has_pending() const;
  /// One durable write for everything queued. An error is a failed write, a damaged store, or a log this node cannot
  /// have: the node must end (G6, G7) and nothing of this flush may be answered.
  result<metadata_flush> flush();
  /// More is committed than one flush() applies, as at a member that was away: another one should follow soon.
  bool has_more() const noexcept { return !committed_.empty(); }

  /// The state of the last flush is what this node's clients see from now on: others may answer theirs.
  void shown();

  /// The log has grown enough, and no snapshot is under way.
  bool snapshot_due() const noexcept;
  /// Between flushes, when one is due. Cheap: a reference to the state. One at a time.
  metadata_snapshot_job begin_snapshot();
  /// `bytes` is what the job's write() gave. The snapshot takes the place of the log before it; unless one that was
  /// received meanwhile has done so already. Errors as flush().
  result<void> finish_snapshot(const metadata_snapshot_job& job, std::string_view bytes);
  /// All of it at once; takes time linear in the state.
  result<void> take_snapshot();

  /// A snapshot has been received, and all that was committed before it is applied. Until it is restored nothing is
  /// applied here, but the leader hears of the node.
  bool restore_due() const noexcept;
  /// Between flushes, when one is due. Cheap.
  metadata_restore_job begin_restore();
  /// After the job's work(). The next flush() gives its changes. Errors as flush().
  result<void> finish_restore(metadata_restore_job& job);

  snapshot_ptr snapshot() const { return state_.snapshot(); }
  const metadata_state& state() const noexcept { return state_; }
  uint64_t applied_index() const noexcept { return applied_.index; }
  const metadata_identity& identity() const noexcept { return identity_; }
  bool leads() const;
  /// The group has no other member, and no other node is registered.
  bool is_alone() const;
  /// Name of the leader; empty: none is known.
  std::string leader() const;
  const raft::group& group() const { return *group_; }
  /// Every other node this one has heard of, from the log that is not applied yet, too: after all nodes have stopped
  /// nobody could find anybody otherwise.
  std::vector<node_record> known_nodes() const;

private:
  struct read {
    std::optional<consensus::ticket> id; ///< ours
    std::string asker;                   ///< else another node's, with its number
    uint64_t number = 0;
    consensus::time_ms deadline = 0;
    std::optional<uint64_t> index; ///< to be applied first
    consensus::read_haste haste = consensus::read_haste::at_once;
  };

  // -- metadata_host.cpp --
  void enqueue(consensus::effects effects) { steps_.push_back(std::move(effects)); }
  /// Carries out what is queued, but writes.
  void work();
  void carry_out(consensus::effects& what);
  void gather_writes(consensus::effects& what);
  bool has_writes() const;
  result<void> write();
  void apply_committed();
  void apply_one(const consensus::entry& one);
  void answer(consensus::ticket id, consensus::outcome what, command_result result = {});
  /// When every other node shows the change.
  void answer_when_shown(uint64_t index, consensus::ticket id, command_result result);
  void release_answers();
  void fail(error why);
  void note_leadership(const consensus::leadership& now);

  // -- metadata_host_peers.cpp --
  void read_routes(const std::vector<consensus::entry>& log);
  std::string name_of(consensus::node_id id) const;
  void send_raft(consensus::node_id to, std::string bytes);
  bool say(const std::string& to, decltype(peer_message::body) body);
  bool send(const std::string& to, decltype(peer_message::body) body);
  bool send(const std::string& to, consensus::read_haste haste, decltype(peer_message::body) body);
  /// Own proposals to the group, if this node leads it, or to whoever does.
  void dispatch();
  void propose_own();
  void note_sending();
  void forward_own();
  void take_forwarded(consensus::node_id from, peer_message::forwarded& what);
  void on_answer(const std::string& from, const peer_message::read_answer& what);
  void ask_for_reads();
  void read_done(const consensus::completion& done);
  void finish_reads();
  void serve_snapshot(const consensus::snapshot_request& request);
  void receive_chunk(consensus::snapshot_chunk& chunk);
  void expire();
  void lead();
  void keep_members();
  std::optional<node_down> obituary_of(const node_record& node) const;
  void keep_nodes();
  bool is_taken_for_dead() const;
  void keep_own_record();
  void say_hello();
  void on_hello(consensus::node_id from);
  void on_stranded(consensus::node_id from, const peer_message::stranded& what);
  std::vector<consensus::node_id> reached() const;

  const metadata_host_settings settings_;
  metadata_store& store_;
  metadata_peers* const peers_;
  metadata_state state_;
  metadata_identity identity_;
  std::optional<raft::group> group_;
  std::optional<error> failure_;
  consensus::time_ms now_ = 0;

  /// To be carried out. Every call from outside leaves none, unless the host has failed: what remains of them are
  /// writes, which wait for flush(), and `committed_`.
  std::deque<consensus::effects> steps_;
  std::deque<consensus::entry> committed_;                       ///< handed out by the group, to be applied
  size_t may_apply_ = 0;                                         ///< before the next flush
  consensus::effects pending_;                                   ///< state, truncation and entries to be written
  std::vector<std::pair<consensus::node_id, std::string>> held_; ///< messages that must not leave before that
  consensus::snapshot_meta applied_;
  bool snapshot_wanted_ = false;
  bool snapshot_begun_ = false;
  size_t log_bytes_ = 0;                            ///< since the last snapshot, or the one under way
  size_t snapshot_bytes_ = 0;                       ///< of the last snapshot
  uint64_t installed_ = 0;                          ///< index of the last snapshot that was received
  uint64_t flushed_index_ = 0;                      ///< applied at the last flush
  std::string incoming_;                            ///< a snapshot being received
  std::optional<consensus::snapshot_meta> install_; ///< it is whole
  bool restoring_ = false;
  metadata_flush out_;

  proposal_window window_;
  consensus::time_ms sent_at_ = 0; ///< of the oldest that waits, or since then seen applied
  uint64_t incarnation_ = 0;       ///< of this run; 0: it has not begun, or is ending
  consensus::time_ms told_up_ = 0;
  consensus::time_ms said_hello_ = 0;

  std::map<consensus::ticket, read> reads_; ///< by our own numbers
  consensus::ticket next_ticket_ = 1;
  std::map<consensus::ticket, consensus::ticket> transfers_;

  // what a leader knows
  std::map<consensus::node_id, proposer> appended_; ///< newest proposal of each node in our log, in this reign
  consensus::time_ms leads_since_ = 0;
  consensus::time_ms kept_at_ = 0;
  consensus::ticket changing_ = 0; ///< the change of membership under way
  consensus::node_id tried_ = 0;

  /// Nodes not in the state (yet): those that the log tells of, and those that have written to us.
  std::map<consensus::node_id, node_record> routes_;
  std::map<std::string, consensus::time_ms> unreachable_; ///< last heard of; 0: gone for good
  struct obituary {
    consensus::time_ms at = 0;
    uint64_t incarnation = 0; ///< of the run that is said to be over; 0: its session only
  };
  std::map<std::string, obituary> told_down_; ///< proposed by this node
  std::set<std::string> connected_;
  /// Nodes that reach others but not this leader: since when, and when they were last heard of.
  std::map<consensus::node_id, std::pair<consensus::time_ms, consensus::time_ms>> stranded_;

  answer_gate gate_;
  std::map<consensus::ticket, command_result> held_results_; ///< of what the gate holds
  std::set<consensus::node_id> to_tell_;                     ///< whose changes have been applied and not been shown
};

} // namespace broker

// What one node holds about another for the traffic between channels and queues, without its actor (location
// transparency; docs/internals/across-nodes.md). One per other node, for both directions:
//
//   home side  channels are here, queues there: requests go out, events come in
//   far side   queues are here, channels there: for each such channel a *twin* address, for each consumer a twin
//
// To the channels of its node a bridge is every queue of the other node; to the queues of its node it is every channel
// of the other. So both behave as on one node, and what one node's order guarantees holds across two: requests of one
// channel reach one queue in order, events of one queue one channel in order.
//
// Promises while the session between the nodes lives: every request and event arrives once; a publish's credit comes
// back when the queue would give it on one node (D13); no consumer has more unwritten bytes under way than
// limits::consumer_flow_bytes plus one batch; a channel's prefetch window is never exceeded (leases: a place is counted
// as taken at the channel's node before the queue's node may use it, W61). When the session ends both sides let go: the
// channels hear that the queues are out of reach (publishes nacked, consumers cancelled, W26, W65), the queues that the
// channels are gone. A mere break of the connection changes nothing here.
//
// Requests to a replicated queue carry the mastership that they are meant for. The far side hands on what is for the
// master here, keeps what is for one that is to come, and drops what is for one that was: it never passes a request on
// to a third node. A channel that heard that a replicated queue is out of reach hears when its node is back.
//
// Not thread-safe. Memory is bounded as record_outbox says.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "channel/protocol.hpp"
#include "cluster/queue_wire.hpp"

namespace broker {

/// Where a queue is for a request with a mastership (as of addressed_request).
enum class queue_place : uint8_t {
  here,
  coming, ///< its creation, or this mastership of it, is known to the other node and not yet to this one
  gone,
  stale,     ///< it has another master by now, which whoever asks will hear and ask
  elsewhere, ///< its master is on another node, and whoever asks did not know that it moves
};

struct bridge_settings {
  /// A fresh address for a channel of the other node; each is different.
  std::function<channel_ref()> make_address;
  std::function<queue_place(queue_id, epoch)> find_queue;
  /// What clients hear about a queue of the other node while that is down: 404.
  std::function<error(queue_id)> unreachable;
  // -- called by queues and batches, on any thread; each is brought back to taken_over() and place_wanted() --
  std::function<void(uint64_t session, uint64_t publish)> on_taken_over;
  std::function<void(uint64_t session, uint64_t channel, uint32_t places)> on_place_wanted;
};

/// For a channel of this node, in order.
struct queue_says {
  std::vector<queue_event> events;
  epoch mastership = 0; ///< as of channel_state::event
};
struct queue_vanished {
  queue_id queue = 0;
};
struct queue_lost {
  queue_id queue = 0;
  error why;
  epoch mastership = 0; ///< of the master that is out of reach
};
/// The node of a replicated queue can be reached again; follows a queue_lost.
struct queue_back {
  queue_id queue = 0;
  epoch mastership = 0;
};
using channel_news = std::variant<queue_says, queue_vanished, queue_lost, queue_back>;

/// For a queue of this node; `mastership` as of addressed_request.
struct queue_task {
  queue_id queue = 0;
  queue_request request;
  epoch mastership = 0;
};

/// What one call asks the actor to do.
struct bridge_step {
  std::vector<std::pair<channel_ref, channel_news>> news;
  /// Tell channel_ended() when this channel of this node has ended; each named once.
  std::vector<channel_ref> watch;
  /// For queues of this node. One that is not there after all: undeliverable().
  std::vector<queue_task> requests;
  /// For channels of this node.
  std::vector<direct_reply> replies;
  /// The other node asks: answer with answer_report().
  std::vector<bridging::report_ask> questions;
  /// The other node's answers; `key` is the one given to ask_report(). Neither content: the queue is not there.
  std::vector<bridging::report_answer> reports;
  /// No answer came in time, or the node is down.
  std::vector<uint64_t> unanswered;
  /// Call tick() within this many milliseconds; takes the place of an earlier wish if it is sooner (0: no need).
  uint64_t tick_in_ms = 0;
  /// The other node does not keep to the protocol: end the session. Until the next one nothing it sends is acted on.
  std::string broken;
};

/// `now_ms` is monotonic milliseconds everywhere.
class bridge_state {
public:
  explicit bridge_state(bridge_settings settings);
  ~bridge_state();

  // -- the link --
  /// A fresh session: what was held of an earlier one is void.
  void session_begins(bridge_step& step);
  void session_ends(bridge_step& step);
  bool has_session() const;
  void frame(std::string_view bytes, uint64_t now_ms, bridge_step& step);
  /// What waits for the other node, as one frame; empty: nothing does. Once taken it must be sent within this session.
  std::string next_frame();
  bool has_frames() const;

  // -- this node's channels and queues of the other node --
  void request(queue_id queue, queue_request what, bridge_step& step, epoch mastership = 0);
  void channel_ended(uint64_t channel);
  /// Dropped when too much waits (W69).
  void reply(direct_reply what);
  void ask_report(uint64_t key, queue_id queue, bool consumers, uint64_t now_ms, bridge_step& step);

  // -- this node's queues and channels of the other node --
  /// `address` is the id of an address that make_address gave. `from`: as of channel_state::event.
  void events(uint64_t address, std::vector<queue_event> what, epoch from = 0);
  void taken_over(uint64_t session, uint64_t publish);
  void place_wanted(uint64_t session, uint64_t channel, uint32_t places);
  void undeliverable(queue_task what, bridge_step& step);
  /// Queues have come, gone or moved: requests that wait for one are looked at again.
  void queues_changed(bridge_step& step);
  void answer_report(bridging::report_answer what);

  void tick(uint64_t now_ms, bridge_step& step);

  // -- for tests and simulation --
  size_t twin_channels() const;
  size_t twin_consumers() const;
  size_t channels() const;
  size_t consumers() const;
  size_t unreleased_publishes() const;
  size_t waiting_records() const;
  int64_t places_lent() const; ///< by this node's channels, unused by the other node as far as is known here
  /// Checks the invariants between the tables; aborts on a violation.
  void check() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace broker

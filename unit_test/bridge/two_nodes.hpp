// Two nodes joined by their bridges and a link in memory: frames travel in order, the test says when. Queues are the
// real machines on fake stores; channels are what the test makes of them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "amqp/properties.hpp"
#include "cluster/bridge_state.hpp"
#include "cluster/record_outbox.hpp"
#include "queue/fake_store.hpp"
#include "queue/queue_state.hpp"

namespace bridge_test {

using namespace broker;

/// Messages of 8 bytes of body, a number each from `first` on; real frames.
batch_ref numbered(uint64_t first, uint32_t count, bool persistent = false, size_t padding = 0);
uint64_t number_of(const message& what);

class two_nodes;

/// One node: a bridge, queues, and a place for what its channels hear.
class node_side {
public:
  node_side(two_nodes& world, std::string name);

  struct hosted {
    test::fake_store store;
    std::unique_ptr<queue_state> machine;
  };
  /// A queue that lives here.
  hosted& add_queue(queue_id id, size_t pace_bytes = limits::queue_pace_bytes);
  queue_state& queue(queue_id id) { return *queues.at(id)->machine; }
  void remove_queue(queue_id id) { queues.erase(id); }
  channel_ref channel();

  /// What a channel of this node sends to `queue`, wherever it lives.
  void send(queue_id queue, queue_request what, epoch mastership = 0);
  void publish(const channel_ref& from, queue_id queue, const batch_ref& batch, confirm_number first = 0);
  consumer_ref consume(const channel_ref& from, queue_id queue, bool no_ack = false, uint16_t prefetch = 0,
                       ref<prefetch_window> window = nullptr);
  void settle(settle_request::kind what, const consumer_ref& by, seqno first, seqno end);
  /// The client reads everything it has been sent.
  void write_all(const consumer_ref& who);
  void carry_out(bridge_step step);
  void to_queue(queue_id id, queue_request what);
  /// Brings in what batches and queues have said; true if there was anything.
  bool bring_in();

  template<class T>
  std::vector<T> take(const channel_ref& of) {
    std::vector<T> found;
    auto& all = events[of->id];
    for (auto at = all.begin(); at != all.end();)
      if (auto* found_one = std::get_if<T>(&*at)) {
        found.push_back(std::move(*found_one));
        at = all.erase(at);
      } else {
        ++at;
      }
    return found;
  }

  two_nodes& world;
  const std::string name;
  std::map<queue_id, std::unique_ptr<hosted>> queues;
  std::set<queue_id> coming; ///< known to the other node only
  struct move {
    epoch mastership = 0;
    bool here = true;
  };
  std::map<queue_id, move> moves;                      ///< replicated queues, as this node knows them
  std::vector<queue_task> seen;                        ///< what the bridge had for queues of this node
  std::map<uint64_t, std::vector<queue_event>> events; ///< by channel
  std::map<uint64_t, std::set<epoch>> masterships;     ///< that events came with
  std::map<uint64_t, std::vector<queue_lost>> lost;
  std::map<uint64_t, std::vector<queue_id>> vanished;
  std::map<uint64_t, std::vector<queue_back>> back;
  std::vector<direct_reply> replies;
  std::vector<bridging::report_answer> reports;
  std::vector<uint64_t> unanswered;
  std::string broken;
  uint64_t tick_at_ms = 0;
  bool reads = true;            ///< clients take what they are sent at once
  std::deque<std::string> wire; ///< sent, not arrived
  std::vector<std::pair<uint64_t, uint64_t>> taken;
  std::vector<std::tuple<uint64_t, uint64_t, uint32_t>> wanted;
  uint64_t next_id = 1;
  std::set<uint64_t> twins; ///< ids of addresses of the other node's channels
  std::unique_ptr<bridge_state> bridge;
};

class two_nodes {
public:
  two_nodes();
  /// Until nothing moves any more.
  void run();
  /// One frame of `from` arrives; false if there was none.
  bool deliver(node_side& from);
  /// Frames are made of what waits, as far as the link has room.
  void pump(node_side& from);
  node_side& other(const node_side& one) { return &one == &a ? b : a; }
  void connect();
  void lose();
  void pass(uint64_t ms);

  uint64_t now_ms = 1000;
  size_t window = SIZE_MAX;                                  ///< frames the link takes
  std::function<void(std::deque<std::string>& wire)> tamper; ///< before each arrival
  node_side a;
  node_side b;
};

} // namespace bridge_test

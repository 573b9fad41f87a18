// Two nodes, their links and what lies between, under virtual time: connections that are slow, break, swallow bytes one
// way, repeat and swap what they carry, arrive late; nodes that restart; services that send and handle in numbered
// order. Every check of "nothing lost, nothing repeated, in order, bounded" is made while it runs.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "cluster/link.hpp"

namespace test {

using namespace broker;
using namespace broker::cluster;

struct two_nodes_settings {
  uint64_t seed = 1;
  uint64_t window_bytes = 512 * 1024;
  uint64_t break_limit_ms = 60'000;
  uint64_t delay_max_ms = 20;
  size_t pipe_bytes = 256 * 1024; ///< under way in one direction of a connection
};

/// What one service of one node did and saw in the present session.
struct service_log {
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t peer_session = 0; ///< as the received payloads say
  uint64_t refused = 0;
  bool waits_for_room = false;
  uint64_t datagrams = 0;
};

struct test_node {
  std::string name;
  uint64_t incarnation = 0;
  std::unique_ptr<node_link> link;
  uint64_t session = 0; ///< as the events tell
  bool up = false;
  bool takes_notice = true; ///< false: handles nothing
  std::array<service_log, cluster_services> services;
  struct held {
    uint64_t session;
    cluster_service service;
    uint64_t cost;
  };
  std::deque<held> unhandled;
  uint64_t dial_at_ms = 0;
  uint64_t tick_due_ms = UINT64_MAX;
  uint64_t sessions = 0;
  uint64_t losses = 0;
  uint64_t suspicions = 0;
  std::vector<std::string> notes; ///< reasons of closings and losses
};

class two_nodes {
public:
  explicit two_nodes(two_nodes_settings settings);

  test_node& at(size_t which) { return nodes_[which]; }
  uint64_t now() const { return now_; }
  std::mt19937_64& random() { return random_; }

  void run_for(uint64_t ms);
  /// Until both are up in the same session and nothing is under way; false after `longest_ms`.
  bool settle(uint64_t longest_ms = 30'000);

  /// Sends the next numbered payload; false if it was refused.
  bool send(size_t from, cluster_service service, size_t bytes);
  void restart(size_t which);
  /// Breaks every connection there is.
  void break_connections();
  /// Nothing sent by `from` arrives any more on the present connections, and nobody is told.
  void swallow_from(size_t from);
  /// No connection can be made, and none lives.
  void cut(bool on);
  /// The next chunk of data from `from` goes twice / swaps its place with the one before.
  void repeat_next(size_t from);
  void swap_last(size_t from);
  /// A node dials though it is connected, or hopeless attempts of it are still under way.
  void dial(size_t from, uint64_t delay_ms);
  bool dials_by_itself = true;
  size_t open_connections() const;
  /// The two ends of a connection; `dialler`: 0 or 1.
  std::vector<size_t> diallers() const;

  /// For a failure's text.
  std::string state() const;

  /// The first promise that was broken; "" = none.
  std::string broken;

private:
  struct chunk {
    uint64_t due_ms;
    std::string bytes;
    bool end = false; ///< the stream's end instead of bytes
    std::string reason;
  };
  struct pipe {
    std::deque<chunk> chunks;
    size_t bytes = 0;
    bool swallows = false;
    bool ended = false;
    uint64_t last_due_ms = 0;
  };
  struct wire {
    size_t dialler = 0;
    uint64_t delay_ms = 0;
    std::array<bool, 2> known{}; ///< the node's link has heard of it
    std::array<bool, 2> gone{};
    std::array<pipe, 2> from; ///< [0]: bytes sent by node 0
    std::array<uint64_t, 2> incarnation{};
  };

  void turn();
  void pump(size_t which);
  void deliver(uint64_t id, wire& over, size_t to);
  void put(wire& over, size_t from, chunk what);
  void carry_out(size_t which, link_step step);
  void take_payload(size_t which, const link_event& event);
  void check_bounds();
  void start(size_t which);
  void fail(const std::string& what);

  two_nodes_settings settings_;
  std::mt19937_64 random_;
  uint64_t now_ = 1'000;
  uint64_t next_id_ = 1;
  bool cut_ = false;
  std::array<test_node, 2> nodes_;
  std::map<uint64_t, wire> wires_;
  std::array<bool, 2> repeat_{};
};

} // namespace test

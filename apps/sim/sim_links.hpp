// The network between simulated nodes: the port below the production links (actors/wire.hpp) under virtual time. The
// nodes' peer actors, node_links and the link's state machine are those of production; only sockets and TLS are not.
//
// A connection is an ordered stream each way with a seeded delay. While a direction is cut nothing of it arrives, and
// goes on when the cut heals before somebody gave up, as TCP does; a connection cannot be made while either direction
// is cut. Connections break on request; a crashed node's end either resets them or, its host gone, says nothing.
//
// Single-threaded. A node attaches when it starts and detaches before its actor system ends: no actor is held after.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "actors/wire.hpp"
#include "base/random.hpp"
#include "virtual_time.hpp"

namespace broker::sim {

struct network_delay {
  sim_ns base = 200 * us;
  sim_ns spread = 2 * ms;
};

class sim_network {
public:
  sim_network(virtual_time& time, random_source random);
  ~sim_network();
  sim_network(const sim_network&) = delete;
  sim_network& operator=(const sim_network&) = delete;

  /// The wire of a node that starts. `admit` as cluster_wire::start. It lives until the node's next attach.
  node_wire& attach(const std::string& node, std::function<caf::actor(const std::string& other)> admit);
  /// The node has crashed. `silent`: its host is gone as well, and nobody is told.
  void detach(const std::string& node, bool silent);

  void set_delay(network_delay delay) { delay_ = delay; }
  /// When nothing is wrong.
  void set_usual_delay(network_delay delay) { delay_ = usual_ = delay; }
  void usual_delay() { delay_ = usual_; }
  /// Nothing from `from` arrives at `to` until healed.
  void cut(const std::string& from, const std::string& to);
  void heal();
  bool has_cuts() const noexcept { return !cuts_.empty(); }
  /// What `from` sends to `to` takes so much longer, until it is 0 again: others bring later news sooner.
  void set_detour(const std::string& from, const std::string& to, sim_ns longer);
  /// A stopped process: no connection to it can be made.
  void set_paused(const std::string& node, bool paused);
  /// The machine of a process that has ended refuses connections, as real ones do (node_link::dial_failed): its session
  /// is over at once. Otherwise only its time ends it.
  void set_refuses(bool refuses) { refuses_ = refuses; }
  /// Breaks every connection between the two, at both ends.
  void break_connections(const std::string& one, const std::string& other);

  size_t open_connections() const;
  uint64_t delivered_bytes() const { return delivered_bytes_; }
  /// Of everything that arrived anywhere, in order: equal seeds, equal hashes.
  uint64_t trace() const { return trace_.value(); }

private:
  class stream;
  class wire;
  struct chunk {
    std::string bytes;
    bool end = false;
  };
  struct endpoint {
    std::string node;
    caf::actor peer; ///< null: closed on this side
    std::deque<chunk> arriving;
    sim_ns last_due = 0; ///< of what arrives here
    size_t ready = 0;    ///< chunks whose time has come
    size_t untaken = 0;
    size_t unsaid = 0; ///< written by this side, arrived, and not said to be written
  };
  struct connection {
    uint64_t id = 0;
    endpoint ends[2]; ///< [0] has dialled
  };
  using connection_ptr = std::shared_ptr<connection>;

  void dial(const std::string& from, const std::string& to, const caf::actor& answer);
  void connect(const std::string& from, const std::string& to, const caf::actor& answer);
  void write(const connection_ptr& over, int from, chunk what);
  void deliver(const connection_ptr& over, int to);
  void taken(const connection_ptr& over, int at, size_t bytes);
  void close(const connection_ptr& over, int at, std::string last);
  void forget_if_closed(const connection& over);
  void broken(connection& over, int at, const std::string& why);
  bool is_cut(const std::string& from, const std::string& to) const { return cuts_.contains({from, to}); }
  bool hopeless(const std::string& from, const std::string& to) const {
    return is_cut(from, to) || is_cut(to, from) || paused_.contains(to);
  }
  bool machine_refuses(const std::string& node) const;
  sim_ns delay() { return delay_.base + random_.below(delay_.spread + 1); }
  sim_ns delay(const std::string& from, const std::string& to);

  virtual_time& time_;
  random_source random_;
  network_delay delay_;
  network_delay usual_;
  std::map<std::string, std::unique_ptr<wire>> wires_; ///< of every node that ever attached
  std::map<uint64_t, connection_ptr> connections_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::map<std::pair<std::string, std::string>, sim_ns> detours_;
  std::set<std::string> paused_;
  bool refuses_ = false;
  uint64_t next_id_ = 1;
  uint64_t attached_ = 0; ///< times any node has
  uint64_t delivered_bytes_ = 0;
  trace_hash trace_;
};

} // namespace broker::sim

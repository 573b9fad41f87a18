// Servers, the network between them and virtual time, all from one seed. One world is one thread; nothing outlives it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "raft_sim/options.hpp"
#include "raft_sim/server.hpp"
#include "raft_sim/truth.hpp"

namespace raft_sim {

class world {
public:
  world(options how, membership bootstrap);
  ~world();

  // -- servers
  /// A new one, running. With an empty `bootstrap` it waits to be added.
  server& add(node_id id, membership bootstrap);
  server& at(node_id id) { return *servers.at(id); }
  /// Running and leading, in the highest term.
  server* leader();
  std::map<node_id, std::unique_ptr<server>> servers;

  // -- time
  uint64_t now() const { return now_; }
  /// Runs `what` in `delay` ms, unless the server has crashed by then; later while it is paused.
  void later(uint64_t delay, server& whose, std::function<void()> what);
  void run_for(uint64_t ms);
  /// False: `condition` did not come true within `ms`.
  bool run_until(const std::function<bool()>& condition, uint64_t ms);

  // -- network
  void send(node_id from, node_id to, const std::string& bytes);
  void cut(node_id from, node_id to) { cuts.emplace(from, to); }
  /// Both ways, from and to everybody.
  void isolate(node_id who);
  void rejoin(node_id who);
  void heal() { cuts.clear(); }
  std::set<std::pair<node_id, node_id>> cuts;
  /// Sees each message as it is sent; false: it is lost.
  std::function<bool(node_id from, node_id to, const std::string& bytes)> filter;

  // -- what was seen
  void trace(uint64_t a, uint64_t b = 0, uint64_t c = 0) { hash_ = mix(mix(mix(mix(hash_, now_), a), b), c); }
  void say(const std::string& line);
  uint64_t hash() const { return hash_; }

  options how;
  broker::random_source random;
  raft_sim::truth truth;
  bool calm = false; ///< faults have stopped
  bool verbose = false;

private:
  struct event {
    uint64_t at = 0;
    uint64_t number = 0;
    server* whose = nullptr;
    uint64_t life = 0;
    std::function<void()> what;
    bool operator<(const event& other) const { return at != other.at ? at > other.at : number > other.number; }
  };
  void deliver(node_id from, node_id to, const std::string& bytes, uint64_t delay);
  bool step();

  uint64_t now_ = 0;
  uint64_t number_ = 0;
  uint64_t hash_ = 1;
  std::priority_queue<event> events_;
  std::map<std::pair<node_id, node_id>, uint64_t> arrival_; ///< of the last message of a link
};

/// Field number of the body of an encoded message (proto/raft.proto), without decoding it.
unsigned body_kind(const std::string& bytes);
inline constexpr unsigned kind_vote_request = 3, kind_append = 5, kind_append_answer = 6, kind_chunk = 7,
                          kind_timeout_now = 9;

} // namespace raft_sim

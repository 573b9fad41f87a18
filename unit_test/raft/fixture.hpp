// Two ways to look at the core: `quiet_world`, three servers in a network without faults of its own; and `member`, one
// group whose effects a test takes apart by hand.
#pragma once

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <vector>

#include "raft/group.hpp"
#include "raft/message.hpp"
#include "raft_sim/world.hpp"

namespace raft_test {

using namespace broker::consensus; // NOLINT: tests speak the module's language
namespace raft = broker::raft;
using raft_sim::server;
using raft_sim::world;

inline raft_sim::options quiet() {
  raft_sim::options out;
  out.delay_ms = 2;
  out.disk_ms = 1;
  out.snapshot_ms = 2;
  out.snapshot_after = 100'000;
  out.append_bytes = 2'000;
  out.inflight = 16;
  return out;
}

struct quiet_world : world {
  explicit quiet_world(raft_sim::options from = quiet(), membership members = {{1, 2, 3}, {}})
    : world(from, std::move(members)) {
    calm = true;
  }
  ~quiet_world() { BOOST_TEST(truth.holds(), truth.failure()); }

  server& wait_for_leader(uint64_t ms = 3'000) {
    BOOST_REQUIRE(run_until([&] { return leader() != nullptr; }, ms));
    return *leader();
  }
  /// Proposes and waits until every running member has applied it.
  void commit(const std::string& command) {
    server& who = wait_for_leader();
    const uint64_t acked = truth.acked();
    who.propose(command);
    BOOST_REQUIRE(run_until([&] { return truth.acked() > acked && all_equal(); }, 5'000));
  }
  bool all_equal() {
    for (auto& [id, one] : servers)
      if (one->running() && one->state.index != truth.applied())
        return false;
    return true;
  }
  server& follower() {
    const server& who = wait_for_leader();
    return at(who.id == 1 ? 2 : 1);
  }
};

/// One group of a test's own making.
struct member {
  explicit member(raft::settings how, restart found = {}) : group(how, std::move(found)) { take(group.start()); }

  effects take(effects out) {
    last = out;
    for (auto& [to, bytes] : out.messages) {
      auto read = raft::decode(bytes);
      BOOST_REQUIRE(read.ok());
      sent.push_back({to, *read});
    }
    return out;
  }
  /// Everything handed out is durable at once.
  effects settle(effects out) {
    take(out);
    if (!out.append.empty())
      take(group.persisted(out.append.back().index, group.term()));
    return last;
  }
  template<class Body>
  effects hear(node_id from, uint64_t term, Body body) {
    return take(group.recv(from, raft::encode({self, term, body})));
  }
  template<class Body>
  std::vector<Body> all(node_id to) const {
    std::vector<Body> out;
    for (const auto& [who, what] : sent)
      if (who == to)
        if (const auto* body = std::get_if<Body>(&what.body))
          out.push_back(*body);
    return out;
  }
  template<class Body>
  Body newest(node_id to) const {
    const auto found = all<Body>(to);
    BOOST_REQUIRE(!found.empty());
    return found.back();
  }
  /// Elected in term 1 of {1, 2, 3} with its first entry durable everywhere.
  void lead() {
    take(group.tick(0));
    take(group.tick(1'000));
    hear(2, 1, raft::vote_answer{true, true});
    hear(2, 1, raft::vote_answer{false, true});
    BOOST_REQUIRE((group.state() == role::leader));
    take(group.persisted(group.last_index(), group.term()));
    hear(2, group.term(), raft::append_answer{true, group.last_index(), group.last_index(), 0, 0, 0, 0});
    BOOST_REQUIRE(group.commit_index() == group.last_index());
  }

  node_id self = 1;
  raft::group group;
  effects last;
  std::vector<std::pair<node_id, raft::message>> sent;
};

inline raft::settings of_three(node_id self = 1) {
  raft::settings out;
  out.self = self;
  out.bootstrap = {{1, 2, 3}, {}};
  return out;
}
inline entry command(uint64_t index, uint64_t term, std::string data = "x") {
  return {index, term, entry::kind::command, std::move(data)};
}
inline outcome only(const effects& from) {
  BOOST_REQUIRE_EQUAL(from.done.size(), 1u);
  return from.done[0].what;
}

} // namespace raft_test

#include "raft_sim/scripts.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "raft/message.hpp"
#include "raft_sim/world.hpp"

namespace raft_sim {
namespace {

namespace raft = broker::raft;

options quiet(uint64_t seed) {
  options out;
  out.seed = seed;
  out.delay_ms = 2;
  out.disk_ms = 1;
  out.snapshot_after = 100'000;
  return out;
}

/// Term and content of a message, if it is of this kind.
template<class Body>
std::optional<std::pair<uint64_t, Body>> body_of(const std::string& bytes) {
  auto read = raft::decode(bytes);
  const auto* body = read ? std::get_if<Body>(&read->body) : nullptr;
  return body ? std::optional{std::pair{read->term, *body}} : std::nullopt;
}

/// The story could not be told: something was wrong before, or that is the failure.
std::string lost_thread(const world& in, const char* where) {
  return in.truth.holds() ? std::string{"SCRIPT: did not get to '"} + where + "'" : in.truth.failure();
}

bool has_leader(world& in) {
  return in.run_until([&] { return in.leader() != nullptr; }, 10'000);
}

} // namespace

std::string figure_8(uint64_t seed) {
  options how = quiet(seed);
  how.append_bytes = 1; // one entry in each
  world in{how, {{1, 2, 3}, {}}};
  in.calm = true;
  if (!has_leader(in))
    return lost_thread(in, "a first leader");
  server& first = *in.leader();
  in.run_for(500);
  in.isolate(first.id);
  first.propose("X");
  in.run_for(20);
  const uint64_t x = first.group->last_index();
  first.crash();
  in.rejoin(first.id);
  // Nobody hears of the second leader's entries.
  in.filter = [&](node_id from, node_id, const std::string& bytes) {
    return from == first.id || body_kind(bytes) != kind_append;
  };
  if (!has_leader(in))
    return lost_thread(in, "a second leader");
  server& second = *in.leader();
  second.propose("Y");
  in.run_for(20);
  second.crash();
  // X reaches the third server under `first`, and nothing of the new term does.
  in.filter = [&](node_id from, node_id, const std::string& bytes) {
    const auto append = body_of<raft::append_request>(bytes);
    if (from != first.id || !append)
      return true;
    const auto& entries = append->second.entries;
    return std::none_of(entries.begin(), entries.end(), [&](const entry& one) { return one.index > x; });
  };
  first.boot();
  if (!has_leader(in))
    return lost_thread(in, "the first leader again");
  in.run_for(500);
  first.crash();
  second.boot();
  in.filter = nullptr;
  in.run_for(3'000);
  first.boot();
  in.run_for(3'000);
  if (in.truth.holds() && (in.leader() == nullptr || first.state.index < x))
    return lost_thread(in, "the end");
  return in.truth.failure();
}

std::string vote_and_restart(uint64_t seed) {
  world in{quiet(seed), {{1, 2, 3}, {}}};
  in.calm = true;
  in.cut(1, 2);
  in.cut(2, 1);
  std::map<node_id, std::pair<uint64_t, std::string>> asked; // what 3 was asked for, and has not heard
  in.filter = [&](node_id from, node_id, const std::string& bytes) {
    const auto vote = body_of<raft::vote_request>(bytes);
    if (body_kind(bytes) == kind_append) // or 3 had something that 2 has not
      return false;
    if (!vote || from == 3)
      return !vote; // 3 is no candidate
    if (!vote->second.pre)
      asked[from] = {vote->first, bytes};
    return vote->second.pre;
  };
  const auto side_by_side = [&] {
    return asked.size() == 2 && asked[1].first == asked[2].first && in.at(1).group->term() == asked[1].first
        && in.at(2).group->term() == asked[1].first && in.at(1).group->state() == role::candidate
        && in.at(2).group->state() == role::candidate;
  };
  if (!in.run_until(side_by_side, 60'000))
    return lost_thread(in, "two candidates of one term");
  const auto requests = asked;
  in.at(3).receive(1, requests.at(1).second);
  in.run_for(10);
  if (!in.at(1).leads())
    return lost_thread(in, "the first is elected");
  in.isolate(1);
  in.at(3).crash();
  in.at(3).boot();
  in.at(3).receive(2, requests.at(2).second);
  in.run_for(50);
  return in.truth.failure();
}

} // namespace raft_sim

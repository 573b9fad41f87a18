#include "raft_sim/chaos.hpp"

#include <algorithm>
#include <vector>

#include "raft/membership.hpp"
#include "raft_sim/world.hpp"

namespace raft_sim {
namespace {

constexpr uint64_t beat_ms = 20;
constexpr size_t servers_max = 7;

membership first_members(unsigned count) {
  membership out;
  for (node_id id = 1; id <= count; ++id)
    out.voters.push_back(id);
  return out;
}

class chaos {
public:
  chaos(const options& how, bool verbose) : world_(how, first_members(how.servers)), next_id_(how.servers + 1) {
    world_.verbose = verbose;
  }

  report run() {
    const uint64_t end = world_.now() + world_.how.chaos_ms;
    while (world_.now() < end && world_.truth.holds()) {
      world_.run_for(beat_ms);
      retire();
      faults();
      load();
      if (world_.how.membership && world_.random.chance(1, 12))
        change_members();
      if (world_.how.transfers && world_.random.chance(1, 40))
        hand_over();
    }
    if (world_.truth.holds())
      calm_down();
    return finish();
  }

private:
  template<class Condition>
  server* pick(Condition condition) {
    std::vector<server*> found;
    for (auto& [id, one] : world_.servers)
      if (!one->gone && condition(*one))
        found.push_back(one.get());
    return found.empty() ? nullptr : found[world_.random.below(found.size())];
  }
  bool awake(const server& one) const { return one.running() && one.paused_until <= world_.now(); }
  const membership& agreed() const { return world_.truth.members_at(world_.truth.applied()); }

  /// Servers whose removal is committed stay a while, as zombies, then never come back.
  void retire() {
    for (auto& [id, one] : world_.servers) {
      if (one->gone)
        continue;
      if (broker::raft::is_member(agreed(), id))
        were_members_.insert(id);
      else if (were_members_.contains(id) && world_.random.chance(1, 50)) {
        one->crash();
        one->gone = true;
      }
    }
  }

  void faults() {
    auto& random = world_.random;
    const options& how = world_.how;
    for (auto& [id, one] : world_.servers) {
      if (one->gone)
        continue;
      if (!one->running()) {
        if (random.below(1000) < how.restart_per_mille)
          one->boot();
      } else if (random.below(1000) < how.crash_per_mille) {
        one->crash();
        tell_of_end(id);
      } else if (random.below(1000) < how.pause_per_mille) {
        one->pause(random.below(2'000));
      }
      if (random.below(1000) < how.cut_per_mille)
        cut_something(id);
      if (random.below(10'000) < how.cut_per_mille)
        tell_of_end(id); // which is not true
      if (random.below(1000) < how.heal_per_mille)
        world_.rejoin(id);
    }
    if (random.below(2000) < how.heal_per_mille)
      world_.heal();
  }

  /// Links tell of it, most of them, some time later.
  void tell_of_end(node_id who) {
    auto& random = world_.random;
    for (auto& [id, one] : world_.servers)
      if (id != who && one->running() && random.chance(3, 4))
        world_.later(random.below(400), *one, [&other = *one, who] { other.hear_of_end(who); });
  }

  void cut_something(node_id id) {
    auto& random = world_.random;
    switch (random.below(4)) {
    case 0:
      return world_.isolate(id);
    case 1: // one way, one link
      return world_.cut(id, 1 + random.below(next_id_ - 1));
    case 2: // it hears nobody, but all hear it
      for (auto& [other, one] : world_.servers)
        if (other != id)
          world_.cut(other, id);
      return;
    default: // two sides
      const uint64_t sides = random.next();
      for (auto& [a, left] : world_.servers)
        for (auto& [b, right] : world_.servers)
          if ((sides >> a & 1) != (sides >> b & 1))
            world_.cut(a, b);
    }
  }

  void load() {
    auto& random = world_.random;
    for (auto& [id, one] : world_.servers) {
      // Clients of a zombie: what they ask is the first thing it finds when it wakes up.
      if (one->leads() && !awake(*one) && random.chance(1, 10))
        world_.later(0, *one, [who = one.get()] {
          if (who->leads())
            who->read();
        });
      if (!awake(*one))
        continue;
      const bool leads = one->leads();
      // Whoever leads, or thinks so; now and then somebody who does not.
      if (!leads && !random.chance(1, 100))
        continue;
      if (random.below(world_.how.propose_every_ms) < beat_ms)
        one->propose(static_cast<unsigned>(1 + random.below(4)));
      if (awake(*one) && random.below(world_.how.read_every_ms) < beat_ms)
        one->read();
    }
  }

  void change_members() {
    server* const leader = pick([&](const server& one) { return awake(one) && one.leads(); });
    if (leader == nullptr)
      return;
    auto& random = world_.random;
    const membership now = leader->group->members();
    size_t alive = 0;
    for (auto& [id, one] : world_.servers)
      alive += one->gone ? 0 : 1;
    const uint64_t what = random.below(10);
    if (what < 3 && alive < servers_max) {
      const node_id joiner = next_id_++;
      world_.add(joiner, {});
      leader->ask(server::change::add, joiner);
    } else if (what < 4) { // one that was added in vain, or is a member already; never one that was removed
      const node_id known = 1 + random.below(next_id_ - 1);
      if (!were_members_.contains(known) || broker::raft::is_member(agreed(), known))
        leader->ask(server::change::add, known);
    } else if (what < 7 && !now.learners.empty()) {
      leader->ask(server::change::promote, now.learners[random.below(now.learners.size())]);
    } else if (what < 8 || now.voters.size() > 2) {
      leader->ask(server::change::remove, 1 + random.below(next_id_ - 1));
    }
    // Two at once must not pass.
    if (awake(*leader) && leader->leads() && random.chance(1, 4))
      leader->ask(server::change::remove, now.voters[random.below(now.voters.size())]);
  }

  void hand_over() {
    server* const leader = pick([&](const server& one) { return awake(one) && one.leads(); });
    if (leader == nullptr)
      return;
    const auto& voters = leader->group->members().voters;
    leader->ask(server::change::transfer, voters[world_.random.below(voters.size())]);
  }

  bool converged() {
    const membership& members = agreed();
    for (auto& [id, one] : world_.servers) {
      if (!broker::raft::is_member(members, id))
        continue;
      if (!one->running() || one->state.index != world_.truth.applied() || !one->idle())
        return false;
    }
    return true;
  }

  void calm_down() {
    world_.calm = true;
    world_.heal();
    world_.say("calm");
    for (auto& [id, one] : world_.servers)
      if (!one->gone && !one->running())
        one->boot();
    server* leader = nullptr;
    if (!world_.run_until([&] { return world_.leader() != nullptr; }, world_.how.leader_ms) && world_.truth.holds())
      return world_.truth.fail("NO LEADER" + describe());
    // A proposal to whoever leads, until one of them is answered and everybody has it.
    const uint64_t acked = world_.truth.acked();
    uint64_t next = world_.now() + 500;
    const auto all_agree = [&] {
      leader = world_.leader();
      if (leader != nullptr && awake(*leader) && world_.now() >= next && world_.truth.acked() == acked) {
        next = world_.now() + 1'000;
        leader->propose("last " + std::to_string(next));
      }
      return world_.truth.acked() > acked && converged();
    };
    // One entry at a time over a slow line takes as long as it takes (seed 15026), so long as it goes on.
    bool done = false;
    for (uint64_t before = 0; !done && world_.truth.holds() && progress() > before;) {
      before = progress();
      done = world_.run_until(all_agree, world_.how.calm_ms);
    }
    if (!done && world_.truth.holds())
      world_.truth.fail(std::string{leader == nullptr ? "NO LEADER" : "NO CONVERGENCE"} + describe());
    for (auto& [id, one] : world_.servers)
      if (one->running() && broker::raft::is_member(agreed(), id))
        world_.truth.has_state(id, one->state);
  }

  /// Rises while anybody applies anything; in the calm there is an end to that.
  uint64_t progress() const {
    uint64_t applied = 1;
    for (const auto& [id, one] : world_.servers)
      applied += one->running() ? one->state.index : 0;
    return applied;
  }

  std::string describe() {
    std::string out = ": applied " + std::to_string(world_.truth.applied());
    for (auto& [id, one] : world_.servers)
      if (one->running())
        out += ", server " + std::to_string(id) + " role " + std::to_string(static_cast<int>(one->group->state()))
             + " term " + std::to_string(one->group->term()) + " applied " + std::to_string(one->state.index)
             + " commit " + std::to_string(one->group->commit_index()) + " last "
             + std::to_string(one->group->last_index()) + (one->idle() ? "" : " unanswered");
    return out;
  }

  report finish() {
    report out;
    out.failure = world_.truth.failure();
    out.hash = world_.hash();
    auto& seen = out.seen;
    seen["applied"] = world_.truth.applied();
    seen["acked"] = world_.truth.acked();
    for (auto& [id, one] : world_.servers) {
      seen["boots"] += one->boots;
      seen["deaths inside a step"] += one->deaths_inside;
      seen["snapshots"] += one->snapshots;
      seen["snapshots installed"] += one->installs;
      seen["reads"] += one->reads_done;
      seen["changes"] += one->changes_done;
      seen["lost"] += one->outcomes[outcome::lost];
      seen["overloaded"] += one->outcomes[outcome::overloaded];
      seen["not leader"] += one->outcomes[outcome::not_leader];
      seen["busy"] += one->outcomes[outcome::busy];
    }
    return out;
  }

  world world_;
  node_id next_id_;
  std::set<node_id> were_members_;
};

} // namespace

report run(const options& how, bool verbose) {
  return chaos{how, verbose}.run();
}

} // namespace raft_sim

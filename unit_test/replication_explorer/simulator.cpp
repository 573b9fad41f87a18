#include "simulator.hpp"

#include <algorithm>

#include "../replication/cluster.hpp"
#include "node_steps.hpp"

namespace repl = broker::replication;

namespace simulator {

namespace {

using test::cluster;

constexpr uint64_t channels = 3;
/// Entries after which only faults and settles go on.
constexpr size_t entries_max = 600;

struct driver {
  driver(uint64_t seed, report& done) : random(seed), world(shape(random)), out(done) {
    for (uint64_t channel = 1; channel <= channels; ++channel)
      publish(channel);
  }

  /// Swarm: each seed has its own cluster and its own kinds of trouble.
  static test::cluster_settings shape(broker::random_source& source) {
    test::cluster_settings what;
    what.nodes = static_cast<int>(2 + source.below(3));
    what.members = static_cast<int>(1 + source.below(static_cast<uint64_t>(what.nodes)));
    what.min_in_sync = source.chance(1, 3) && what.members > 1 ? 2 : 1;
    what.tail_bytes = source.chance(1, 2) ? 4096 : SIZE_MAX;
    what.described_bytes = source.chance(1, 2) ? 1024 : SIZE_MAX;
    what.checkpoint_every = 1 + source.below(60);
    what.copy_above_bytes = source.chance(1, 2) ? 2048 : SIZE_MAX;
    what.append_bytes = 256 + source.below(4096);
    return what;
  }

  void publish(uint64_t channel) {
    const auto count = static_cast<uint32_t>(1 + random.below(8));
    world.publish(channel, count);
    out.published += count;
  }

  int any_node() { return static_cast<int>(1 + random.below(static_cast<uint64_t>(world.settings.nodes))); }

  void ordinary() {
    const int a = any_node(), b = any_node();
    switch (random.below(9)) {
    case 0:
    case 1:
    case 2:
      if (a != b)
        world.deliver(a, b);
      break;
    case 3:
      world.sync(a);
      break;
    case 4:
      world.apply_metadata(a);
      break;
    case 5:
      if (!world.proposals.empty())
        world.commit_proposal(random.below(world.proposals.size()));
      break;
    case 6:
      world.answer_read(a);
      break;
    case 7:
      world.channel_sends(1 + random.below(channels));
      break;
    default:
      if (random.chance(1, 4))
        world.now_ms += 200;
      world.tick(a);
    }
  }

  void busy() {
    if (world.truth.committed.size() > entries_max)
      return;
    const uint64_t channel = 1 + random.below(channels);
    if (random.chance(2, 3))
      return publish(channel);
    const int master = world.master();
    if (master == 0 || random.chance(1, 2))
      return;
    if (random.chance(1, 20))
      return world.purge();
    std::vector<broker::seq_range> ended;
    for (broker::seqno seq : world.content(master))
      if (seq <= world.at(master).machine->commit() && random.chance(1, 4))
        ended.push_back({seq, seq + 1});
    if (!ended.empty())
      world.settle(std::move(ended));
  }

  /// Disks are never lost here, so nothing confirmed may be.
  void trouble() {
    const int a = any_node(), b = any_node();
    switch (random.below(7)) {
    case 0:
      if (world.at(a).up) {
        world.crash(a);
        ++out.crashes;
      }
      break;
    case 1:
      if (!world.at(a).up)
        world.restart(a);
      break;
    case 2:
      if (a != b) {
        world.cut(a, b);
        ++out.cuts;
      }
      break;
    case 3:
      world.heal();
      break;
    case 4:
      if (world.head().nodes.live(static_cast<repl::node_id>(a)) && (!world.at(a).up || random.chance(1, 4))) {
        world.expire(a);
        ++out.expiries;
      }
      break;
    case 5:
      world.lose_next_publish = true;
      break;
    default:
      world.supervise(false);
    }
  }

  void calm() {
    world.heal();
    world.lose_next_publish = false;
    for (auto& [unused, channel] : world.channels)
      channel.gap(); // connected again: what was lost on the way is sent again
    for (int who = 1; who <= world.settings.nodes; ++who)
      if (!world.at(who).up)
        world.restart(who);
    for (int second = 0; second < 120 && !settled(); ++second)
      world.run_for(1000);
    if (!settled() && world.check().empty())
      world.broken = "I8: not everything is confirmed and in sync two minutes after the last fault";
  }

  bool settled() const {
    for (int who = 1; who <= world.settings.nodes; ++who)
      if (!world.in_sync(who))
        return false;
    return confirmed() == out.published;
  }

  size_t confirmed() const {
    size_t all = 0;
    for (uint64_t channel = 1; channel <= channels; ++channel)
      all += world.confirmed(channel);
    return all;
  }

  broker::random_source random;
  cluster world;
  report& out;
};

void summarise(const driver& at, report& done) {
  done.trace = at.world.trace;
  done.confirmed = at.confirmed();
  done.committed = at.world.truth.committed.size();
  done.epochs = at.world.head().queue.mastership;
  done.truncations = at.world.truncations;
  done.copies = at.world.copies;
  done.duplicates = at.world.duplicates;
  done.gaps = at.world.gaps;
}

} // namespace

report run(uint64_t seed, uint32_t steps) {
  report done;
  done.seed = seed;
  try {
    driver at{seed, done};
    for (uint32_t step = 0; step < steps && done.broken.empty(); ++step) {
      at.ordinary();
      if (at.random.chance(1, 20))
        at.busy();
      if (at.random.chance(1, 60))
        at.trouble();
      if (step % 50 == 0)
        done.broken = at.world.check();
    }
    if (done.broken.empty())
      at.calm();
    if (done.broken.empty())
      done.broken = at.world.check();
    summarise(at, done);
  } catch (const explorer::broken_assertion& broken) {
    done.broken = "assertion: " + broken.text;
  }
  return done;
}

} // namespace simulator

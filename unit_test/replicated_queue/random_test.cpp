// Three nodes, everything at random: every confirmed message is delivered or purged, in order, and none comes back
// after its ack was committed (world::drained and the checks of each step). Planted mistakes show that it can fail.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/plant.hpp"
#include "world.hpp"

using namespace replicated;

namespace replicated_random {
namespace {

using broker::queueing::plant;

/// How often rare things happened.
struct marks {
  size_t offices = 0, deposed = 0, gaps = 0, copies = 0, again = 0, purges = 0, acked = 0, withheld = 0;
};

class life {
public:
  explicit life(uint64_t seed) : random_(seed), all_(chosen(random_)) {}

  std::string run(size_t steps) {
    for (size_t at = 0; at < steps && all_.broken.empty(); ++at)
      step();
    note();
    return all_.broken.empty() ? all_.drained() : all_.broken;
  }

  marks seen;

private:
  static world_settings chosen(random_source& random) {
    world_settings one;
    one.members = random.chance(1, 4) ? 1 : 3;
    one.min_in_sync = random.chance(1, 2) ? 2 : 1;
    one.min_in_sync = std::min(one.min_in_sync, static_cast<uint32_t>(one.members));
    if (random.chance(1, 2))
      one.tail_bytes = random.below(4000);
    if (random.chance(1, 2))
      one.described_bytes = random.below(4000);
    if (random.chance(1, 2))
      one.copy_above_bytes = 0;
    if (random.chance(1, 2))
      one.memory_bytes = 2000;
    if (random.chance(1, 2))
      one.checkpoint_every = 3 + random.below(20);
    one.prefetch = random.chance(1, 2) ? static_cast<uint16_t>(1 + random.below(8)) : uint16_t{0};
    return one;
  }

  int any() { return 1 + static_cast<int>(random_.below(3)); }

  /// A node that acts as a master, newest or not; 0: none.
  int any_master() {
    const int from = any();
    for (int i = 0; i < 3; ++i)
      if (const int who = (from + i) % 3 + 1; all_.at(who).up && all_.at(who).queue->queue())
        return who;
    return 0;
  }

  void step() {
    switch (random_.below(20)) {
    case 0:
    case 1:
      all_.publish(1 + random_.below(3), 1 + static_cast<uint32_t>(random_.below(5)));
      break;
    case 2:
    case 3:
      consume_or_ack();
      break;
    case 4:
      disturb();
      break;
    case 5:
      all_.now_ms += 100 + random_.below(300);
      all_.wall_ms += 250;
      for (int who = 1; who <= 3; ++who)
        all_.tick(who);
      break;
    case 6:
      if (random_.chance(1, 6))
        all_.run_for(1000);
      break;
    default:
      move();
    }
    for (int who = 1; who <= 3; ++who)
      if (const auto& one = all_.at(who); one.up && one.queue->queue())
        seen.withheld += one.queue->messages_uncommitted() != 0;
  }

  void consume_or_ack() {
    const int who = any_master();
    if (who == 0)
      return;
    if (!all_.at(who).who)
      all_.consume(who);
    else if (random_.chance(1, 15))
      all_.cancel(who);
    else
      all_.ack(who, 1 + random_.below(6));
  }

  void disturb() {
    const int who = any();
    switch (random_.below(12)) {
    case 0:
    case 1:
      if (all_.at(who).up)
        all_.crash(who, &random_);
      break;
    case 2:
    case 3:
    case 4:
      if (!all_.at(who).up)
        all_.restart(who);
      break;
    case 5:
      if (const int other = any(); other != who)
        all_.cut(who, other);
      break;
    case 6:
    case 7:
      all_.heal();
      break;
    case 8:
      if (all_.head().nodes.live(static_cast<repl::node_id>(who)) && (!all_.at(who).up || random_.chance(1, 3)))
        all_.expire(who);
      break;
    case 9:
      all_.propose(repl::promote{all_.head().queue.mastership, static_cast<repl::node_id>(who)});
      break;
    case 10:
      if (const int master = any_master(); master != 0 && random_.chance(1, 3)) {
        all_.purge(master);
        ++seen.purges;
      }
      break;
    default:
      if (const int master = any_master(); master != 0 && master != who) {
        all_.hand_over(master, who);
        if (random_.chance(1, 2))
          all_.at(master).queue->cancel_hand_over();
      }
    }
  }

  void move() {
    switch (random_.below(8)) {
    case 0:
      all_.commit_proposal();
      break;
    case 1:
      all_.apply_metadata(any());
      break;
    case 2:
    case 3:
      all_.sync(any(), random_.chance(1, 2) ? &random_ : nullptr);
      break;
    case 4:
      all_.answer_read(any());
      break;
    case 5:
      if (const uint64_t channel = 1 + random_.below(3); all_.channels.contains(channel))
        all_.channel_sends(channel);
      break;
    default:
      if (const int from = any(), to = any(); from != to)
        all_.deliver(from, to);
    }
  }

  void note() {
    seen.offices += all_.offices;
    seen.deposed += all_.deposed;
    seen.gaps += all_.gaps;
    seen.copies += all_.copies;
    seen.again += all_.again;
    seen.acked += all_.acked_for_good.size();
  }

  random_source random_;
  world all_;
};

/// True if a process that makes this mistake notices it within so many seeds, by a check or a broken invariant.
bool finds(plant what, uint64_t seeds) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    if (std::freopen("/dev/null", "w", stderr) == nullptr)
      _exit(2);
    broker::queueing::planted_mistake = what;
    for (uint64_t seed = 1; seed <= seeds; ++seed)
      if (!life(seed).run(400).empty())
        _exit(1);
    _exit(0);
  }
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(!(WIFEXITED(status) && WEXITSTATUS(status) == 2));
  return WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) == 1;
}

} // namespace

BOOST_AUTO_TEST_SUITE(at_random)

BOOST_AUTO_TEST_CASE(no_confirmed_message_is_lost_whatever_happens) {
  marks sum;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    life one(seed);
    const std::string wrong = one.run(400);
    BOOST_REQUIRE_MESSAGE(wrong.empty(), "seed " << seed << ": " << wrong);
    sum.offices += one.seen.offices;
    sum.deposed += one.seen.deposed;
    sum.gaps += one.seen.gaps;
    sum.copies += one.seen.copies;
    sum.again += one.seen.again;
    sum.purges += one.seen.purges;
    sum.acked += one.seen.acked;
    sum.withheld += one.seen.withheld;
  }
  BOOST_TEST(sum.offices > 400u);
  BOOST_TEST(sum.deposed > 0u);
  BOOST_TEST(sum.copies > 0u);
  BOOST_TEST(sum.again > 0u);
  BOOST_TEST(sum.purges > 0u);
  BOOST_TEST(sum.acked > 0u);
  BOOST_TEST(sum.withheld > 0u);
}

BOOST_AUTO_TEST_CASE(planted_mistakes_are_found) {
  BOOST_TEST(!finds(plant::none, 20));
  for (auto what = static_cast<uint8_t>(plant::none) + 1; what < static_cast<int>(plant::count_plants); ++what)
    BOOST_TEST(finds(static_cast<plant>(what), 150), "plant " << static_cast<int>(what) << " is not found");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace replicated_random

// A move of a queue's master is told to those that use the queue, and to nobody else.
#include <boost/test/unit_test.hpp>

#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>

#include "actors/move_watchers.hpp"

namespace watching_moves {
namespace {

using namespace broker;

struct fixture {
  ~fixture() {
    for (const caf::actor& who : {one, two})
      caf::anon_send_exit(who, caf::exit_reason::kill);
  }
  caf::actor somebody() {
    return system.spawn([](caf::event_based_actor*) { return caf::behavior{[](int) {}}; });
  }
  /// Queues that `who` hears of.
  std::vector<queue_id> told(const caf::actor& who, const std::vector<queue_move>& moves) const {
    std::vector<queue_id> queues;
    for (const auto& [to, what] : all.of(moves))
      if (to == who)
        for (const queue_move& each : what)
          queues.push_back(each.queue);
    return queues;
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::actor one = somebody();
  caf::actor two = somebody();
  move_watchers all;
  move_watch of_one;
  move_watch of_two;
};

using queues = std::vector<queue_id>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(moves_of_masters, fixture)

BOOST_AUTO_TEST_CASE(are_told_to_those_that_use_the_queue_in_their_order) {
  of_one.look(all, 1, one);
  of_one.look(all, 3, one);
  of_two.look(all, 2, two);
  BOOST_TEST(told(one, {{3, 1}, {2, 1}, {1, 1}, {4, 1}}) == (queues{3, 1}));
  BOOST_TEST(told(two, {{3, 1}, {2, 1}, {1, 1}, {4, 1}}) == (queues{2}));
  BOOST_TEST(all.of({{4, 1}}).empty());
}

// A channel asks the next master again at every move that it hears of, and sends when it has heard of all: told of two
// moves of a queue, it would ask the last master twice. Of two answers to a basic.get it takes one.
BOOST_AUTO_TEST_CASE(that_come_together_are_told_once_for_each_queue) {
  of_one.look(all, 1, one);
  of_one.look(all, 2, one);
  for (queue_id queue = 1; queue <= move_watch::queues_max + 5; ++queue)
    of_two.look(all, queue, two);
  for (const auto& who : {one, two})
    BOOST_TEST(told(who, {{1, 2}, {2, 5}, {1, 3}}) == (queues{2, 1}));
  for (const auto& [to, what] : all.of({{1, 2}, {2, 5}, {1, 3}}))
    BOOST_TEST(what.back().mastership == 3u);
}

BOOST_AUTO_TEST_CASE(are_registered_for_once) {
  for (int i = 0; i < 3; ++i)
    of_one.look(all, 1, one);
  BOOST_TEST(all.size() == 1u);
  BOOST_TEST(told(one, {{1, 7}}) == (queues{1}));
}

BOOST_AUTO_TEST_CASE(are_all_told_to_those_that_use_more_queues_than_are_remembered) {
  for (queue_id queue = 1; queue <= move_watch::queues_max + 5; ++queue)
    of_one.look(all, queue, one);
  of_two.look(all, 2, two);
  BOOST_TEST(all.size() == 2u);
  BOOST_TEST(told(one, {{2, 1}, {9'999, 1}}) == (queues{2, 9'999}));
  BOOST_TEST(told(two, {{2, 1}, {9'999, 1}}) == (queues{2}));
}

BOOST_AUTO_TEST_CASE(are_not_told_to_those_that_have_left) {
  of_one.look(all, 1, one);
  of_two.look(all, 1, two);
  of_one.leave(all, one);
  BOOST_TEST(told(one, {{1, 1}}).empty());
  BOOST_TEST(told(two, {{1, 1}}) == (queues{1}));
  for (queue_id queue = 1; queue <= move_watch::queues_max + 5; ++queue)
    of_two.look(all, queue, two);
  of_two.leave(all, two);
  BOOST_TEST(all.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace watching_moves

// A queue that was dropped may be stored again under its id: a node is to hold a copy of it, then not, then again
// (replication.md, "Placement in the metadata").
#include "queue_lives.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

#include "store_fixture.hpp"

using namespace broker;
using sim::crash_style;
using test::store_fixture;

namespace {

constexpr queue_id moving = 1, other = 2, brief = 3;

uint64_t stored_in(const store_fixture& world, queue_id queue) {
  uint64_t all = 0;
  for (const recovered_queue& one : world.recovered)
    for (const recovered_run& run : one.runs)
      all += one.id == queue ? run.count : 0;
  return all;
}

/// Segments fill, and those with little in them are retired.
void pass_time(store_fixture& world) {
  for (int i = 0; i < 6; ++i) {
    world.append(other, 20, 600, true);
    world.settle_down();
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(lives_of_queues)

BOOST_AUTO_TEST_CASE(what_is_stored_after_a_drop_is_there) {
  store_fixture world(1);
  BOOST_REQUIRE(world.open());
  world.append(moving, 10, 100, true);
  world.log(moving, true);
  world.settle_down();
  world.drop(moving);
  world.begin_anew(moving);
  world.append(moving, 4, 90, true);
  world.log(moving, true);
  world.settle_down();
  BOOST_TEST(world.client(moving)->logged == 1u);
  BOOST_TEST(world.read_all(moving).size() == 4u);
  world.settle(moving, {1, 3});
  world.settle_down();
  BOOST_TEST(world.read_all(moving).size() == 2u);
}

/// Wherever the earlier life's messages and the word of its end lie by then.
BOOST_AUTO_TEST_CASE(what_is_stored_after_a_drop_is_there_after_a_crash_and_nothing_else) {
  for (const bool early : {false, true})
    for (const bool between : {false, true})
      for (const bool late : {false, true})
        for (const crash_style style : {crash_style::lose_all, crash_style::keep_all}) {
          store_fixture world(1);
          BOOST_REQUIRE(world.open());
          for (uint64_t life = 0; life < 3; ++life) {
            world.append(moving, static_cast<uint32_t>(10 - life), 100 + life, true);
            world.log(moving, true);
            world.settle(moving, {2, 4});
            if (early)
              pass_time(world);
            world.settle_down();
            world.drop(moving);
            if (between)
              pass_time(world);
            world.begin_anew(moving);
          }
          world.append(moving, 5, 50, true);
          world.log(moving, true);
          world.settle(moving, {5, 6});
          if (late)
            pass_time(world);
          world.settle_down();
          for (int start = 0; start < 3; ++start) {
            world.crash(start == 0 ? style : crash_style::keep_all);
            BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
            const uint64_t found = stored_in(world, moving);
            BOOST_TEST((found == 4u || (found == 5u && style == crash_style::lose_all)));
            BOOST_TEST(world.read_all(moving).size() == found);
            for (const recovered_queue& one : world.recovered)
              BOOST_TEST((one.id != moving || one.log.size() == 1u));
            if (start == 1)
              pass_time(world);
          }
          world.drop(moving);
          world.settle_down();
          pass_time(world);
          world.crash(crash_style::keep_all);
          BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
          BOOST_TEST(stored_in(world, moving) == 0u);
        }
}

/// Acknowledged to the one that came later, it would take for written what it has not written yet.
BOOST_AUTO_TEST_CASE(a_life_hears_nothing_of_what_the_one_before_has_written) {
  store_fixture world(1);
  BOOST_REQUIRE(world.open());
  world.append(moving, 10, 100, true);
  for (int i = 0; i < 3; ++i)
    world.log(moving, i == 0);
  world.store().read(moving, 1, 11, 1000);
  world.drop(moving);
  world.begin_anew(moving);
  const auto later = world.client(moving);
  world.settle_down();
  BOOST_TEST(later->durable == 0u);
  BOOST_TEST(later->logged == 0u);
  BOOST_TEST(later->answers == 0);
}

namespace {

/// Of `moving`, which was dropped, only a segment is left that says that its messages were settled: those with the
/// messages and with the word of the drop have been used again.
void leave_settles_alone(store_fixture& world) {
  seqno brief_until = 1;
  const auto fill_segment = [&] { // until `brief` is settled
    world.append(brief, 10, 600, true);
    world.settle_down();
    brief_until += 10;
  };
  world.append(moving, 10, 100, true);
  world.log(moving, true, "begins");
  fill_segment();
  fill_segment();
  world.settle(moving, {1, 11});
  world.append(other, 10, 600, true);
  world.settle_down();
  fill_segment();
  world.drop(moving);
  fill_segment();
  fill_segment();
  world.settle(brief, {1, brief_until});
  pass_time(world);
}

} // namespace

/// It would end messages of the same numbers, which are confirmed.
BOOST_AUTO_TEST_CASE(what_was_settled_before_a_drop_ends_nothing_that_is_stored_afterwards) {
  store_fixture world(1);
  BOOST_REQUIRE(world.open());
  leave_settles_alone(world);
  world.begin_anew(moving);
  world.append(moving, 4, 50, true);
  world.log(moving, true, "begins");
  world.settle_down();
  pass_time(world); // they move to the backlog
  BOOST_TEST(world.read_all(moving).size() == 4u);
  for (int start = 0; start < 2; ++start) {
    world.crash(crash_style::keep_all);
    BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
    BOOST_TEST(stored_in(world, moving) == 4u);
  }
}

/// A replica would adopt it as a log of which it has every entry.
BOOST_AUTO_TEST_CASE(what_was_settled_before_a_drop_is_no_content_of_the_queue) {
  store_fixture world(1);
  BOOST_REQUIRE(world.open());
  leave_settles_alone(world);
  for (int start = 0; start < 2; ++start) {
    world.crash(crash_style::keep_all);
    BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
    for (const recovered_queue& one : world.recovered)
      BOOST_TEST(one.id != moving);
  }
}

/// What is stored under the number of the dropped life meets that word at the next start, and is taken for dropped.
BOOST_AUTO_TEST_CASE(a_life_gets_no_number_of_which_a_segment_still_says_that_it_was_dropped) {
  for (const bool restarted : {false, true}) {
    store_fixture world(1);
    BOOST_REQUIRE(world.open());
    seqno brief_until = 1;
    const auto fill_segments = [&] { // until `brief` is settled
      for (int i = 0; i < 3; ++i) {
        world.append(brief, 10, 600, true);
        world.settle_down();
        brief_until += 10;
      }
    };
    world.append(moving, 10, 100, true);
    world.log(moving, true);
    fill_segments();
    world.drop(moving); // noted behind all segments that have its messages
    world.settle_down();
    if (restarted) {
      world.crash(crash_style::keep_all);
      BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
      fill_segments();
    }
    const size_t before = world.store().segments();
    world.settle(brief, {1, brief_until});
    world.settle_down();
    BOOST_REQUIRE(world.store().segments() < before); // those with its messages are used again
    world.begin_anew(moving);
    world.append(moving, 4, 50, true);
    world.log(moving, true);
    world.settle_down();
    for (int start = 0; start < 2; ++start) {
      world.crash(start == 0 ? crash_style::lose_all : crash_style::keep_all);
      BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
      BOOST_TEST(stored_in(world, moving) == 4u);
      for (const recovered_queue& one : world.recovered)
        BOOST_TEST((one.id != moving || one.log.size() == 1u));
    }
  }
}

BOOST_AUTO_TEST_CASE(queues_that_are_gone_for_good_are_forgotten) {
  queue_lives lives;
  const std::set<queue_id> known{lives.end(1), lives.end(2), lives.end(3)};
  lives.end(4);
  const queue_id again = lives.use(2);
  BOOST_TEST(queue_lives::queue_of(again) == 2u);
  BOOST_TEST(again != 2u);
  for (const queue_id one : {1, 2, 3})
    lives.noted(one);
  lives.forget([](queue_id stored) { return stored == 3; });
  BOOST_TEST(lives.size() == 3u); // 2 is used, 3 is in the journal, of 4 it does not know yet
  BOOST_TEST(lives.present(1) == 1u);
  BOOST_TEST(lives.present(2) == again);
  BOOST_TEST(lives.present(3) != 3u);
  BOOST_TEST(lives.present(4) != 4u);
  BOOST_TEST(known.size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

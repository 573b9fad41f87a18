// Promises G1, G6, G7 (guarantees.md) under every kind of crash.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "journal_record.hpp"
#include "sample.hpp"
#include "store_fixture.hpp"

using namespace broker;
using sim::crash_style;
using test::store_fixture;

BOOST_AUTO_TEST_SUITE(crashes)

namespace {

constexpr crash_style styles[] = {crash_style::lose_all, crash_style::prefix, crash_style::torn, crash_style::reordered,
                                  crash_style::keep_all};

/// Runs random operations until the power fails at step `power_off_at` or `operations` are done, then crashes.
void run_and_crash(store_fixture& world, uint64_t power_off_at, int operations, crash_style style) {
  world.disk.faults().power_off_at = power_off_at;
  for (int i = 0; i < operations && !world.store().failed(); ++i)
    world.random_operation();
  world.crash(style);
}

} // namespace

BOOST_AUTO_TEST_CASE(whatever_step_the_power_fails_at_no_promise_is_broken) {
  for (uint64_t step = 1; step <= 160; ++step) {
    store_fixture world(step % 7);
    BOOST_TEST_CONTEXT("power off at step " << step) {
      BOOST_REQUIRE(world.open());
      run_and_crash(world, step, 250, styles[step % std::size(styles)]);
      BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
      world.check_recovered();
    }
  }
}

BOOST_AUTO_TEST_CASE(many_lives_of_one_store_keep_every_promise) {
  for (uint64_t seed = 1; seed <= sample::seeds(150); ++seed) {
    store_fixture world(seed);
    for (int life = 0; life < 6; ++life) {
      BOOST_TEST_CONTEXT("seed " << seed << " life " << life) {
        BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
        world.check_recovered();
        const uint64_t step = world.random.chance(1, 3) ? UINT64_MAX : world.disk.steps() + 1 + world.random.below(120);
        run_and_crash(world, step, static_cast<int>(world.random.below(300)),
                      styles[world.random.below(std::size(styles))]);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_crash_during_recovery_breaks_no_promise) {
  for (uint64_t seed = 1; seed <= sample::seeds(60); ++seed) {
    store_fixture world(seed);
    BOOST_TEST_CONTEXT("seed " << seed) {
      BOOST_REQUIRE(world.open());
      run_and_crash(world, 40 + seed, 200, crash_style::torn);
      for (uint64_t step = 1; step <= 8; ++step) {
        world.disk.faults().power_off_at = step;
        if (world.open())
          break;
        world.disk.crash(styles[(seed + step) % std::size(styles)]);
        world.backlog.crash(false);
      }
      world.disk.faults() = {};
      BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
      world.check_recovered();
    }
  }
}

/// Unsynced sectors survive in any order: the mark of an idle moment may be lost and the record behind it not. What
/// ends the journal there must not be the same mark again, or that record would be its continuation.
BOOST_AUTO_TEST_CASE(a_record_behind_a_lost_mark_stays_dead) {
  store_fixture world(1);
  BOOST_REQUIRE(world.open());
  world.append(1, 1, 100, true);
  world.settle_down();
  world.store().step_writer(true); // idle: a mark
  world.append(1, 1, 100, false);
  world.store().step_writer(false); // written, not synced
  world.crash(crash_style::keep_all);
  int lost = 0;
  const auto names = world.disk.list("journal");
  BOOST_REQUIRE(names.ok());
  for (const std::string& name : *names) {
    const std::string path = "journal/" + name;
    std::string bytes = *world.disk.content(path);
    const auto segment = load_segment_head(bytes);
    if (segment.state != head_state::valid)
      continue;
    for (size_t at = segment_head_bytes;;) {
      const auto head = load_record_head(std::string_view(bytes).substr(at), segment.head.salt);
      if (!head)
        break;
      if (head->kind == record_kind::mark && ++lost == 1)
        std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(at), head->size(), '\0');
      at += head->size();
    }
    world.disk.set_content(path, bytes);
  }
  BOOST_REQUIRE_EQUAL(lost, 1);
  BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
  world.check_recovered();
  for (int i = 0; i < 3; ++i) {
    world.append(1, 1, 100, true);
    world.settle_down();
  }
  world.crash(crash_style::keep_all);
  BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
  world.check_recovered();
}

BOOST_AUTO_TEST_CASE(an_error_of_write_or_sync_is_fatal_once_and_nothing_is_written_after) {
  for (uint64_t step = 5; step <= 120; ++step) {
    store_fixture world(step);
    BOOST_TEST_CONTEXT("error at step " << step) {
      BOOST_REQUIRE(world.open());
      world.disk.faults().write_error_at = step;
      world.disk.faults().sync_error_at = step;
      while (!world.store().failed() && world.disk.steps() < step + 50)
        world.random_operation();
      if (!world.store().failed())
        continue; // a spare segment could not be prepared: no harm
      const uint64_t steps = world.disk.steps();
      const uint64_t backlog_steps = world.backlog.steps();
      for (int i = 0; i < 50; ++i)
        world.random_operation();
      world.store().close();
      BOOST_REQUIRE_EQUAL(world.disk.steps(), steps);
      BOOST_REQUIRE_EQUAL(world.backlog.steps(), backlog_steps);
      BOOST_REQUIRE_EQUAL(world.fatals.size(), 1u);
      world.crash(styles[step % std::size(styles)]);
      BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
      world.check_recovered();
    }
  }
}

BOOST_AUTO_TEST_CASE(a_failing_backlog_is_fatal_too) {
  for (uint64_t step = 1; step <= 10; ++step) {
    store_fixture world(step);
    BOOST_REQUIRE(world.open());
    world.backlog.fail_at(world.backlog.steps() + step);
    for (int i = 0; i < 4000 && !world.store().failed(); ++i)
      world.random_operation();
    BOOST_REQUIRE(world.store().failed());
    BOOST_REQUIRE_EQUAL(world.fatals.size(), 1u);
    world.crash(crash_style::reordered);
    BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
    world.check_recovered();
  }
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_fatal_only_when_no_segment_is_left) {
  store_fixture world(1);
  BOOST_REQUIRE(world.open());
  world.append(1, 1, 100, true);
  world.settle_down();
  const uint64_t used = 3 * world.options.segment_bytes;
  world.disk.faults().capacity = used;
  int appended = 0;
  while (!world.store().failed() && appended < 1000) {
    world.append(1, 1, 1000, true);
    world.settle_down();
    ++appended;
  }
  BOOST_TEST(world.store().failed());
  BOOST_TEST(appended > 20); // the spares were used up first
  BOOST_TEST(world.fatals.size() == 1u);
  world.crash(crash_style::lose_all);
  BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
  world.check_recovered();
}

BOOST_AUTO_TEST_SUITE_END()

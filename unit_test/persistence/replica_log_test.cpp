// A replica's log in the real journal: whatever the power does, a prefix is found that has all that was reported
// (guarantees.md R1, G7; replication.md T17).
#include <boost/test/unit_test.hpp>

#include "replication/log_driver.hpp"
#include "sample.hpp"
#include "store_fixture.hpp"

using namespace broker;
using log_model::log_driver;
using log_model::log_plant;
using sim::crash_style;
using test::store_fixture;

namespace replica_logs {
namespace {

constexpr crash_style styles[] = {crash_style::lose_all, crash_style::prefix, crash_style::torn, crash_style::reordered,
                                  crash_style::keep_all};
constexpr queue_id other_queue = 3;

class driver_client final : public store_client {
public:
  explicit driver_client(log_driver& driver) : driver_(driver) {}
  void on_durable(seqno) override {}
  void on_paged(seqno) override {}
  void on_read(std::vector<stored_run>) override { driver_.broken = "a read without facts"; }
  bool wants_facts() const override { return true; }
  void on_read_with_facts(std::vector<stored_run> runs, std::vector<message_facts> facts) override {
    driver_.read(std::move(runs), std::move(facts));
  }
  void on_logged(uint64_t upto) override { driver_.logged(upto); }

private:
  log_driver& driver_;
};

struct replica_world {
  replica_world(uint64_t seed, log_plant planted) : disks(seed), driver(seed, planted) {}

  /// False: a promise is broken.
  bool start() {
    if (!disks.open()) {
      driver.broken = "the store refuses: " + disks.refusal;
      return false;
    }
    disks.store().attach(log_driver::queue, make_ref<driver_client>(driver));
    const auto found = std::find_if(disks.recovered.begin(), disks.recovered.end(),
                                    [](const recovered_queue& one) { return one.id == log_driver::queue; });
    driver.start(disks.store(), found == disks.recovered.end() ? nullptr : &*found);
    return driver.broken.empty();
  }
  /// Everything live, and the entries that are known.
  void read_back() {
    driver.begin_reading();
    while (driver.more_to_read() && !disks.store().failed()) {
      disks.store().step_reader();
      if (driver.waits)
        disks.store().step_writer(false);
    }
  }
  void step() {
    random_source& random = disks.random;
    driver.random_operation();
    if (random.chance(1, 3))
      disks.store().step_writer(random.chance(1, 4));
    if (random.chance(1, 3))
      disks.store().step_helper();
    if (random.chance(1, 8)) { // so that segments are retired
      disks.append(other_queue, 1, random.below(2000), true);
      other_.push_back(++others_);
    }
    if (!other_.empty() && random.chance(1, 8)) {
      disks.settle(other_queue, {other_.front(), other_.front() + 1});
      other_.erase(other_.begin());
    }
    if (random.chance(1, 60))
      read_back();
  }
  void run(uint64_t steps) {
    while (steps-- > 0 && driver.broken.empty() && !disks.store().failed())
      step();
  }
  void crash(crash_style style) {
    disks.crash(style);
    others_ = 0;
    other_.clear();
  }

  store_fixture disks;
  log_driver driver;

private:
  seqno others_ = 0;
  std::vector<seqno> other_;
};

/// Lives of one log on one disk; the first broken promise.
std::string lives_of(uint64_t seed, log_plant planted) {
  replica_world world(seed, planted);
  random_source& random = world.disks.random;
  for (int life = 0; life < 6 && world.start(); ++life) {
    if (random.chance(1, 2))
      world.read_back();
    if (!random.chance(1, 3))
      world.disks.disk.faults().power_off_at = world.disks.disk.steps() + 1 + random.below(120);
    world.run(random.below(250));
    if (!world.driver.broken.empty())
      break;
    world.crash(styles[random.below(std::size(styles))]);
  }
  return world.driver.broken;
}

} // namespace
} // namespace replica_logs

BOOST_AUTO_TEST_SUITE(replica_logs)

/// Whoever waits for the record waited for a sync of its messages first, and then for one of the record.
BOOST_AUTO_TEST_CASE(messages_of_a_log_and_the_record_that_tells_of_them_share_one_sync) {
  store_fixture world(1);
  BOOST_REQUIRE(world.open());
  world.settle_down();
  const auto client = world.client(1);
  const auto batch = test::make_batch(1, 1, 10, 100);
  world.rousings = 0;
  world.store().append_logged(1, batch, {0, 10}, 1, {});
  BOOST_TEST(world.rousings == 0);
  world.store().log(1, 1, "ten messages", false);
  BOOST_TEST(world.rousings == 1);
  const uint64_t syncs = world.disk.syncs();
  world.store().step_writer(false);
  BOOST_TEST(client->logged == 1u);
  BOOST_TEST(client->durable == 0u);
  BOOST_TEST(world.disk.syncs() == syncs + 1);
  world.store().read(1, 1, 11, SIZE_MAX);
  BOOST_TEST(world.store().step_reader());
  BOOST_REQUIRE(client->read.size() == 1u);
  BOOST_TEST(client->read.front().where.size() == 10u);
}

/// Segments with nothing but logs in them were retired at once, and their logs filled the next ones.
BOOST_AUTO_TEST_CASE(logs_that_are_needed_are_not_written_again_for_ever) {
  store_fixture disks{3};
  BOOST_TEST_REQUIRE(disks.open());
  for (int record = 0; record < 3'000; ++record) {
    disks.log(1, record == 0);
    if (record % 50 == 0)
      disks.store().step_writer(true);
  }
  disks.settle_down();
  const auto before = disks.disk.writes();
  disks.settle_down();
  BOOST_TEST(disks.disk.writes() - before < 10u);
  disks.log(1, true); // and what is not needed goes
  disks.settle_down();
  BOOST_TEST(disks.disk.list("journal")->size() <= disks.options.keep_segments + disks.options.spare_segments);
  disks.crash(crash_style::lose_all);
  BOOST_TEST_REQUIRE(disks.open());
  disks.check_recovered();
}

BOOST_AUTO_TEST_CASE(whatever_step_the_power_fails_at_a_prefix_is_found_with_all_that_was_reported) {
  size_t copies = 0, cuts = 0, checkpoints = 0;
  for (uint64_t step = 1; step <= 200; ++step) {
    BOOST_TEST_CONTEXT("power off at step " << step) {
      replica_world world(step % 23, log_plant::none);
      BOOST_REQUIRE(world.start());
      world.disks.disk.faults().power_off_at = step;
      world.run(2000);
      world.crash(styles[step % std::size(styles)]);
      if (world.start())
        world.read_back();
      BOOST_REQUIRE_MESSAGE(world.driver.broken.empty(), world.driver.broken);
      copies += world.driver.copies;
      cuts += world.driver.cuts;
      checkpoints += world.driver.checkpoints;
    }
  }
  BOOST_TEST(copies > 5u);
  BOOST_TEST(cuts > 50u);
  BOOST_TEST(checkpoints > 50u);
}

BOOST_AUTO_TEST_CASE(many_lives_of_one_log_keep_every_promise) {
  for (uint64_t seed = 1; seed <= sample::seeds(150); ++seed) {
    const std::string broken = lives_of(seed, log_plant::none);
    BOOST_REQUIRE_MESSAGE(broken.empty(), "seed " << seed << ": " << broken);
  }
}

BOOST_AUTO_TEST_CASE(planted_mistakes_are_found) {
  for (const log_plant planted :
       {log_plant::record_before_messages, log_plant::settle_before_record, log_plant::early_ack,
        log_plant::lost_record, log_plant::chain_of_cut_forgotten, log_plant::dedupe_forgotten,
        log_plant::settled_forgotten, log_plant::runs_forgotten, log_plant::never_anew, log_plant::facts_forgotten}) {
    std::string broken;
    uint64_t seed = 0;
    while (broken.empty() && seed < 400)
      broken = lives_of(++seed, planted);
    BOOST_TEST_MESSAGE("mistake " << static_cast<int>(planted) << " after " << seed << " logs: " << broken);
    BOOST_TEST(!broken.empty(), "mistake " << static_cast<int>(planted) << " is not found");
  }
}

/// What has ended leaves nothing behind: neither bodies nor records.
BOOST_AUTO_TEST_CASE(a_log_that_goes_on_keeps_few_segments) {
  replica_world world(1, log_plant::none);
  BOOST_REQUIRE(world.start());
  for (int i = 0; i < 200; ++i) {
    world.run(20);
    world.disks.settle_down();
  }
  BOOST_REQUIRE_MESSAGE(world.driver.broken.empty(), world.driver.broken);
  BOOST_TEST(world.disks.store().segments() <= 6u);
}

BOOST_AUTO_TEST_SUITE_END()

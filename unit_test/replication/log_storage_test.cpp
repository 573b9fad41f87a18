// What log_storage and recover_log promise, on a store that may end anywhere.
#include <boost/test/unit_test.hpp>

#include "replication/ending_store.hpp"
#include "replication/log_driver.hpp"
#include "sample.hpp"

using namespace broker;
using namespace broker::replication;
using log_model::ending_store;
using log_model::log_driver;
using log_model::log_plant;

namespace log_storage_promises {
namespace {

void read_back(ending_store& store, log_driver& driver) {
  driver.begin_reading();
  while (driver.more_to_read())
    store.answer([&](auto runs, auto facts) { driver.read(std::move(runs), std::move(facts)); });
}

/// Some lives of one log, each ended anywhere; the first broken promise.
std::string lives_of(uint64_t seed, log_driver& driver) {
  ending_store store;
  random_source random{seed};
  driver.start(store, nullptr);
  for (int life = 0; life < 6 && driver.broken.empty(); ++life) {
    for (uint64_t steps = random.below(120); steps > 0 && driver.broken.empty(); --steps) {
      driver.random_operation();
      if (random.chance(1, 4))
        driver.logged(store.sync(&random));
      if (random.chance(1, 40))
        read_back(store, driver);
    }
    if (!driver.broken.empty())
      break;
    const recovered_queue found = store.crash(&random);
    driver.start(store, &found);
    if (driver.broken.empty() && random.chance(1, 2))
      read_back(store, driver);
  }
  return driver.broken.empty() ? store.broken : driver.broken;
}

} // namespace
} // namespace log_storage_promises

BOOST_AUTO_TEST_SUITE(log_storage_promises)

BOOST_AUTO_TEST_CASE(whatever_a_crash_leaves_is_a_prefix_with_all_that_was_reported) {
  size_t cuts = 0, inside = 0, copies = 0, copies_found = 0, checkpoints = 0, raised = 0, lost = 0, orphans = 0,
         entries = 0, commits = 0, redelivered = 0;
  const uint64_t seeds = sample::seeds(400);
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    log_driver driver(seed, log_plant::none);
    const std::string broken = lives_of(seed, driver);
    BOOST_REQUIRE_MESSAGE(broken.empty(), "seed " << seed << ": " << broken);
    cuts += driver.cuts;
    inside += driver.cuts_inside;
    copies += driver.copies;
    copies_found += driver.copies_found;
    checkpoints += driver.checkpoints;
    raised += driver.raised;
    lost += driver.lost_settles;
    orphans += driver.orphans;
    entries += driver.entries_read;
    commits += driver.commits_known;
    redelivered += driver.redelivered;
  }
  for (const size_t reached :
       {cuts, inside, copies, copies_found, checkpoints, raised, lost, orphans, entries, commits, redelivered})
    BOOST_TEST(reached > (seeds < 400 ? 0u : 20u));
}

/// Records are checksummed by the store. What is wrong all the same is refused or makes another log, and never ends the
/// node: it comes again empty (G7).
BOOST_AUTO_TEST_CASE(records_with_a_wrong_bit_end_nothing) {
  size_t refused = 0, all = 0;
  for (uint64_t seed = 1; seed <= sample::seeds(60); ++seed) {
    log_driver driver(seed, log_plant::none);
    ending_store store;
    random_source random{seed};
    driver.start(store, nullptr);
    for (int step = 0; step < 100; ++step) {
      driver.random_operation();
      driver.logged(store.sync(&random));
    }
    const recovered_queue good = store.crash(&random);
    for (int flips = 0; flips < 300 && !good.log.empty(); ++flips) {
      recovered_queue bad = good;
      std::string& record = bad.log[random.below(bad.log.size())];
      char& byte = record[random.below(record.size())];
      byte = static_cast<char>(byte ^ (1 << random.below(8)));
      if (random.chance(1, 8))
        record.resize(random.below(record.size()));
      refused += !recover_log(bad).ok();
      ++all;
    }
  }
  BOOST_TEST(refused > all / 2);
}

BOOST_AUTO_TEST_CASE(what_is_no_record_is_refused) {
  BOOST_TEST(!decode_record("").ok());
  BOOST_TEST(!decode_record("\x09").ok());
  log_run run;
  run.mastership = 1;
  run.first = 1;
  run.count = 2;
  run.from = {{1, 1, 1}, 1, 0};
  const std::string good = encode_record(log_write{1, log_appended{run}}, 5);
  BOOST_TEST(decode_record(good).ok());
  for (size_t size = 0; size < good.size(); ++size)
    BOOST_TEST(!decode_record(good.substr(0, size)).ok());
  BOOST_TEST(!decode_record(good + "x").ok());
  run.from.prev = 1; // its own number
  BOOST_TEST(!decode_record(encode_record(log_write{1, log_appended{run}}, 5)).ok());
  run.from.prev = 0;
  run.kind = entry_kind::settle; // of nothing, and two of them
  BOOST_TEST(!decode_record(encode_record(log_write{1, log_appended{run}}, 5)).ok());
  BOOST_TEST(!decode_record(encode_record(log_write{1, log_emptied{0}}, 0)).ok());
}

BOOST_AUTO_TEST_CASE(a_log_that_recovery_cannot_believe_is_refused_and_says_why) {
  const auto why = [](const recovered_queue& found) {
    const auto done = recover_log(found);
    return done ? std::string{} : done.error().text;
  };
  log_run run;
  run.mastership = 1;
  run.first = 1;
  run.count = 2;
  const std::string emptied = encode_record(log_write{1, log_emptied{1}}, 0);
  const std::string appended = encode_record(log_write{2, log_appended{run}}, 4);
  recovered_queue good{7, 7, {{5, 2, 20, false, {}}}, {emptied, appended}};
  BOOST_TEST(why(good) == "");
  BOOST_TEST(why({7, 1, {}, {}}) == ""); // nothing was ever there
  recovered_queue bad = good;
  bad.log.erase(bad.log.begin());
  BOOST_TEST(why(bad) == "record 1 of a replica's log: it does not begin anew");
  bad = good;
  bad.log.push_back(appended);
  BOOST_TEST(why(bad) == "record 3 of a replica's log: the log has a gap");
  bad = good;
  bad.runs[0].count = 1;
  BOOST_TEST(why(bad) == "the message of entry 2 of a replica's log is gone");
  bad = good;
  bad.log.clear();
  BOOST_TEST(why(bad) == "messages without a log");
  run.first = 3;
  bad = good;
  bad.log.push_back(encode_record(log_write{3, log_appended{run}}, 3));
  BOOST_TEST(why(bad) == "record 3 of a replica's log: messages under numbers that were used before");
}

/// Found by seed 3242 of the random logs: entry 2 was a settle, so the store never heard of its number; it was cut off,
/// and the settle of what was cut off is in a checkpoint, but was lost by the store.
BOOST_AUTO_TEST_CASE(a_number_that_a_checkpoint_calls_settled_is_given_to_no_message) {
  ending_store store;
  log_storage storage(log_driver::queue, store, {4, 1 << 20});
  replica_log log;
  replica_log::writes writes;
  const auto perform = [&] {
    storage.perform(writes, log, 0, 0);
    writes.clear();
  };
  log_run message;
  message.count = 1;
  message.batch = make_ref<publish_batch>();
  message.batch->messages.resize(1);
  message.where = {0, 1};
  log_run ended;
  ended.kind = entry_kind::settle;
  ended.count = 1;
  ended.ranges = std::make_shared<const std::vector<seq_range>>(std::vector<seq_range>{{1, 2}});
  log.empty_out(1, writes);
  log.extend(1, message, writes);
  log.extend(1, ended, writes);
  perform();
  log.truncate(2, writes);
  perform(); // the fourth record, and a checkpoint
  BOOST_TEST(storage.records() == 1u);
  BOOST_TEST_REQUIRE((store.operations.at(5).what == ending_store::kind::settle));
  store.operations.erase(store.operations.begin() + 5);
  store.synced = store.operations.size();
  const auto found = recover_log(store.crash(nullptr));
  BOOST_TEST_REQUIRE(found.ok());
  log_storage again(log_driver::queue, store, *found);
  log = found->log;
  log.extend(2, message, writes);
  again.perform(writes, log, 0, 0);
  BOOST_TEST(again.numbers().stored(2) == 3u);
}

/// A crash before the first record is on disk leaves nothing, and the next life may still say that it has lost nothing.
BOOST_AUTO_TEST_CASE(a_log_that_never_reached_the_disk_was_emptied_before_anybody_listed_it) {
  ending_store store;
  const auto begun = begin_log();
  BOOST_TEST(begun.log.emptied_at() == 1u);
  BOOST_TEST(begun.log.length() == 0u);
  log_storage storage(log_driver::queue, store, begun);
  store.sync(nullptr);
  const auto found = recover_log(store.crash(nullptr));
  BOOST_TEST_REQUIRE(found.ok());
  BOOST_TEST(found->log.emptied_at() == 1u);
  BOOST_TEST(storage.on_logged(1) == 0u); // nothing that the replica has asked for
}

BOOST_AUTO_TEST_CASE(a_log_that_does_not_fit_is_there_until_an_empty_one_takes_its_place) {
  ending_store store;
  log_driver driver(7, log_plant::none);
  driver.start(store, nullptr);
  for (int steps = 0; steps < 60; ++steps)
    driver.random_operation();
  store.sync(nullptr);
  recovered_queue found = store.crash(nullptr);
  BOOST_TEST_REQUIRE(!found.runs.empty());
  const auto none = discard_log(found);
  BOOST_TEST(none.log.emptied_at() == 0u); // the replica empties it under its incarnation
  BOOST_TEST(none.numbers.next() == found.next);
  log_storage storage(log_driver::queue, store, none);
  store.sync(nullptr);
  BOOST_TEST(store.crash(nullptr).log == found.log, boost::test_tools::per_element()); // half way
  replica_log log;
  replica_log::writes writes;
  log.empty_out(9, writes);
  storage.perform(writes, log, 0, 0);
  store.sync(nullptr);
  const recovered_queue left = store.crash(nullptr);
  BOOST_TEST(left.runs.empty());
  const auto again = recover_log(left);
  BOOST_TEST_REQUIRE(again.ok());
  BOOST_TEST(again->log.emptied_at() == 9u);
  BOOST_TEST(again->log.length() == 0u);
}

/// A new replica gives its first order the number that the old one gave its own.
BOOST_AUTO_TEST_CASE(what_the_replica_before_wanted_to_read_is_answered_to_nobody) {
  ending_store store;
  log_storage storage(log_driver::queue, store);
  replica_log log;
  replica_log::writes writes;
  log.empty_out(1, writes);
  log_run run;
  run.kind = entry_kind::publish;
  run.count = 1;
  run.batch = make_ref<publish_batch>();
  run.batch->messages.resize(1);
  run.where = {0, 1};
  log.extend(1, run, writes);
  storage.perform(writes, log, 0, 0);
  const read_order order{2, 1, true, 1, 1, 100};
  BOOST_TEST(!storage.read(order, log).has_value());
  storage.begin_again();
  log = {};
  writes.clear();
  log.empty_out(2, writes);
  log.extend(2, run, writes);
  storage.perform(writes, log, 0, 0);
  BOOST_TEST(!storage.read(order, log).has_value());
  std::vector<read_answer> answers;
  const auto take = [&](auto runs, auto facts) { answers.push_back(storage.on_read(runs, facts, log)); };
  store.answer(take);
  store.answer(take);
  BOOST_TEST(answers.at(0).order.peer == 0u);
  BOOST_TEST(answers.at(0).live.empty());
  BOOST_TEST(answers.at(1).order.peer == 2u);
  BOOST_TEST(answers.at(1).live.size() == 1u);
  BOOST_TEST(answers.at(1).live.at(0).first == 1u);
  BOOST_TEST(storage.on_logged(2) == 0u); // of the replica before
  BOOST_TEST(storage.on_logged(3) == 1u);
}

BOOST_AUTO_TEST_CASE(planted_mistakes_are_found) {
  for (auto planted = static_cast<uint8_t>(log_plant::none) + 1;
       planted <= static_cast<int>(log_plant::facts_forgotten); ++planted) {
    std::string broken;
    uint64_t seed = 0;
    while (broken.empty() && seed < 400) {
      ++seed;
      log_driver driver(seed, static_cast<log_plant>(planted));
      broken = lives_of(seed, driver);
    }
    BOOST_TEST_MESSAGE("mistake " << planted << " after " << seed << " runs: " << broken);
    BOOST_TEST(!broken.empty(), "mistake " << planted << " is not found");
  }
}

BOOST_AUTO_TEST_SUITE_END()

// What one replica's log promises by itself (replica_log.hpp), and leases.
#include <boost/test/unit_test.hpp>

#include <cstring>

#include "replication/replica_log.hpp"
#include "replication/replica_timers.hpp"

using namespace broker;
using namespace broker::replication;

namespace replica_log_promises {
namespace {

log_run run_of(uint32_t count, uint64_t first_number, uint64_t prev, uint64_t channel = 1) {
  auto batch = make_ref<publish_batch>();
  auto bytes = block_ref{block::create(size_t{count} * 16)};
  for (uint32_t i = 0; i < count; ++i) {
    char* at = bytes->data() + size_t{i} * 16;
    std::memcpy(at, "\1e\1k", 4);
    const uint64_t body = first_number + i;
    std::memcpy(at + 4, &body, sizeof body);
    message one{};
    one.names = at;
    one.names_size = 4;
    one.raw = at + 4;
    one.raw_size = one.body_size = sizeof body;
    batch->messages.push_back(one);
  }
  batch->blocks.push_back(std::move(bytes));
  log_run run;
  run.count = count;
  run.from = {{1, 1, channel}, first_number, prev};
  run.batch = std::move(batch);
  run.where = {0, count};
  return run;
}

/// What a restart makes of them: the store gives no bodies back.
replica_log recovered(const replica_log::writes& writes) {
  replica_log log;
  for (log_write one : writes) {
    if (auto* appended = std::get_if<log_appended>(&one.what))
      appended->run.batch = {};
    const auto done = log.replay(one);
    BOOST_TEST_REQUIRE(done.ok());
  }
  log.recovered();
  return log;
}

struct fixture {
  fixture() {
    log.empty_out(1, writes);
    log.extend(1, run_of(5, 1, 0), writes);
    log.extend(2, run_of(5, 8, 5), writes);
  }
  replica_log log;
  replica_log::writes writes;
};

} // namespace
} // namespace replica_log_promises

BOOST_FIXTURE_TEST_SUITE(replica_log_promises, fixture)

BOOST_AUTO_TEST_CASE(only_what_is_on_disk_is_durable) {
  BOOST_TEST(log.durable() == 0u);
  log.written(writes[1].number);
  BOOST_TEST(log.durable() == 5u);
  log.written(writes[2].number);
  BOOST_TEST(log.durable() == 10u);
}

// A late answer for entries that were cut off must not count for those that took their numbers.
BOOST_AUTO_TEST_CASE(an_answer_for_entries_that_were_cut_off_counts_for_nothing) {
  log.truncate(6, writes);
  log.extend(3, run_of(5, 6, 5), writes);
  log.written(writes[2].number); // the ones that were cut off
  BOOST_TEST(log.durable() == 5u);
  log.written(writes[4].number);
  BOOST_TEST(log.durable() == 10u);
}

BOOST_AUTO_TEST_CASE(cutting_off_in_the_middle_of_a_run_restores_chain_masterships_and_deduplication) {
  const auto chain = log.chain_at(7);
  BOOST_TEST(log.dedupe().find({1, 1, 1})->last == 12u);
  log.truncate(8, writes);
  BOOST_TEST(log.chain() == *chain);
  BOOST_TEST(log.length() == 7u);
  BOOST_TEST(log.dedupe().find({1, 1, 1})->last == 9u);
  log.truncate(6, writes);
  BOOST_TEST(log.end().mastership == 1u);
  BOOST_TEST(log.dedupe().find({1, 1, 1})->last == 5u);
  log.truncate(1, writes);
  BOOST_TEST(log.dedupe().find({1, 1, 1}) == nullptr);
  BOOST_TEST(log.chain() == 0u);
}

// Found by simulator seed 3677: channel 1's first publish is entry 1, but once its second, entry 3, is cut off only
// "at most 2" is known of it; and then entry 2, another channel's, is cut off as well.
BOOST_AUTO_TEST_CASE(a_publish_that_is_left_is_never_said_to_lie_behind_the_end) {
  replica_log two;
  two.empty_out(1, writes);
  two.extend(1, run_of(1, 1, 0), writes);
  two.extend(1, run_of(1, 1, 0, 2), writes);
  two.extend(1, run_of(1, 2, 1), writes);
  const log_base base = two.base_at(1, 0);
  BOOST_TEST(base.dedupe.find({1, 1, 1})->at == 1u);
  two.truncate(2, writes);
  BOOST_TEST(two.dedupe().find({1, 1, 1})->last == 1u);
  BOOST_TEST(two.dedupe().find({1, 1, 1})->at == 1u);
  BOOST_TEST(two.dedupe().find({1, 1, 2}) == nullptr);
}

BOOST_AUTO_TEST_CASE(entries_are_compared_by_mastership) {
  BOOST_TEST(log.matches({1, 5}));
  BOOST_TEST(log.matches({2, 6}));
  BOOST_TEST(!log.matches({1, 6}));
  BOOST_TEST(!log.matches({2, 11}));
  BOOST_TEST(log.matches({0, 0}));
}

BOOST_AUTO_TEST_CASE(a_changed_body_breaks_the_chain) {
  replica_log other;
  replica_log::writes unused;
  other.empty_out(1, unused);
  log_run run = log.runs()[0];
  BOOST_TEST(other.append(run, unused).ok());
  log_run next = log.runs()[1];
  log_run changed = run_of(5, 9, 5);
  changed.mastership = next.mastership;
  changed.first = next.first;
  changed.from = next.from;
  changed.chain = next.chain;
  BOOST_TEST(!other.append(changed, unused).ok());
  BOOST_TEST(other.length() == 5u);
  BOOST_TEST(other.append(next, unused).ok());
}

BOOST_AUTO_TEST_CASE(a_changed_deadline_or_priority_breaks_the_chain) {
  log_run run = log.runs()[0];
  run.facts.priority = 1;
  BOOST_TEST(chain_after(0, run) != run.chain);
  run.facts = {1, 0};
  BOOST_TEST(chain_after(0, run) != run.chain);
}

BOOST_AUTO_TEST_CASE(replaying_what_was_written_gives_the_same_log) {
  log.truncate(8, writes);
  log.extend(4, run_of(2, 10, 9), writes);
  replica_log again;
  for (const log_write& one : writes)
    BOOST_TEST_REQUIRE(again.replay(one).ok());
  again.recovered();
  log.written(writes.back().number);
  BOOST_TEST(again.durable() == log.durable());
  BOOST_TEST(again.chain() == log.chain());
  BOOST_TEST((again.end() == log.end()));
  BOOST_TEST((again.dedupe() == log.dedupe()));
}

BOOST_AUTO_TEST_CASE(writes_that_do_not_fit_are_damage) {
  replica_log again;
  BOOST_TEST(again.replay(writes[0]).ok());
  BOOST_TEST(!again.replay(writes[2]).ok()); // a record is missing
  BOOST_TEST(!again.replay({1, log_copy_ended{}}).ok());
  BOOST_TEST(!again.replay({1, log_truncated{3}}).ok());
}

// -- without bodies, as a store gives writes back
// ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(without_bodies_a_log_is_the_same_but_for_what_is_in_memory) {
  log_run ended;
  ended.kind = entry_kind::settle;
  ended.count = 1;
  ended.ranges = std::make_shared<const std::vector<seq_range>>(std::vector<seq_range>{{1, 3}});
  log.extend(2, ended, writes);
  replica_log again = recovered(writes);
  BOOST_TEST((again.end() == log.end()));
  BOOST_TEST(again.chain() == log.chain());
  BOOST_TEST((again.dedupe() == log.dedupe()));
  BOOST_TEST(again.durable() == 11u);
  BOOST_TEST(again.emptied_at() == 1u);
  BOOST_TEST(again.described_floor() == 0u);
  BOOST_TEST(again.memory_floor() == 10u);
  for (seqno seq = 1; seq <= 11; ++seq)
    BOOST_TEST(again.mastership_at(seq) == log.mastership_at(seq));
  BOOST_TEST(again.bytes_between(0, 11) == log.bytes_between(0, 11));
  BOOST_TEST((*again.find(11)->ranges == *ended.ranges)); // what a commit gives up
}

BOOST_AUTO_TEST_CASE(without_bodies_logs_are_compared_and_cut_off_at_the_ends_of_runs) {
  replica_log again = recovered(writes);
  BOOST_TEST(again.matches({1, 5}));
  BOOST_TEST(!again.matches({1, 6}));
  BOOST_TEST(*again.chain_at(5) == *log.chain_at(5));
  BOOST_TEST(!again.chain_at(7).has_value());
  BOOST_TEST(!again.can_truncate(8));
  BOOST_TEST_REQUIRE(again.can_truncate(6));
  replica_log::writes more;
  again.truncate(6, more);
  BOOST_TEST(again.memory_floor() == 5u);
  BOOST_TEST(again.dedupe().find({1, 1, 1})->last == 5u);
  BOOST_TEST(again.end().mastership == 1u);
  // The master's next entry continues the chain, another does not.
  log.truncate(6, writes);
  log_run next = log.extend(3, run_of(2, 6, 5), writes);
  log_run other = next;
  ++other.chain;
  BOOST_TEST(!again.append(other, more).ok());
  BOOST_TEST(again.append(next, more).ok());
  BOOST_TEST(again.chain() == log.chain());
  BOOST_TEST(again.find(6)->in_memory());
  BOOST_TEST(again.memory_floor() == 5u);
}

BOOST_AUTO_TEST_CASE(a_cut_inside_a_run_that_had_its_bodies_is_repeated_without_them) {
  log.truncate(8, writes);
  replica_log again = recovered(writes);
  BOOST_TEST(again.length() == 7u);
  BOOST_TEST(again.chain() == log.chain());
  log.extend(4, run_of(2, 10, 9), writes);
  BOOST_TEST(recovered(writes).chain() == log.chain());
}

BOOST_AUTO_TEST_CASE(runs_without_bodies_leave_memory_like_others_once_they_are_committed) {
  replica_log again = recovered(writes);
  again.trim(5, 0, 0);
  BOOST_TEST(again.described_floor() == 5u);
  BOOST_TEST(again.find(5) == nullptr);
  BOOST_TEST(*again.chain_at(5) == *log.chain_at(5));
  BOOST_TEST(!again.can_truncate(5));
  BOOST_TEST(again.can_truncate(6));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_stands_for_all_writes_before_it) {
  log.truncate(8, writes);
  log.extend(4, run_of(2, 10, 9, 2), writes);
  for (seqno committed : {0, 5, 6, 9}) {
    replica_log again;
    again.empty_out(9, writes); // whatever there was before
    BOOST_TEST_REQUIRE(again.resume(log.checkpoint(committed, 3)).ok());
    again.recovered();
    BOOST_TEST(again.described_floor() == (committed == 6 ? 5u : committed));
    BOOST_TEST((again.end() == log.end()));
    BOOST_TEST(again.chain() == log.chain());
    BOOST_TEST((again.dedupe() == log.dedupe()));
    BOOST_TEST(again.durable() == 9u);
    BOOST_TEST(again.emptied_at() == 1u);
    BOOST_TEST(again.matches({1, 5}));
    BOOST_TEST(!again.matches({1, 6}));
    BOOST_TEST(again.can_truncate(8) == (committed < 9));
  }
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_half_a_copy_stays_half_a_copy) {
  replica_log half;
  half.empty_out(3, writes);
  half.begin_copy(log.base_at(10, 4), writes);
  half.add_copied({}, 6, writes);
  replica_log again;
  BOOST_TEST_REQUIRE(again.resume(half.checkpoint(0, 0)).ok());
  again.recovered();
  BOOST_TEST(again.copying());
  BOOST_TEST(again.copied_upto() == 6u);
  BOOST_TEST((again.copy_base() == log.end()));
  BOOST_TEST(again.durable() == 0u);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_contradicts_itself_is_refused) {
  const log_checkpoint good = log.checkpoint(5, 0);
  replica_log again;
  log_checkpoint bad = good;
  bad.runs.clear(); // its masterships tell of more
  BOOST_TEST(!again.resume(bad).ok());
  bad = good;
  ++bad.runs[0].first;
  BOOST_TEST(!again.resume(bad).ok());
  bad = good;
  bad.runs[0].mastership = 1;
  BOOST_TEST(!again.resume(bad).ok());
  bad = good;
  bad.copying = true; // of nothing
  BOOST_TEST(!again.resume(bad).ok());
  bad = good;
  std::swap(bad.epochs[0], bad.epochs[1]);
  BOOST_TEST(!again.resume(bad).ok());
  BOOST_TEST(again.resume(good).ok());
}

BOOST_AUTO_TEST_CASE(a_copys_base_has_the_deduplication_of_its_place) {
  const log_base base = log.base_at(7, 100);
  BOOST_TEST(base.dedupe.find({1, 1, 1})->last == 9u);
  BOOST_TEST(base.delivered_upto == 7u);
  BOOST_TEST((base.end == log_position{2, 7}));
}

BOOST_AUTO_TEST_CASE(a_lease_ends_before_the_session_can) {
  session_lease lease;
  BOOST_TEST(!lease.valid(0));
  lease.renewed(10'000);
  lease.renewed(9'000); // an older answer does not shorten it
  BOOST_TEST(lease.valid(10'000 + limits::session_ms - limits::session_margin_ms - 1));
  BOOST_TEST(!lease.valid(10'000 + limits::session_ms - limits::session_margin_ms));
}

BOOST_AUTO_TEST_SUITE_END()

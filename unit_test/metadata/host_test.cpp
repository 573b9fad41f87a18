#include <boost/test/unit_test.hpp>

#include "fixture.hpp"
#include "metadata/metadata_host.hpp"

using namespace metadata_test;
using consensus::outcome;

namespace host {
namespace {

/// Opens and does what a node does first.
void begin(metadata_host& host) {
  BOOST_REQUIRE(host.open(0).ok());
  host.propose(1'000'000, first_start());
  const auto started = host.flush();
  BOOST_REQUIRE(started.ok());
  BOOST_REQUIRE_EQUAL(started->done.size(), 1u);
  BOOST_REQUIRE_MESSAGE(started->done[0].result.ok(), started->done[0].result.failure.text);
}

} // namespace
} // namespace host

BOOST_AUTO_TEST_SUITE(host)

BOOST_AUTO_TEST_CASE(proposals_are_made_durable_together_and_answered_in_order) {
  memory_store store;
  metadata_host host{{}, store};
  begin(host);
  const int writes = store.writes;
  host.propose(1, declare_queue{queue("a")});
  host.propose(2, declare_queue{queue("a", false)});
  host.propose(3, declare_queue{queue("b")});
  BOOST_TEST(host.has_pending());
  BOOST_TEST(host.snapshot()->find_queue("/", "a") == nullptr); // not before it is durable
  const auto flushed = host.flush();
  BOOST_REQUIRE(flushed.ok());
  BOOST_TEST(store.writes == writes + 1);
  BOOST_REQUIRE_EQUAL(flushed->done.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    BOOST_TEST(flushed->done[i].id == i + 1);
    BOOST_TEST((flushed->done[i].what == outcome::ok));
  }
  BOOST_TEST(flushed->done[0].result.created);
  BOOST_TEST(flushed->done[1].result.failure.code == 406);
  BOOST_TEST(flushed->changes.size() == 2u);
  BOOST_TEST(host.snapshot()->find_queue("/", "b") != nullptr);
  BOOST_TEST(!host.has_pending());
}

BOOST_AUTO_TEST_CASE(an_idle_flush_writes_nothing) {
  memory_store store;
  metadata_host host{{}, store};
  begin(host);
  const int writes = store.writes;
  BOOST_TEST(host.flush()->done.empty());
  BOOST_TEST(store.writes == writes);
}

BOOST_AUTO_TEST_CASE(a_failed_write_answers_nothing) {
  memory_store store;
  metadata_host host{{}, store};
  begin(host);
  host.propose(1, declare_queue{queue("a")});
  store.fail = true;
  const auto flushed = host.flush();
  BOOST_REQUIRE(!flushed.ok());
  BOOST_TEST(flushed.error().text == "disk on fire");
  BOOST_TEST(host.snapshot()->find_queue("/", "a") == nullptr);
}

BOOST_AUTO_TEST_CASE(too_many_proposals_are_answered_overloaded) {
  memory_store store;
  metadata_host_settings settings;
  settings.group.proposals_max = 2;
  metadata_host host{settings, store};
  begin(host);
  for (consensus::ticket id = 1; id <= 3; ++id)
    host.propose(id, declare_queue{queue("q" + std::to_string(id))});
  const auto flushed = host.flush();
  BOOST_REQUIRE(flushed.ok());
  std::map<consensus::ticket, outcome> answers;
  for (const auto& one : flushed->done)
    answers[one.id] = one.what;
  BOOST_TEST(
    (answers == std::map<consensus::ticket, outcome>{{1, outcome::ok}, {2, outcome::ok}, {3, outcome::overloaded}}));
}

BOOST_AUTO_TEST_CASE(what_is_too_much_for_one_write_follows_in_the_next) {
  memory_store store;
  metadata_host_settings settings;
  settings.group.proposal_bytes_max = 400;
  metadata_host host{settings, store};
  begin(host);
  const int writes = store.writes;
  for (consensus::ticket id = 1; id <= 20; ++id)
    host.propose(id, declare_queue{queue("queue number " + std::to_string(id))});
  const auto flushed = host.flush();
  BOOST_REQUIRE(flushed.ok());
  BOOST_REQUIRE_EQUAL(flushed->done.size(), 20u);
  for (const auto& one : flushed->done)
    BOOST_TEST((one.what == outcome::ok));
  BOOST_TEST(store.writes > writes + 1);
}

BOOST_AUTO_TEST_CASE(a_command_larger_than_an_entry_is_refused_and_the_next_is_not) {
  memory_store store;
  metadata_host host{{}, store};
  begin(host);
  queue_record large = queue("large");
  large.arguments.set("x", text(std::string(limits::raft_entry_max_bytes, 'x')));
  host.propose(1, declare_queue{large});
  host.propose(2, declare_queue{queue("small")});
  const auto flushed = host.flush();
  BOOST_REQUIRE(flushed.ok());
  std::map<consensus::ticket, outcome> answers;
  for (const auto& one : flushed->done)
    answers[one.id] = one.what;
  BOOST_TEST((answers == std::map<consensus::ticket, outcome>{{1, outcome::refused}, {2, outcome::ok}}));
}

BOOST_AUTO_TEST_CASE(a_restart_at_any_point_gives_the_state_of_the_last_answer) {
  for (uint64_t seed = 1; seed <= 20; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      memory_store store;
      metadata_host_settings settings;
      settings.group.snapshot_after_entries = 7;
      auto host = std::make_unique<metadata_host>(settings, store);
      begin(*host);
      command_source commands{seed};
      random_source random{seed};
      for (int step = 0; step < 60; ++step) {
        for (uint64_t i = random.below(4); i > 0; --i)
          if (command what = commands.next(); !std::holds_alternative<node_started>(what))
            host->propose(i, what);
        BOOST_REQUIRE(host->flush().ok());
        if (host->snapshot_due())
          BOOST_REQUIRE(host->take_snapshot().ok());
        const std::string bytes = host->state().serialise();
        host = std::make_unique<metadata_host>(settings, store);
        BOOST_REQUIRE(host->open(0).ok());
        BOOST_REQUIRE(host->state().serialise() == bytes);
        host->propose(1'000'000, first_start());
      }
      BOOST_TEST(store.snapshots > 0);
      BOOST_TEST(store.content.log.size() < 200u);
    }
}

BOOST_AUTO_TEST_CASE(proposals_go_on_while_a_snapshot_is_written) {
  memory_store store;
  metadata_host_settings settings;
  settings.group.snapshot_after_entries = 5;
  metadata_host host{settings, store};
  begin(host);
  consensus::ticket ticket = 1;
  const auto declare = [&](const std::string& name) {
    host.propose(ticket++, declare_queue{queue(name)});
    const auto flushed = host.flush();
    BOOST_REQUIRE(flushed.ok() && flushed->done.size() == 1 && flushed->done[0].what == outcome::ok);
  };
  while (!host.snapshot_due())
    declare("before-" + std::to_string(ticket));
  const auto job = host.begin_snapshot();
  const std::string then = host.state().serialise();
  BOOST_TEST(!host.snapshot_due());
  for (int i = 0; i < 20; ++i)
    declare("meanwhile-" + std::to_string(i));
  BOOST_TEST(!host.snapshot_due()); // one at a time
  const auto bytes = job.write(store);
  BOOST_REQUIRE(bytes.ok());
  BOOST_TEST((*bytes == then)); // what it was when it was begun
  BOOST_TEST(store.snapshots == 0);
  BOOST_REQUIRE(host.finish_snapshot(job, *bytes).ok());
  BOOST_TEST(store.snapshots == 1);
  BOOST_TEST(store.content.log.front().index == job.meta.index + 1);
  declare("after");
  BOOST_TEST(host.snapshot_due()); // the entries since
  const std::string last = host.state().serialise();
  metadata_host again{settings, store};
  BOOST_REQUIRE(again.open(0).ok());
  BOOST_TEST((again.state().serialise() == last));
}

BOOST_AUTO_TEST_CASE(a_proposal_before_the_first_tick_has_all_its_time) {
  memory_store store;
  store.content.identity = metadata_identity{4711, 2, 0, true}; // of a cluster that it hears nothing of
  metadata_host host{{}, store};
  constexpr consensus::time_ms start = 1'000'000;
  BOOST_REQUIRE(host.open(start).ok());
  host.propose(7, declare_queue{queue("a")});
  host.read_barrier(8);
  const auto answers = [&](consensus::time_ms now) {
    host.tick(now);
    const auto flushed = host.flush();
    BOOST_REQUIRE(flushed.ok());
    return flushed->done.size();
  };
  BOOST_TEST(answers(start + 1) == 0u);
  BOOST_TEST(answers(start + limits::metadata_proposal_ms - 1) == 0u);
  BOOST_TEST(answers(start + limits::metadata_proposal_ms) == 2u);
}

BOOST_AUTO_TEST_CASE(a_command_of_a_later_version_refuses_to_start) {
  memory_store store;
  store.content.state = {1, 1};
  store.content.log = {{1, 1, consensus::entry::kind::command, std::string("\xa2\x06\x00", 3)}}; // field 100
  metadata_host host{{}, store};
  const auto opened = host.open(0);
  BOOST_REQUIRE(!opened.ok());
  BOOST_TEST(opened.error().text == "metadata log entry 1: a metadata command of a kind this version does not know");
}

BOOST_AUTO_TEST_SUITE_END()

// What the simulator says of placements: each step is judged, however many of them one flush applies.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "../metadata/placement_world.hpp"
#include "copies_watch.hpp"

namespace copies_watched {
namespace {

using namespace broker;
using namespace broker::sim;
namespace repl = broker::replication;

/// Queue "q" has its master on a, alone in sync.
struct fixture : metadata_test::placed_world {
  fixture() : placed_world("ab") {
    policy(R"({"ha-mode":"all"})");
    declare("q", "a");
    show();
  }
  /// One flush has applied what has happened since the last.
  void show() {
    watch.applied(*state.snapshot(), changes);
    changes.clear();
  }
  void order(repl::placement_command what) { must(change_placement{"/", "q", queue("q")->id, std::move(what)}); }
  void report(const std::string& who, seqno last) {
    order(repl::report_inventory{placement("q").mastership, {member(who), {1, last}, true, false}});
  }
  void recover(const std::string& who) { order(repl::recover{placement("q").mastership, id(who), false, false}); }

  std::string broken;
  copies_watch watch{[this](const std::string& what) { broken += what + "\n"; }, [](const std::string&) {}};
};

} // namespace
} // namespace copies_watched

BOOST_FIXTURE_TEST_SUITE(copies_watched, fixture)

/// Seed 7175 of three: the recovery was taken for a promotion of one that was not in sync.
BOOST_AUTO_TEST_CASE(a_report_and_the_recovery_that_it_allows_may_come_in_one_flush) {
  start("a");
  show();
  report("a", 5);
  recover("a");
  show();
  BOOST_TEST(placement("q").mastership == 2u);
  BOOST_TEST(broken == "");
}

BOOST_AUTO_TEST_CASE(a_recovery_without_a_report_is_found) {
  start("a");
  show();
  report("a", 5);
  changes.clear();
  recover("a");
  show();
  BOOST_TEST(broken == "R3: node 1 becomes master of queue 'q' and was not in sync\n");
}

BOOST_AUTO_TEST_CASE(a_master_that_was_not_in_sync_is_found_behind_other_steps_of_its_flush) {
  const auto present = queue("q");
  const auto step = [&](repl::placement next) {
    auto after = std::make_shared<queue_record>(*present);
    after->placement = std::make_shared<const repl::placement>(std::move(next));
    changes.push_back({metadata_change::kind::queue_changed, std::move(after), {}});
  };
  repl::placement next = placement("q");
  ++next.mastership;
  next.version += 2; // a policy has changed where copies shall be
  next.master = id("b");
  next.isr.push_back(member("b"));
  step(next);
  ++next.version;
  next.isr.erase(next.isr.begin());
  step(next);
  show();
  BOOST_TEST(broken == "R3: node 2 becomes master of queue 'q' and was not in sync\n");
}

BOOST_AUTO_TEST_CASE(a_recovery_is_measured_by_the_sessions_of_its_own_moment) {
  order(repl::alter_isr{1, placement("q").version, {member("a"), member("b")}});
  start("a");
  start("b");
  show();
  report("b", 9);
  start("b"); // with what may be less
  report("b", 4);
  report("a", 5);
  recover("a");
  show();
  BOOST_TEST(broken == "");
  BOOST_TEST(placement("q").master == id("a"));
}

BOOST_AUTO_TEST_SUITE_END()

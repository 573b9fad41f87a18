// What a node says of itself counts on all others, while it is so and the node can be reached (features.md O46, O10).
#include <boost/test/unit_test.hpp>

#include "cluster/node_conditions.hpp"

using namespace broker::cluster;
using namespace std::string_view_literals;

namespace conditions_of_nodes {
namespace {

constexpr node_condition memory{true, false, false};
constexpr node_condition disk{false, true, false};
constexpr node_condition both{true, true, false};
constexpr node_condition drained{false, false, true};

/// Two nodes; frames arrive when the test says so.
struct pair_of_nodes {
  node_conditions a;
  node_conditions b;

  void connect(bool fresh) {
    a.reached("rabbit@b", fresh);
    b.reached("rabbit@a", fresh);
  }
  /// What a has not told yet arrives; the number of frames.
  size_t deliver() {
    const auto to = a.untold();
    for (const auto& node : to) {
      b.received("rabbit@a", a.frame());
      a.told(node);
    }
    return to.size();
  }
  node_condition known_of_a() const {
    const auto all = b.others();
    const auto at = all.find("rabbit@a");
    return at == all.end() ? node_condition{} : at->second;
  }
};

} // namespace
} // namespace conditions_of_nodes

BOOST_FIXTURE_TEST_SUITE(conditions_of_nodes, pair_of_nodes)

BOOST_AUTO_TEST_CASE(an_alarm_is_known_on_the_other_node_until_it_is_cleared) {
  connect(true);
  BOOST_TEST(deliver() == 1u);
  BOOST_TEST(!known_of_a().alarmed());
  a.set_own(both);
  BOOST_TEST(deliver() == 1u);
  BOOST_TEST((known_of_a() == both));
  a.set_own(disk);
  deliver();
  BOOST_TEST((known_of_a() == disk));
  a.set_own({});
  deliver();
  BOOST_TEST(b.others().empty());
}

BOOST_AUTO_TEST_CASE(maintenance_is_known_and_no_alarm) {
  connect(true);
  a.set_own(drained);
  deliver();
  BOOST_TEST((known_of_a() == drained));
  BOOST_TEST(!known_of_a().alarmed());
  BOOST_TEST(blocked_reason(known_of_a()) == "");
  a.set_own({});
  deliver();
  BOOST_TEST(b.others().empty());
}

BOOST_AUTO_TEST_CASE(an_alarm_from_before_the_session_is_told_when_it_begins) {
  a.set_own(memory);
  BOOST_TEST(deliver() == 0u);
  connect(true);
  deliver();
  BOOST_TEST((known_of_a() == memory));
}

BOOST_AUTO_TEST_CASE(nothing_is_said_twice_in_a_session) {
  connect(true);
  deliver();
  a.set_own({});
  BOOST_TEST(deliver() == 0u);
  a.unreachable("rabbit@b");
  a.reached("rabbit@b", false);
  BOOST_TEST(deliver() == 0u);
}

BOOST_AUTO_TEST_CASE(a_dead_nodes_alarm_ends_with_it) {
  connect(true);
  a.set_own(memory);
  deliver();
  b.unreachable("rabbit@a");
  BOOST_TEST(b.others().empty());
  b.lost("rabbit@a");
  b.reached("rabbit@a", true); // another run of it, which has not said anything yet
  BOOST_TEST(b.others().empty());
}

BOOST_AUTO_TEST_CASE(an_alarm_outlives_a_break_of_the_connection) {
  connect(true);
  a.set_own(memory);
  deliver();
  b.unreachable("rabbit@a");
  b.reached("rabbit@a", false);
  BOOST_TEST((known_of_a() == memory));
}

BOOST_AUTO_TEST_CASE(what_could_not_be_sent_stays_to_be_told) {
  connect(true);
  a.set_own(memory); // no frame is delivered: the window was full
  BOOST_TEST(a.untold().size() == 1u);
  a.unreachable("rabbit@b");
  a.reached("rabbit@b", false);
  deliver();
  BOOST_TEST((known_of_a() == memory));
}

// A queue was placed on a drained node when its drain had been answered before the other nodes had heard of it.
BOOST_AUTO_TEST_CASE(a_node_knows_when_all_others_know_its_condition) {
  connect(true);
  BOOST_TEST(a.unaware() == 1u); // nothing has been said
  const auto answer = [&] {
    for (const auto& to : b.unanswered()) {
      a.received("rabbit@b", b.answer());
      b.answered(to);
    }
  };
  deliver();
  BOOST_TEST(a.unaware() == 1u);
  answer();
  BOOST_TEST(a.unaware() == 0u);
  BOOST_TEST(b.unanswered().empty());
  a.set_own(drained);
  BOOST_TEST(a.unaware() == 1u);
  deliver();
  a.set_own({});
  deliver();
  a.received("rabbit@b", b.answer()); // to the first of the two
  b.answered("rabbit@a");
  BOOST_TEST(a.unaware() == 1u);
  answer();
  BOOST_TEST(a.unaware() == 0u);
  a.set_own(drained);
  a.unreachable("rabbit@b"); // is not waited for
  BOOST_TEST(a.unaware() == 0u);
}

BOOST_AUTO_TEST_CASE(frames_of_other_kinds_change_nothing) {
  connect(true);
  a.set_own(memory);
  deliver();
  for (const auto frame : {""sv, "\1"sv, "\2\0"sv, "\1\0\0"sv, "more than this version knows"sv})
    b.received("rabbit@a", frame);
  BOOST_TEST((known_of_a() == memory));
}

BOOST_AUTO_TEST_CASE(clients_and_tools_get_rabbitmqs_words) {
  BOOST_TEST(blocked_reason(memory) == "low on memory");
  BOOST_TEST(blocked_reason(disk) == "low on disk");
  BOOST_TEST(blocked_reason(both) == "low on memory & disk");
  BOOST_TEST(blocked_reason({}) == "");
  const auto texts = alarm_texts("rabbit@a", both);
  BOOST_TEST_REQUIRE(texts.size() == 2u);
  BOOST_TEST(texts[0] == "Memory alarm on node rabbit@a");
  BOOST_TEST(texts[1] == "Free disk space alarm on node rabbit@a");
}

BOOST_AUTO_TEST_SUITE_END()

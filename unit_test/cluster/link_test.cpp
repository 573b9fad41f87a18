// What a link promises, one case each, between two nodes under virtual time.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "cluster/plant.hpp"
#include "two_nodes.hpp"

using namespace test;

namespace links {
namespace {

constexpr auto queues = cluster_service::queues;
constexpr auto metadata = cluster_service::metadata;

bool mentions(const test_node& node, std::string_view text) {
  for (const auto& note : node.notes)
    if (note.find(text) != std::string::npos)
      return true;
  return false;
}

struct connected : two_nodes {
  explicit connected(two_nodes_settings settings = {}) : two_nodes(settings) { BOOST_TEST_REQUIRE(settle()); }
  ~connected() { BOOST_TEST(broken == ""); }
};

link_settings settings_of(const std::string& node, const std::string& peer) {
  link_settings how;
  how.node = node;
  how.peer = peer;
  how.incarnation = 1 + node.size() + static_cast<unsigned char>(node.back());
  how.random = [next = uint64_t{100}]() mutable { return ++next; };
  return how;
}

std::string output(node_link& from, uint64_t id) {
  byte_buffer out;
  from.produce(id, 1 << 20, out, 0);
  return std::string{out.view()};
}

/// The hello of `dialler` arrives at `acceptor`; what the acceptor answers.
link_step greet(node_link& dialler, node_link& acceptor, uint64_t id) {
  dialler.opened(id, true, 0);
  acceptor.opened(id, false, 0);
  return acceptor.received(id, output(dialler, id), 0);
}

/// The first service floods a narrow pipe, the last one sends one payload: how many of it arrive in time.
uint64_t payloads_heard_beside_a_flood() {
  two_nodes_settings how;
  how.window_bytes = 4 * 1024 * 1024;
  how.pipe_bytes = 64 * 1024;
  connected world{how};
  const auto flood = [&] {
    while (world.send(0, metadata, 10'000)) {
    }
  };
  flood();
  world.run_for(20);
  BOOST_TEST(world.send(0, cluster_service::replication, 1'000));
  for (int i = 0; i < 20; ++i) {
    flood();
    world.run_for(5);
  }
  BOOST_TEST(world.at(1).services[index_of(metadata)].received < world.at(0).services[index_of(metadata)].sent);
  return world.at(1).services[index_of(cluster_service::replication)].received;
}

uint64_t sessions_lost_in_a_cut_of(uint64_t ms) {
  connected world;
  world.cut(true);
  world.run_for(ms);
  return world.at(0).losses + world.at(1).losses;
}

} // namespace
} // namespace links

BOOST_AUTO_TEST_SUITE(links)

BOOST_AUTO_TEST_CASE(two_nodes_that_dial_at_once_keep_the_connection_of_the_smaller_name) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    two_nodes world{{.seed = seed}};
    world.dial(0, world.random()() % 50);
    world.dial(1, world.random()() % 50);
    BOOST_TEST_REQUIRE(world.settle());
    world.run_for(3'000);
    BOOST_TEST(world.broken == "");
    BOOST_TEST((world.diallers() == std::vector<size_t>{0} || world.at(0).suspicions + world.at(1).suspicions == 0u));
    BOOST_TEST(world.open_connections() == 1u);
    BOOST_TEST(world.at(0).sessions == 1u);
    BOOST_TEST(world.at(1).sessions == 1u);
  }
}

BOOST_AUTO_TEST_CASE(payloads_of_any_size_arrive_whole_and_in_order) {
  connected world;
  for (const size_t bytes : {20ul, 127ul * 1024, 128ul * 1024, 128ul * 1024 + 1, 511ul * 1024, 3ul * 1024 * 1024})
    while (!world.send(0, queues, bytes))
      world.run_for(5);
  BOOST_TEST(world.settle());
  BOOST_TEST(world.at(1).services[index_of(queues)].received == 6u);
}

BOOST_AUTO_TEST_CASE(a_broken_connection_loses_and_repeats_nothing) {
  connected world;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 20; ++i) {
      world.send(0, queues, 5'000);
      world.send(1, metadata, 50'000);
    }
    world.run_for(10);
    world.break_connections();
    world.run_for(round % 3 * 200);
  }
  BOOST_TEST(world.settle());
  BOOST_TEST(world.at(0).losses + world.at(1).losses == 0u);
  BOOST_TEST(world.at(0).suspicions > 10u);
}

BOOST_AUTO_TEST_CASE(silence_of_two_seconds_makes_a_new_connection) {
  connected world;
  world.run_for(10'000);
  BOOST_TEST(world.at(0).suspicions == 0u); // heartbeats
  world.swallow_from(1);
  world.run_for(1'500);
  BOOST_TEST(world.at(0).suspicions == 0u);
  world.run_for(1'000);
  BOOST_TEST(world.at(0).suspicions == 1u);
  BOOST_TEST(mentions(world.at(0), "rabbit@b was silent for"));
  BOOST_TEST(world.settle());
  BOOST_TEST(world.at(0).losses == 0u);
}

BOOST_AUTO_TEST_CASE(a_break_within_the_limit_keeps_the_session) {
  connected world;
  BOOST_TEST(world.send(0, queues, 100));
  world.cut(true);
  BOOST_TEST(world.send(0, queues, 100)); // kept
  world.run_for(59'000);
  world.cut(false);
  BOOST_TEST(world.settle());
  BOOST_TEST(world.at(0).losses + world.at(1).losses == 0u);
  BOOST_TEST(world.at(1).services[index_of(queues)].received == 2u);
}

BOOST_AUTO_TEST_CASE(a_break_beyond_the_limit_ends_the_session_and_both_are_told) {
  connected world;
  world.cut(true);
  BOOST_TEST(world.send(0, queues, 100));
  world.run_for(61'000);
  BOOST_TEST(world.at(0).losses == 1u);
  BOOST_TEST(world.at(1).losses == 1u);
  BOOST_TEST(mentions(world.at(0), "unreachable for 60 s"));
  BOOST_TEST(!world.send(0, queues, 100));
  world.cut(false);
  BOOST_TEST(world.settle());
  BOOST_TEST(world.at(0).sessions == 2u);
  BOOST_TEST(world.at(1).services[index_of(queues)].received == 0u);
}

BOOST_AUTO_TEST_CASE(a_peer_where_nothing_listens_has_ended) {
  auto a = node_link{settings_of("rabbit@a", "rabbit@b")}, b = node_link{settings_of("rabbit@b", "rabbit@a")};
  greet(a, b, 1);
  a.received(1, output(b, 1), 0);
  const auto lost = [](const link_step& step) {
    return std::any_of(step.events.begin(), step.events.end(),
                       [](const link_event& each) { return each.what == link_event::kind::lost; });
  };
  BOOST_TEST_REQUIRE(a.session() != 0);
  BOOST_TEST(!lost(a.dial_failed(true, 50))); // the connection is there: no attempt says anything
  a.closed(1, "broken", 100);
  BOOST_TEST(!lost(a.dial_failed(true, 200)));
  BOOST_TEST(!lost(a.dial_failed(false, 400))); // no answer: the machine may be cut off
  BOOST_TEST(!lost(a.dial_failed(true, 500)));
  BOOST_TEST(!lost(a.dial_failed(true, 640)));
  const link_step over = a.dial_failed(true, 650);
  BOOST_TEST(lost(over));
  BOOST_TEST(a.session() == 0u);
  BOOST_TEST(!lost(a.dial_failed(true, 2'000)));
}

BOOST_AUTO_TEST_CASE(a_restarted_peer_is_a_new_session) {
  connected world;
  BOOST_TEST(world.send(0, queues, 100));
  BOOST_TEST(world.settle());
  world.restart(1);
  BOOST_TEST(world.settle());
  BOOST_TEST(world.at(0).losses == 1u);
  BOOST_TEST(mentions(world.at(0), "it has restarted"));
  BOOST_TEST(world.at(0).session != 0u);
}

BOOST_AUTO_TEST_CASE(good_bye_ends_the_session_at_once) {
  auto a = node_link{settings_of("rabbit@a", "rabbit@b")}, b = node_link{settings_of("rabbit@b", "rabbit@a")};
  greet(a, b, 1);
  a.received(1, output(b, 1), 0);
  b.received(1, output(a, 1), 0);
  BOOST_TEST_REQUIRE((a.session() != 0 && b.session() != 0));
  const auto ended = a.end("shutdown", 0);
  BOOST_TEST_REQUIRE(ended.close.size() == 1u);
  const auto told = b.received(1, ended.close[0].last, 0);
  BOOST_TEST_REQUIRE(!told.events.empty());
  BOOST_TEST((told.events[0].what == link_event::kind::lost));
  BOOST_TEST(told.events[0].text == "it said good-bye: shutdown");
}

BOOST_AUTO_TEST_CASE(good_bye_is_said_though_the_ready_is_still_under_way) {
  auto a = node_link{settings_of("rabbit@a", "rabbit@b")}, b = node_link{settings_of("rabbit@b", "rabbit@a")};
  greet(a, b, 1);
  a.received(1, output(b, 1), 0);
  BOOST_TEST_REQUIRE(a.session() != 0); // and has told its services so
  const auto ended = b.end("shutdown", 0);
  BOOST_TEST_REQUIRE(ended.close.size() == 1u);
  const auto told = a.received(1, ended.close[0].last, 0);
  BOOST_TEST_REQUIRE(!told.events.empty());
  BOOST_TEST((told.events[0].what == link_event::kind::lost));
}

BOOST_AUTO_TEST_CASE(a_service_that_stands_still_stops_its_sender_and_nobody_else) {
  connected world;
  world.at(1).takes_notice = false;
  uint64_t taken = 0;
  while (world.send(0, queues, 1'000))
    ++taken;
  world.run_for(5'000);
  BOOST_TEST(!world.send(0, queues, 1'000)); // received, not handled
  BOOST_TEST(taken == 512 * 1024 / 1064u);
  BOOST_TEST(world.send(0, metadata, 1'000));
  BOOST_TEST(world.at(0).services[index_of(queues)].waits_for_room);
  world.at(1).takes_notice = true;
  world.run_for(2'000);
  BOOST_TEST(!world.at(0).services[index_of(queues)].waits_for_room);
  BOOST_TEST(world.settle());
}

BOOST_AUTO_TEST_CASE(a_service_with_endless_output_does_not_starve_the_next) {
  BOOST_TEST(payloads_heard_beside_a_flood() == 1u);
}

BOOST_AUTO_TEST_CASE(datagrams_never_wait_and_never_pile_up) {
  connected world;
  world.at(0).link->send_datagram(metadata, "vote");
  world.run_for(100);
  BOOST_TEST(world.at(1).services[index_of(metadata)].datagrams == 1u);
  world.swallow_from(0);
  world.run_for(10);
  for (int i = 0; i < 100; ++i)
    world.at(0).link->send_datagram(metadata, std::string(1'000'000, 'x'));
  BOOST_TEST(world.at(0).link->kept_bytes() <= link_limits::datagrams_waiting_bytes);
  world.cut(true);
  world.run_for(10);
  BOOST_TEST(world.at(0).link->kept_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_peer_of_a_newer_version_is_refused_with_the_reason_on_both_sides) {
  auto a = node_link{settings_of("rabbit@a", "rabbit@b")}, b = node_link{settings_of("rabbit@b", "rabbit@a")};
  a.opened(1, true, 0);
  b.opened(1, false, 0);
  auto hello = output(a, 1);
  hello[10] = 2; // length, type, magic, version
  const auto refused = b.received(1, hello, 0);
  BOOST_TEST_REQUIRE(refused.close.size() == 1u);
  BOOST_TEST(refused.close[0].reason
             == "refused: node rabbit@a speaks version 2 of the cluster protocol, this node speaks version 1");
  const auto told = a.received(1, refused.close[0].last, 0);
  BOOST_TEST_REQUIRE(told.close.size() == 1u);
  BOOST_TEST(told.close[0].reason
             == "rabbit@b refused the connection: node rabbit@a speaks version 2 of the cluster protocol, this node "
                "speaks version 1");
  BOOST_TEST(b.session() == 0u);
}

BOOST_AUTO_TEST_CASE(a_node_of_another_cluster_or_name_is_refused) {
  const auto reason = [](auto change_a, auto change_b) {
    auto how_a = settings_of("rabbit@a", "rabbit@b"), how_b = settings_of("rabbit@b", "rabbit@a");
    change_a(how_a);
    change_b(how_b);
    auto a = node_link{how_a}, b = node_link{how_b};
    const auto step = greet(a, b, 1);
    return step.close.empty() ? "accepted" : step.close[0].reason;
  };
  const auto nothing = [](link_settings&) {};
  const auto in = [](const char* id) { return [id](link_settings& how) { how.cluster = id; }; };
  BOOST_TEST(reason(nothing, nothing) == "accepted");
  BOOST_TEST(reason(in("one"), nothing) == "accepted");
  BOOST_TEST(reason(in("one"), in("one")) == "accepted");
  BOOST_TEST(reason(in("one"), in("two")) == "refused: rabbit@a is in the cluster one, rabbit@b in two");
  BOOST_TEST(reason([](link_settings& how) { how.node = "rabbit@c"; }, nothing)
             == "refused: it was admitted as rabbit@a but calls itself rabbit@c");
  BOOST_TEST(reason([](link_settings& how) { how.peer = "rabbit@c"; }, nothing)
             == "refused: it looks for rabbit@c, this is rabbit@b");
}

BOOST_AUTO_TEST_CASE(garbage_ends_the_connection_by_name_and_not_the_session) {
  auto a = node_link{settings_of("rabbit@a", "rabbit@b")}, b = node_link{settings_of("rabbit@b", "rabbit@a")};
  greet(a, b, 1);
  a.received(1, output(b, 1), 0);
  b.received(1, output(a, 1), 0);
  const auto step = b.received(1, std::string_view{"\0\0\0\1\x63", 5}, 0);
  BOOST_TEST_REQUIRE(step.close.size() == 1u);
  BOOST_TEST(step.close[0].reason == "garbage from rabbit@a: a frame of the unknown type 99");
  BOOST_TEST(b.session() != 0u);
  BOOST_TEST(!b.connected());
}

/// Both of what the other says in the meantime and of a greeting.
BOOST_AUTO_TEST_CASE(who_stood_still_takes_nobody_for_silent) {
  auto a = node_link{settings_of("rabbit@a", "rabbit@b")};
  auto b = node_link{settings_of("rabbit@b", "rabbit@a")};
  greet(a, b, 1);
  a.received(1, output(b, 1), 0);
  b.received(1, output(a, 1), 0);
  BOOST_TEST(b.tick(3'000, 500).close.empty());
  BOOST_TEST(b.connected());
  BOOST_TEST(b.tick(4'400, 4'400).close.empty());
  BOOST_TEST(b.tick(4'500, 4'500).close.size() == 1u);

  auto c = node_link{settings_of("rabbit@c", "rabbit@a")};
  c.opened(2, false, 0);
  BOOST_TEST(c.tick(6'000, 500).close.empty());
  BOOST_TEST(c.tick(11'000, 11'000).close.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_greeting_that_does_not_end_is_closed) {
  auto b = node_link{settings_of("rabbit@b", "rabbit@a")};
  for (uint64_t id = 1; id <= 10; ++id)
    b.opened(id, false, 0);
  BOOST_TEST(!b.has_connection(1));
  BOOST_TEST(b.has_connection(10));
  b.tick(4'999, 4'999);
  BOOST_TEST(b.has_connections());
  const auto step = b.tick(5'000, 5'000);
  BOOST_TEST(step.close.size() == link_limits::greeting_connections);
  BOOST_TEST(!b.has_connections());
}

BOOST_AUTO_TEST_CASE(planted_mistakes_in_fairness_and_limits_are_noticed) {
  BOOST_TEST(sessions_lost_in_a_cut_of(59'000) == 0u);
  BOOST_TEST(sessions_lost_in_a_cut_of(61'000) == 2u);
  planted_mistake = plant::break_limit_ignored;
  BOOST_TEST(sessions_lost_in_a_cut_of(61'000) == 0u);
  planted_mistake = plant::one_service_first;
  BOOST_TEST(payloads_heard_beside_a_flood() == 0u);
  planted_mistake = plant::none;
}

BOOST_AUTO_TEST_SUITE_END()

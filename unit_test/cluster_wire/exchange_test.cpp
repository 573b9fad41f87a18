// Two nodes' transports over real sockets and TLS: they find each other, exchange in order, stop each other's senders,
// and tell of each other's end.
#include <boost/test/unit_test.hpp>

#include "link_node/transport_node.hpp"

using namespace test;

namespace exchange {
namespace {

constexpr auto queues = cluster_service::queues;

struct two {
  transport_node a{transport_settings{"rabbit@a"}};
  transport_node b{transport_settings{"rabbit@b"}};

  enum class dial { both, one };
  explicit two(dial which = dial::both) {
    a.links().connect("rabbit@b", "127.0.0.1", b.port());
    if (which == dial::both)
      b.links().connect("rabbit@a", "127.0.0.1", a.port());
    BOOST_TEST_REQUIRE(within(5'000, [&] { return a.seen(queues).session != 0 && b.seen(queues).session != 0; }));
  }
};

/// Sends `count` payloads, waiting for room as a service would.
void send_all(transport_node& from, const std::string& to, cluster_service service, uint64_t count, size_t bytes) {
  for (uint64_t number = 1; number <= count; ++number) {
    auto payload = numbered(number, bytes);
    BOOST_TEST_REQUIRE(within(20'000, [&] { return from.links().send(to, service, std::move(payload)); }));
  }
}

} // namespace
} // namespace exchange

BOOST_AUTO_TEST_SUITE(exchange)

BOOST_AUTO_TEST_CASE(nodes_find_each_other_though_both_dial) {
  two nodes;
  within(1'000, [] { return false; });
  BOOST_TEST(nodes.a.seen(queues).fresh == 1u);
  BOOST_TEST(nodes.b.seen(queues).fresh == 1u);
  const auto known = nodes.a.links().nodes();
  BOOST_TEST_REQUIRE(known.size() == 1u);
  BOOST_TEST(known[0].node == "rabbit@b");
  BOOST_TEST(known[0].connected);
  BOOST_TEST(known[0].incarnation == nodes.b.links().incarnation());
}

BOOST_AUTO_TEST_CASE(payloads_of_all_services_arrive_in_order_both_ways) {
  two nodes;
  for (size_t i = 0; i < cluster_services; ++i) {
    send_all(nodes.a, "rabbit@b", service_at(i), 200, 50'000);
    send_all(nodes.b, "rabbit@a", service_at(i), 200, 500);
  }
  send_all(nodes.a, "rabbit@b", queues, 1, 20 * 1024 * 1024); // its number is 1 again
  for (size_t i = 0; i < cluster_services; ++i) {
    const auto service = service_at(i);
    const uint64_t more = service == queues ? 1 : 0;
    BOOST_TEST(within(20'000, [&] { return nodes.b.seen(service).frames == 200 + more; }));
    BOOST_TEST(within(20'000, [&] { return nodes.a.seen(service).frames == 200; }));
    BOOST_TEST(nodes.b.seen(service).out_of_order == more);
    BOOST_TEST(nodes.a.seen(service).out_of_order == 0u);
  }
}

BOOST_AUTO_TEST_CASE(datagrams_arrive_on_a_quiet_link) {
  two nodes{two::dial::one}; // of two connections one gives way, and datagrams on their way there go with it
  for (int i = 0; i < 10; ++i)
    nodes.a.links().send_datagram("rabbit@b", cluster_service::metadata, "vote");
  BOOST_TEST(within(5'000, [&] { return nodes.b.seen(cluster_service::metadata).datagrams == 10; }));
}

BOOST_AUTO_TEST_CASE(a_service_that_keeps_what_it_gets_stops_the_sender_until_it_lets_go) {
  two nodes;
  nodes.b.seen(queues).keeps = true;
  uint64_t sent = 0;
  const auto send = [&] { return nodes.a.links().send("rabbit@b", queues, numbered(sent + 1, 100'000)); };
  while (send())
    ++sent;
  BOOST_TEST(sent == link_limits::window_bytes[index_of(queues)] / 100'064);
  within(500, [] { return false; });
  BOOST_TEST(!send());
  BOOST_TEST(nodes.a.seen(queues).rooms == 0u);
  BOOST_TEST(nodes.a.links().send("rabbit@b", cluster_service::control, std::string{"1 others go on"}));
  BOOST_TEST(within(5'000, [&] { return nodes.b.seen(cluster_service::control).frames == 1; }));
  nodes.b.release(queues);
  BOOST_TEST(within(5'000, [&] { return nodes.a.seen(queues).rooms == 1; }));
  BOOST_TEST(send());
}

BOOST_AUTO_TEST_CASE(an_orderly_stop_is_told_at_once) {
  transport_node a{transport_settings{"rabbit@a"}};
  {
    transport_node b{transport_settings{"rabbit@b"}};
    a.links().connect("rabbit@b", "127.0.0.1", b.port());
    BOOST_TEST_REQUIRE(within(5'000, [&] { return a.seen(queues).session != 0; }));
  }
  BOOST_TEST(within(1'000, [&] { return a.seen(queues).losts == 1; }));
  BOOST_TEST(a.logged("node rabbit@b lost: it said good-bye: the node stops"));
}

BOOST_AUTO_TEST_CASE(a_forgotten_node_is_told_and_not_dialled_again) {
  two nodes;
  nodes.b.links().forget("rabbit@a");
  nodes.a.links().forget("rabbit@b");
  BOOST_TEST(within(2'000, [&] { return nodes.a.seen(queues).losts == 1 && nodes.b.seen(queues).losts == 1; }));
  within(500, [] { return false; });
  BOOST_TEST(within(5'000, [&] { return nodes.a.links().nodes().empty(); }));
  BOOST_TEST(!nodes.a.links().send("rabbit@b", queues, std::string{"1"}));
}

BOOST_AUTO_TEST_SUITE_END()

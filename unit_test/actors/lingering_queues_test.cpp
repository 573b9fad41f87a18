// A deleted queue still answers for a while, but not beyond the end of its node.
#include <boost/test/unit_test.hpp>

#include "actors/lingering_queues.hpp"
#include "actors/queue_replica.hpp"
#include "channel/fake_metadata.hpp"
#include "inline_system.hpp"
#include "queue/fake_store.hpp"

namespace lingering {
namespace {

using namespace broker;

struct fixture {
  fixture() {
    node.store = &store;
    node.now_ms = [] { return uint64_t{1000}; };
    metadata->add_queue("q");
    node.snapshots.publish(metadata);
    caf::actor queue = spawn_queue(system, node, metadata->find_queue("/", "q"), nullptr);
    address = queue.address();
    run();
  }
  auto& scheduler() { return ::test::scheduler_of(system); }
  void run() { scheduler().run(); }
  void delete_queue() {
    caf::anon_send(queue(), queue_deleted_msg{});
    run();
  }
  caf::actor queue() const { return caf::actor_cast<caf::actor>(address); }

  ::test::fake_store store;
  runtime node;
  ::test::inline_config config;
  caf::actor_system system{config};
  std::shared_ptr<broker::test::fake_metadata> metadata = std::make_shared<broker::test::fake_metadata>();
  caf::actor_addr address;
};

} // namespace
} // namespace lingering

BOOST_FIXTURE_TEST_SUITE(lingering, lingering::fixture)

BOOST_AUTO_TEST_CASE(a_deleted_queue_ends_with_its_node) {
  delete_queue();
  BOOST_TEST(bool{queue()});
  node.lingering.end();
  run();
  scheduler().clock().cancel_all(); // as the node's clock drops what is not due yet
  BOOST_TEST(!queue());
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_deleted_while_the_node_ends_does_not_linger) {
  node.lingering.end();
  delete_queue();
  BOOST_TEST(!queue());
}

BOOST_AUTO_TEST_CASE(a_queue_that_has_lingered_is_forgotten) {
  delete_queue();
  scheduler().clock().advance_time(std::chrono::seconds{5});
  run();
  BOOST_TEST(!queue());
  node.lingering.end();
}

BOOST_AUTO_TEST_SUITE_END()

// What an operator asks of a queue (O05): a deletion that does not come about leaves the queue as it was.
#include <boost/test/unit_test.hpp>

#include "actors/queue_operator.hpp"
#include "actors/queue_replica.hpp"
#include "channel/fake_metadata.hpp"
#include "inline_system.hpp"
#include "queue/fake_store.hpp"

namespace queue_operators {
namespace {

using namespace broker;

struct fixture {
  fixture() {
    node.store = &store;
    node.now_ms = [] { return uint64_t{1000}; };
    node.metadata = system.spawn([this]() -> caf::behavior {
      return {[this](propose_msg& what) { proposals.push_back(std::move(what.content)); }};
    });
    metadata->add_queue("q");
    node.snapshots.publish(metadata);
    queue = metadata->find_queue("/", "q");
    node.queues_by_id.put(queue->id, {spawn_queue(system, node, queue, nullptr), 0, true});
    run();
  }
  ~fixture() {
    caf::anon_send_exit(node.metadata, caf::exit_reason::user_shutdown);
    caf::anon_send(node.queues_by_id.find(queue->id), queue_deleted_msg{});
    node.lingering.end();
    run();
    ::test::scheduler_of(system).clock().cancel_all();
  }
  void run() { ::test::scheduler_of(system).run(); }
  void erase() {
    delete_as_operator(system, node, queue, false, false,
                       [this](result<uint32_t> answer) { answers.push_back(std::move(answer)); });
    run();
  }
  void decide(const error& why) {
    command_result outcome;
    outcome.failure = why;
    proposals.front().done(std::move(outcome));
    proposals.clear();
    run();
  }

  ::test::fake_store store;
  runtime node;
  ::test::inline_config config;
  caf::actor_system system{config};
  std::shared_ptr<broker::test::fake_metadata> metadata = std::make_shared<broker::test::fake_metadata>();
  queue_ptr queue;
  std::vector<proposal> proposals;
  std::vector<result<uint32_t>> answers;
};

} // namespace
} // namespace queue_operators

BOOST_FIXTURE_TEST_SUITE(queue_operators, queue_operators::fixture)

BOOST_AUTO_TEST_CASE(a_queue_whose_deletion_fails_can_be_deleted_later) {
  erase();
  BOOST_REQUIRE(proposals.size() == 1u);
  BOOST_TEST(answers.empty());
  decide({541, "the metadata store operation timed out"});
  BOOST_REQUIRE(answers.size() == 1u);
  BOOST_TEST(answers[0].error().code == 541u);
  erase(); // it has opened again
  BOOST_REQUIRE(proposals.size() == 1u);
  decide({});
  BOOST_REQUIRE(answers.size() == 2u);
  BOOST_TEST(answers[1].ok());
}

BOOST_AUTO_TEST_CASE(a_queue_that_goes_before_the_operator_hears_of_it_has_been_deleted) {
  erase();
  caf::anon_send(node.queues_by_id.find(queue->id), queue_deleted_msg{});
  node.lingering.end();
  run();
  decide({});
  BOOST_REQUIRE(answers.size() == 1u);
  BOOST_TEST(answers[0].ok());
}

BOOST_AUTO_TEST_SUITE_END()

// Rounds of samples ask a queue again only when something has happened in it since it was asked.
#include <boost/test/unit_test.hpp>

#include "actors/messages.hpp"
#include "actors/queue_replica.hpp"
#include "channel/fake_metadata.hpp"
#include "inline_system.hpp"
#include "queue/fake_store.hpp"

namespace touched {
namespace {

using namespace broker;

struct fixture {
  fixture() {
    node.store = &store;
    node.now_ms = [this] { return now_ms; };
    metadata->add_queue("q");
    record = metadata->find_queue("/", "q");
    node.snapshots.publish(metadata);
    to_ask(); // the first round
    queue = spawn_queue(system, node, record, nullptr);
    run();
  }
  ~fixture() {
    caf::anon_send_exit(queue, caf::exit_reason::kill);
    run();
    scheduler().clock().cancel_all();
  }
  caf::scheduler::test_coordinator& scheduler() { return ::test::scheduler_of(system); }
  void run() { scheduler().run(); }
  /// An empty queue answers that, and has counted it.
  void get() {
    caf::anon_send(queue, queue_request_msg{{record->id, get_request{channel, true}, 0}});
    run();
  }
  queue_report ask(bool is_sample) {
    queue_report said;
    caf::anon_send(queue,
                   queue_report_request{{record->id, [&](queue_report one) { said = std::move(one); }, is_sample}});
    run();
    return said;
  }
  double rate_of_gets(bool is_sample) { return ask(is_sample).messages.rates[static_cast<size_t>(counted::get_empty)]; }
  size_t to_ask() { return node.touched.take(now_ms).size(); }

  uint64_t now_ms = 100'000;
  ::test::fake_store store;
  runtime node;
  ::test::inline_config config;
  caf::actor_system system{config};
  std::shared_ptr<broker::test::fake_metadata> metadata = std::make_shared<broker::test::fake_metadata>();
  queue_ptr record;
  caf::actor queue;
  channel_ref channel = make_ref<local_channel>(1, nullptr);
};

} // namespace
} // namespace touched

BOOST_FIXTURE_TEST_SUITE(touched, touched::fixture)

BOOST_AUTO_TEST_CASE(a_queue_is_named_once_however_much_happens_in_it) {
  get();
  get();
  BOOST_TEST(to_ask() == 1u);
  get(); // nobody has asked it yet
  BOOST_TEST(to_ask() == 0u);
}

BOOST_AUTO_TEST_CASE(where_nobody_takes_samples_nothing_is_kept) {
  touched_queues nobody;
  nobody.add(1);
  BOOST_TEST(nobody.take(now_ms).empty());
  nobody.add(1);
  BOOST_TEST(nobody.take(now_ms).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_queue_that_was_sampled_is_named_when_something_happens) {
  ask(true);
  to_ask();
  ask(true);
  BOOST_TEST(to_ask() == 0u);
  ask(false);
  BOOST_TEST(to_ask() == 0u);
  get();
  BOOST_TEST(to_ask() == 1u);
}

BOOST_AUTO_TEST_CASE(who_else_asks_takes_nothing_from_the_samples) {
  get();
  ask(false);
  BOOST_TEST(to_ask() == 1u);
}

BOOST_AUTO_TEST_CASE(a_queue_is_sampled_until_its_rates_have_come_to_rest) {
  ask(true);
  get();
  to_ask();
  now_ms += 5'000;
  BOOST_TEST(rate_of_gets(true) > 0);
  BOOST_TEST(to_ask() == 1u);
  now_ms += 5'000;
  BOOST_TEST(rate_of_gets(true) == 0);
  BOOST_TEST(to_ask() == 0u);
}

BOOST_AUTO_TEST_CASE(what_happens_after_a_rest_counts_from_the_last_round) {
  ask(true);
  to_ask();
  now_ms += 50'000; // rounds in which nobody asks it
  to_ask();
  now_ms += 1'000;
  get();
  now_ms += 4'000;
  BOOST_TEST(rate_of_gets(true) == 1.0 / 5, boost::test_tools::tolerance(0.001));
}

BOOST_AUTO_TEST_SUITE_END()

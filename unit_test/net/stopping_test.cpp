// Regression: a node that was told to stop sometimes never ended. An actor on a thread of its own (the metadata's) sent
// itself its next tick after the clock had been closed; the message kept the actor, and the actor its thread.
#include <thread>

#include <boost/test/unit_test.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>

#include "net/loop.hpp"

namespace stopping {
namespace {

struct fixture {
  fixture() : thread{[this] { clock.run_dispatch_loop(); }} {}

  void send_later() {
    clock.schedule_message(clock.now(), caf::actor_cast<caf::strong_actor_ptr>(actor),
                           caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, 1));
  }

  size_t references() const { return caf::actor_cast<caf::strong_actor_ptr>(actor)->strong_refs; }

  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::actor actor = system.spawn([](caf::event_based_actor*) { return caf::behavior{[](int) {}}; });
  broker::loop_clock clock;
  std::thread thread;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(a_clock_that_is_closed, fixture)

BOOST_AUTO_TEST_CASE(keeps_no_actor_that_sends_itself_something_afterwards) {
  clock.close();
  thread.join();
  const size_t before = references();
  for (int i = 0; i < 1'000; ++i) // its queue is bounded: nobody may wait for room in it
    send_later();
  BOOST_TEST(references() <= before); // fewer: the scheduler has let go of it since it began
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace stopping

// What channels may settle at a master (C9): what it has given to them, and nothing else.
#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

#include "../replicated_queue/world.hpp"
#include "copies_watch.hpp"

namespace copies_settled {
namespace {

using namespace broker;
using namespace broker::sim;
using replicated::world;

/// Two messages are committed. The master has given them to nobody.
struct fixture {
  fixture() : eyes(watch.of_life()) {
    all.publish(1, 2);
    all.run_for(1000);
  }
  void office() {
    replicated_step step;
    step.took_office = true;
    eyes->stepped(*all.at(all.master()).queue, step);
  }
  void fail_over() {
    all.crash(1);
    all.expire(1);
    all.run_for(1000);
    BOOST_REQUIRE(all.head().queue.mastership == 2);
  }
  /// As for the master of that mastership; 0: for the queue that was not replicated.
  void settle(epoch mastership, settle_request::kind what = settle_request::kind::ack) {
    const auto channel = make_ref<channel_address>(77);
    const auto by = make_ref<consumer>();
    by->channel = channel;
    queue_request request{settle_request{what, channel, by, {{1, 3}}}};
    auto& master = *all.at(all.master()).queue;
    eyes->asked(master, request, mastership);
    replicated_step step;
    master.handle(std::move(request), all.now_ms, step);
    all.take(all.master(), step);
    all.run_for(1000);
    BOOST_TEST(master.messages_logged() == 2u); // it is passed over
  }

  world all{{}};
  std::string broken;
  copies_watch watch{[this](const std::string& what) { broken += what + "\n"; }, [](const std::string&) {}};
  std::unique_ptr<copies_watch::eyes> eyes;
};

const std::string both = "C9: a channel settles entry 1 of queue '', which this master has not given to it\n"
                         "C9: a channel settles entry 2 of queue '', which this master has not given to it\n";

} // namespace
} // namespace copies_settled

BOOST_FIXTURE_TEST_SUITE(copies_settled, fixture)

BOOST_AUTO_TEST_CASE(what_the_queue_handed_out_before_it_was_replicated_is_settled_until_its_channel_knows) {
  office();
  settle(0);
  BOOST_TEST(broken == "");
}

/// Seeds 31884 of three, 32051 of six: the queue's node stood still when it became replicated, and heard of the first
/// mastership together with the second.
BOOST_AUTO_TEST_CASE(also_where_the_first_master_was_none_before_the_second_mastership) {
  fail_over();
  office();
  settle(0);
  BOOST_TEST(broken == "");
}

BOOST_AUTO_TEST_CASE(what_a_master_has_not_given_is_not_settled_there) {
  fail_over();
  office();
  settle(2);
  BOOST_TEST(broken == both);
}

BOOST_AUTO_TEST_CASE(nor_is_it_at_the_first_master_when_the_channel_knows_of_it) {
  office();
  settle(1);
  BOOST_TEST(broken == both);
}

BOOST_AUTO_TEST_CASE(what_came_late_may_be_given_back) {
  office();
  settle(1, settle_request::kind::requeue);
  BOOST_TEST(broken == "");
}

BOOST_AUTO_TEST_SUITE_END()

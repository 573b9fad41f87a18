#include <boost/test/unit_test.hpp>

#include "harness.hpp"

using namespace broker;
using namespace broker::test;

namespace quorum_promises {
namespace {

struct quorum_channel : channel_harness {
  quorum_channel() {
    add("q", false);
    add("one", true);
  }
  void add(const std::string& name, bool single_active) {
    queue_options chosen;
    chosen.type = queue_type::quorum;
    chosen.single_active_consumer = single_active;
    queue_record record;
    record.name = name;
    record.durable = true;
    record.options = std::make_shared<const queue_options>(chosen);
    metadata->add_queue(std::move(record));
  }
};

} // namespace
} // namespace quorum_promises

BOOST_AUTO_TEST_SUITE(quorum_promises)

BOOST_AUTO_TEST_CASE(a_channel_wide_prefetch_is_refused_at_consume) {
  quorum_channel c;
  c.send(amqp::basic_class::qos{0, 10, true});
  c.replies();
  amqp::basic_class::consume what;
  what.queue = "q";
  c.send(what);
  BOOST_TEST(c.connection_closed_with()
             == "540 NOT_IMPLEMENTED - queue 'q' in vhost '/' does not support global qos (60,20)");
}

BOOST_AUTO_TEST_CASE(get_is_refused_when_there_is_a_single_active_consumer) {
  quorum_channel c;
  amqp::basic_class::get what;
  what.queue = "one";
  c.send(what);
  BOOST_TEST(c.closed_with()
             == "405 RESOURCE_LOCKED - cannot obtain access to locked queue 'one' in vhost '/'. basic.get operations "
                "are not supported by quorum queues with single active consumer (60,70)");
}

BOOST_AUTO_TEST_CASE(delete_takes_no_conditions) {
  for (const bool unused : {true, false}) {
    quorum_channel c;
    amqp::queue_class::delete_ what;
    what.queue = "q";
    what.if_unused = unused;
    what.if_empty = !unused;
    c.send(what);
    BOOST_TEST(
      c.connection_closed_with()
      == std::string{"540 NOT_IMPLEMENTED - cannot delete queue 'q' in vhost '/'. queue.delete operations with "}
           + (unused ? "if-unused" : "if-empty") + " flag set are not supported by quorum queues (50,40)");
  }
}

BOOST_AUTO_TEST_SUITE_END()

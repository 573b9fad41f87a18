// Behaviours of somebody's own take part in simulated runs, and a failing run is made smaller.
#include <boost/test/unit_test.hpp>

#include "actors/messages.hpp"
#include "actors/queue_replica.hpp"
#include "actors/runtime.hpp"
#include "minimise.hpp"
#include "run.hpp"

namespace simulated_guests {
namespace {

using namespace broker;
using namespace broker::sim;

run_options short_run(uint64_t seed, uint32_t nodes) {
  run_options options;
  options.seed = seed;
  options.nodes = nodes;
  options.minutes = 0.1;
  return options;
}

struct ticks {
  uint64_t starts = 0;
  uint64_t ticks = 0;
  uint64_t latest_ms = 0;
};

/// Ticks once a second.
std::shared_ptr<guests> ticking(ticks& seen) {
  auto own = std::make_shared<guests>();
  own->node_started = [&seen](caf::actor_system& system, runtime& node) {
    ++seen.starts;
    return std::vector<caf::actor>{system.spawn([&seen, &node](caf::event_based_actor* self) {
      self->delayed_send(self, std::chrono::seconds{1}, queue_tick_msg{});
      return caf::behavior{[self, &seen, &node](queue_tick_msg) {
        ++seen.ticks;
        seen.latest_ms = node.now_ms();
        self->delayed_send(self, std::chrono::seconds{1}, queue_tick_msg{});
      }};
    })};
  };
  return own;
}

/// Actors in front of queues. Of `forgets` requests with publishes one is never heard of again; 0: none is forgotten.
std::shared_ptr<guests> in_front(int forgets) {
  auto own = std::make_shared<guests>();
  own->make_queue = [forgets](caf::actor_system& system, runtime& node, queue_ptr record,
                              std::shared_ptr<const recovered_queue> found) {
    auto queue = spawn_queue(system, node, std::move(record), std::move(found));
    const auto publishes = std::make_shared<int>();
    return system.spawn([queue, publishes, forgets](caf::event_based_actor* self) {
      self->link_to(queue);
      self->set_default_handler(
        [queue](caf::scheduled_actor* me, caf::message_view& other) -> caf::result<caf::message> {
          queue->enqueue(nullptr, caf::make_message_id(), other.move_content_to_message(), me->context());
          return caf::delegated<caf::message>{};
        });
      return caf::behavior{[self, queue, publishes, forgets](queue_request_msg& request) {
        auto* publish = std::get_if<publish_request>(&request.content.request);
        if (publish && forgets != 0 && ++*publishes % forgets == 0)
          return publish->batch->release();
        self->send(queue, std::move(request));
      }};
    });
  };
  return own;
}

} // namespace
} // namespace simulated_guests

BOOST_AUTO_TEST_SUITE(simulated_guests)

BOOST_AUTO_TEST_CASE(actors_of_ones_own_live_and_die_with_their_nodes) {
  for (const uint32_t nodes : {1u, 3u}) {
    ticks seen;
    auto options = short_run(4, nodes);
    options.own = ticking(seen);
    const auto result = simulate(options);
    BOOST_TEST(result.violations.empty());
    BOOST_TEST(seen.starts >= nodes);
    BOOST_TEST(seen.ticks > 5 * nodes);
    BOOST_TEST(static_cast<double>(seen.latest_ms) > (result.virtual_s - 3) * 1000 * 0.98);
  }
}

BOOST_AUTO_TEST_CASE(what_they_say_at_the_end_is_a_violation) {
  auto own = std::make_shared<guests>();
  own->finished = [](const std::function<void(std::string)>& violation) { violation("mine: it is broken"); };
  for (const uint32_t nodes : {1u, 3u}) {
    auto options = short_run(4, nodes);
    options.own = own;
    BOOST_TEST(simulate(options).violations == std::vector<std::string>{"mine: it is broken"},
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_queue_of_ones_own_that_forgets_a_publish_is_noticed) {
  auto options = short_run(4, 1);
  options.own = in_front(3);
  BOOST_TEST(!simulate(options).violations.empty());
}

/// Nobody held the actor in front any more when its queue became mirrored: it ended, and took the queue with it before
/// that had handed over what it had.
BOOST_AUTO_TEST_CASE(a_queue_with_an_actor_in_front_becomes_mirrored) {
  for (const uint64_t seed : {1u, 5u, 11u}) {
    auto options = short_run(seed, 3);
    options.minutes = 0.2;
    options.own = in_front(0);
    BOOST_TEST(simulate(options).violations.empty());
  }
}

BOOST_AUTO_TEST_CASE(who_is_left_out_does_not_take_part) {
  auto options = short_run(4, 3);
  const auto whole = simulate(options);
  BOOST_TEST_REQUIRE(whole.faults > 0u);
  BOOST_TEST_REQUIRE(whole.clients > 2u);
  options.only_clients.emplace();
  options.only_faults.emplace();
  const auto none = simulate(options);
  BOOST_TEST(none.violations.empty());
  BOOST_TEST(none.published == 0u);
  BOOST_TEST(none.crashes + none.cuts + none.disk_faults == 0u);
  BOOST_TEST(none.clients == whole.clients);
  options.only_clients.reset();
  BOOST_TEST(simulate(options).published > 0u);
}

BOOST_AUTO_TEST_CASE(a_failing_run_is_made_smaller_and_fails_in_the_same_way) {
  auto options = short_run(4, 1);
  options.minutes = 0.3;
  options.own = in_front(3);
  const auto ignore = [](const std::string&) {};
  const auto small = minimise(options, 200, ignore);
  BOOST_TEST_REQUIRE(small.has_value());
  BOOST_TEST(small->failure.kind() == small->original.kind());
  BOOST_TEST(small->options.minutes < options.minutes);
  BOOST_TEST_REQUIRE(small->options.only_faults.has_value());
  BOOST_TEST(small->options.only_faults->empty()); // it needs none
  BOOST_TEST_REQUIRE(small->options.only_clients.has_value());
  BOOST_TEST(small->options.only_clients->size() == 1u); // one publisher
  BOOST_TEST(!simulate(small->options).violations.empty());
  BOOST_TEST(!minimise(short_run(4, 1), 200, ignore).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

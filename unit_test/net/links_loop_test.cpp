// Actors that serve connections to other nodes run on the thread of these connections, and after its end on a loop.
#include <pthread.h>

#include <future>
#include <string>

#include <boost/test/unit_test.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "actors/caf.hpp"
#include "net/loop.hpp"

namespace links_loop {
namespace {

struct nothing {
  static inline const char* name = "served";
};

std::string thread_name() {
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

struct where_msg {
  std::promise<std::string>* answer;
};

template<class Actor>
caf::behavior tells_where(Actor*) {
  return {[](where_msg asked) { asked.answer->set_value(thread_name()); }};
}

struct fixture {
  fixture() {
    config.module_factories.push_back(broker::loop_scheduler::factory(loops));
    system = std::make_unique<caf::actor_system>(config);
    loops.links().start();
  }
  ~fixture() {
    for (const caf::actor& who : {linked, other})
      caf::anon_send_exit(who, caf::exit_reason::kill);
    linked = other = nullptr;
    system.reset();
  }

  std::string where(const caf::actor& who) {
    std::promise<std::string> answer;
    caf::anon_send(who, where_msg{&answer});
    return answer.get_future().get();
  }
  void spawn() {
    linked = system->spawn(tells_where<broker::link_actor<nothing>>);
    other = system->spawn(tells_where<caf::stateful_actor<nothing>>);
  }

  broker::loop_group loops{1};
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  caf::actor linked;
  caf::actor other;
};

} // namespace
} // namespace links_loop

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(links_loop::where_msg)

namespace links_loop {

BOOST_FIXTURE_TEST_SUITE(the_loop_of_links, fixture)

BOOST_AUTO_TEST_CASE(runs_their_actors_and_no_others) {
  spawn();
  BOOST_TEST(where(linked) == "cluster");
  BOOST_TEST(where(other) == "loop-0");
  loops.stop_links();
}

BOOST_AUTO_TEST_CASE(leaves_what_is_still_to_do_to_another_one) {
  spawn();
  loops.stop_links();
  BOOST_TEST(where(linked) == "loop-0");
}

BOOST_AUTO_TEST_CASE(loses_nothing_that_comes_while_it_ends) {
  spawn();
  std::vector<std::promise<std::string>> answers(20'000);
  std::thread asks{[&] {
    for (auto& each : answers)
      caf::anon_send(linked, where_msg{&each});
  }};
  loops.stop_links();
  asks.join();
  for (auto& each : answers)
    BOOST_TEST_REQUIRE(!each.get_future().get().empty());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace links_loop

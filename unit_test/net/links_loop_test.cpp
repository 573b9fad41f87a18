// Actors that serve connections to other nodes run on the thread of these connections, and after its end on a loop;
// what an actor sends later wakes the thread that runs it.
#include <pthread.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

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

/// Times the process's thread of that name has gone to sleep.
uint64_t switches_of(const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
    std::ifstream comm{task.path() / "comm"};
    std::string found;
    if (!std::getline(comm, found) || found != name)
      continue;
    std::ifstream status{task.path() / "status"};
    for (std::string line; std::getline(status, line);)
      if (line.rfind("voluntary_ctxt_switches:", 0) == 0)
        return std::stoull(line.substr(line.find(':') + 1));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds{1}); // it has not given itself its name yet
  return switches_of(name);
}

struct where_msg {
  std::promise<std::string>* answer;
};

struct later_msg {
  std::chrono::milliseconds after;
  std::promise<std::string>* answer;
};

template<class Actor>
caf::behavior tells_where(Actor* self) {
  return {
    [](where_msg asked) { asked.answer->set_value(thread_name()); },
    [self](later_msg asked) { self->delayed_send(self, asked.after, where_msg{asked.answer}); },
  };
}

struct fixture {
  fixture() {
    config.module_factories.push_back(broker::loop_scheduler::factory(loops));
    system = std::make_unique<caf::actor_system>(config);
    loops.links().start();
  }
  ~fixture() {
    for (const caf::actor& who : {linked, other, blocking})
      if (who)
        caf::anon_send_exit(who, caf::exit_reason::kill);
    linked = other = blocking = nullptr;
    system.reset();
  }

  std::string where(const caf::actor& who) {
    std::promise<std::string> answer;
    caf::anon_send(who, where_msg{&answer});
    return answer.get_future().get();
  }
  /// Where a message came to `who` that it has sent to itself.
  std::string where_later(const caf::actor& who, std::chrono::milliseconds after) {
    std::promise<std::string> answer;
    caf::anon_send(who, later_msg{after, &answer});
    return answer.get_future().get();
  }
  void spawn() {
    linked = system->spawn(tells_where<broker::link_actor<nothing>>);
    other = system->spawn(tells_where<caf::stateful_actor<nothing>>);
    blocking = system->spawn(tells_where<broker::blocking_calls_actor<nothing>>);
  }

  broker::loop_group loops{1};
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  caf::actor linked;
  caf::actor other;
  caf::actor blocking;
};

} // namespace
} // namespace links_loop

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(links_loop::where_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(links_loop::later_msg)

namespace links_loop {

BOOST_FIXTURE_TEST_SUITE(the_loop_of_links, fixture)

BOOST_AUTO_TEST_CASE(runs_their_actors_and_no_others) {
  spawn();
  BOOST_TEST(where(linked) == "cluster");
  BOOST_TEST(where(other) == "loop-0");
  BOOST_TEST(where(blocking) == "metadata");
  loops.stop_links();
}

BOOST_AUTO_TEST_CASE(wakes_for_what_its_actors_send_later_and_no_other_thread_does) {
  using namespace std::chrono_literals;
  spawn();
  const uint64_t before = switches_of("actor-clock");
  for (int i = 0; i < 20; ++i)
    for (const caf::actor& who : {linked, other, blocking}) {
      const auto began = std::chrono::steady_clock::now();
      BOOST_TEST(where_later(who, 5ms) == where(who));
      BOOST_TEST((std::chrono::steady_clock::now() - began >= 5ms));
    }
  BOOST_TEST(switches_of("actor-clock") <= before + 1);
  loops.stop_links();
}

BOOST_AUTO_TEST_CASE(what_was_sent_for_sooner_comes_sooner) {
  using namespace std::chrono_literals;
  spawn();
  std::promise<std::string> late, soon;
  auto late_came = late.get_future();
  caf::anon_send(other, later_msg{10s, &late});
  caf::anon_send(other, later_msg{5ms, &soon});
  soon.get_future().get();
  BOOST_TEST((late_came.wait_for(0s) == std::future_status::timeout));
  loops.stop_links();
}

BOOST_AUTO_TEST_CASE(leaves_what_is_to_come_later_to_another_one_too) {
  using namespace std::chrono_literals;
  spawn();
  std::promise<std::string> answer;
  caf::anon_send(linked, later_msg{100ms, &answer});
  where(linked);
  loops.stop_links();
  BOOST_TEST(answer.get_future().get() == "loop-0");
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

// The ledger's own mistakes, found once: what it takes for a broken promise and is none.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "ledger.hpp"

namespace simulated_ledger {
namespace {

using namespace broker;
using namespace broker::sim;

/// One queue whose dead letters come to another one; a message that has been rejected there.
struct fixture {
  fixture() {
    queue_plan first, second;
    first.name = "q0";
    first.dead_letters_to = 1;
    second.name = "dead1";
    queues.all = {first, second};
    book.published(id, {});
    book.confirmed(id);
    reader = book.new_consumer(1);
    book.rejected(id, 0);
  }
  /// It comes as a dead letter that says when it died.
  void comes(uint64_t died_s, message_id which_one = id) {
    amqp::field_table death;
    death.set("queue", {amqp::longstr{"q0"}});
    death.set("reason", {amqp::longstr{"rejected"}});
    death.set("count", {int64_t{1}});
    death.set("time", {amqp::timestamp{died_s}});
    amqp::properties properties;
    auto& headers = properties.headers.emplace();
    headers.set("x-death", {amqp::field_array{{{death}}}});
    for (const char* which : {"first", "last"}) {
      headers.set("x-" + std::string{which} + "-death-queue", {amqp::longstr{"q0"}});
      headers.set("x-" + std::string{which} + "-death-reason", {amqp::longstr{"rejected"}});
    }
    book.delivered(reader, which_one, {false, true, properties});
  }
  /// Flagged redelivered: another consumer of q0 may have it.
  void comes_as_if_got_before(message_id which) {
    const amqp::properties plain;
    book.published(which, {});
    book.confirmed(which);
    book.delivered(book.new_consumer(0), which, {true, true, plain});
  }
  /// As if for the first time.
  void comes_anew(uint64_t who, message_id which) {
    const amqp::properties plain;
    book.delivered(who, which, {false, true, plain});
  }
  /// Published to q0, and handed there to a consumer of that node, which has it now.
  uint64_t is_got_on(const std::string& node, message_id which) {
    book.published(which, {});
    book.confirmed(which);
    const auto who = book.new_consumer(0, node);
    comes_anew(who, which);
    return who;
  }
  /// It dies in q0 in spite of that, with another consumer if need be, and comes as a letter.
  void dies_all_the_same(message_id which) {
    book.delivered(book.new_consumer(0), which, {true, true, {}});
    book.rejected(which, 0);
    comes(now_s + time.now() / second, which);
  }
  /// q0 has another one already, and has no room for it.
  void is_refused(message_id which, overflow_policy overflow) {
    queues.all[0].options.max_length = 1;
    queues.all[0].options.overflow = overflow;
    ledger::publish what;
    what.confirm_mode = true;
    book.published(which, what);
    book.nacked(which);
  }
  /// It comes from the queue that refused it, and as one that was rejected there by a consumer.
  void comes_all_the_same(message_id which) {
    const amqp::properties plain;
    book.delivered(book.new_consumer(0), which, {false, true, plain});
    book.rejected(which, 0);
    comes(now_s, which);
  }

  /// So many deaths were taken for impossible. A message that comes twice breaks another promise.
  auto impossible() const {
    return std::count_if(book.violations().begin(), book.violations().end(),
                         [](const std::string& one) { return one.starts_with("W52"); });
  }
  auto stored_twice() const {
    return std::count_if(book.violations().begin(), book.violations().end(),
                         [](const std::string& one) { return one.ends_with("is stored twice in q0"); });
  }
  auto came_twice() const {
    return std::count_if(book.violations().begin(), book.violations().end(),
                         [](const std::string& one) { return one.starts_with("one place"); });
  }
  auto after_refusals() const {
    return std::count_if(book.violations().begin(), book.violations().end(),
                         [](const std::string& one) { return one.ends_with("which refused it"); });
  }

  static constexpr message_id id = (uint64_t{1} << 32) + 1;
  static constexpr uint64_t now_s = wall_start_ms / 1000;
  virtual_time time;
  queue_plans queues;
  ledger book{time, queues};
  uint64_t reader = 0;
};

} // namespace
} // namespace simulated_ledger

using namespace simulated_ledger;

BOOST_FIXTURE_TEST_SUITE(simulated_ledger_tests, fixture)

BOOST_AUTO_TEST_CASE(a_death_has_the_time_of_now) {
  comes(now_s);
  BOOST_TEST(impossible() == 0);
  comes(now_s + 3600);
  BOOST_TEST(impossible() == 1);
}

/// Seed 7 with five nodes: its node's calendar had jumped, and a death has the time of that.
BOOST_AUTO_TEST_CASE(a_death_has_the_time_of_its_nodes_calendar) {
  book.calendar_jumped("n1", 3'600'000);
  comes(now_s + 3600);
  BOOST_TEST(impossible() == 0);
  comes(now_s + 7200);
  BOOST_TEST(impossible() == 1);
  comes(now_s - 3600);
  BOOST_TEST(impossible() == 2);
}

/// No longer than it had that calendar, nor sooner.
BOOST_AUTO_TEST_CASE(a_death_has_the_time_of_a_calendar_that_was_in_force) {
  time.advance_to(10 * second);
  book.calendar_jumped("n1", 3'600'000);
  time.advance_to(20 * second);
  book.calendar_jumped("n1", -3'600'000);
  time.advance_to(30 * second);
  for (const uint64_t died_s : {now_s + 15, now_s + 3600 + 15, now_s - 3600 + 25})
    comes(died_s);
  BOOST_TEST(impossible() == 0);
  for (const uint64_t died_s : {now_s + 3600 + 5, now_s + 3600 + 25, now_s - 3600 + 15})
    comes(died_s);
  BOOST_TEST(impossible() == 3);
}

/// Seeds 2409, 3256 and 5717 of one node: it was taken for lost, since all that came behind it had been confirmed
/// before.
BOOST_AUTO_TEST_CASE(a_delayed_message_may_push_off_what_was_sent_after_it) {
  for (const uint64_t delay_ms : {uint64_t{0}, uint64_t{5000}}) {
    virtual_time clock;
    queue_plans plans;
    plans.all.resize(1);
    plans.all.front().name = "q0";
    plans.all.front().options.max_length = 1;
    ledger judge{clock, plans};
    for (const message_id sent : {id, id + 1}) {
      clock.advance_to(clock.now() + second);
      ledger::publish what;
      what.confirm_mode = true;
      what.delay_ms = sent == id ? delay_ms : 0;
      judge.published(sent, what);
      judge.confirmed(sent);
    }
    clock.advance_to(clock.now() + 10 * second);
    BOOST_TEST(judge.all_accounted() == (delay_ms != 0));
  }
}

/// Seed 3535 with seven nodes: a node stood still with a message in its hands; its session ended, the message went to
/// another consumer and was settled there, and then the node woke.
BOOST_AUTO_TEST_CASE(a_node_that_stood_still_hands_out_late_what_it_had_once) {
  book.in_cluster([](sim_ns) { return true; });
  comes_as_if_got_before(id + 1);
  book.settled(id + 1);
  BOOST_TEST(book.violations().empty());
  const amqp::properties plain;
  const auto sleeper = book.new_consumer(0);
  book.delivered(sleeper, id + 1, {false, true, plain});
  BOOST_TEST(book.violations().empty());
  book.delivered(sleeper, id + 1, {false, true, plain}); // it is stored twice
  BOOST_TEST(!book.violations().empty());
}

BOOST_AUTO_TEST_CASE(nothing_comes_late_where_all_is_well) {
  book.in_cluster([](sim_ns) { return false; });
  comes_as_if_got_before(id + 1);
  BOOST_TEST(book.violations().empty());
  const amqp::properties plain;
  book.delivered(book.new_consumer(0), id + 1, {false, true, plain});
  BOOST_TEST(!book.violations().empty());
}

/// Seed 21769 with six nodes: copies agreed, and a consumer got and settled what there was while the queue's master
/// handed over, since a policy did not list its node any more. The next one did not know yet.
BOOST_AUTO_TEST_CASE(what_the_last_master_handed_out_comes_again_once_also_when_all_is_well) {
  book.in_cluster([](sim_ns) { return false; });
  time.advance_to(second);
  book.settled_down();
  const auto early = book.new_consumer(0);
  for (int move = 1; move <= 2; ++move) {
    comes_anew(early, id);
    book.settled(id);
    time.advance_to(time.now() + 5 * ms);
    book.master_moved(0);
  }
  comes_anew(early, id);
  BOOST_TEST(stored_twice() == 0);
  comes_anew(early, id); // and now from one master
  BOOST_TEST(stored_twice() == 1);
}

BOOST_AUTO_TEST_CASE(what_was_handed_out_long_before_its_master_went_is_known_to_the_next_one) {
  book.in_cluster([](sim_ns) { return false; });
  time.advance_to(second);
  book.settled_down();
  const auto early = book.new_consumer(0);
  comes_anew(early, id);
  time.advance_to(3 * second);
  book.master_moved(0);
  comes_anew(early, id);
  BOOST_TEST(stored_twice() == 1);
}

BOOST_AUTO_TEST_CASE(what_comes_twice_from_one_master_when_all_is_well_is_stored_twice) {
  book.in_cluster([](sim_ns) { return false; });
  book.master_moved(0);
  time.advance_to(3 * second);
  book.settled_down();
  const auto early = book.new_consumer(0);
  comes_anew(early, id);
  comes_anew(early, id);
  BOOST_TEST(stored_twice() == 1);
}

/// Seed 2340 with six nodes: the node of the letters' target took one and could not commit it before its session with
/// the queue's node was over, since mirrors were out of reach. It was sent again when there was a session.
BOOST_AUTO_TEST_CASE(a_dead_letter_whose_confirm_went_with_a_session_comes_again) {
  time.advance_to(3 * second);
  book.letters_unanswered(0);
  time.advance_to(5 * second);
  comes(now_s);
  book.settled(id);
  comes(now_s + 4);
  BOOST_TEST(came_twice() == 0);
  comes(now_s + 5); // it was sent twice only
  BOOST_TEST(came_twice() != 0);
}

BOOST_AUTO_TEST_CASE(one_dead_letter_that_comes_twice_is_stored_twice_whatever_sessions_have_ended) {
  time.advance_to(3 * second);
  book.letters_unanswered(0);
  comes(now_s);
  comes(now_s);
  BOOST_TEST(came_twice() == 1);
}

BOOST_AUTO_TEST_CASE(no_dead_letter_is_sent_again_for_a_session_that_was_over_before) {
  time.advance_to(3 * second);
  book.letters_unanswered(0);
  time.advance_to(5 * second);
  constexpr message_id later = id + 1;
  book.published(later, {});
  book.confirmed(later);
  book.rejected(later, 0);
  time.advance_to(7 * second);
  comes(now_s + 5, later);
  comes(now_s + 7, later);
  BOOST_TEST(came_twice() == 1);
}

BOOST_AUTO_TEST_CASE(no_dead_letter_is_sent_again_where_no_session_has_ended) {
  time.advance_to(3 * second);
  book.letters_unanswered(1); // whose dead letters it is not
  comes(now_s);
  comes(now_s + 3);
  BOOST_TEST(came_twice() == 1);
}

/// Seed 33076 with seven nodes: a node stood still, and clients of its acked. Its sessions ended, the queue on another
/// node took the messages back, was too long by that, and dropped them: dead letters of what had been acked.
BOOST_AUTO_TEST_CASE(an_ack_that_went_with_a_session_settles_nothing) {
  book.in_cluster([](sim_ns) { return false; });
  time.advance_to(10 * second);
  const auto who = is_got_on("n5", id + 1);
  time.advance_to(12 * second);
  book.acked(who, id + 1, 10 * second);
  time.advance_to(15 * second);
  book.session_over(0, "n5", 11 * second);
  dies_all_the_same(id + 1);
  BOOST_TEST(came_twice() == 0);
  book.settled(id + 1);
  comes(now_s + 15, id + 1);
  BOOST_TEST(came_twice() != 0); // as a letter it comes once
}

BOOST_AUTO_TEST_CASE(an_ack_after_its_session_settles_nothing) {
  book.in_cluster([](sim_ns) { return false; });
  const auto who = is_got_on("n5", id + 1);
  time.advance_to(15 * second);
  book.session_over(0, "n5", 11 * second);
  time.advance_to(20 * second);
  book.acked(who, id + 1, 0);
  dies_all_the_same(id + 1);
  BOOST_TEST(came_twice() == 0);
}

/// The same seed: it had been on its way to the client when the queue's node gave the session up.
BOOST_AUTO_TEST_CASE(what_came_late_is_acked_too_late) {
  for (const bool wrong : {true, false}) {
    book.in_cluster([wrong](sim_ns) { return wrong; });
    const message_id which = id + (wrong ? 1 : 2);
    book.published(which, {});
    book.confirmed(which);
    time.advance_to(time.now() + second);
    book.session_over(0, "n5", time.now() - second);
    time.advance_to(time.now() + second);
    const auto who = book.new_consumer(0, "n5");
    comes_anew(who, which);
    book.acked(who, which, time.now());
    dies_all_the_same(which);
    BOOST_TEST(came_twice() == (wrong ? 0 : 1)); // nothing is late when nothing is wrong
  }
}

BOOST_AUTO_TEST_CASE(an_ack_settles_whatever_other_sessions_are_over) {
  book.in_cluster([](sim_ns) { return false; });
  const auto who = is_got_on("n5", id + 1);
  book.session_over(0, "n4", 0); // of other consumers
  book.session_over(1, "n5", 0); // of another queue
  time.advance_to(10 * second);
  book.acked(who, id + 1, 0);
  time.advance_to(15 * second);
  book.session_over(0, "n5", 11 * second); // and it came
  dies_all_the_same(id + 1);
  BOOST_TEST(came_twice() == 1);
}

BOOST_AUTO_TEST_CASE(an_ack_settles_in_the_session_after_one_that_is_over) {
  book.in_cluster([](sim_ns) { return false; });
  book.session_over(0, "n5", 0);
  time.advance_to(10 * second);
  const auto who = is_got_on("n5", id + 1);
  book.acked(who, id + 1, 10 * second);
  dies_all_the_same(id + 1);
  BOOST_TEST(came_twice() == 1);
}

/// As above, but nobody else had got it before it died: a letter of it was settled, and then the node woke.
BOOST_AUTO_TEST_CASE(a_node_that_stood_still_hands_out_late_what_has_died_since) {
  book.in_cluster([](sim_ns) { return true; });
  for (const bool over : {true, false}) {
    const message_id which = id + (over ? 1 : 2);
    book.published(which, {});
    book.confirmed(which);
    book.rejected(which, 0);
    comes(now_s, which);
    book.settled(which);
    const std::string node = over ? "n5" : "n4";
    if (over)
      book.session_over(0, node, 0);
    const auto sleeper = book.new_consumer(0, node);
    comes_anew(sleeper, which);
    BOOST_TEST(came_twice() == (over ? 0 : 1));
  }
}

/// Seed 1971 with five nodes: the queue's node went with the dead letters of what it had refused; the next master found
/// the messages in the log, where they expired.
BOOST_AUTO_TEST_CASE(what_was_refused_in_the_log_is_there_for_the_next_master) {
  book.in_cluster([](sim_ns) { return false; });
  is_refused(id + 1, overflow_policy::reject_publish_dlx);
  book.master_moved(0);
  comes_all_the_same(id + 1);
  BOOST_TEST(after_refusals() == 0);
  time.advance_to(second);
  is_refused(id + 2, overflow_policy::reject_publish_dlx); // by the last master
  comes_all_the_same(id + 2);
  BOOST_TEST(after_refusals() == 2);
}

BOOST_AUTO_TEST_CASE(what_was_refused_in_front_of_the_log_is_nowhere) {
  book.in_cluster([](sim_ns) { return false; });
  is_refused(id + 1, overflow_policy::reject_publish);
  book.master_moved(0);
  comes_all_the_same(id + 1);
  BOOST_TEST(after_refusals() == 2);
}

BOOST_AUTO_TEST_CASE(what_a_channel_gave_up_may_be_there) {
  bool wrong = true;
  book.in_cluster([&](sim_ns) { return wrong; });
  is_refused(id + 1, overflow_policy::reject_publish);
  wrong = false;
  comes_all_the_same(id + 1);
  BOOST_TEST(after_refusals() == 0);
  is_refused(id + 2, overflow_policy::reject_publish);
  comes_all_the_same(id + 2);
  BOOST_TEST(after_refusals() == 2);
}

/// Seed 6362 with seven nodes: rejected in a queue that is its own dead letters' target and was full meanwhile.
BOOST_AUTO_TEST_CASE(a_rejected_message_may_end_where_a_full_queue_gets_its_own_dead_letters) {
  const auto missing = [this](overflow_policy overflow) {
    queues.all[0].dead_letters_to = 0;
    queues.all[0].options.max_length = 1;
    queues.all[0].options.overflow = overflow;
    ledger circle{time, queues};
    const amqp::properties plain;
    circle.published(id, {});
    circle.confirmed(id);
    circle.delivered(circle.new_consumer(0), id, {false, true, plain});
    const bool before = circle.all_accounted();
    circle.rejected(id, 0);
    return std::pair{!before, !circle.all_accounted()};
  };
  BOOST_TEST((missing(overflow_policy::reject_publish_dlx) == std::pair{true, false}));
  BOOST_TEST((missing(overflow_policy::reject_publish) == std::pair{true, false}));
}

BOOST_AUTO_TEST_CASE(a_rejected_message_goes_round_while_there_is_room) {
  queues.all[0].dead_letters_to = 0;
  ledger circle{time, queues};
  const amqp::properties plain;
  circle.published(id, {});
  circle.confirmed(id);
  circle.delivered(circle.new_consumer(0), id, {false, true, plain});
  circle.rejected(id, 0);
  BOOST_TEST(!circle.all_accounted());
}

/// Seed 4829 with six nodes: a node that was behind with the metadata published to a queue that had gone with its node.
BOOST_AUTO_TEST_CASE(what_is_published_just_after_a_queue_has_gone_may_have_gone_with_it) {
  bool wrong = true;
  book.in_cluster([&](sim_ns) { return wrong; });
  book.queue_vanished(0);
  const auto missing = [this](message_id which) {
    book.published(which, {});
    book.confirmed(which);
    const bool all = book.all_accounted();
    book.settled(which);
    return !all;
  };
  book.settled(id);
  BOOST_TEST(!missing(id + 1));
  wrong = false; // every node knows
  BOOST_TEST(missing(id + 2));
  wrong = true;
  time.advance_to(10 * second); // it was declared anew meanwhile
  BOOST_TEST(missing(id + 3));
}

/// Seed 3848 with five nodes: between two polls the queue's node had crashed, with settles that were not on its disk.
BOOST_AUTO_TEST_CASE(after_a_crash_what_was_got_comes_again_to_who_polls) {
  const amqp::properties plain;
  const auto polls = book.new_consumer(0);
  const auto out_of_order = [this] {
    return std::count_if(book.violations().begin(), book.violations().end(),
                         [](const std::string& one) { return one.starts_with("C3"); });
  };
  for (const message_id each : {id + 1, id + 2, id + 3})
    book.published(each, {});
  for (const message_id each : {id + 1, id + 2})
    book.delivered(polls, each, {false, true, plain});
  book.node_crashed();
  for (const message_id each : {id + 1, id + 2, id + 3})
    book.delivered(polls, each, {false, true, plain});
  BOOST_TEST(out_of_order() == 0);
  book.delivered(polls, id + 2, {false, true, plain});
  book.published(id + 4, {});
  book.published(id + 5, {});
  book.delivered(polls, id + 5, {false, true, plain});
  book.delivered(polls, id + 4, {false, true, plain});
  BOOST_TEST(out_of_order() == 1);
}

/// Seed 37991 with four nodes: the last that had been got was transient and gone. Also where that had a lower priority,
/// or was under way when the queue's node crashed.
BOOST_AUTO_TEST_CASE(after_a_crash_nothing_that_was_got_before_it_has_passed_what_comes_again) {
  const amqp::properties plain;
  queues.all[0].options.max_priority = 1;
  const auto polls = book.new_consumer(0);
  const auto passed = [this] {
    return std::count_if(book.violations().begin(), book.violations().end(),
                         [](const std::string& one) { return one.starts_with("W55"); });
  };
  const auto sends = [this](uint64_t publisher, uint8_t priority) { // each of its own, so that C3 says nothing
    ledger::publish what;
    what.priority = priority;
    what.confirm_mode = true;
    const message_id made = (publisher << 32) + 1;
    book.published(made, what);
    book.confirmed(made);
    time.advance_to(time.now() + second);
    return made;
  };
  const auto gets = [&](message_id which) { book.delivered(polls, which, {false, false, plain}); };

  const auto urgent = sends(2, 1), first = sends(3, 0), second_one = sends(4, 0), never_got = sends(5, 0);
  const auto transient = sends(6, 0), under_way = sends(7, 0);
  for (const auto each : {urgent, first, second_one})
    gets(each);
  BOOST_TEST(passed() == 0);
  gets(transient);
  book.node_crashed();
  gets(under_way);
  time.advance_to(time.now() + 2 * second);
  gets(urgent);
  gets(first);
  BOOST_TEST(passed() == 0);

  gets(sends(8, 0));
  BOOST_TEST(passed() == 0);
  gets(second_one); // got before, but passed since
  BOOST_TEST(passed() == 1);
  gets(never_got);
  BOOST_TEST(passed() == 2);
}

/// Seed 11391 with five nodes: expired, rejected by the consumer of its dead letters, refused where it had come from.
BOOST_AUTO_TEST_CASE(what_was_confirmed_may_be_refused_when_it_comes_round) {
  const auto refused_after_confirm = [this](std::optional<uint32_t> back) {
    queues.all[0].dead_letters_to = 1;
    queues.all[1].dead_letters_to = back;
    queues.all[0].options.max_length = 1;
    queues.all[0].options.overflow = overflow_policy::reject_publish_dlx;
    ledger circle{time, queues};
    circle.published(id, {});
    circle.confirmed(id);
    amqp::field_table death;
    death.set("queue", {amqp::longstr{"q0"}});
    death.set("reason", {amqp::longstr{"maxlen"}});
    death.set("count", {int64_t{1}});
    death.set("time", {amqp::timestamp{now_s}});
    amqp::properties properties;
    properties.headers.emplace().set("x-death", {amqp::field_array{{{death}}}});
    circle.delivered(circle.new_consumer(1), id, {false, true, properties});
    return std::any_of(circle.violations().begin(), circle.violations().end(),
                       [](const std::string& one) { return one.ends_with("but was confirmed"); });
  };
  BOOST_TEST(refused_after_confirm(std::nullopt));
  BOOST_TEST(!refused_after_confirm(0));
}

BOOST_AUTO_TEST_SUITE_END()

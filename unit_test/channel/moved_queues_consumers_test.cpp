// Replicated queues whose masters come and go, as a channel's consumers and its other methods see it (features.md Q11;
// guarantees.md G5): the client does not notice.
#include "channel/moved_queues.hpp"

BOOST_FIXTURE_TEST_SUITE(moved_queues, fixture)

// -- consumers

BOOST_AUTO_TEST_CASE(a_consumer_goes_on_at_the_next_master_and_its_client_does_not_notice) {
  basic::consume wanted;
  wanted.queue = "q";
  wanted.consumer_tag = "c";
  wanted.arguments.set("x-priority", {int32_t{3}});
  send(wanted);
  const auto who = begun().at(0);
  answer(consume_done{who, true, {}});
  replies();
  answer(consumer_cancelled{who, true}, 5);
  BOOST_TEST(replies().empty());
  BOOST_TEST(channel.consumers() == 1u);
  move(6);
  const auto again = begun();
  BOOST_REQUIRE(again.size() == 1u);
  BOOST_TEST(!(again[0] == who));
  BOOST_TEST(again[0]->tag == "c");
  BOOST_TEST(again[0]->priority == 3);
  BOOST_TEST(again[0]->queue == q);
  BOOST_TEST((again[0]->window == who->window));
  BOOST_TEST((again[0]->channel == self));
  answer(consume_done{again[0], true, {}});
  BOOST_TEST(replies().empty());
  deliver(again[0], 2, 1);
  BOOST_TEST(delivered_to_client() == 2u);
}

BOOST_AUTO_TEST_CASE(late_events_of_the_old_master_do_no_harm) {
  send(basic::qos{0, 3, true});
  replies();
  const auto who = consume(q, "q", "c");
  deliver(who, 1, 1);
  step = {};
  move(6);
  const auto again = begun().at(0);
  deliver(who, 2, 2); // it was under way
  BOOST_TEST(delivered_to_client() == 0u);
  BOOST_TEST(who->window->unacked.load() == 1);
  BOOST_TEST(channel.unacked() == 1u);
  BOOST_TEST(take<consumer_ready>().size() == 1u); // the window was full and has room again
  answer(consumer_cancelled{who, true}, 5);
  answer(consumer_cancelled{who, false}, 5);
  answer(consume_done{who, true, {}}, 5);
  answer(consume_done{who, false, {403, "ACCESS_REFUSED"}}, 5);
  answer(cancel_done{who}, 5);
  BOOST_TEST(replies().empty());
  BOOST_TEST(channel.consumers() == 1u);
  deliver(again, 1, 1);
  BOOST_TEST(delivered_to_client() == 1u);
  BOOST_TEST(again->window->unacked.load() == 2);
}

BOOST_AUTO_TEST_CASE(settlements_of_what_an_old_master_delivered_go_nowhere_and_free_the_window) {
  const auto who = consume(q, "q", "c");
  deliver(who, 3, 1);
  move(6);
  const auto again = begun().at(0);
  deliver(again, 3, 1); // the same messages once more
  BOOST_TEST(channel.unacked() == 6u);
  input_builder acks;
  acks.ack(2, true);
  send(acks);
  BOOST_TEST(take<settle_request>().empty());
  BOOST_TEST(channel.unacked() == 4u);
  BOOST_TEST(who->window->unacked.load() == 4);
  send(basic::nack{5, true, true}); // the last old one, and two of the new master
  const auto settled = take<settle_request>();
  BOOST_REQUIRE(settled.size() == 1u);
  BOOST_TEST((settled[0].second.by == again));
  BOOST_TEST((settled[0].second.seqs == std::vector<seq_range>{{1, 3}}));
  BOOST_TEST(who->window->unacked.load() == 1);
}

BOOST_AUTO_TEST_CASE(what_was_fetched_from_an_old_master_is_not_taken_for_the_same_message_of_the_next) {
  get();
  give(8, 0, 5);
  get();
  give(9, 0, 5);
  step = {};
  move(6);
  get();
  give(10, 0, 6); // behind them, and of another master
  step = {};
  input_builder acks;
  acks.ack(2);
  acks.ack(3);
  send(acks);
  const auto settled = take<settle_request>();
  BOOST_REQUIRE(settled.size() == 1u);
  BOOST_TEST((settled[0].second.seqs == std::vector<seq_range>{{10, 11}}));
}

BOOST_AUTO_TEST_CASE(acks_staged_in_a_transaction_become_void_as_well) {
  send(amqp::tx_class::select{});
  replies();
  const auto who = consume(q, "q", "c");
  deliver(who, 2, 1);
  step = {};
  input_builder acks;
  acks.ack(1);
  send(acks);
  move(6);
  begun();
  send(amqp::tx_class::commit{});
  BOOST_TEST(take<settle_request>().empty());
  BOOST_TEST(reply<amqp::tx_class::commit_ok>().has_value());
  BOOST_TEST(channel.unacked() == 1u);
}

BOOST_AUTO_TEST_CASE(a_consumer_that_wants_to_hear_of_it_is_cancelled) {
  basic::consume wanted;
  wanted.queue = "q";
  wanted.consumer_tag = "c";
  wanted.arguments.set("x-cancel-on-ha-failover", {true});
  send(wanted);
  answer(consume_done{begun().at(0), true, {}});
  replies();
  move(6);
  BOOST_TEST(begun().empty());
  const auto cancel = reply<basic::cancel>();
  BOOST_REQUIRE(cancel.has_value());
  BOOST_TEST(cancel->consumer_tag == "c");
  BOOST_TEST(channel.consumers() == 0u);
}

BOOST_AUTO_TEST_CASE(a_consumer_that_the_next_master_does_not_let_begin_is_cancelled) {
  consume(q, "q", "c");
  move(6);
  answer(consume_done{begun().at(0), false, {403, "ACCESS_REFUSED - in exclusive use"}});
  BOOST_TEST(reply<basic::cancel>().has_value());
  BOOST_TEST(channel.consumers() == 0u);
}

BOOST_AUTO_TEST_CASE(a_basic_cancel_that_is_under_way_ends_with_the_old_master) {
  for (const int how : {0, 1, 2}) {
    const auto who = consume(q, "q", "c");
    send(basic::cancel{"c", false});
    BOOST_TEST(take<cancel_request>().size() == 1u);
    if (how == 0)
      move(6);
    else if (how == 1)
      answer(consumer_cancelled{who, true});
    else
      lose(6);
    BOOST_TEST(reply<basic::cancel_ok>().has_value());
    BOOST_TEST(begun().empty());
    BOOST_TEST(channel.consumers() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_consumer_is_cancelled_at_once_while_there_is_no_master) {
  const auto who = consume(q, "q", "c");
  lose(5);
  send(basic::cancel{"c", false});
  BOOST_TEST(take<cancel_request>().empty());
  BOOST_TEST(reply<basic::cancel_ok>().has_value());
  move(6);
  BOOST_TEST(begun().empty());
}

BOOST_AUTO_TEST_CASE(consumers_wait_while_the_masters_node_is_out_of_reach) {
  const auto who = consume(q, "q", "c");
  deliver(who, 1, 1);
  step = {};
  lose(5);
  BOOST_TEST(replies().empty());
  input_builder acks;
  acks.ack(1);
  send(acks);
  BOOST_TEST(take<settle_request>().empty());
  channel.queue_moved(q, 5, step);
  const auto again = begun();
  BOOST_REQUIRE(again.size() == 1u); // the other node has forgotten the first
  BOOST_TEST(!(again[0] == who));
}

BOOST_AUTO_TEST_CASE(what_began_between_two_breaks_of_the_connection_is_ended) {
  const auto first = consume(q, "q", "c");
  lose(5);
  channel.queue_moved(q, 5, step);
  const auto second = begun().at(0); // the connection has broken once more meanwhile, and this gets through
  deliver(second, 2, 1);
  step = {};
  channel.queue_unreachable(q, {404, "NOT_FOUND - down"}, step, 5);
  const auto& requests = step.requests;
  BOOST_REQUIRE(requests.size() == 2u);
  const auto& back = std::get<settle_request>(requests[0].second);
  BOOST_TEST((back.what == settle_request::kind::requeue && back.by == second));
  BOOST_TEST((back.seqs == std::vector<seq_range>{{1, 3}}));
  BOOST_TEST((std::get<cancel_request>(requests[1].second).who == second));
  step.requests.clear();
  deliver(second, 1, 3); // it was under way
  BOOST_TEST(delivered_to_client() == 0u);
  const auto late = take<settle_request>();
  BOOST_REQUIRE(late.size() == 1u);
  BOOST_TEST((late[0].second.what == settle_request::kind::requeue));
  BOOST_TEST(second->window->unacked.load() == 2);
  channel.queue_moved(q, 5, step);
  const auto third = begun().at(0);
  BOOST_TEST(!(third == second));
  deliver(third, 1, 1);
  BOOST_TEST(delivered_to_client() == 1u);
}

BOOST_AUTO_TEST_CASE(other_queues_and_their_consumers_are_left_alone) {
  const queue_id other = metadata->add_queue("other");
  metadata->set_master("other", 3);
  const auto who = consume(other, "other", "o");
  consume(q, "q", "c");
  move(6);
  BOOST_TEST(begun().size() == 1u);
  BOOST_TEST(channel.mastership_of(other) == 3u);
  deliver(who, 1, 1);
  BOOST_TEST(delivered_to_client() == 1u);
}

// -- methods that wait for an answer

BOOST_AUTO_TEST_CASE(the_next_master_is_asked_again) {
  get();
  BOOST_TEST(take<get_request>().size() == 1u);
  answer(queue_missing{q, true}, 5);
  BOOST_TEST(replies().empty());
  move(6);
  BOOST_TEST(take<get_request>().size() == 1u);
  give(4, 2, 5); // the old one's answer comes late, and that message is the new one's by now
  BOOST_TEST(replies().empty());
  answer(queue_missing{q, false}, 5);
  BOOST_TEST(replies().empty());
  give(4, 2, 6);
  BOOST_TEST(reply<basic::get_ok>().has_value());
  BOOST_TEST(channel.unacked() == 1u);
}

/// It was asked when the queue was not replicated yet, which turned it away when it became so.
BOOST_AUTO_TEST_CASE(a_queue_that_becomes_replicated_is_asked_again_when_its_first_master_is_known) {
  const queue_id plain = metadata->add_queue("plain");
  send(basic::get{0, "plain", false});
  BOOST_TEST(take<get_request>().size() == 1u);
  answer(queue_missing{plain, true}, 0);
  BOOST_TEST(replies().empty());
  metadata->set_master("plain", 1);
  channel.queue_moved(plain, 1, step);
  BOOST_TEST(take<get_request>().size() == 1u);
  answer(queue_missing{plain, true}, 0); // the same news, late
  BOOST_TEST(replies().empty());
  channel.queue_moved(plain, 1, step);
  BOOST_TEST(take<get_request>().empty());
}

/// Its answer was under way when the channel heard of the first master and asked again. Taken for the answer of that
/// master it left one too many for the next get: what that one held was with nobody (seed 41056 of the simulator).
BOOST_AUTO_TEST_CASE(what_a_queue_answered_before_it_was_replicated_is_no_answer_of_its_first_master) {
  q = metadata->add_queue("plain");
  send(basic::get{0, "plain", false});
  BOOST_TEST(take<get_request>().size() == 1u);
  metadata->set_master("plain", 1);
  channel.queue_moved(q, 1, step);
  BOOST_TEST(take<get_request>().size() == 1u);
  give(4, 2, 0);
  answer(purged{q, 1}, 0);
  BOOST_TEST(replies().empty());
  BOOST_TEST(channel.unacked() == 0u);
  give(4, 2, 1);
  BOOST_TEST(reply<basic::get_ok>().has_value());
  BOOST_TEST(channel.unacked() == 1u);
}

/// Its master's node was out of reach and had come back before the channel heard of either: what it asked in between
/// has reached the master, and it asks again. Both are answered.
struct asked_twice : fixture {
  explicit asked_twice(bool no_ack = false) {
    get(no_ack);
    BOOST_TEST(take<get_request>().size() == 1u);
    lose(5);
    channel.queue_moved(q, 5, step);
    BOOST_TEST(take<get_request>().size() == 1u);
    answered = question();
    give(4, 2, 5, no_ack);
    BOOST_TEST(reply<basic::get_ok>().has_value());
    BOOST_TEST(take<settle_request>().empty());
  }
  question_number answered = 0;
  void expect_given_back(seqno seq) {
    const auto back = take<settle_request>();
    BOOST_REQUIRE(back.size() == 1u);
    BOOST_TEST(back[0].first == q);
    BOOST_TEST((back[0].second.what == settle_request::kind::requeue));
    BOOST_TEST((back[0].second.channel == self));
    BOOST_TEST(!back[0].second.by);
    BOOST_TEST((back[0].second.seqs == std::vector<seq_range>{{seq, seq + 1}}));
  }
};
struct asked_twice_without_acks : asked_twice {
  asked_twice_without_acks() : asked_twice(true) {}
};

BOOST_FIXTURE_TEST_CASE(what_comes_for_a_get_that_was_answered_already_goes_back, asked_twice) {
  give(5, 1, 5);
  BOOST_TEST(replies().empty());
  BOOST_TEST(channel.unacked() == 1u);
  expect_given_back(5);
}

BOOST_FIXTURE_TEST_CASE(the_answer_too_many_is_no_answer_to_the_next_get, asked_twice) {
  get();
  BOOST_TEST(take<get_request>().size() == 1u);
  give(5, 1, 5, false, answered);
  BOOST_TEST(replies().empty());
  expect_given_back(5);
  give(6, 0, 5);
  BOOST_TEST(reply<basic::get_ok>().has_value());
  BOOST_TEST(channel.unacked() == 2u);
}

/// It counted what the queue had before.
BOOST_AUTO_TEST_CASE(a_purge_and_a_declare_that_were_answered_twice_leave_no_answer_for_the_next) {
  amqp::queue_class::declare declare;
  declare.queue = "q";
  amqp::queue_class::purge purge;
  purge.queue = "q";
  send(declare);
  const question_number declared = question();
  lose(5);
  channel.queue_moved(q, 5, step);
  answer(queue_status{q, 3, 0}, 5);
  BOOST_TEST(reply<amqp::queue_class::declare_ok>()->message_count == 3u);
  send(declare);
  answer(queue_status{q, 3, 0, declared}, 5);
  BOOST_TEST(replies().empty());
  answer(queue_status{q, 4, 0}, 5);
  BOOST_TEST(reply<amqp::queue_class::declare_ok>()->message_count == 4u);
  send(purge);
  const question_number purged_first = question();
  answer(purged{q, 4}, 5);
  BOOST_TEST(reply<amqp::queue_class::purge_ok>()->message_count == 4u);
  send(purge);
  answer(purged{q, 1, purged_first}, 5);
  BOOST_TEST(replies().empty());
  answer(purged{q, 0}, 5);
  BOOST_TEST(reply<amqp::queue_class::purge_ok>()->message_count == 0u);
}

BOOST_FIXTURE_TEST_CASE(an_answer_too_many_without_a_message_holds_nothing, asked_twice) {
  answer(got{q, {}, false, false, 0}, 5);
  BOOST_TEST(replies().empty());
  BOOST_TEST(take<settle_request>().empty());
}

/// Its client would never acknowledge it.
BOOST_FIXTURE_TEST_CASE(what_is_to_be_acknowledged_is_no_answer_to_a_get_without_acks, asked_twice) {
  get(true);
  give(5, 1, 5, false, answered);
  BOOST_TEST(replies().empty());
  expect_given_back(5);
  give(6, 0, 5, true);
  BOOST_TEST(reply<basic::get_ok>().has_value());
  BOOST_TEST(channel.unacked() == 1u);
}

/// Its client would acknowledge what the channel does not know, and lose the channel. Its queue has let go of it, as of
/// everything fetched so that is under way when a connection breaks.
BOOST_FIXTURE_TEST_CASE(what_needs_no_ack_is_no_answer_to_a_get_with_acks, asked_twice_without_acks) {
  get();
  give(5, 1, 5, true, answered);
  BOOST_TEST(replies().empty());
  BOOST_TEST(take<settle_request>().empty());
  give(6, 0, 5);
  BOOST_TEST(reply<basic::get_ok>().has_value());
  send(basic::ack{2, false});
  BOOST_TEST(take<settle_request>().size() == 1u);
  BOOST_TEST(replies().empty());
}

/// What an earlier master has handed out is not the present one's.
BOOST_AUTO_TEST_CASE(what_an_earlier_master_answers_late_does_not_go_back) {
  get();
  take<get_request>();
  move(6);
  give(4, 2, 6);
  take<get_request>();
  give(4, 2, 5);
  BOOST_TEST(take<settle_request>().empty());
  BOOST_TEST(channel.unacked() == 1u);
}

BOOST_AUTO_TEST_CASE(what_a_queue_answered_before_it_was_heard_to_be_replicated_counts) {
  q = metadata->add_queue("plain");
  send(basic::get{0, "plain", false});
  metadata->set_master("plain", 1);
  give(4, 2, 0);
  BOOST_TEST(reply<basic::get_ok>().has_value());
  take<get_request>();
  channel.queue_moved(q, 1, step);
  BOOST_TEST(take<get_request>().empty());
}

BOOST_AUTO_TEST_CASE(each_kind_of_question_is_asked_again) {
  const auto asks_again = [this](amqp::method what, auto request, epoch mastership) {
    send(std::move(what));
    using kind = decltype(request);
    const size_t first = take<kind>().size();
    move(mastership);
    return first == 1 && take<kind>().size() == 1;
  };
  amqp::queue_class::declare declare;
  declare.queue = "q";
  BOOST_TEST(asks_again(declare, status_request{}, 6));
  answer(queue_status{q, 1, 1}, 6);
  BOOST_TEST(reply<amqp::queue_class::declare_ok>().has_value());
  amqp::queue_class::purge purge;
  purge.queue = "q";
  BOOST_TEST(asks_again(purge, purge_request{}, 7));
  answer(purged{q, 1}, 7);
  BOOST_TEST(reply<amqp::queue_class::purge_ok>().has_value());
  amqp::queue_class::delete_ erase;
  erase.queue = "q";
  BOOST_TEST(asks_again(erase, delete_request{}, 8));
  answer(delete_checked{q, true, {}, 1}, 8);
  BOOST_TEST(step.proposals.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_consumer_that_is_about_to_begin_begins_at_the_next_master) {
  basic::consume wanted;
  wanted.queue = "q";
  wanted.consumer_tag = "c";
  send(wanted);
  const auto first = begun().at(0);
  move(6);
  const auto again = begun();
  BOOST_REQUIRE(again.size() == 1u);
  BOOST_TEST(!(again[0] == first));
  answer(consume_done{first, true, {}}, 5);
  BOOST_TEST(replies().empty());
  answer(consume_done{again[0], true, {}}, 6);
  BOOST_TEST(reply<basic::consume_ok>().has_value());
  deliver(again[0], 1, 1);
  BOOST_TEST(delivered_to_client() == 1u);
}

BOOST_AUTO_TEST_CASE(a_method_waits_for_a_master_and_fails_when_none_comes) {
  get();
  take<get_request>();
  lose(5);
  BOOST_TEST(replies().empty());
  BOOST_TEST(step.tick_in_ms == master_check_ms);
  uint64_t now_ms = 1'000'000;
  BOOST_TEST(tick(now_ms) == master_check_ms);
  BOOST_TEST(tick(now_ms += master_wait_ms - 1) == master_check_ms);
  BOOST_TEST(replies().empty());
  tick(now_ms + 1);
  BOOST_TEST(closed_with()
             == "404 NOT_FOUND - home node 'rabbit@here' of durable queue 'q' in vhost '/' is down or inaccessible "
                "(60,70)");
}

BOOST_AUTO_TEST_CASE(a_method_that_begins_while_there_is_no_master_waits_as_well) {
  consume(q, "q", "c");
  lose(5);
  get();
  BOOST_TEST(step.requests.empty());
  BOOST_TEST(replies().empty());
  tick(1'000'000);
  move(6);
  BOOST_TEST(take<get_request>().size() == 1u);
  answer(got{q, {}, false, false, 0}, 6);
  BOOST_TEST(reply<basic::get_empty>().has_value());
  tick(1'000'000 + master_wait_ms); // that time is over
  get();
  tick(1'000'000 + 2 * master_wait_ms);
  BOOST_TEST(replies().empty());
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_deleted_while_it_has_no_master_is_gone) {
  consume(q, "q", "c");
  lose(5);
  get();
  metadata->remove_queue("q");
  tick(1'000'000);
  const auto all = replies();
  bool cancelled = false;
  bool failed = false;
  for (const auto& each : all) {
    cancelled = cancelled || std::holds_alternative<basic::cancel>(each);
    failed = failed || std::holds_alternative<amqp::channel_class::close>(each);
  }
  BOOST_TEST(cancelled);
  BOOST_TEST(failed); // the get
}

/// The move that would have been told and the deletion can come with one change of the metadata: then no move is told.
BOOST_AUTO_TEST_CASE(a_question_that_reached_nobody_ends_with_its_queue) {
  consume(q, "q", "c");
  get();
  take<get_request>();
  BOOST_TEST(tick(1'000'000) == master_check_ms);
  BOOST_TEST(tick(1'060'000) == master_check_ms); // as long as the queue exists somebody answers, or it moves
  metadata->remove_queue("q");
  BOOST_TEST(tick(1'061'000) == master_check_ms);
  BOOST_TEST(replies().empty()); // the answer may be under way
  tick(1'062'000);
  BOOST_TEST(closed_with().starts_with("404 NOT_FOUND - no queue 'q' in vhost '/'"));
}

BOOST_AUTO_TEST_CASE(the_answer_of_a_queue_that_is_deleted_meanwhile_counts) {
  consume(q, "q", "c");
  get();
  take<get_request>();
  tick(1'000'000);
  metadata->remove_queue("q");
  tick(1'001'000);
  answer(got{q, {}, false, false, 0}, 5);
  BOOST_TEST(reply<basic::get_empty>().has_value());
  tick(1'002'000);
  tick(1'003'000);
  BOOST_TEST(replies().empty());
}

BOOST_AUTO_TEST_CASE(publishes_to_a_queue_that_is_deleted_while_it_has_no_master_count_as_confirmed) {
  confirm_select();
  publish(2);
  publishes();
  lose(5);
  const size_t before = sink->times;
  metadata->remove_queue("q");
  tick(1'000'000);
  BOOST_TEST((told() == tolds{2}));
  BOOST_TEST(sink->times == before + 1);
  BOOST_TEST(channel.mastership_of(q) == 0u);
}

/// Simulator, seed 12664 with five nodes: a master that was cut off held them when it heard that its session was over,
/// and then that the queue was deleted. It had left its office and answered nothing; they were nacked half a minute
/// later.
BOOST_AUTO_TEST_CASE(publishes_that_a_deposed_master_held_count_as_confirmed_when_the_queue_is_deleted) {
  confirm_select();
  publish(2);
  publishes();
  const size_t before = sink->times;
  BOOST_TEST(tick(1'000'000) == confirm_check_ms);
  BOOST_TEST(tick(1'005'000) == confirm_check_ms); // as long as the queue exists somebody answers, or it moves
  metadata->remove_queue("q");
  BOOST_TEST(tick(1'010'000) == confirm_check_ms);
  BOOST_TEST(told().empty()); // the answer may be under way
  BOOST_TEST(tick(1'015'000) == 0u);
  BOOST_TEST((told() == tolds{2}));
  BOOST_TEST(sink->times == before + 1);
  BOOST_TEST(channel.mastership_of(q) == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_queue_refused_before_it_was_deleted_is_refused) {
  confirm_select();
  publish(2);
  publishes();
  metadata->remove_queue("q");
  tick(1'000'000);
  confirm(1, 3, true, 5);
  BOOST_TEST((told() == tolds{-2}));
  tick(1'005'000);
  BOOST_TEST(told().empty());
}

BOOST_AUTO_TEST_SUITE_END()

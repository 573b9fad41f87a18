// W52: what dies in a queue reaches its dead-letter exchange at least once. W53: what it says of its deaths.
#include <functional>

#include <boost/test/unit_test.hpp>

#include "fake_metadata.hpp"
#include "fixture.hpp"

using namespace test;

namespace dead_letter_promises {
namespace {

constexpr queue_id target = 20;

queue_options dead_letters_to(const std::string& exchange) {
  queue_options chosen;
  chosen.dead_letter_exchange = exchange;
  return chosen;
}

/// A queue whose dead letters go to exchange "dlx" and from there all to one queue.
struct dead_letter_fixture : fixture {
  explicit dead_letter_fixture(queue_options options = dead_letters_to("dlx"), queue_settings settings = {})
    : fixture(std::move(options), nullptr, std::move(settings)) {
    auto known = std::make_shared<fake_metadata>();
    known->bind("dlx", "#", target, "dead");
    metadata = known;
  }

  /// Confirms letters, and has `read` called after each turn, until none is left: the numbers they had, in order.
  std::vector<uint64_t> confirm_to_the_end(const std::function<void()>& read, int turns_max = 100) {
    std::vector<uint64_t> all;
    for (int turn = 0; turn < turns_max && queue->dead_letters() > 0; ++turn) {
      for (const uint64_t number : letter_numbers())
        all.push_back(number);
      confirm_all();
      read();
    }
    return all;
  }
  /// Delivers everything to a new consumer, which rejects it.
  void reject_all() {
    auto who = consumer_on(channel());
    send(consume_request{who});
    send(cancel_request{who});
    const auto given = std::exchange(deliveries, {});
    for (const delivery& one : given)
      settle(settle_request::kind::reject, who, {{one.seq, one.seq + 1}});
  }
  const publish_request& sent(size_t at) const { return std::get<publish_request>(requests.at(at).second); }
  /// Messages sent on, in order.
  std::vector<const message*> letters() const {
    std::vector<const message*> all;
    for (size_t at = 0; at < requests.size(); ++at)
      for (const slice& part : sent(at).slices)
        for (uint32_t index = part.lo; index < part.hi; ++index)
          all.push_back(&sent(at).batch->messages[index]);
    return all;
  }
  test::numbers letter_numbers() const {
    test::numbers all;
    for (const message* one : letters())
      all.push_back(number_of(*one));
    return all;
  }
  amqp::field_table headers_of(size_t letter) const {
    return *amqp::decode_properties(letters().at(letter)->property_bytes())->headers;
  }
  /// The confirms of everything sent so far and not confirmed yet.
  void confirm_all(bool rejected = false) {
    const auto waiting = std::exchange(requests, {});
    for (const auto& [to, request] : waiting) {
      const auto& publish = std::get<publish_request>(request);
      for (const slice& part : publish.slices)
        answer(to, {publish.batch->first_confirm + part.lo, publish.batch->first_confirm + part.hi}, rejected);
    }
  }
};

std::string text(const amqp::field_table& table, std::string_view key) {
  const auto* found = table.find(key);
  return found && found->as_string() ? *found->as_string() : "(none)";
}
amqp::field_table death(const amqp::field_table& headers, size_t at) {
  return std::get<amqp::field_table>(std::get<amqp::field_array>(headers.find("x-death")->value).values.at(at).value);
}
int64_t count_of(const amqp::field_table& death) {
  int64_t count = 0;
  death.find("count")->as_integer(count);
  return count;
}
amqp::properties with_headers(std::vector<std::pair<std::string, amqp::field_value>> entries) {
  amqp::properties made;
  made.headers.emplace();
  for (auto& [key, value] : entries)
    made.headers->set(key, std::move(value));
  return made;
}
amqp::field_array keys(std::vector<std::string> texts) {
  amqp::field_array made;
  for (auto& one : texts)
    made.values.push_back({amqp::longstr{std::move(one)}});
  return made;
}

} // namespace
} // namespace dead_letter_promises

BOOST_AUTO_TEST_SUITE(dead_letter_promises)

BOOST_AUTO_TEST_CASE(a_rejected_message_is_kept_until_its_target_has_confirmed) {
  dead_letter_fixture f;
  amqp::properties persistent;
  persistent.delivery_mode = 2;
  f.publish(f.real_batch(2, persistent));
  f.durable();
  f.reject_all();
  BOOST_TEST(f.letter_numbers() == (numbers{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(f.sent(0).confirm);
  BOOST_TEST(f.queue->messages_ready() == 0u);
  BOOST_TEST(f.queue->messages_unacked() == 0u);
  BOOST_TEST(f.queue->dead_letters() == 2u);
  BOOST_TEST(f.store.live.size() == 2u); // a crash now finds them again
  f.confirm_all();
  BOOST_TEST(f.queue->dead_letters() == 0u);
  BOOST_TEST(f.store.live.empty());
  BOOST_TEST(f.queue->idle());
}

/// Its copies' first master hands out what had not landed. (Seed 29564 of four simulated nodes.)
BOOST_AUTO_TEST_CASE(what_was_rejected_has_been_delivered_also_for_a_queue_that_becomes_replicated) {
  queue_options chosen = dead_letters_to("dlx");
  chosen.max_length = 1;
  dead_letter_fixture f{chosen};
  f.publish(f.real_batch(1, {}));
  f.reject_all();
  f.publish(f.real_batch(2, {})); // the first of them makes room
  BOOST_REQUIRE(f.queue->dead_letters() == 2u);
  const recovered_queue content = f.queue->give_up(f.now_ms);
  BOOST_REQUIRE(content.runs.size() == 3u);
  BOOST_TEST(content.runs[0].redelivered);
  BOOST_TEST(!content.runs[1].redelivered);
  BOOST_TEST(!content.runs[2].redelivered);
}

BOOST_AUTO_TEST_CASE(without_a_dead_letter_exchange_a_rejected_message_is_gone) {
  fixture f;
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.publish(f.batch(1, true));
  f.settle(settle_request::kind::reject, who, {{1, 2}});
  BOOST_TEST(f.store.live.empty());
}

BOOST_AUTO_TEST_CASE(an_acknowledged_or_purged_message_is_no_dead_letter) {
  dead_letter_fixture f;
  auto who = f.consumer_on(f.channel(), 1);
  f.send(consume_request{who});
  f.publish(f.real_batch(2, {}));
  f.send(purge_request{f.channel()});
  f.ack(who, 1, 2);
  BOOST_TEST(f.requests.empty());
}

BOOST_AUTO_TEST_CASE(expired_and_dropped_messages_are_dead_letters_with_their_reason) {
  queue_options chosen = dead_letters_to("dlx");
  chosen.message_ttl_ms = 100;
  chosen.max_length = 2;
  dead_letter_fixture f{chosen};
  f.publish(f.real_batch(3, {}));
  BOOST_TEST(f.letter_numbers() == numbers{1}, boost::test_tools::per_element());
  BOOST_TEST(text(f.headers_of(0), "x-first-death-reason") == "maxlen");
  f.tick(1100);
  BOOST_TEST(f.letter_numbers() == counting(1, 3), boost::test_tools::per_element());
  BOOST_TEST(text(f.headers_of(1), "x-first-death-reason") == "expired");
}

/// As if they came one by one: it had expired before the next one pushed it out (a difference to RabbitMQ once).
BOOST_AUTO_TEST_CASE(what_expires_at_once_dies_of_that_though_others_come_with_it) {
  queue_options chosen = dead_letters_to("dlx");
  chosen.max_length = 1;
  dead_letter_fixture f{chosen};
  f.publish(f.real_batch(1, {}));
  amqp::properties properties;
  properties.expiration = "0";
  f.publish(f.real_batch(2, properties));
  BOOST_TEST(f.letter_numbers() == counting(1, 3), boost::test_tools::per_element());
  BOOST_TEST(text(f.headers_of(0), "x-first-death-reason") == "maxlen");
  BOOST_TEST(text(f.headers_of(1), "x-first-death-reason") == "expired");
  BOOST_TEST(text(f.headers_of(2), "x-first-death-reason") == "expired");
}

BOOST_AUTO_TEST_CASE(what_reject_publish_dlx_refuses_is_nacked_and_a_dead_letter) {
  queue_options chosen = dead_letters_to("dlx");
  chosen.max_length = 1;
  chosen.overflow = overflow_policy::reject_publish_dlx;
  dead_letter_fixture f{chosen};
  f.publish(f.real_batch(3, {}), f.channel(), 1);
  BOOST_TEST(f.rejects.size() == 2u);
  BOOST_TEST(f.letter_numbers() == (numbers{2, 3}), boost::test_tools::per_element());
  BOOST_TEST(text(f.headers_of(0), "x-first-death-reason") == "maxlen");
  f.confirm_all();
  BOOST_TEST(f.queue->messages_ready() == 1u);
  BOOST_TEST(f.queue->dead_letters() == 0u);
}

BOOST_AUTO_TEST_CASE(x_death_tells_where_when_and_why) {
  dead_letter_fixture f;
  amqp::properties properties;
  properties.expiration = "100";
  properties.correlation_id = "c";
  f.publish(f.real_batch(1, properties));
  f.tick(1100);
  const message& letter = *f.letters().at(0);
  BOOST_TEST(letter.exchange() == "dlx");
  BOOST_TEST(letter.routing_key() == "q");
  BOOST_TEST(!letter.has(message::has_expiration));
  const auto decoded = amqp::decode_properties(letter.property_bytes());
  BOOST_TEST(!decoded->expiration);
  BOOST_TEST(*decoded->correlation_id == "c");
  const auto& headers = *decoded->headers;
  const auto one = death(headers, 0);
  BOOST_TEST(text(one, "original-expiration") == "100");
  BOOST_TEST(count_of(one) == 1);
  BOOST_TEST(text(one, "reason") == "expired");
  BOOST_TEST(text(one, "queue") == "q");
  BOOST_TEST(text(one, "exchange") == "");
  BOOST_TEST(std::get<amqp::timestamp>(one.find("time")->value).seconds == f.wall_ms / 1000);
  BOOST_TEST((std::get<amqp::field_array>(one.find("routing-keys")->value) == keys({"q"})));
  for (const char* which : {"x-first-death-", "x-last-death-"}) {
    BOOST_TEST(text(headers, std::string{which} + "reason") == "expired");
    BOOST_TEST(text(headers, std::string{which} + "queue") == "q");
    BOOST_TEST(text(headers, std::string{which} + "exchange") == "");
  }
}

BOOST_AUTO_TEST_CASE(another_death_of_the_same_kind_counts_and_comes_first) {
  amqp::field_table here;
  here.set("count", {int64_t{4}});
  here.set("reason", {amqp::longstr{"rejected"}});
  here.set("queue", {amqp::longstr{"q"}});
  amqp::field_table elsewhere;
  elsewhere.set("count", {int64_t{1}});
  elsewhere.set("reason", {amqp::longstr{"expired"}});
  elsewhere.set("queue", {amqp::longstr{"r"}});
  amqp::field_array deaths{{{elsewhere}, {here}}};
  dead_letter_fixture f;
  f.publish(f.real_batch(1, with_headers({{"x-first-death-queue", {amqp::longstr{"first"}}}, {"x-death", {deaths}}})));
  f.reject_all();
  const auto headers = f.headers_of(0);
  BOOST_TEST(text(death(headers, 0), "queue") == "q");
  BOOST_TEST(count_of(death(headers, 0)) == 5);
  BOOST_TEST(text(death(headers, 1), "queue") == "r");
  BOOST_TEST(text(headers, "x-first-death-queue") == "first");
  BOOST_TEST(text(headers, "x-last-death-queue") == "q");
}

BOOST_AUTO_TEST_CASE(a_routing_key_of_its_own_takes_the_place_of_all_keys) {
  queue_options chosen = dead_letters_to("dlx");
  chosen.dead_letter_routing_key = "grave";
  dead_letter_fixture f{chosen};
  auto known = std::make_shared<fake_metadata>();
  known->bind("dlx", "grave", 20, "a");
  known->bind("dlx", "copy", 21, "b");
  f.metadata = known;
  f.publish(f.real_batch(1, with_headers({{"CC", {keys({"copy"})}}})));
  f.reject_all();
  BOOST_REQUIRE(f.requests.size() == 1u);
  BOOST_TEST(f.requests[0].first == 20u);
  BOOST_TEST(f.letters()[0]->routing_key() == "grave");
  BOOST_TEST(
    (std::get<amqp::field_array>(death(f.headers_of(0), 0).find("routing-keys")->value) == keys({"q", "copy"})));
}

BOOST_AUTO_TEST_CASE(without_one_the_messages_own_keys_are_followed_copies_included) {
  dead_letter_fixture f;
  auto known = std::make_shared<fake_metadata>();
  known->bind("dlx", "q", 20, "a");
  known->bind("dlx", "copy", 21, "b");
  f.metadata = known;
  f.publish(f.real_batch(1, with_headers({{"CC", {keys({"copy"})}}})));
  f.reject_all();
  BOOST_TEST(f.requests.size() == 2u);
  BOOST_TEST(f.queue->dead_letters() == 1u);
  f.answer(20, {1, 2});
  BOOST_TEST(f.queue->dead_letters() == 1u); // until all have it
  f.answer(21, {1, 2});
  BOOST_TEST(f.queue->dead_letters() == 0u);
}

BOOST_AUTO_TEST_CASE(a_missing_exchange_drops_dead_letters_and_says_so_once) {
  dead_letter_fixture f{dead_letters_to("nowhere")};
  f.publish(f.batch(3000, true));
  f.durable();
  f.reject_all();
  BOOST_TEST(f.store.live.empty());
  BOOST_TEST(f.queue->dead_letters() == 0u);
  BOOST_TEST(f.notes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_message_that_no_queue_wants_is_gone) {
  dead_letter_fixture f;
  auto known = std::make_shared<fake_metadata>();
  known->bind("dlx", "other", 20, "a");
  f.metadata = known;
  f.publish(f.real_batch(1, {}));
  f.reject_all();
  BOOST_TEST(f.requests.empty());
  BOOST_TEST(f.queue->dead_letters() == 0u);
}

BOOST_AUTO_TEST_CASE(a_cycle_that_no_client_takes_part_in_is_cut) {
  queue_options chosen = dead_letters_to("dlx");
  chosen.message_ttl_ms = 100;
  dead_letter_fixture f{chosen};
  auto known = std::make_shared<fake_metadata>();
  known->bind("dlx", "#", 7, "q"); // itself
  f.metadata = known;
  f.publish(f.real_batch(1, {}));
  f.tick(1100);
  BOOST_TEST(f.requests.empty());
  BOOST_TEST(f.queue->dead_letters() == 0u);
  BOOST_TEST(f.notes.size() == 1u);
  f.publish(f.real_batch(1, {}));
  f.reject_all(); // a client did it: it may come back
  BOOST_TEST(f.requests.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_rejection_since_the_last_visit_is_no_cycle) {
  const auto visit = [](const char* queue, const char* reason) {
    amqp::field_table made;
    made.set("count", {int64_t{1}});
    made.set("reason", {amqp::longstr{reason}});
    made.set("queue", {amqp::longstr{queue}});
    return amqp::field_value{made};
  };
  const auto requests_after = [&](amqp::field_array deaths) {
    queue_options chosen = dead_letters_to("dlx");
    chosen.message_ttl_ms = 100;
    dead_letter_fixture f{chosen};
    f.publish(f.real_batch(1, with_headers({{"x-death", {std::move(deaths)}}})));
    f.tick(1100);
    return f.requests.size();
  };
  BOOST_TEST(requests_after({{visit("dead", "expired")}}) == 0u);
  BOOST_TEST(requests_after({{visit("dead", "rejected")}}) == 1u);
  BOOST_TEST(requests_after({{visit("r", "rejected"), visit("dead", "expired")}}) == 1u);
  BOOST_TEST(requests_after({{visit("dead", "expired"), visit("r", "rejected")}}) == 0u);
}

BOOST_AUTO_TEST_CASE(a_target_that_is_gone_counts_as_confirmed) {
  dead_letter_fixture f;
  f.publish(f.real_batch(2, {}));
  f.reject_all();
  f.target_gone(target);
  BOOST_TEST(f.queue->dead_letters() == 0u);
}

BOOST_AUTO_TEST_CASE(what_was_under_way_to_a_node_that_is_down_is_sent_again_whatever_the_strategy) {
  dead_letter_fixture f;
  f.publish(f.real_batch(2, {}));
  f.reject_all();
  const size_t sent = f.requests.size();
  f.target_unreachable(target);
  BOOST_TEST(f.queue->dead_letters() == 2u);
  f.tick(f.now_ms + limits::dead_letter_retry_ms + 1);
  BOOST_TEST(f.requests.size() > sent);
  f.confirm_all(false);
  BOOST_TEST(f.queue->dead_letters() == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_under_way_to_a_later_master_is_not_sent_again_when_an_earlier_one_is_lost) {
  dead_letter_fixture f;
  f.publish(f.real_batch(2, {}));
  f.reject_all();
  f.queue->sent_to_master(target, 1, 1);
  f.target_unreachable(target, 1); // it has moved
  f.tick(f.now_ms + limits::dead_letter_retry_ms + 1);
  f.queue->sent_to_master(target, 3, 2);
  f.requests.clear();
  f.target_unreachable(target, 1); // the session with the first master's node has ended: told late
  f.target_unreachable(target, 0);
  f.tick(f.now_ms + limits::dead_letter_retry_max_ms + 1);
  BOOST_TEST(f.requests.size() == 0u);
  f.target_unreachable(target, 2);
  f.tick(f.now_ms + limits::dead_letter_retry_max_ms + 1);
  BOOST_TEST(f.letter_numbers() == (numbers{1, 2}), boost::test_tools::per_element());
  f.confirm_all();
  BOOST_TEST(f.queue->dead_letters() == 0u);
}

BOOST_AUTO_TEST_CASE(at_most_once_drops_what_the_target_refuses) {
  dead_letter_fixture f;
  f.publish(f.real_batch(1, {}));
  f.reject_all();
  f.confirm_all(true);
  BOOST_TEST(f.queue->dead_letters() == 0u);
}

BOOST_AUTO_TEST_CASE(at_least_once_tries_again_later_and_only_where_it_was_refused) {
  queue_options chosen = dead_letters_to("dlx");
  chosen.strategy = dead_letter_strategy::at_least_once;
  dead_letter_fixture f{chosen};
  auto known = std::make_shared<fake_metadata>();
  known->bind("dlx", "#", 20, "a");
  known->bind("dlx", "#", 21, "b");
  f.metadata = known;
  f.publish(f.real_batch(1, {}));
  f.reject_all();
  f.requests.clear();
  f.answer(20, {1, 2}, true);
  f.answer(21, {1, 2});
  BOOST_TEST(f.queue->dead_letters() == 1u);
  BOOST_TEST(f.tick_in_ms == limits::dead_letter_retry_ms);
  f.tick(f.now_ms + limits::dead_letter_retry_ms);
  BOOST_REQUIRE(f.requests.size() == 1u);
  BOOST_TEST(f.requests[0].first == 20u);
  f.answer(20, {2, 3}, true);
  BOOST_TEST(f.tick_in_ms == 2 * limits::dead_letter_retry_ms);
  f.tick(f.now_ms + 2 * limits::dead_letter_retry_ms);
  f.answer(20, {3, 4});
  BOOST_TEST(f.queue->dead_letters() == 0u);
}

BOOST_AUTO_TEST_CASE(at_least_once_waits_for_an_exchange_to_appear) {
  queue_options chosen = dead_letters_to("later");
  chosen.strategy = dead_letter_strategy::at_least_once;
  dead_letter_fixture f{chosen};
  f.publish(f.real_batch(2, {}));
  f.reject_all();
  BOOST_TEST(f.queue->dead_letters() == 2u);
  auto known = std::make_shared<fake_metadata>();
  known->bind("later", "#", target, "dead");
  f.metadata = known;
  f.tick(f.now_ms + limits::dead_letter_retry_ms);
  BOOST_TEST(f.letter_numbers().size() == 2u);
}

BOOST_AUTO_TEST_CASE(no_more_than_a_window_is_under_way_and_the_rest_waits_undelivered) {
  queue_options chosen = dead_letters_to("dlx");
  chosen.message_ttl_ms = 100;
  dead_letter_fixture f{chosen};
  constexpr size_t count = 3 * limits::dead_letters_in_flight_max;
  for (size_t at = 0; at < count / 16; ++at)
    f.publish(f.real_batch(16, {}));
  f.now_ms += 101;
  f.send(consume_request{f.consumer_on(f.channel())});
  BOOST_TEST(f.deliveries.empty());
  BOOST_TEST(f.letters().size() <= limits::dead_letters_in_flight_max);
  BOOST_TEST(f.queue->messages_ready() > 0u);
  f.publish(f.real_batch(1, {})); // alive, but behind the dead
  BOOST_TEST(f.deliveries.empty());
  numbers all;
  while (!f.requests.empty()) {
    for (const uint64_t number : f.letter_numbers())
      all.push_back(number);
    f.confirm_all();
  }
  BOOST_TEST(all == counting(1, count), boost::test_tools::per_element());
  BOOST_TEST(f.numbers() == numbers{count + 1}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(dead_letters_whose_bodies_are_on_disk_are_read_back) {
  queue_settings small;
  small.memory_bytes = 100;
  queue_options chosen = dead_letters_to("dlx");
  chosen.message_ttl_ms = 100;
  dead_letter_fixture f{chosen, small};
  amqp::properties persistent;
  persistent.delivery_mode = 2;
  for (int at = 0; at < 5; ++at)
    f.publish(f.real_batch(10, persistent));
  f.settle_store();
  f.tick(1101);
  const numbers all = f.confirm_to_the_end([&] {
    while (!f.store.reads.empty())
      f.read_done();
  });
  BOOST_TEST(all == counting(1, 50), boost::test_tools::per_element());
  BOOST_TEST(f.store.live.empty());
}

/// With random priorities every message is a run of its own. One read each took so long that thousands waited behind
/// them, seconds after they had expired. (Seed 245 of one simulated node.)
BOOST_AUTO_TEST_CASE(dead_letters_on_disk_are_read_back_many_at_a_time) {
  queue_settings small;
  small.memory_bytes = 100;
  queue_options chosen = dead_letters_to("dlx");
  chosen.message_ttl_ms = 100;
  chosen.max_priority = 2;
  dead_letter_fixture f{chosen, small};
  amqp::properties persistent;
  persistent.delivery_mode = 2;
  constexpr uint64_t count = 300;
  for (uint64_t at = 0; at < count; ++at) {
    persistent.priority = static_cast<uint8_t>(at % 3);
    f.publish(f.real_batch(1, persistent));
  }
  f.settle_store();
  f.tick(1101);
  const auto read = [&] {
    if (!f.store.reads.empty())
      f.read_done();
  };
  const numbers all = f.confirm_to_the_end(read, 1000);
  numbers expected; // the highest priority dies first
  for (const uint64_t first : {3, 2, 1})
    for (uint64_t number = first; number <= count; number += 3)
      expected.push_back(number);
  BOOST_TEST(all == expected, boost::test_tools::per_element());
  BOOST_TEST(f.store.times_read == 3u); // once for each priority
  BOOST_TEST(f.store.live.empty());
}

BOOST_AUTO_TEST_CASE(dead_letters_that_come_back_from_disk_in_parts_go_in_order) {
  for (const uint32_t part : {1, 3, 10, 15, 40}) {
    queue_settings small;
    small.memory_bytes = 100;
    queue_options chosen = dead_letters_to("dlx");
    chosen.message_ttl_ms = 100;
    dead_letter_fixture f{chosen, small};
    amqp::properties persistent;
    persistent.delivery_mode = 2;
    for (int at = 0; at < 5; ++at) {
      f.publish(f.real_batch(10, persistent));
      ++f.now_ms; // runs of their own
    }
    f.settle_store();
    f.tick(1200);
    const numbers all = f.confirm_to_the_end([&] {
      if (f.store.reads.empty())
        return;
      std::vector<stored_run> answer = f.store.answer_read();
      answer.front().where.hi = std::min(answer.front().where.hi, answer.front().where.lo + part);
      queue_step step;
      f.queue->read_done(answer, f.now_ms, step);
      f.take(step);
    });
    BOOST_TEST(all == counting(1, 50), boost::test_tools::per_element());
    BOOST_TEST(f.store.live.empty());
  }
}

BOOST_AUTO_TEST_CASE(dead_letters_far_apart_are_not_read_back_with_all_that_lies_between) {
  queue_settings small;
  small.memory_bytes = 100;
  queue_options chosen = dead_letters_to("dlx");
  chosen.max_priority = 1;
  dead_letter_fixture f{chosen, small};
  amqp::properties dies;
  dies.delivery_mode = 2;
  dies.priority = 1;
  dies.expiration = "100";
  amqp::properties stays;
  stays.delivery_mode = 2;
  for (int at = 0; at < 3; ++at) {
    f.publish(f.real_batch(1, dies));
    ++f.now_ms; // runs of their own
    f.publish(f.real_batch(1000, stays));
  }
  f.settle_store();
  f.tick(1200);
  f.confirm_to_the_end([&] {
    if (f.store.reads.empty())
      return;
    BOOST_TEST(f.store.reads.front().before == f.store.reads.front().from + 1);
    f.read_done();
  });
  BOOST_TEST(f.store.times_read == 2u); // the head was in memory
  BOOST_TEST(f.queue->messages_ready() == 3000u);
}

BOOST_AUTO_TEST_CASE(a_deleted_queue_sends_no_dead_letters) {
  dead_letter_fixture f;
  f.publish(f.real_batch(1, {}));
  f.deleted();
  BOOST_TEST(f.requests.empty());
  f.answer(target, {1, 2});
  f.tick(9000);
  BOOST_TEST(f.requests.empty());
}

BOOST_AUTO_TEST_CASE(targets_get_one_request_for_neighbouring_letters) {
  dead_letter_fixture f;
  f.publish(f.real_batch(100, {}));
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.settle(settle_request::kind::reject, who, {{1, 101}});
  BOOST_REQUIRE(f.requests.size() == 1u);
  BOOST_TEST((f.sent(0).slices == std::vector<slice>{{0, 100}}));
}

BOOST_AUTO_TEST_SUITE_END()

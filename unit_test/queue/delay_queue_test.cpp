// The hidden queue of a delayed exchange (features.md P07, U12), between a store and a clock that are both the test.
#include <boost/test/unit_test.hpp>

#include <map>
#include <optional>
#include <set>

#include "amqp/properties.hpp"
#include "base/random.hpp"
#include "fake_store.hpp"
#include "metadata/metadata_state.hpp"
#include "queue/delay_queue.hpp"

namespace delayed_messages {
namespace {

using namespace test;

constexpr uint64_t start_ms = 1'700'000'000'000;

struct counting_credit final : credit_sink {
  void credit(size_t) noexcept override { ++times; }
  int times = 0;
};

/// One publish that a due message became.
struct sent {
  queue_id to = 0;
  confirm_number number = 0;
  std::string key;
  amqp::properties properties;
};

struct world {
  explicit world(const recovered_queue* recovered = nullptr, std::set<std::string> queues = {"q"}) {
    declare_exchange x;
    x.exchange.vhost = "/";
    x.exchange.name = "x";
    x.exchange.type = "x-delayed-message";
    x.exchange.durable = true;
    x.exchange.arguments.set("x-delayed-type", {amqp::longstr{"topic"}});
    must(x);
    for (const std::string& name : queues) {
      declare_queue one;
      one.queue.vhost = "/";
      one.queue.name = name;
      must(one);
      must(bind{"/", {"x", name, false, "k.#", {}}});
      ids[name] = metadata.snapshot()->find_queue("/", name)->id;
    }
    queue_settings settings;
    settings.address = make_ref<channel_address>(99);
    settings.snapshots = [this] { return metadata.snapshot(); };
    queue.emplace(metadata.snapshot()->find_exchange("/", "x")->delay_queue, std::move(settings), store, recovered);
    tick();
  }

  void must(const command& what) {
    std::vector<metadata_change> changes;
    const auto done = metadata.apply(what, changes);
    BOOST_REQUIRE_MESSAGE(done.ok(), done.failure.text);
  }

  /// One publish of `key` with the header x-delay.
  batch_ref publish(int32_t delay, const std::string& key = "k", const char* bcc = nullptr, confirm_number number = 0) {
    amqp::properties properties;
    properties.headers.emplace();
    properties.headers->set("x-delay", {delay});
    if (bcc)
      properties.headers->set("BCC", {amqp::field_array{{{amqp::longstr{bcc}}}}});
    byte_buffer header;
    amqp::encode_content_header(header, 1, 0, properties);
    const std::string names = std::string("\1x") + static_cast<char>(key.size()) + key;
    block_ref bytes{block::create(names.size() + header.size())};
    std::memcpy(bytes->data(), names.data(), names.size());
    std::memcpy(bytes->data() + names.size(), header.data(), header.size());
    auto batch = make_ref<publish_batch>();
    const auto size = static_cast<uint32_t>(header.size());
    batch->messages.push_back({bytes->data(), bytes->data() + names.size(), size, 0, size,
                               static_cast<uint16_t>(names.size()), message::has_headers});
    batch->blocks.push_back(std::move(bytes));
    batch->credit_to = credit;
    batch->first_confirm = number;
    batch->hold();
    queue->handle(publish_request{batch, {{0, 1}}, publisher, number != 0}, now_ms, step);
    take();
    return batch;
  }
  void durable() {
    queue->durable(store.durable_end, now_ms, step);
    take();
  }
  void tick() {
    queue->tick(now_ms, step);
    take();
  }
  void answer_reads() {
    while (!store.reads.empty()) {
      queue->read_done(store.answer_read(), now_ms, step);
      take();
    }
  }
  /// Lets time pass to `ms` after the start, with every read answered.
  void at(uint64_t ms) {
    now_ms = start_ms + ms;
    tick();
    answer_reads();
  }
  void confirm(queue_id by, confirm_number number, bool rejected = false) {
    queue->answered(confirmed{by, {number, number + 1}, rejected}, now_ms, step);
    take();
    answer_reads();
  }
  void confirm_all() {
    for (const sent& one : std::exchange(out, {}))
      confirm(one.to, one.number);
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> found;
    for (const sent& one : out)
      found.push_back(one.key);
    return found;
  }

  void take() {
    for (auto& [to, request] : std::exchange(step.requests, {})) {
      const auto& published = std::get<publish_request>(request);
      BOOST_TEST(published.confirm);
      for (const slice& where : published.slices)
        for (uint32_t i = where.lo; i < where.hi; ++i) {
          const message& what = published.batch->messages[i];
          out.push_back({to, published.batch->first_confirm + i, std::string{what.routing_key()},
                         *amqp::decode_properties(what.property_bytes())});
        }
      published.batch->release();
    }
    for (auto& [channel, events] : std::exchange(step.events, {}))
      for (const queue_event& event : events)
        if (const auto* told = std::get_if<confirmed>(&event))
          for (confirm_number number = told->numbers.first; number < told->numbers.last; ++number)
            BOOST_TEST(confirms.insert(number).second);
    if (step.tick_in_ms != 0)
      tick_in_ms = std::exchange(step.tick_in_ms, 0);
  }

  metadata_state metadata{metadata_settings{}};
  std::map<std::string, queue_id> ids;
  fake_store store;
  std::optional<delay_queue> queue;
  queue_step step;
  channel_ref publisher = make_ref<channel_address>(1);
  ref<counting_credit> credit = make_ref<counting_credit>();
  uint64_t now_ms = start_ms;
  std::vector<sent> out;
  std::set<confirm_number> confirms;
  uint64_t tick_in_ms = 0;
};

using texts = std::vector<std::string>;

} // namespace
} // namespace delayed_messages

BOOST_AUTO_TEST_SUITE(delayed_messages)

BOOST_AUTO_TEST_CASE(a_message_leaves_when_its_time_has_come_and_not_before) {
  world w;
  w.publish(500, "k.late");
  w.publish(100, "k.early");
  w.durable();
  BOOST_TEST(w.tick_in_ms == 100u);
  w.at(99);
  BOOST_TEST(w.out.empty());
  w.at(100);
  BOOST_TEST((w.keys() == texts{"k.early"}));
  BOOST_TEST(w.out[0].to == w.ids["q"]);
  BOOST_TEST(w.tick_in_ms == 400u);
  w.at(10'000);
  BOOST_TEST((w.keys() == texts{"k.early", "k.late"}));
}

BOOST_AUTO_TEST_CASE(equal_deadlines_leave_in_the_order_of_arrival) {
  world w;
  texts expected;
  for (int i = 0; i < 50; ++i) {
    expected.push_back("k." + std::to_string(i));
    w.publish(100, expected.back());
  }
  w.durable();
  w.at(100);
  BOOST_TEST((w.keys() == expected));
  BOOST_TEST(w.store.times_read == 1u); // neighbours come back together
}

BOOST_AUTO_TEST_CASE(the_confirm_waits_for_the_disk_whatever_the_delivery_mode) {
  world w;
  w.publish(100, "k", nullptr, 7);
  BOOST_TEST(w.store.live.begin()->second.durable);
  BOOST_TEST(w.store.live.begin()->second.facts.deadline_ms == start_ms + 100);
  w.at(200); // due before it is durable
  BOOST_TEST(w.out.empty());
  BOOST_TEST(w.confirms.empty());
  BOOST_TEST(w.credit->times == 0);
  w.durable();
  w.answer_reads();
  BOOST_TEST((w.confirms == std::set<confirm_number>{7}));
  BOOST_TEST(w.credit->times == 1);
  BOOST_TEST((w.keys() == texts{"k"}));
}

BOOST_AUTO_TEST_CASE(it_is_settled_only_when_every_queue_has_confirmed_it) {
  world w{nullptr, {"q", "r"}};
  w.publish(100);
  w.durable();
  w.at(100);
  BOOST_REQUIRE_EQUAL(w.out.size(), 2u);
  w.confirm(w.out[0].to, w.out[0].number);
  BOOST_TEST(w.store.live.size() == 1u); // a crash here repeats it
  BOOST_TEST(w.queue->messages() == 1u);
  w.confirm(w.out[1].to, w.out[1].number);
  BOOST_TEST(w.store.live.empty());
  BOOST_TEST(w.queue->messages() == 0u);
}

BOOST_AUTO_TEST_CASE(the_header_tells_how_long_it_was_kept_and_bcc_is_not_shown) {
  world w;
  w.publish(100, "elsewhere", "k.hidden");
  w.durable();
  w.at(100);
  BOOST_REQUIRE_EQUAL(w.out.size(), 1u); // routed by its BCC key
  int64_t delay = 0;
  BOOST_REQUIRE(w.out[0].properties.headers->find("x-delay")->as_integer(delay));
  BOOST_TEST(delay == -100);
  BOOST_TEST(!w.out[0].properties.headers->find("BCC"));
}

BOOST_AUTO_TEST_CASE(what_is_routed_nowhere_when_it_is_due_is_dropped) {
  world w;
  w.publish(100, "nobody");
  w.durable();
  w.at(100);
  BOOST_TEST(w.out.empty());
  BOOST_TEST(w.store.live.empty());
  BOOST_TEST(w.queue->messages() == 0u);
}

BOOST_AUTO_TEST_CASE(delays_survive_a_restart) {
  recovered_queue found;
  found.next = 10;
  found.runs = {{3, 2, 0, false, {start_ms + 50, 0}}, {7, 1, 0, false, {start_ms + 900, 0}}};
  world w{&found};
  BOOST_TEST(w.queue->messages() == 3u);
  BOOST_TEST(w.tick_in_ms == 50u);
  w.now_ms = start_ms + 60;
  w.tick();
  BOOST_REQUIRE_EQUAL(w.store.reads.size(), 1u);
  BOOST_TEST(w.store.reads[0].from == 3u);
  BOOST_TEST(w.store.reads[0].before == 5u);
}

BOOST_AUTO_TEST_CASE(only_the_queue_that_refused_gets_it_again) {
  world w{nullptr, {"q", "full"}};
  w.publish(100);
  w.durable();
  w.at(100);
  BOOST_REQUIRE_EQUAL(w.out.size(), 2u);
  for (const sent& one : std::exchange(w.out, {}))
    w.confirm(one.to, one.number, one.to == w.ids["full"]);
  BOOST_TEST(w.store.live.size() == 1u);
  w.at(100 + limits::delayed_retry_ms - 1);
  BOOST_TEST(w.out.empty());
  w.at(100 + limits::delayed_retry_ms);
  BOOST_REQUIRE_EQUAL(w.out.size(), 1u);
  BOOST_TEST(w.out[0].to == w.ids["full"]);
  w.confirm_all();
  BOOST_TEST(w.store.live.empty());
}

/// Else it would make another dead letter of the same message at every attempt.
BOOST_AUTO_TEST_CASE(a_queue_that_makes_a_dead_letter_of_what_it_refuses_does_not_get_it_again) {
  world w{nullptr, {"q"}};
  declare_queue full;
  full.queue.vhost = "/";
  full.queue.name = "full";
  full.queue.arguments.set("x-overflow", {amqp::longstr{"reject-publish-dlx"}});
  full.queue.arguments.set("x-dead-letter-exchange", {amqp::longstr{""}});
  w.must(full);
  w.must(bind{"/", {"x", "full", false, "k.#", {}}});
  const auto id = w.metadata.snapshot()->find_queue("/", "full")->id;
  w.publish(100);
  w.durable();
  w.at(100);
  BOOST_REQUIRE_EQUAL(w.out.size(), 2u);
  for (const sent& one : std::exchange(w.out, {}))
    w.confirm(one.to, one.number, one.to == id);
  BOOST_TEST(w.store.live.empty());
  w.at(100 + limits::delayed_retry_ms);
  BOOST_TEST(w.out.empty());
}

/// However slow the disk is, and however often the others come back.
BOOST_AUTO_TEST_CASE(what_a_full_queue_refuses_does_not_keep_others_waiting) {
  world w;
  declare_queue full;
  full.queue.vhost = "/";
  full.queue.name = "full";
  w.must(full);
  w.must(bind{"/", {"x", "full", false, "f", {}}});
  const auto id = w.metadata.snapshot()->find_queue("/", "full")->id;
  const auto answer = [&] {
    bool arrived = false;
    for (const sent& one : std::exchange(w.out, {})) {
      arrived = arrived || one.to != id;
      w.queue->answered(confirmed{one.to, {one.number, one.number + 1}, one.to == id}, w.now_ms, w.step);
      w.take();
    }
    return arrived;
  };
  for (const char* key : {"f", "k", "f", "k", "f"}) // not neighbours: each is read by itself
    w.publish(100, key);
  w.durable();
  w.at(100);
  BOOST_TEST(answer());
  w.publish(limits::delayed_retry_ms);
  w.durable();
  w.now_ms = start_ms + 100 + limits::delayed_retry_ms;
  w.tick();
  bool arrived = false;
  for (int reads = 0; reads < 3 && !arrived; ++reads) {
    BOOST_REQUIRE(!w.store.reads.empty());
    w.queue->read_done(w.store.answer_read(), w.now_ms, w.step);
    w.take();
    arrived = answer();
    w.now_ms += limits::delayed_retry_ms; // so long did the read take
    w.tick();
  }
  BOOST_TEST(arrived);
}

BOOST_AUTO_TEST_CASE(a_queue_that_goes_owes_nothing) {
  world w;
  w.publish(100);
  w.durable();
  w.at(100);
  w.queue->target_gone(w.ids["q"], w.now_ms, w.step);
  w.take();
  BOOST_TEST(w.store.live.empty());
}

BOOST_AUTO_TEST_CASE(no_client_can_use_it_as_a_queue) {
  world w;
  w.queue->handle(get_request{w.publisher, true}, w.now_ms, w.step);
  BOOST_REQUIRE_EQUAL(w.step.events.size(), 1u);
  BOOST_TEST(std::holds_alternative<queue_missing>(w.step.events[0].second.front()));
}

BOOST_AUTO_TEST_CASE(a_deleted_one_owes_publishers_nothing_and_sends_nothing) {
  world w;
  w.publish(100, "k", nullptr, 1);
  w.queue->deleted(w.step);
  w.take();
  BOOST_TEST((w.confirms == std::set<confirm_number>{1}));
  BOOST_TEST(w.credit->times == 1);
  w.at(1'000);
  BOOST_TEST(w.out.empty());
  w.publish(100, "k", nullptr, 2);
  BOOST_TEST((w.confirms == std::set<confirm_number>{1, 2}));
  BOOST_TEST(w.credit->times == 2);
}

BOOST_AUTO_TEST_CASE(everything_leaves_once_in_the_order_of_its_deadline_under_any_schedule) {
  for (uint64_t seed = 1; seed <= 30; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      broker::random_source random{seed};
      world w;
      std::map<std::string, uint64_t> deadlines;
      uint64_t time = 0;
      std::map<std::string, int> times_sent;
      const auto look = [&] {
        for (const sent& one : w.out) {
          BOOST_TEST(++times_sent[one.key] == 1);
          BOOST_TEST(deadlines.at(one.key) <= w.now_ms);
        }
        if (random.chance(1, 2))
          w.confirm_all();
        else
          for (const sent& one : std::exchange(w.out, {}))
            w.confirm(one.to, one.number);
      };
      for (int i = 0; i < 300; ++i) {
        if (random.chance(2, 3)) {
          const auto delay = static_cast<int32_t>(1 + random.below(300));
          const std::string key = "k." + std::to_string(i);
          deadlines[key] = w.now_ms + static_cast<uint64_t>(delay);
          w.publish(delay, key);
        }
        if (random.chance(1, 3))
          w.durable();
        if (random.chance(1, 2)) {
          time += random.below(50);
          w.at(time);
          look();
        }
      }
      w.durable();
      w.at(time + 10'000);
      while (!w.out.empty())
        look();
      BOOST_TEST(times_sent.size() == deadlines.size());
      BOOST_TEST(w.store.live.empty());
      BOOST_TEST(w.queue->messages() == 0u);
    }
}

BOOST_AUTO_TEST_SUITE_END()

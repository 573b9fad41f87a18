#include <boost/test/unit_test.hpp>

#include "fixture.hpp"
#include "metadata/state_hashes.hpp"
#include "sample.hpp"

using namespace metadata_test;

namespace metadata_codec {
namespace {

/// One of each, with every field away from its default.
std::vector<command> one_of_each() {
  queue_record q = queue("q");
  q.id = 5;
  q.exclusive = q.auto_delete = true;
  q.owner = 9;
  q.mastership = 3;
  q.arguments.set("x-deep", {amqp::field_array{{{amqp::field_table{{{"k", text("v")}}}}, {amqp::void_value{}}}}});
  exchange_record x = exchange("x", "topic");
  x.kind = exchange_type::topic;
  x.auto_delete = x.internal = true;
  x.alternate_exchange = "ae";
  x.arguments.set("alternate-exchange", text("ae"));
  const binding_record b{"x", "y", true, std::string("k\0\xff", 3), x.arguments};
  return {
    declare_queue{q},
    delete_queue{"/", "q", 5},
    delete_exclusive_queues{9},
    declare_exchange{x},
    delete_exchange{"/", "x", true},
    bind{"/", b, 9},
    unbind{"/", b, 9},
    put_user{{"ann", "hash", {"a", "b"}}, true, true, true, true},
    delete_user{"ann"},
    set_permission{"/", "ann", {"c", "w", "r"}},
    clear_permission{"/", "ann"},
    node_started{"n", false, {"guest", "hash", {"administrator"}}, {"c", "w", "r"}, "v", "host", 25672, 77, 78},
    put_vhost{{"v", "words", {"t"}, "quorum", true, {{"max-queues", 3}}}, true},
    delete_vhost{"v"},
    set_vhost_limits{"v", {{"max-connections", -1}}},
    set_user_limits{"ann", {{"max-channels", 7}}},
    set_tracing{"v", true},
    set_topic_permission{"v", "ann", {"x", "w", "r"}},
    clear_topic_permission{"v", "ann", "x"},
    put_policy{{"v", "p", "^q", "queues", -2, R"({"max-length":1})"}, true},
    delete_policy{"v", "p", true},
    set_parameter{{"v", "shovel", "s", "{}"}},
    clear_parameter{"v", "shovel", "s"},
    register_node{"n", "host", 25672},
    forget_node{"n"},
    node_down{"n", 77, true},
    node_up{"n", 77, true},
    withdrawn{},
    change_placement{"/", "q", 5, replication::alter_isr{3, 4, {{1, 10}, {2, 20}}}}}; // the others: placement_test
}

} // namespace
} // namespace metadata_codec

BOOST_AUTO_TEST_SUITE(metadata_codec)

BOOST_AUTO_TEST_CASE(every_command_survives_its_encoding) {
  const std::vector<command> all = one_of_each();
  BOOST_REQUIRE_EQUAL(all.size(), std::variant_size_v<any_command>);
  for (size_t i = 0; i < all.size(); ++i) {
    BOOST_REQUIRE_EQUAL(all[i].index(), i);
    const std::string bytes = encode_command(all[i]);
    const auto back = decode_command(bytes);
    BOOST_REQUIRE(back.ok());
    BOOST_TEST(back->index() == i);
    BOOST_TEST(encode_command(*back) == bytes);
  }
  const auto q = decode_command(encode_command(all[0]));
  BOOST_TEST((std::get<declare_queue>(*q).queue.arguments == std::get<declare_queue>(all[0]).queue.arguments));
  const auto b = decode_command(encode_command(all[5]));
  BOOST_TEST(std::get<bind>(*b).binding.routing_key == std::get<bind>(all[5]).binding.routing_key);
  BOOST_TEST(std::get<bind>(*b).by == 9u);
}

BOOST_AUTO_TEST_CASE(damaged_commands_are_errors_not_crashes) {
  BOOST_TEST(!decode_command("").ok());
  BOOST_TEST(!decode_command("\xff\xff\xff").ok());
  random_source random{11};
  for (const command& one : one_of_each()) {
    const std::string bytes = encode_command(one);
    for (int i = 0; i < 200; ++i) {
      std::string damaged = bytes.substr(0, random.below(bytes.size() + 1));
      if (!damaged.empty())
        damaged[random.below(damaged.size())] = static_cast<char>(random.next());
      const auto back = decode_command(damaged);
      if (back.ok()) {
        world w;
        w.apply(*back); // whatever it says now, it is applied or refused
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_snapshot_restores_to_the_same_bytes_answers_and_routes) {
  for (uint64_t seed = 1; seed <= sample::seeds(1000); ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      command_source commands{seed};
      world original;
      for (int i = 0; i < 60; ++i)
        original.apply(commands.next());
      world restored;
      restored.must(declare_queue{queue("gone with the restore")});
      const std::string bytes = original.state.serialise();
      BOOST_REQUIRE(restored.state.restore(bytes).ok());
      BOOST_REQUIRE(restored.state.serialise() == bytes);
      original.changes.clear();
      restored.changes.clear();
      for (int i = 0; i < 40; ++i) {
        const command what = commands.next();
        const command_result a = original.apply(what);
        const command_result b = restored.apply(what);
        BOOST_REQUIRE(a.failure == b.failure);
        BOOST_REQUIRE_EQUAL(a.created, b.created);
        BOOST_REQUIRE_EQUAL(a.queue ? a.queue->id : 0, b.queue ? b.queue->id : 0);
      }
      BOOST_REQUIRE_EQUAL(original.changes.size(), restored.changes.size());
      for (size_t i = 0; i < original.changes.size(); ++i) {
        const metadata_change& a = original.changes[i];
        const metadata_change& b = restored.changes[i];
        BOOST_REQUIRE((a.what == b.what && a.name == b.name));
        BOOST_REQUIRE_EQUAL(a.queue ? a.queue->id : 0, b.queue ? b.queue->id : 0);
        BOOST_REQUIRE((!a.queue || *a.queue->options == *b.queue->options));
      }
      BOOST_REQUIRE(original.state.serialise() == restored.state.serialise());
      for (const char* exchange : {"amq.topic", "amq.direct", ""})
        BOOST_REQUIRE(
          (route(*original.state.snapshot(), exchange, "a.b") == route(*restored.state.snapshot(), exchange, "a.b")));
    }
}

BOOST_AUTO_TEST_CASE(the_same_commands_give_the_same_bytes_through_their_encoding) {
  for (uint64_t seed = 1; seed <= sample::seeds(200); ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      command_source commands{seed};
      world direct;
      world decoded;
      state_hashes of_direct, of_decoded;
      std::map<uint64_t, std::string> seen;
      for (int i = 0; i < 80; ++i) {
        const command what = commands.next();
        direct.apply(what);
        const auto back = decode_command(encode_command(what));
        BOOST_REQUIRE(back.ok());
        decoded.apply(*back);
        if (i % 7 == 0)
          static_cast<void>(decoded.state.snapshot()); // copying or changing in place makes no difference
        const uint64_t hash = of_direct.of(*direct.state.image());
        BOOST_REQUIRE_EQUAL(hash, of_decoded.of(*decoded.state.image()));
        const std::string bytes = direct.state.serialise();
        BOOST_REQUIRE(seen.emplace(hash, bytes).first->second == bytes);
        BOOST_REQUIRE_EQUAL(hash, state_hashes{}.of(*direct.state.image())); // whatever was hashed before
      }
      BOOST_REQUIRE(direct.state.serialise() == decoded.state.serialise());
    }
}

BOOST_AUTO_TEST_CASE(damaged_snapshots_leave_the_state_alone) {
  world w;
  w.must(first_start());
  w.must(declare_queue{queue("q")});
  w.must(bind{"/", binding("amq.topic", "q", "a.#")});
  const std::string bytes = w.state.serialise();
  random_source random{5};
  for (const std::string& bad : {std::string{}, std::string{"nonsense"}, bytes.substr(0, bytes.size() / 2)}) {
    world other;
    other.must(declare_queue{queue("kept")});
    BOOST_TEST(!other.state.restore(bad).ok());
    BOOST_TEST(other.has_queue("kept"));
  }
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = bytes;
    damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    world other;
    const std::string before = other.state.serialise();
    if (!other.state.restore(damaged).ok())
      BOOST_REQUIRE(other.state.serialise() == before);
  }
}

BOOST_AUTO_TEST_SUITE_END()

// Exchange types of one's own in the metadata (model/exchange_plugin.hpp; features.md P06, P07).
#include <boost/test/unit_test.hpp>

#include "amqp/reply.hpp"
#include "fixture.hpp"
#include "model/routed_message.hpp"

using namespace metadata_test;

namespace exchange_plugins {
namespace {

/// Everything goes everywhere; a header "later" delays by its value.
class plain_table {
public:
  void bind(const bound_ptr& binding) { to_.add(binding->to); }
  void unbind(const bound_ptr& binding) { to_.remove(binding->to); }
  void route(const routing_input&, found_destinations& into) const { to_.collect(into); }
  routed_by looks_at() const { return routed_by::headers; }

private:
  destination_set to_;
};

class later_type final : public exchange_plugin {
public:
  std::string_view name() const override { return "x-later"; }
  std::string_view description() const override { return "for tests"; }
  result<void> validate(const exchange_record& exchange, const exchange_types&) const override {
    if (exchange.arguments.find("bad"))
      return amqp::precondition_failed("bad argument");
    return {};
  }
  result<void> validate_binding(const exchange_record&, const binding_record& binding,
                                const exchange_types&) const override {
    if (binding.routing_key == "bad")
      return amqp::precondition_failed("bad key");
    return {};
  }
  ref<exchange_table> make_table(const exchange_record&, const exchange_types&) const override {
    return make_ref<exchange_table_of<plain_table>>(plain_table{});
  }
  bool delays() const override { return true; }
  result<uint64_t> delay_ms(const routing_input& what) const override {
    const raw_field* later = find_field(what.headers, "later");
    return static_cast<uint64_t>(later ? integer_value(*later).value_or(0) : 0);
  }
};

metadata_settings with_later() {
  auto types = make_standard_exchange_types();
  BOOST_REQUIRE(types->add(std::make_shared<later_type>()));
  BOOST_REQUIRE(!types->add(std::make_shared<later_type>()));
  metadata_settings settings;
  settings.exchange_types = types;
  return settings;
}

struct plugin_world : world {
  plugin_world() : world(with_later()) {}

  amqp::field_table later(int32_t ms) const {
    amqp::field_table out;
    out.set("later", {ms});
    return out;
  }
};

} // namespace
} // namespace exchange_plugins

BOOST_AUTO_TEST_SUITE(exchange_plugins)

BOOST_AUTO_TEST_CASE(a_type_decides_about_its_exchanges_and_bindings) {
  plugin_world w;
  w.must(declare_queue{queue("q")});
  exchange_record bad = exchange("x", "x-later");
  bad.arguments.set("bad", text(""));
  BOOST_TEST(w.refusal(declare_exchange{bad}) == "PRECONDITION_FAILED - bad argument");
  BOOST_TEST(!w.has_exchange("x"));
  w.must(declare_exchange{exchange("x", "x-later")});
  BOOST_TEST(w.refusal(bind{"/", binding("x", "q", "bad")}) == "PRECONDITION_FAILED - bad key");
  w.must(bind{"/", binding("x", "q", "good")});
  BOOST_TEST((route(*w.state.snapshot(), "x", "k") == names{"q"}));
  w.must(unbind{"/", binding("x", "q", "good")});
  BOOST_TEST((route(*w.state.snapshot(), "x", "k") == names{}));
}

BOOST_AUTO_TEST_CASE(an_old_snapshot_routes_as_it_did) {
  plugin_world w;
  w.must(declare_queue{queue("q")});
  w.must(declare_queue{queue("r")});
  w.must(declare_exchange{exchange("x", "x-later")});
  w.must(bind{"/", binding("x", "q")});
  const snapshot_ptr before = w.state.snapshot();
  w.must(bind{"/", binding("x", "r")});
  w.must(unbind{"/", binding("x", "q")});
  BOOST_TEST((route(*before, "x", "") == names{"q"}));
  BOOST_TEST((route(*w.state.snapshot(), "x", "") == names{"r"}));
}

BOOST_AUTO_TEST_CASE(the_answer_says_what_it_depends_on) {
  plugin_world w;
  w.must(declare_exchange{exchange("hash", "x-consistent-hash")});
  exchange_record by_id = exchange("by id", "x-consistent-hash");
  by_id.arguments.set("hash-property", text("message_id"));
  w.must(declare_exchange{by_id});
  w.must(bind{"/", to_exchange("amq.fanout", "amq.direct")});
  w.must(bind{"/", to_exchange("amq.topic", "amq.headers", "deep.#")});
  exchange_record rest = exchange("rest", "direct");
  rest.arguments.set("alternate-exchange", text("by id"));
  w.must(declare_exchange{rest});
  const auto depends_on = [&](const std::string& exchange, const std::string& key) {
    const auto now = w.state.snapshot();
    std::vector<queue_ptr> to;
    const test_message what{exchange, key};
    return now->route(*now->find_exchange("/", exchange), what.get(), to);
  };
  BOOST_TEST((depends_on("", "q") == routed_by::keys));
  BOOST_TEST((depends_on("hash", "k") == routed_by::keys));
  BOOST_TEST((depends_on("amq.fanout", "k") == routed_by::keys));
  BOOST_TEST((depends_on("amq.headers", "k") == routed_by::headers));
  BOOST_TEST((depends_on("amq.topic", "shallow") == routed_by::keys));
  BOOST_TEST((depends_on("amq.topic", "deep.k") == routed_by::headers));
  BOOST_TEST((depends_on("by id", "k") == routed_by::properties));
  BOOST_TEST((depends_on("rest", "k") == routed_by::properties));
}

BOOST_AUTO_TEST_CASE(a_delayed_publish_goes_to_the_hidden_queue_alone) {
  plugin_world w;
  w.must(declare_queue{queue("q")});
  w.must(declare_exchange{exchange("x", "x-later")});
  w.must(bind{"/", binding("x", "q")});
  w.must(bind{"/", to_exchange("amq.fanout", "x")});
  const snapshot_ptr now = w.state.snapshot();
  BOOST_TEST((route(*now, "x", "", w.later(0)) == names{"q"}));
  BOOST_TEST((route(*now, "x", "", w.later(5)) == names{"amq.delayed.x"}));
  BOOST_TEST((route(*now, "amq.fanout", "", w.later(5)) == names{"amq.delayed.x"})); // behind another one, too
}

BOOST_AUTO_TEST_CASE(a_hidden_queue_lives_as_long_as_its_exchange_and_no_client_can_name_it) {
  plugin_world w;
  exchange_record x = exchange("x", "x-later");
  w.changes.clear();
  w.must(declare_exchange{x});
  w.must(declare_exchange{x}); // again: no second one
  BOOST_REQUIRE_EQUAL(w.changes.size(), 1u);
  BOOST_TEST((w.changes[0].what == metadata_change::kind::queue_created));
  const queue_ptr hidden = w.state.snapshot()->find_exchange("/", "x")->delay_queue;
  BOOST_REQUIRE(hidden != nullptr);
  BOOST_TEST(w.changes[0].queue == hidden);
  BOOST_TEST(hidden->id != 0u);
  BOOST_TEST(hidden->durable);
  BOOST_TEST(hidden->delays_for == "x");
  BOOST_TEST(!w.has_queue(hidden->name));
  BOOST_TEST((route(*w.state.snapshot(), "", hidden->name) == names{}));
  w.state.snapshot()->for_each_queue([](const queue_ptr& one) { BOOST_ERROR(one->name << " is listed"); });
  BOOST_TEST(w.refusal(bind{"/", binding("amq.fanout", hidden->name)})
             == "NOT_FOUND - no queue 'amq.delayed.x' in vhost '/'");

  w.changes.clear();
  w.must(delete_exchange{"/", "x"});
  BOOST_REQUIRE_EQUAL(w.changes.size(), 1u);
  BOOST_TEST((w.changes[0].what == metadata_change::kind::queue_deleted));
  BOOST_TEST(w.changes[0].queue == hidden);
}

BOOST_AUTO_TEST_CASE(hidden_queues_go_with_exchanges_that_end_by_themselves) {
  plugin_world w;
  w.must(declare_queue{queue("q")});
  exchange_record fleeting = exchange("fleeting", "x-later");
  fleeting.auto_delete = true;
  w.must(declare_exchange{fleeting});
  w.must(declare_exchange{exchange("transient", "x-later", false)});
  w.must(bind{"/", binding("fleeting", "q")});
  w.changes.clear();
  w.must(unbind{"/", binding("fleeting", "q")});
  BOOST_TEST(!w.has_exchange("fleeting"));
  BOOST_TEST(w.changes.size() == 1u);
  w.must(first_start());
  BOOST_TEST(!w.has_exchange("transient"));
  BOOST_TEST(w.changes.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_restored_state_has_the_same_types_and_hidden_queues) {
  plugin_world w;
  w.must(declare_queue{queue("q")});
  w.must(declare_exchange{exchange("x", "x-later")});
  w.must(bind{"/", binding("x", "q")});
  const std::string bytes = w.state.serialise();
  metadata_state restored{with_later()};
  BOOST_REQUIRE(restored.restore(bytes).ok());
  BOOST_TEST(restored.serialise() == bytes);
  BOOST_TEST((route(*restored.snapshot(), "x", "") == names{"q"}));
  BOOST_TEST((route(*restored.snapshot(), "x", "", w.later(5)) == names{"amq.delayed.x"}));
  BOOST_TEST(restored.snapshot()->find_exchange("/", "x")->delay_queue->id
             == w.state.snapshot()->find_exchange("/", "x")->delay_queue->id);

  metadata_state without{metadata_settings{}};
  const auto refused = without.restore(bytes);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.error().text
             == "exchange 'x' in vhost '/' is of type 'x-later', which no plug-in of this node provides");
}

BOOST_AUTO_TEST_CASE(commands_carry_what_a_hidden_queue_needs) {
  exchange_record x = exchange("x", "x-later");
  auto keeper = std::make_shared<queue_record>();
  keeper->node = "rabbit@there";
  x.delay_queue = keeper;
  const auto decoded = decode_command(encode_command(declare_exchange{x}));
  BOOST_REQUIRE(decoded.ok());
  plugin_world w;
  w.must(*decoded);
  BOOST_TEST(w.state.snapshot()->find_exchange("/", "x")->delay_queue->node == "rabbit@there");
}

BOOST_AUTO_TEST_SUITE_END()

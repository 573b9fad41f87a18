// Policies (features.md O29-O31) as the metadata applies them.
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"
#include "sample.hpp"

using namespace metadata_test;

namespace policies {
namespace {

put_policy policy_of(std::string name, std::string pattern, std::string definition, int64_t priority = 0,
                     std::string apply_to = "all") {
  return {{"/", std::move(name), std::move(pattern), std::move(apply_to), priority, std::move(definition)}, false};
}
put_policy operator_policy_of(std::string name, std::string pattern, std::string definition) {
  put_policy out = policy_of(std::move(name), std::move(pattern), std::move(definition));
  out.operator_policy = true;
  return out;
}

queue_ptr find(const world& in, const std::string& name) {
  const queue_ptr found = in.state.snapshot()->find_queue("/", name);
  BOOST_REQUIRE(found && found->options);
  return found;
}

} // namespace
} // namespace policies

BOOST_AUTO_TEST_SUITE(policies)

BOOST_AUTO_TEST_CASE(a_policy_takes_effect_on_existing_queues_and_says_so) {
  world w;
  w.must(declare_queue{queue("q1")});
  w.must(declare_queue{queue("other")});
  const auto id = find(w, "q1")->id;
  w.changes.clear();
  w.must(policy_of("p", "^q", R"({"message-ttl":5000,"max-length":10})"));
  BOOST_TEST((find(w, "q1")->options->message_ttl_ms == 5000u));
  BOOST_TEST((find(w, "q1")->options->max_length == 10u));
  BOOST_TEST(find(w, "q1")->policy == "p");
  BOOST_TEST(find(w, "q1")->id == id);
  BOOST_TEST(find(w, "other")->policy == "");
  BOOST_REQUIRE_EQUAL(w.changes.size(), 1u);
  BOOST_TEST((w.changes[0].what == metadata_change::kind::queue_changed));
  BOOST_TEST(w.changes[0].queue == find(w, "q1"));
  w.changes.clear();
  w.must(delete_policy{"/", "p", false});
  BOOST_TEST(!find(w, "q1")->options->message_ttl_ms);
  BOOST_TEST(find(w, "q1")->policy == "");
  BOOST_TEST(w.changes.size() == 1u);
  BOOST_TEST(w.refusal(delete_policy{"/", "p", false}) == "Parameter does not exist");
}

BOOST_AUTO_TEST_CASE(a_policy_takes_effect_on_queues_declared_later) {
  world w;
  w.must(policy_of("p", "^q", R"({"expires":1000})"));
  const command_result declared = w.apply(declare_queue{queue("q1")});
  BOOST_TEST((declared.queue->options->expires_ms == 1000u));
  BOOST_TEST((w.changes.back().queue->options->expires_ms == 1000u));
}

BOOST_AUTO_TEST_CASE(the_highest_priority_wins_and_among_equals_the_first_name) {
  world w;
  w.must(declare_queue{queue("q")});
  w.must(policy_of("b", "", R"({"max-length":2})", 1));
  w.must(policy_of("c", "", R"({"expires":3})", 1));
  BOOST_TEST(find(w, "q")->policy == "b");
  w.must(policy_of("a", "", R"({"max-length":1})", 1));
  BOOST_TEST(find(w, "q")->policy == "a");
  w.must(policy_of("z", "", R"({"max-length":9})", 2));
  BOOST_TEST(find(w, "q")->policy == "z");
  BOOST_TEST(!find(w, "q")->options->expires_ms); // one policy at a time
  w.must(policy_of("z", "", R"({"max-length":9})", -1));
  BOOST_TEST(find(w, "q")->policy == "a");
}

BOOST_AUTO_TEST_CASE(of_two_limits_the_lower_counts_and_otherwise_the_argument) {
  world w;
  queue_record q = queue("q");
  q.arguments.set("x-max-length", {int32_t{5}});
  q.arguments.set("x-message-ttl", {int32_t{5000}});
  q.arguments.set("x-overflow", text("reject-publish"));
  q.arguments.set("x-dead-letter-exchange", text("mine"));
  w.must(declare_queue{q});
  w.must(policy_of("p", "", R"({"max-length":9,"message-ttl":100,"overflow":"drop-head","dead-letter-exchange":"its",
                               "dead-letter-routing-key":"k"})"));
  const queue_options& got = *find(w, "q")->options;
  BOOST_TEST((got.max_length == 5u));
  BOOST_TEST((got.message_ttl_ms == 100u));
  BOOST_TEST((got.overflow == overflow_policy::reject_publish));
  BOOST_TEST((got.dead_letter_exchange == "mine"));
  BOOST_TEST((got.dead_letter_routing_key == "k"));
}

BOOST_AUTO_TEST_CASE(an_operator_policy_lowers_limits_and_overrules_overflow) {
  world w;
  w.must(declare_queue{queue("q")});
  w.must(operator_policy_of("op", "", R"({"max-length":7,"overflow":"reject-publish"})"));
  BOOST_TEST((find(w, "q")->options->max_length == 7u));
  w.must(policy_of("p", "", R"({"max-length":9,"overflow":"drop-head","expires":50})"));
  BOOST_TEST((find(w, "q")->options->max_length == 7u));
  BOOST_TEST((find(w, "q")->options->overflow == overflow_policy::reject_publish));
  BOOST_TEST((find(w, "q")->options->expires_ms == 50u));
  BOOST_TEST(find(w, "q")->operator_policy == "op");
  BOOST_TEST(w.refusal(operator_policy_of("op", "", R"({"dead-letter-exchange":"x"})"))
             == "Validation failed\n\n[{<<\"dead-letter-exchange\">>,<<\"x\">>}] are not recognised policy settings");
}

BOOST_AUTO_TEST_CASE(apply_to_and_the_keys_a_type_knows_decide_what_is_matched) {
  world w;
  queue_record quorum = queue("qq");
  quorum.arguments.set("x-queue-type", text("quorum"));
  w.must(declare_queue{queue("cq")});
  w.must(declare_queue{quorum});
  w.must(declare_exchange{exchange("x", "direct")});
  w.must(policy_of("p", "", R"({"max-length":1})", 0, "quorum_queues"));
  BOOST_TEST(find(w, "cq")->policy == "");
  BOOST_TEST(find(w, "qq")->policy == "p");
  w.must(policy_of("p", "", R"({"max-length":1})", 0, "classic_queues"));
  BOOST_TEST(find(w, "cq")->policy == "p");
  BOOST_TEST(find(w, "qq")->policy == "");
  w.must(policy_of("p", "", R"({"delivery-limit":1})", 0, "queues")); // means nothing to a classic queue
  BOOST_TEST(find(w, "cq")->policy == "");
  BOOST_TEST((find(w, "qq")->options->delivery_limit == 1u));
  w.must(policy_of("p", "", R"({"ha-mode":"all"})"));
  BOOST_TEST(find(w, "qq")->policy == "");
  BOOST_TEST((find(w, "cq")->options->mirroring.what == mirroring_options::mode::all));
  BOOST_TEST(w.state.snapshot()->find_exchange("/", "x")->policy == "p");
}

BOOST_AUTO_TEST_CASE(an_alternate_exchange_comes_from_the_argument_else_from_a_policy) {
  world w;
  w.must(declare_queue{queue("q")});
  w.must(declare_exchange{exchange("ae", "fanout")});
  w.must(bind{"/", binding("ae", "q")});
  w.must(declare_exchange{exchange("x", "direct")});
  exchange_record own = exchange("own", "direct");
  own.arguments.set("alternate-exchange", text("nowhere"));
  w.must(declare_exchange{own});
  w.must(policy_of("p", "", R"({"alternate-exchange":"ae"})", 0, "exchanges"));
  BOOST_TEST((route(*w.state.snapshot(), "x", "k") == names{"q"}));
  BOOST_TEST((route(*w.state.snapshot(), "own", "k") == names{}));
  BOOST_TEST(w.refusal(declare_exchange{exchange("x", "direct")}) == ""); // still equivalent
  w.must(delete_policy{"/", "p", false});
  BOOST_TEST((route(*w.state.snapshot(), "x", "k") == names{}));
}

BOOST_AUTO_TEST_CASE(definitions_are_refused_in_rabbitmqs_words) {
  world w;
  const auto refusal = [&](const std::string& definition) { return w.refusal(policy_of("p", "", definition)); };
  const std::string failed = "Validation failed\n\n";
  BOOST_TEST(refusal("notjson") == "JSON decoding error. Reason: badarg");
  BOOST_TEST(refusal("{}") == failed + "no policy provided");
  BOOST_TEST(refusal(R"({"message-ttl":-1})") == failed + "-1 is not a valid message TTL");
  BOOST_TEST(refusal(R"({"message-ttl":"1"})") == failed + "<<\"1\">> is not a valid message TTL");
  BOOST_TEST(refusal(R"({"expires":0})") == failed + "0 is not a valid queue expiry");
  BOOST_TEST(refusal(R"({"max-length":1.5})") == failed + "1.5 is not a valid maximum length");
  BOOST_TEST(refusal(R"({"queue-version":1})") == "");
  BOOST_TEST(refusal(R"({"queue-version":3})") == failed + "3 is not a valid queue-version value");
  BOOST_TEST(refusal(R"({"queue-version":2.0})") == failed + "2.0 is not a valid queue-version value");
  BOOST_TEST(refusal(R"({"overflow":"odd"})") == failed + "<<\"odd\">> is not a valid overflow value");
  BOOST_TEST(refusal(R"({"ha-mode":"exactly"})") == failed + "ha-mode=\"exactly\" takes an integer, none given");
  BOOST_TEST(refusal(R"({"ha-mode":"zzz"})") == failed + "<<\"zzz\">> is not a valid ha-mode value");
  BOOST_TEST(refusal(R"({"ha-params":2})")
             == failed + "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown");
  BOOST_TEST(refusal(R"({"ha-mode":"nodes","ha-params":["a",1]})")
             == failed + "ha-mode=\"nodes\" takes a list of strings, [1] was not a string");
  BOOST_TEST(refusal(R"({"nosuch":1})") == failed + "[{<<\"nosuch\">>,1}] are not recognised policy settings");
  BOOST_TEST(w.refusal(policy_of("p", "[", R"({"max-length":1})"))
               .starts_with(failed + "pattern should be regular expression but is invalid: "));
  BOOST_TEST(w.refusal(policy_of("p", "", R"({"max-length":1})", 0, "odd"))
               .starts_with(failed + "apply-to 'odd' unrecognised; "));
  put_policy elsewhere = policy_of("p", "", R"({"max-length":1})");
  elsewhere.policy.vhost = "nope";
  BOOST_TEST(w.refusal(elsewhere) == "Virtual host nope does not exist");
}

/// What RabbitMQ 3.10.8 answers; it crashes at an ha-mode that is no string.
BOOST_AUTO_TEST_CASE(mirroring_is_checked_in_rabbitmqs_words) {
  world w;
  const std::string mode_missing =
    "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown";
  const std::pair<const char*, std::string> refused[] = {
    {R"({"ha-mode":"zzz"})", "<<\"zzz\">> is not a valid ha-mode value"},
    {R"({"ha-mode":1})", "1 is not a valid ha-mode value"},
    {R"({"ha-mode":"all","ha-params":2})", "ha-mode=\"all\" does not take parameters"},
    {R"({"ha-mode":"all","ha-params":""})", "ha-mode=\"all\" does not take parameters"},
    {R"({"ha-mode":"exactly"})", "ha-mode=\"exactly\" takes an integer, none given"},
    {R"({"ha-mode":"exactly","ha-params":0})", "ha-mode=\"exactly\" takes an integer, 0 given"},
    {R"({"ha-mode":"exactly","ha-params":-1})", "ha-mode=\"exactly\" takes an integer, -1 given"},
    {R"({"ha-mode":"exactly","ha-params":"2"})", "ha-mode=\"exactly\" takes an integer, <<\"2\">> given"},
    {R"({"ha-mode":"exactly","ha-params":2.5})", "ha-mode=\"exactly\" takes an integer, 2.5 given"},
    {R"({"ha-mode":"exactly","ha-params":["a"]})", "ha-mode=\"exactly\" takes an integer, [<<\"a\">>] given"},
    {R"({"ha-mode":"nodes"})", "ha-mode=\"nodes\" takes a list, none given"},
    {R"({"ha-mode":"nodes","ha-params":[]})", "ha-mode=\"nodes\" list must be non-empty"},
    {R"({"ha-mode":"nodes","ha-params":"x"})", "ha-mode=\"nodes\" takes a list, <<\"x\">> given"},
    {R"({"ha-mode":"nodes","ha-params":[1,2]})", "ha-mode=\"nodes\" takes a list of strings, [1,2] was not a string"},
    {R"({"ha-params":2})", mode_missing},
    {R"({"ha-sync-mode":"automatic"})", mode_missing},
    {R"({"ha-promote-on-shutdown":"always"})", mode_missing},
    {R"({"ha-promote-on-failure":"always"})", mode_missing},
    {R"({"ha-sync-batch-size":5})", mode_missing},
    {R"({"ha-mode":"all","ha-sync-mode":"sometimes"})",
     "ha-sync-mode must be \"manual\" or \"automatic\", got <<\"sometimes\">>"},
    {R"({"ha-mode":"all","ha-sync-mode":1})", "ha-sync-mode must be \"manual\" or \"automatic\", got 1"},
    {R"({"ha-mode":"all","ha-sync-batch-size":0})", "ha-sync-batch-size takes an integer greater than 0, 0 given"},
    {R"({"ha-mode":"all","ha-sync-batch-size":"x"})",
     "ha-sync-batch-size takes an integer greater than 0, <<\"x\">> given"},
    {R"({"ha-mode":"all","ha-promote-on-shutdown":"x"})",
     "ha-promote-on-shutdown must be \"always\" or \"when-synced\", got <<\"x\">>"},
    {R"({"ha-mode":"all","ha-promote-on-failure":1})",
     "ha-promote-on-failure must be \"always\" or \"when-synced\", got 1"},
    {R"({"queue-master-locator":"x"})", "<<\"x\">> invalid queue-master-locator value"},
    {R"({"queue-master-locator":1})", "1 invalid queue-master-locator value"},
  };
  for (const auto& [definition, why] : refused)
    BOOST_TEST(w.refusal(policy_of("p", "", definition)) == "Validation failed\n\n" + why, definition);
  w.must(policy_of("p", "",
                   R"({"ha-mode":"exactly","ha-params":2,"ha-sync-mode":"automatic","ha-promote-on-shutdown":)"
                   R"("when-synced","ha-promote-on-failure":"when-synced","ha-sync-batch-size":10,)"
                   R"("queue-master-locator":"min-masters"})"));
  w.must(policy_of("p", "", R"({"ha-mode":"exactly","ha-params":5})"));
  w.must(policy_of("p", "", R"({"ha-mode":"nodes","ha-params":["a","b"]})"));
}

BOOST_AUTO_TEST_CASE(a_policy_that_changes_nothing_for_a_queue_leaves_its_record_alone) {
  world w;
  w.must(declare_queue{queue("q")});
  w.must(policy_of("p", "", R"({"max-length":1})"));
  const queue_ptr before = find(w, "q");
  w.changes.clear();
  w.must(policy_of("p", "q", R"({"max-length":1})"));
  w.must(policy_of("low", "", R"({"max-length":1})", -5));
  BOOST_TEST(find(w, "q") == before);
  BOOST_TEST(w.changes.empty());
}

/// The plain reading of O29-O31: try every policy on every queue after every change.
BOOST_AUTO_TEST_CASE(incremental_policies_agree_with_trying_all_of_them) {
  for (uint64_t seed = 1; seed <= sample::seeds(300); ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      random_source random{seed};
      world w;
      std::map<std::pair<bool, std::string>, policy_record> all;
      const auto pick = [&](std::vector<std::string> from) { return from[random.below(from.size())]; };
      for (int i = 0; i < 40; ++i) {
        const bool operators = random.chance(1, 3);
        const std::string name = pick({"p1", "p2", "p3"});
        if (random.chance(1, 4)) {
          w.apply(delete_policy{"/", name, operators});
          all.erase({operators, name});
        } else if (random.chance(1, 2)) {
          policy_record what{"/",
                             name,
                             pick({"", "^a", "b$", "ab"}),
                             "queues",
                             static_cast<int64_t>(random.below(3)),
                             pick({R"({"max-length":3})", R"({"max-length":5})"})};
          w.must(put_policy{what, operators});
          all[{operators, name}] = what;
        } else {
          queue_record q = queue(pick({"a", "b", "ab", "ba", "c"}));
          if (random.chance(1, 2))
            q.arguments.set("x-max-length", {int32_t{4}});
          w.apply(declare_queue{q});
        }
        w.state.snapshot()->for_each_queue([&](const queue_ptr& q) {
          uint64_t expected = q->arguments.find("x-max-length") ? 4 : 1000;
          for (const bool whose : {false, true}) {
            const policy_record* best = nullptr;
            for (const auto& [key, one] : all) // by name, so that the first of equals stays
              if (key.first == whose
                  && q->name.find(one.pattern[0] == '^' ? "a" : one.pattern.substr(0, one.pattern.find('$')))
                       != std::string::npos
                  && (one.pattern[0] != '^' || q->name[0] == 'a') && (one.pattern != "b$" || q->name.back() == 'b')
                  && (!best || one.priority > best->priority))
                best = &one;
            if (best)
              expected = std::min<uint64_t>(expected, best->definition.find('3') != std::string::npos ? 3 : 5);
            BOOST_REQUIRE_EQUAL(whose ? q->operator_policy : q->policy, best ? best->name : "");
          }
          BOOST_REQUIRE_EQUAL(q->options->max_length.value_or(1000), expected);
        });
      }
    }
}

BOOST_AUTO_TEST_SUITE_END()

// The management API without sockets: who is let in, which path is whose, what lists look like (features.md O14-O21,
// S11).
#include <boost/test/unit_test.hpp>

#include <future>

#include <nlohmann/json.hpp>

#include "ctl/fake_node.hpp"
#include "management/router.hpp"
#include "management/service.hpp"

namespace management_api {

namespace http = broker::http;
namespace management = broker::management;
using nlohmann::json;

/// A service around a fake node: three queues, and guest as its administrator.
struct lab {
  lab() : at(make_host()) { at.start(); }

  management::host make_host() {
    return {
      .node = view,
      .config = config,
      .on_control = [](const std::function<void()>& work) { work(); },
      .run_verb = [](const auto&, const auto& done) { done({}); },
      .open_channel = [](const auto&, const auto&, const auto&) {},
      .activity = [](const auto& done) { done({}); },
      .exchanges = [](const auto&) { return std::vector<broker::exchange_report>{}; },
      .own_queues = [](const auto& done) { done({}); },
      .ask_queue = [](const auto&, const auto& done) { done({}); },
      .ask_consumers = [](const auto&, const auto& done) { done({}); },
      .look = [](const auto&, const auto&, const auto& done) { done({}); },
      .flow_of = [](const auto&, const auto& done) { done({}); },
      .cut_off_for_ms = [] { return uint64_t{0}; },
      .now_ms = [this] { return now_ms.load(); },
      .unix_ms = [] { return uint64_t{1'800'000'000'000}; },
      .say = [](auto, const auto&) {},
    };
  }

  http::response ask(const std::string& method, const std::string& target, const std::string& body = {},
                     const std::string& login = "Z3Vlc3Q6Z3Vlc3Q=") {
    http::request what;
    what.method = method;
    what.target = target;
    what.body = body;
    what.loopback = true;
    what.network = "127.0.0.1";
    if (!login.empty())
      what.headers.emplace_back("authorization", "Basic " + login);
    std::promise<http::response> answered;
    at.post(
      [&] { management::serve(at, what, [&](http::response answer) { answered.set_value(std::move(answer)); }); });
    return answered.get_future().get();
  }

  json get(const std::string& target) {
    const auto answer = ask("GET", target);
    BOOST_TEST(answer.status == 200u, target << ": " << answer.status << " " << answer.body);
    return json::parse(answer.body);
  }

  test::fake_view view;
  broker::node_config config;
  std::atomic<uint64_t> now_ms{1'000'000};
  management::service at;
};

std::string header(const http::response& of, std::string_view name) {
  for (const auto& [key, value] : of.headers)
    if (key == name)
      return value;
  return {};
}

std::vector<std::string> names(const json& rows) {
  std::vector<std::string> all;
  for (const auto& each : rows)
    all.push_back(each["name"]);
  return all;
}

using texts = std::vector<std::string>;

} // namespace management_api

BOOST_FIXTURE_TEST_SUITE(management_api, lab)

BOOST_AUTO_TEST_CASE(nobody_is_let_in_without_a_right_password) {
  for (const char* login : {"", "Z3Vlc3Q6d3Jvbmc=", "bm9ib2R5Ong=", "Z3Vlc3Q=", "***", "Z3Vlc3Q6Z3Vlc3Q"}) {
    const auto answer = ask("GET", "/api/whoami", "", login);
    BOOST_TEST(answer.status == 401u, login);
    BOOST_TEST(answer.body == R"({"error":"not_authorized","reason":"Login failed"})");
    BOOST_TEST(header(answer, "www-authenticate") == "Basic realm=\"RabbitMQ Management\"");
  }
  BOOST_TEST(get("/api/whoami").dump() == R"({"name":"guest","tags":["administrator"]})");
}

BOOST_AUTO_TEST_CASE(guessing_ends_after_ten_tries_and_is_forgiven_after_a_minute) {
  for (int i = 0; i < 10; ++i)
    BOOST_TEST(ask("GET", "/api/whoami", "", "Z3Vlc3Q6d3Jvbmc=").status == 401u);
  BOOST_TEST(ask("GET", "/api/whoami").status == 429u);
  now_ms += 61'000;
  BOOST_TEST(ask("GET", "/api/whoami").status == 200u);
}

BOOST_AUTO_TEST_CASE(a_path_that_does_not_exist_and_a_method_it_does_not_have_are_told_apart) {
  BOOST_TEST(ask("GET", "/api/nonsense").status == 404u);
  BOOST_TEST(ask("GET", "/api/queues/%2F/q0/more/and/more").status == 404u);
  const auto answer = ask("DELETE", "/api/queues");
  BOOST_TEST(answer.status == 405u);
  BOOST_TEST(header(answer, "allow") == "HEAD, GET, OPTIONS");
  BOOST_TEST(header(ask("OPTIONS", "/api/queues/%2F/q0", "", ""), "allow") == "HEAD, GET, PUT, DELETE, OPTIONS");
  BOOST_TEST(ask("GET", "/api/queues/%2F/").status == 200u); // a slash at the end makes no difference
  BOOST_TEST(ask("GET", "/api/../etc").status == 400u);
}

BOOST_AUTO_TEST_CASE(lists_are_filtered_sorted_and_cut_into_pages) {
  BOOST_TEST(names(get("/api/queues")) == (texts{"q0", "q1", "q2"}));
  const auto page = get("/api/queues?page=2&page_size=2&sort=messages&sort_reverse=true&columns=name,messages");
  BOOST_TEST(page["items"].dump() == R"([{"messages":1,"name":"q0"}])");
  BOOST_TEST(page["page_count"].get<int>() == 2);
  BOOST_TEST(page["filtered_count"].get<int>() == 3);
  BOOST_TEST(names(get("/api/queues?page=1&name=Q1")["items"]) == texts{"q1"});
  BOOST_TEST(names(get("/api/queues?page=1&name=[02]$&use_regex=true")["items"]) == (texts{"q0", "q2"}));
  for (const char* wrong : {"page=0", "page=x", "page=1&page_size=501", "page=3&page_size=2", "page=1&page_size=0",
                            "page=1&name=(&use_regex=true"})
    BOOST_TEST(ask("GET", std::string{"/api/queues?"} + wrong).status == 400u, wrong);
}

BOOST_AUTO_TEST_CASE(whoever_asks_for_queues_within_a_second_is_given_the_same_list_unless_something_has_changed) {
  get("/api/queues");
  get("/api/queues?page=1&sort=name");
  get("/api/vhosts");
  BOOST_TEST(view.listed == 1u);
  BOOST_TEST(ask("PUT", "/api/users/ann", R"({"password":"x","tags":""})").status == 201u);
  view.declare("q3");
  BOOST_TEST(names(get("/api/queues")) == (texts{"q0", "q1", "q2", "q3"}));
  BOOST_TEST(view.listed == 2u);
  now_ms += 1'001;
  get("/api/queues");
  BOOST_TEST(view.listed == 3u);
}

BOOST_AUTO_TEST_CASE(whoever_knows_more_than_the_question_that_is_under_way_is_not_given_its_answer) {
  view.silent = true;
  std::vector<std::string> answers;
  const auto begin = [&] {
    http::request what;
    what.method = "GET";
    what.target = "/api/queues?columns=name";
    what.loopback = true;
    what.headers = {{"authorization", "Basic Z3Vlc3Q6Z3Vlc3Q="}};
    std::promise<void> begun;
    at.post([&] {
      management::serve(at, what, [&](http::response answer) { answers.push_back(std::move(answer.body)); });
      begun.set_value();
    });
    begun.get_future().get();
  };
  const auto settle = [&] { // two turns of the thread: one for the list, one for what it wakes
    for (int i = 0; i < 3; ++i) {
      std::promise<void> turned;
      at.post([&] { turned.set_value(); });
      turned.get_future().get();
    }
  };
  begin();
  begin();
  view.declare("q3");
  begin();
  BOOST_TEST(view.listed == 1u);
  view.silent = false;
  std::exchange(view.unanswered, nullptr)({});
  settle();
  BOOST_REQUIRE(answers.size() == 3u);
  BOOST_TEST(view.listed == 2u);
  BOOST_TEST(answers[0] == "[]");
  BOOST_TEST(answers[1] == "[]");
  BOOST_TEST(answers[2] == R"([{"name":"q0"},{"name":"q1"},{"name":"q2"},{"name":"q3"}])");
}

BOOST_AUTO_TEST_CASE(columns_reach_into_objects) {
  const auto rows = get("/api/queues?columns=name,messages_details.rate,nothing.at.all");
  BOOST_TEST(rows[0].dump() == R"({"messages_details":{"rate":0.0},"name":"q0"})");
}

BOOST_AUTO_TEST_CASE(rebalancing_is_ordered_for_all_queues) {
  BOOST_TEST(ask("POST", "/api/rebalance/queues", "{}").status == 204u);
  BOOST_TEST(view.rebalanced == (texts{"q0", "q1", "q2"}));
}

BOOST_AUTO_TEST_CASE(a_queue_without_a_master_shows_what_a_copy_has_and_nothing_else) {
  view.without_master = {"q0", "q1"};
  view.copied = {"q1"};
  view.below_minimum = {"q2"};
  const auto rows = get("/api/queues?columns=name,state,messages,consumers");
  BOOST_TEST(rows[0].dump() == R"({"name":"q0","state":"down"})");
  BOOST_TEST(rows[1].dump() == R"({"messages":7,"name":"q1","state":"down"})");
  BOOST_TEST(rows[2].dump() == R"({"consumers":0,"messages":3,"name":"q2","state":"minority"})");
}

BOOST_AUTO_TEST_CASE(without_statistics_no_queue_is_asked) {
  view.silent = true;
  BOOST_TEST(names(get("/api/queues?disable_stats=true")) == (texts{"q0", "q1", "q2"}));
  BOOST_TEST(get("/api/vhosts?columns=name")[0].dump() == R"({"name":"/"})");
}

BOOST_AUTO_TEST_CASE(tags_decide_what_a_user_may) {
  BOOST_TEST(ask("PUT", "/api/users/ann", R"({"password":"secret","tags":"management"})").status == 201u);
  const std::string ann = "YW5uOnNlY3JldA==";
  BOOST_TEST(ask("GET", "/api/users", "", ann).status == 401u);
  BOOST_TEST(ask("GET", "/api/nodes", "", ann).status == 401u);
  BOOST_TEST(ask("GET", "/api/queues", "", ann).body == "[]");
  BOOST_TEST(ask("GET", "/api/queues/%2F", "", ann).status == 401u);
  BOOST_TEST(ask("PUT", "/api/permissions/%2F/ann", R"({"configure":"","write":"","read":".*"})").status == 201u);
  BOOST_TEST(names(json::parse(ask("GET", "/api/queues", "", ann).body)) == (texts{"q0", "q1", "q2"}));
  BOOST_TEST(ask("PUT", "/api/users/ann", R"({"password":"secret","tags":""})").status == 204u);
  BOOST_TEST(ask("GET", "/api/whoami", "", ann).status == 401u);
}

BOOST_AUTO_TEST_CASE(what_is_no_json_object_is_refused) {
  for (const char* wrong : {"", "[]", "5", "{", "\"x\"", "{\"pattern\":1}"})
    BOOST_TEST(ask("PUT", "/api/policies/%2F/p", wrong).status == 400u, wrong);
  BOOST_TEST(ask("PUT", "/api/policies/%2F/p", std::string(5'000, '[')).status == 400u);
  BOOST_TEST(ask("PUT", "/api/policies/%2F/p", R"({"pattern":"^a","definition":{"max-length":5}})").status == 201u);
  BOOST_TEST(get("/api/policies/%2F/p")["definition"].dump() == R"({"max-length":5})");
}

BOOST_AUTO_TEST_CASE(pages_are_served_with_a_strict_policy_and_nothing_else_is) {
  const auto page = ask("GET", "/", "", "");
  BOOST_TEST(page.status == 200u);
  BOOST_TEST(header(page, "content-security-policy").find("script-src 'self'") != std::string::npos);
  BOOST_TEST(header(page, "content-security-policy").find("unsafe") == std::string::npos);
  BOOST_TEST(header(page, "content-security-policy").find("frame-ancestors 'none'") != std::string::npos);
  BOOST_TEST(page.body.find("<script>") == std::string::npos);
  BOOST_TEST(page.body.find("style=") == std::string::npos);
  BOOST_TEST(ask("GET", "/app.js", "", "").status == 200u);
  BOOST_TEST(ask("GET", "/nothing.js", "", "").status == 404u);
  BOOST_TEST(ask("POST", "/", "", "").status == 405u);
}

BOOST_AUTO_TEST_CASE(tags_of_users_and_vhosts_are_texts_with_commas_or_lists) {
  using tags = std::vector<std::string>;
  BOOST_TEST((management::tags_of(json(" monitoring, of two words ,,x")) == tags{"monitoring", "of two words", "x"}));
  BOOST_TEST((management::tags_of(json(""))->empty()));
  BOOST_TEST((management::tags_of(json{"a", "b, c"}) == tags{"a", "b, c"}));
  BOOST_TEST(!management::tags_of(json(5)));
  BOOST_TEST(!management::tags_of(json{"a", 5}));
}

BOOST_AUTO_TEST_SUITE_END()

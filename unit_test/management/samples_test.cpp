// Samples of single objects over time (features.md O21, O22): what rings give back, what they cost, and how nodes tell
// each other.
#include <boost/test/unit_test.hpp>

#include <array>
#include <map>
#include <random>

#include <nlohmann/json.hpp>

#include "management/sampling.hpp"

namespace samples_of_objects {

using namespace broker;
using namespace broker::management;

constexpr uint64_t begin_s = 1'800'000;

std::vector<uint64_t> values(const sample_log& log, uint64_t age_s, uint64_t step_s, size_t figure = 0) {
  return log.samples(figure, {age_s, step_s}).values;
}

using texts = std::vector<uint64_t>;

queue_activity queue(queue_id id, uint64_t ready, uint64_t published) {
  queue_activity made{id, ready, 0, {}};
  made.messages[counted::publish] = published;
  return made;
}

const sample_list& named(const named_samples& all, const std::string& name) {
  for (const auto& [field, list] : all)
    if (field == name)
      return list;
  BOOST_FAIL("there is no " << name);
  std::abort();
}

http::target target(const std::string& text) {
  return *http::parse_target(text);
}

} // namespace samples_of_objects

BOOST_AUTO_TEST_SUITE(samples_of_objects)

BOOST_AUTO_TEST_CASE(samples_are_those_that_were_taken_and_zero_before_the_first) {
  sample_log log;
  for (uint64_t i = 0; i < 4; ++i)
    log.add(begin_s + 5 * i, std::array{i * i, 7 - i});
  BOOST_TEST(values(log, 25, 5) == (texts{9, 4, 1, 0, 0, 0}));
  BOOST_TEST(values(log, 25, 5, 1) == (texts{4, 5, 6, 7, 0, 0}));
  BOOST_TEST(log.samples(0, {25, 5}).newest_s == begin_s + 15);
  BOOST_TEST(log.samples(0, {25, 10}).newest_s == begin_s + 10);
  BOOST_TEST(values(log, 20, 10) == (texts{9, 1, 0}), "each as it was at the end of its step");
  BOOST_TEST(values(log, 10, 1) == (texts{9, 4, 1}), "no finer than every five seconds");
  BOOST_TEST(values(log, 0, 5).empty());
  BOOST_TEST(values(log, 5, 0).empty());
  BOOST_TEST(values(sample_log{}, 60, 5).empty());
}

BOOST_AUTO_TEST_CASE(whatever_figures_do_rings_tell_it_as_a_list_of_all_samples_would) {
  std::mt19937_64 random{20};
  for (int round = 0; round < 20; ++round) {
    sample_log log{sample_log::rings_of_node};
    std::map<uint64_t, std::array<uint64_t, 3>> all;
    std::array<uint64_t, 3> now{};
    uint64_t at_s = begin_s + 5 * (random() % 1'000);
    const uint64_t first_s = at_s;
    for (int i = 0; i < 2'000; ++i, at_s += 5 * (random() % 40 == 0 ? random() % 50 + 1 : 1)) {
      for (auto& figure : now)
        if (random() % 3 == 0)
          figure = random() % 2 == 0 ? random() >> random() % 64 : figure + random() % 100;
      log.add(at_s, now);
      all[at_s] = now;
    }
    const auto expected = [&](size_t figure, uint64_t until_s) {
      const auto after = all.upper_bound(until_s);
      return after == all.begin() ? 0 : std::prev(after)->second[figure];
    };
    for (const auto& [age_s, step_s] : std::vector<std::pair<uint64_t, uint64_t>>{
           {60, 5}, {600, 5}, {600, 35}, {3'600, 60}, {3'600, 180}, {28'800, 600}, {86'400, 1'800}})
      for (size_t figure = 0; figure < 3; ++figure) {
        const auto found = log.samples(figure, {age_s, step_s});
        BOOST_REQUIRE(found.values.size() == age_s / step_s + 1);
        for (size_t i = 0; i < found.values.size(); ++i) {
          const uint64_t end_s = found.newest_s - i * step_s + step_s - 1;
          if (end_s >= first_s + 1'800)
            BOOST_REQUIRE(found.values[i] == expected(figure, end_s));
        }
      }
  }
}

BOOST_AUTO_TEST_CASE(an_object_that_rests_costs_no_ring_and_a_busy_one_three_kilobytes) {
  sample_log log;
  std::array<uint64_t, 10> now{};
  uint64_t at_s = begin_s;
  const auto work = [&](uint64_t seconds, uint64_t messages) {
    for (uint64_t end_s = at_s + seconds; at_s < end_s; at_s += 5) {
      for (const size_t count : {2, 5, 8}) // published, delivered, acknowledged
        now[count] += messages + at_s % 7;
      now[0] = messages == 0 ? now[0] : at_s % 50;
      log.add(at_s, now);
    }
  };
  work(7'200, 5'000);
  BOOST_TEST(log.ring_bytes() > 0);
  BOOST_TEST(log.ring_bytes() < 3'000);
  for (int i = 0; i < 900; ++i, at_s += 5)
    log.add(at_s, now);
  BOOST_TEST(log.ring_bytes() == 0);
  BOOST_TEST(values(log, 600, 5, 2).size() == 121u);
  BOOST_TEST(values(log, 600, 5, 2).back() == now[2]);
}

BOOST_AUTO_TEST_CASE(rings_never_hold_more_than_their_intervals_whatever_figures_do) {
  sample_log log;
  std::array<uint64_t, 10> now{};
  for (uint64_t i = 0; i < 5'000; ++i) {
    now.fill(i % 2 == 0 ? UINT64_MAX / 2 : 3);
    log.add(begin_s + 5 * i, now);
  }
  BOOST_TEST(log.ring_bytes() < (121 + 61) * (3 + 10 * 10) + 2'000);
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_begins_anew_and_one_that_stands_changes_nothing) {
  sample_log log;
  log.add(begin_s, std::array{uint64_t{1}});
  log.add(begin_s + 5, std::array{uint64_t{2}});
  log.add(begin_s + 5, std::array{uint64_t{9}});
  log.add(begin_s, std::array{uint64_t{9}}); // by less than a minute
  BOOST_TEST(values(log, 5, 5) == (texts{2, 1}));
  log.add(begin_s - 3'600, std::array{uint64_t{4}});
  BOOST_TEST(values(log, 5, 5) == (texts{4, 0}));
  BOOST_TEST(log.newest_s() == begin_s - 3'600);
}

BOOST_AUTO_TEST_CASE(objects_are_known_from_their_first_figure_until_they_are_no_more) {
  sampled_objects all{1'000'000};
  all.add("idle", begin_s, std::array{uint64_t{0}});
  all.add("busy", begin_s, std::array{uint64_t{3}});
  all.end_round(begin_s);
  BOOST_TEST(all.size() == 1u);
  BOOST_TEST((all.ask("idle", begin_s) == nullptr));
  BOOST_REQUIRE((all.ask("busy", begin_s) != nullptr));
  BOOST_TEST(values(*all.ask("busy", begin_s), 5, 5) == (texts{3, 0}));
  all.end_round(begin_s + 5);
  BOOST_TEST(all.size() == 0u);
}

BOOST_AUTO_TEST_CASE(rings_fit_into_their_bytes_and_what_is_asked_for_keeps_its_samples) {
  constexpr size_t most = 100'000;
  sampled_objects all{most};
  for (uint64_t i = 0; i <= 60; ++i) {
    for (uint64_t each = 0; each < 500; ++each)
      all.add(std::to_string(each), begin_s + 5 * i, std::array{i * 1'000 + each, i});
    all.ask("7", begin_s + 5 * i);
    all.end_round(begin_s + 5 * i);
    BOOST_TEST(all.ring_bytes() <= most);
  }
  BOOST_TEST(all.size() == 500u);
  BOOST_TEST(values(*all.ask("7", begin_s), 300, 5).size() == 61u);
  BOOST_TEST(values(*all.ask("8", begin_s), 300, 5).size() < 61u, "shorter, rather than wrong");
  BOOST_TEST(values(*all.ask("8", begin_s), 300, 5).front() == 60'008u);
}

BOOST_AUTO_TEST_CASE(many_queues_are_sampled_less_often) {
  BOOST_TEST(intervals_for(0) == 1u);
  BOOST_TEST(intervals_for(7'999) == 1u);
  BOOST_TEST(intervals_for(10'000) == 2u);
  BOOST_TEST(intervals_for(100'000) == 13u);
}

BOOST_AUTO_TEST_CASE(sums_go_on_with_the_newest_of_who_is_late) {
  const sample_list late{100, 5, {9, 8, 7, 6}};
  const sample_list early{90, 5, {30, 20}};
  const sample_list sum{100, 5, {39, 38, 37, 26}};
  BOOST_TEST((late + early == sum));
  BOOST_TEST((early + late == sum));
  BOOST_TEST((late + sample_list{} == late));
  BOOST_TEST((sample_list{} + late == late));
}

BOOST_AUTO_TEST_CASE(ages_are_read_as_rabbitmq_reads_them) {
  std::string why;
  const auto asked =
    ranges_of(target("/api/queues?lengths_age=60&lengths_incr=5&msg_rates_age=x&msg_rates_incr=5"), why);
  BOOST_REQUIRE(asked.has_value());
  BOOST_TEST(asked->lengths.age_s == 60u);
  BOOST_TEST(!asked->msg_rates);
  BOOST_TEST(wants_samples(*asked, sampled_kind::queue));
  BOOST_TEST(!wants_samples(*asked, sampled_kind::channel));
  BOOST_TEST(!wants_samples(*ranges_of(target("/api/queues?lengths_age=60"), why), sampled_kind::queue));
  for (const char* odd : {"0&lengths_incr=5", "-1&lengths_incr=5", "60&lengths_incr=0", "2505&lengths_incr=5"})
    BOOST_TEST(!ranges_of(target(std::string{"/api/queues?lengths_age="} + odd), why), odd);
  BOOST_TEST(why == "Invalid range parameters: age 2505, incr 5");
  BOOST_TEST(listed_objects(*asked, sampled_kind::queue) == listed_objects_max);
  const auto much = ranges_of(target("/api/queues?lengths_age=2500&lengths_incr=5"), why);
  BOOST_TEST(listed_objects(*much, sampled_kind::queue) == listed_samples_max / (3 * 501));
}

BOOST_AUTO_TEST_CASE(a_queue_has_samples_of_its_lengths_and_counts_and_one_that_is_not_known_of_zeros) {
  sample_store store;
  const sample_ranges asked{{10, 5}, {10, 5}, {}, {}};
  BOOST_TEST(named(store.samples(sampled_kind::queue, "7", asked, begin_s), "messages").empty(),
             "nothing was sampled yet");
  store.add(begin_s, std::vector{queue(7, 2, 10)});
  store.add(begin_s + 5, std::vector{queue(7, 5, 30)});
  const auto found = store.samples(sampled_kind::queue, "7", asked, begin_s + 5);
  BOOST_TEST(named(found, "messages").values == (texts{5, 2, 0}));
  BOOST_TEST(named(found, "messages_ready").values == (texts{5, 2, 0}));
  BOOST_TEST(named(found, "messages_unacknowledged").values == (texts{0, 0, 0}));
  BOOST_TEST(named(found, "publish").values == (texts{30, 10, 0}));
  BOOST_TEST(named(found, "deliver_get").values == (texts{0, 0, 0}));
  const auto other = store.samples(sampled_kind::queue, "8", asked, begin_s + 5);
  BOOST_TEST(named(other, "messages").values == (texts{0, 0, 0}));
  BOOST_TEST(named(other, "publish").newest_s == begin_s + 5);
}

BOOST_AUTO_TEST_CASE(a_few_connections_are_sampled_always) {
  sample_store store;
  const sample_ranges asked{{}, {}, {10, 5}, {}};
  BOOST_TEST(store.samples_connections(begin_s, sample_store::few_connections));
  store.add(begin_s, std::vector<connection_traffic>{{3, 100, 50}});
  store.add(begin_s + 5, std::vector<connection_traffic>{{3, 150, 60}});
  const auto found = store.samples(sampled_kind::connection, "3", asked, begin_s + 5);
  BOOST_TEST(named(found, "recv_oct").values == (texts{150, 100, 0}));
  BOOST_TEST(named(found, "reductions").values == (texts{0, 0, 0})); // there is no such thing here
  BOOST_TEST(named(found, "send_oct").values == (texts{60, 50, 0}));
}

BOOST_AUTO_TEST_CASE(of_many_connections_those_are_sampled_that_somebody_asks_for) {
  sample_store store;
  const sample_ranges asked{{}, {}, {60, 5}, {}};
  std::vector<connection_traffic> many;
  for (connection_id id = 1; id <= 1'000; ++id)
    many.push_back({id, 10, 10});
  BOOST_TEST(!store.samples_connections(begin_s, many.size()));
  store.begin(begin_s, {3, 7, 5});
  BOOST_TEST(named(store.samples(sampled_kind::connection, "3", asked, begin_s), "recv_oct").values == texts{7});
  BOOST_TEST(named(store.samples(sampled_kind::connection, "4", asked, begin_s), "recv_oct").empty());
  BOOST_TEST(store.samples_connections(begin_s + 5, many.size()));
  store.add(begin_s + 5, many);
  BOOST_TEST(named(store.samples(sampled_kind::connection, "3", asked, begin_s), "recv_oct").values == (texts{10, 7}));
  BOOST_TEST(!store.knows_connection(4));
  BOOST_TEST(!store.samples_connections(begin_s + sampled_objects::asked_for_s, many.size()));
  store.add(begin_s + 10, std::vector<connection_traffic>{});
  BOOST_TEST(!store.knows_connection(3));
}

BOOST_AUTO_TEST_CASE(samples_and_questions_travel_between_nodes) {
  const sample_ranges asked{{60, 5}, {600, 30}, {}, {}};
  const auto question = samples_question(sampled_kind::exchange, asked, {key_of_exchange("/", "x"), "2:v1"});
  const auto read = samples_wanted_in(question);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST((read->kind == sampled_kind::exchange));
  BOOST_TEST(read->asked.msg_rates.age_s == 600u);
  BOOST_TEST(read->asked.msg_rates.step_s == 30u);
  BOOST_TEST(read->keys == (std::vector<std::string>{"1:/x", "2:v1"}));
  for (const std::vector<std::string>& odd :
       std::vector<std::vector<std::string>>{{"samples"},
                                             {"samples", "nobody", "0/0", "0/0", "0/0"},
                                             {"samples", "queue", "0/0", "x", "0/0"},
                                             {"node", "", "", "", ""}})
    BOOST_TEST(!samples_wanted_in(odd));
  const std::vector<named_samples> all{{{"publish_in", {100, 5, {3, 2, 1}}}}, {}, {{"publish_out", {}}}};
  BOOST_TEST((samples_in(to_response(all), 3) == all));
  auto answer = to_response(all);
  answer.rows.push_back({9, "a", 1, 5, "1"});
  answer.rows.push_back({-1, "a", 1, 5, "1"});
  answer.rows.push_back({0, "a", 1, 0, "1"});
  answer.rows.push_back({"x"});
  BOOST_TEST((samples_in(answer, 3) == all));
}

BOOST_AUTO_TEST_CASE(figures_of_several_nodes_add_up_by_name) {
  named_samples sum{{"publish_in", {100, 5, {3, 2}}}};
  add_up(sum, {{"publish_in", {100, 5, {10, 10}}}, {"publish_out", {100, 5, {1, 1}}}});
  add_up(sum, {{"publish_in", {100, 60, {7, 7}}}}); // of who was asked for something else
  BOOST_TEST(named(sum, "publish_in").values == (texts{13, 12}));
  BOOST_TEST(named(sum, "publish_out").values == (texts{1, 1}));
}

BOOST_AUTO_TEST_CASE(samples_are_shown_in_details_as_rabbitmq_shows_them) {
  const named_samples samples{{"publish", {105, 5, {30, 10, 5}}}, {"recv_oct", {100, 5, {7}}}, {"none", {100, 5, {1}}}};
  const auto read = nlohmann::json::parse(with_samples(
    R"({"recv_oct":9,"recv_oct_details":{"rate":2.5},"message_stats":{"publish":30,"publish_details":{"rate":4.0}}})",
    samples));
  const auto& details = read["message_stats"]["publish_details"];
  BOOST_TEST(details["rate"].get<double>() == 4);
  BOOST_TEST(details["avg"].get<double>() == 15);
  BOOST_TEST(details["avg_rate"].get<double>() == 2.5);
  BOOST_TEST(details["samples"].dump()
             == R"([{"sample":30,"timestamp":105000},{"sample":10,"timestamp":100000},)"
                R"({"sample":5,"timestamp":95000}])");
  BOOST_TEST(read["recv_oct_details"]["samples"].size() == 1u);
  BOOST_TEST(!read["recv_oct_details"].contains("avg")); // as RabbitMQ's
  BOOST_TEST(!read.contains("none_details"));
  json_writer out;
  {
    object_writer to{out, {}, &samples};
    to.add_rated("publish", 31, 4.0);
    to.add_rated("get", 0, 0.0);
  }
  const auto written = nlohmann::json::parse(out.text());
  BOOST_TEST(written["publish_details"] == details);
  BOOST_TEST(written["get_details"].dump() == R"({"rate":0.0})");
}

BOOST_AUTO_TEST_SUITE_END()

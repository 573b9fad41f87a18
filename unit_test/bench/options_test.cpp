#include <boost/test/unit_test.hpp>

#include <initializer_list>
#include <string>

#include "failure.hpp"
#include "options.hpp"

using namespace broker::bench;

namespace bench_options {
namespace {

options parse(std::initializer_list<std::string_view> arguments) {
  return parse_options(arguments);
}

/// What the parser says about it.
std::string refusal(std::initializer_list<std::string_view> arguments) {
  try {
    parse_options(arguments);
  } catch (const failure& refused) {
    return refused.what();
  }
  return "accepted";
}

} // namespace
} // namespace bench_options

BOOST_AUTO_TEST_SUITE(bench_options)

BOOST_AUTO_TEST_CASE(without_arguments_it_runs_the_smallest_rate_test) {
  const options run = parse({});
  BOOST_TEST((run.mode == run_mode::rates));
  BOOST_TEST(run.size == 16u);
  BOOST_TEST(run.broker.port == 5672);
  BOOST_TEST((run.ack == ack_mode::automatic));
}

BOOST_AUTO_TEST_CASE(every_kind_of_option_reaches_its_field) {
  const options run =
    parse({"churn", "--host", "broker.example", "--port", "1234", "--size", "1Ki", "--persistent", "--rate", "2.5k",
           "--confirm", "10k", "--exchange", "topic", "--json", "-", "--prefetch", "7"});
  BOOST_TEST((run.mode == run_mode::churn));
  BOOST_TEST(run.broker.host == "broker.example");
  BOOST_TEST(run.broker.port == 1234);
  BOOST_TEST(run.size == 1024u);
  BOOST_TEST(run.persistent);
  BOOST_TEST(run.rate == 2500.0);
  BOOST_TEST(run.confirm_window == 10'000u);
  BOOST_TEST((run.exchange == exchange_kind::topic));
  BOOST_TEST(run.json == "-");
  BOOST_TEST(run.prefetch == 7);
}

BOOST_AUTO_TEST_CASE(acknowledgements_are_never_each_or_in_groups) {
  BOOST_TEST((parse({"--ack", "auto"}).ack == ack_mode::automatic));
  BOOST_TEST((parse({"--ack", "each"}).ack == ack_mode::each));
  const options grouped = parse({"--ack", "50"});
  BOOST_TEST((grouped.ack == ack_mode::multiple));
  BOOST_TEST(grouped.ack_every == 50u);
}

BOOST_AUTO_TEST_CASE(a_wrong_value_is_refused_with_what_was_expected) {
  BOOST_TEST(refusal({"--port", "70000"}) == "--port 70000: expected a whole number from 1 to 65535");
  BOOST_TEST(refusal({"--port", "12x"}) == "--port 12x: expected a whole number from 1 to 65535");
  BOOST_TEST(refusal({"--size", "15"}) == "--size 15: expected a whole number from 16 to 536870912");
  BOOST_TEST(refusal({"--size", "99999999999999999999"}).starts_with("--size 99999999999999999999: expected"));
  BOOST_TEST(refusal({"--size", "18446744073709551615G"}).starts_with("--size 18446744073709551615G: expected"));
  BOOST_TEST(refusal({"--rate", "nan"}) == "--rate nan: expected a number from 0 to 1e9");
  BOOST_TEST(refusal({"--rate", "-1"}) == "--rate -1: expected a number from 0 to 1e9");
  BOOST_TEST(refusal({"--exchange", "x"}) == "--exchange x: expected none, fanout or topic");
}

BOOST_AUTO_TEST_CASE(what_is_unknown_or_incomplete_is_named) {
  BOOST_TEST(refusal({"fast"}) == "unknown mode fast (see --help)");
  BOOST_TEST(refusal({"--fast"}) == "unknown option --fast (see --help)");
  BOOST_TEST(refusal({"--size"}) == "--size: expected a value, N");
}

BOOST_AUTO_TEST_CASE(runs_that_could_not_end_are_refused) {
  BOOST_TEST(refusal({"backlog"}) == "backlog: --messages N is needed");
  BOOST_TEST(refusal({"drain", "--messages", "5", "--consumers", "0"}) == "drain: --consumers 0 cannot drain");
  BOOST_TEST(refusal({"--prefetch", "10", "--ack", "11"}).starts_with("--ack 11: more than --prefetch"));
  BOOST_TEST(refusal({"--prefetch", "10", "--ack", "10"}) == "accepted");
  BOOST_TEST(refusal({"--seconds", "0"}).starts_with("--seconds 0: expected"));
  BOOST_TEST(refusal({"expire"}) == "expire: --messages N is needed");
  BOOST_TEST(refusal({"--hops", "2", "--exchange", "fanout"}) == "--hops: only with --exchange none");
}

BOOST_AUTO_TEST_CASE(help_names_every_mode_and_needs_nothing_else) {
  BOOST_TEST(parse({"backlog", "--help"}).help);
  for (const auto* name :
       {"rates", "backlog", "publish", "drain", "expire", "connections", "churn", "declares", "ceiling"})
    BOOST_TEST(usage().find(name) != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

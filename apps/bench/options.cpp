#include "options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include "failure.hpp"
#include "sequence.hpp"

namespace broker::bench {
namespace {

struct mode_name {
  std::string_view name;
  run_mode mode;
  std::string_view help;
};

constexpr std::array modes{
  mode_name{"rates", run_mode::rates,
            "publish and consume; with --rate, latency from the intended send time (default)"},
  mode_name{"backlog", run_mode::backlog, "publish --messages with nobody consuming, then drain them"},
  mode_name{"publish", run_mode::publish, "the first half of backlog: leaves the queues full"},
  mode_name{"drain", run_mode::drain, "the second half: checks that all --messages are there, then deletes the queues"},
  mode_name{"expire", run_mode::expire, "publish --messages to queues where they expire, until all have"},
  mode_name{"connections", run_mode::connections, "open --count connections with a channel each and hold them"},
  mode_name{"churn", run_mode::churn, "cycles of connect, open, declare, publish, close"},
  mode_name{"declares", run_mode::declares,
            "declare --count durable queues, each client one at a time, then delete them"},
  mode_name{"ceiling", run_mode::ceiling, "this program's own limit: into a byte sink, from a byte source"},
};

[[noreturn]] void reject(std::string_view name, std::string_view value, std::string_view expected) {
  throw failure{std::string{name} + " " + std::string{value} + ": expected " + std::string{expected}};
}

/// k, M and G are powers of 1000, Ki, Mi and Gi powers of 1024. @returns 0 for anything else.
uint64_t factor_of(std::string_view suffix) {
  constexpr std::array<std::pair<std::string_view, uint64_t>, 7> factors{
    {{"", 1}, {"k", 1000}, {"M", 1'000'000}, {"G", 1'000'000'000}, {"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}}};
  const auto found = std::ranges::find(factors, suffix, &std::pair<std::string_view, uint64_t>::first);
  return found == factors.end() ? 0 : found->second;
}

/// Splits a number from its suffix. @returns nothing when there is no number or the suffix is unknown.
template<class number>
std::optional<std::pair<number, uint64_t>> parse_with_factor(std::string_view text) {
  number value{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const uint64_t factor = factor_of({rest, end});
  if (error != std::errc{} || factor == 0)
    return std::nullopt;
  return std::pair{value, factor};
}

uint64_t parse_integer(std::string_view name, std::string_view text, uint64_t least, uint64_t most) {
  const auto parsed = parse_with_factor<uint64_t>(text);
  const bool in_range = parsed && parsed->first <= most / parsed->second && parsed->first * parsed->second >= least;
  if (!in_range)
    reject(name, text, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return parsed->first * parsed->second;
}

double parse_decimal(std::string_view name, std::string_view text) {
  const auto parsed = parse_with_factor<double>(text);
  const double value = parsed ? parsed->first * static_cast<double>(parsed->second) : -1;
  if (!(value >= 0 && value <= 1e9))
    reject(name, text, "a number from 0 to 1e9");
  return value;
}

void parse_ack(options& to, std::string_view text) {
  if (text == "auto") {
    to.ack = ack_mode::automatic;
  } else if (text == "each") {
    to.ack = ack_mode::each;
  } else {
    to.ack = ack_mode::multiple;
    to.ack_every = static_cast<uint32_t>(parse_integer("--ack", text, 1, 65535));
  }
}

void parse_exchange(options& to, std::string_view text) {
  if (text == "none")
    to.exchange = exchange_kind::none;
  else if (text == "fanout")
    to.exchange = exchange_kind::fanout;
  else if (text == "topic")
    to.exchange = exchange_kind::topic;
  else
    reject("--exchange", text, "none, fanout or topic");
}

/// An option with a value (`set`) or a switch (`raise`).
struct option {
  std::string_view name;
  std::string_view value; // how the usage text calls the value, empty for a switch
  std::string_view help;
  void (*set)(options&, std::string_view name, std::string_view value);
};

template<auto member, uint64_t least, uint64_t most>
void set_integer(options& to, std::string_view name, std::string_view value) {
  using target = std::remove_reference_t<decltype(to.*member)>;
  static_assert(most <= static_cast<uint64_t>(std::numeric_limits<target>::max()));
  to.*member = static_cast<target>(parse_integer(name, value, least, most));
}

template<auto member>
void set_decimal(options& to, std::string_view name, std::string_view value) {
  to.*member = parse_decimal(name, value);
}

template<auto member>
void set_text(options& to, std::string_view, std::string_view value) {
  to.*member = std::string{value};
}

template<auto member>
void set_broker_text(options& to, std::string_view, std::string_view value) {
  to.broker.*member = std::string{value};
}

template<auto member>
void raise(options& to, std::string_view, std::string_view) {
  to.*member = true;
}

void set_port(options& to, std::string_view name, std::string_view value) {
  to.broker.port = static_cast<uint16_t>(parse_integer(name, value, 1, 65535));
}

constexpr uint64_t count_max = 1'000'000;
constexpr uint64_t size_max = 512u << 20; // RabbitMQ's own default limit of a message is 128 MiB

constexpr option known_options[] = {
  {"--host", "NAME", "where the broker listens (127.0.0.1)", set_broker_text<&endpoint::host>},
  {"--port", "N", "its port (5672)", set_port},
  {"--user", "NAME", "(guest)", set_broker_text<&endpoint::user>},
  {"--password", "TEXT", "(guest)", set_broker_text<&endpoint::password>},
  {"--vhost", "NAME", "(/)", set_broker_text<&endpoint::vhost>},
  {"--size", "N", "octets of a body, at least 16, e.g. 1Ki (16)", set_integer<&options::size, stamp_size, size_max>},
  {"--persistent", "", "durable queues and delivery mode 2", raise<&options::persistent>},
  {"--quorum", "", "quorum queues (x-queue-type)", raise<&options::quorum>},
  {"--exchange", "KIND", "none (default exchange), fanout or topic (none)",
   [](options& to, std::string_view, std::string_view value) { parse_exchange(to, value); }},
  {"--bindings", "N", "wildcard bindings of the topic exchange (1000)", set_integer<&options::bindings, 1, 100'000>},
  {"--queues", "N", "(1)", set_integer<&options::queues, 1, 10'000>},
  {"--publishers", "N", "each on its own connection (1)", set_integer<&options::publishers, 1, 1000>},
  {"--consumers", "N", "per queue, each on its own connection, 0: publish only (1)",
   set_integer<&options::consumers, 0, 1000>},
  {"--priorities", "N", "x-max-priority of the queues; publisher p uses priority p mod (N + 1), 0: none (0)",
   set_integer<&options::priorities, 0, 255>},
  {"--hops", "N", "queues each message is dead-lettered through on its way (0)", set_integer<&options::hops, 0, 100>},
  {"--ttl", "MS", "how long messages live in the mode expire (1000)", set_integer<&options::ttl_ms, 0, 3'600'000>},
  {"--name", "TEXT", "prefix of queue and exchange names (warren-bench)", set_text<&options::name>},
  {"--keep", "", "leave the queues behind", raise<&options::keep>},
  {"--verify", "", "compare every octet of every body", raise<&options::verify>},
  {"--confirm", "N", "publisher confirms with N outstanding at most, 0: none (0)",
   set_integer<&options::confirm_window, 0, count_max>},
  {"--prefetch", "N", "basic.qos of each consumer, 0: unlimited (0)", set_integer<&options::prefetch, 0, 65535>},
  {"--ack", "HOW", "auto, each, or N: one multiple ack for every N (auto)",
   [](options& to, std::string_view, std::string_view value) { parse_ack(to, value); }},
  {"--rate", "N", "messages a second in all, 0: unlimited (0)", set_decimal<&options::rate>},
  {"--seconds", "N", "how long to publish (10)", set_decimal<&options::seconds>},
  {"--messages", "N", "publish exactly N in all instead", set_integer<&options::messages, 0, sequence_mask>},
  {"--drain-timeout", "SECONDS", "give up after so long without progress (60)", set_decimal<&options::drain_timeout>},
  {"--count", "N", "connections, or queues to declare (1000)", set_integer<&options::count, 1, count_max>},
  {"--parallel", "N", "connections being opened at the same time (8)", set_integer<&options::parallel, 1, 10'000>},
  {"--clients", "N", "connections that declare at the same time (1)", set_integer<&options::clients, 1, 1000>},
  {"--pid", "PID", "the broker's process: reports its CPU time and memory", set_integer<&options::pid, 1, 1 << 30>},
  {"--json", "FILE", "write the result as JSON, - for the standard output", set_text<&options::json>},
  {"--quiet", "", "no progress line", raise<&options::quiet>},
  {"--help", "", "this text", raise<&options::help>},
};

/// Contradictions between options that are fine one by one.
void check_whole(const options& all) {
  const bool needs_messages = all.mode == run_mode::backlog || all.mode == run_mode::publish
                           || all.mode == run_mode::drain || all.mode == run_mode::expire;
  if (needs_messages && all.messages == 0)
    throw failure{std::string{name_of(all.mode)} + ": --messages N is needed"};
  if ((all.mode == run_mode::backlog || all.mode == run_mode::drain) && all.consumers == 0)
    throw failure{std::string{name_of(all.mode)} + ": --consumers 0 cannot drain"};
  if (all.hops != 0 && all.exchange != exchange_kind::none)
    throw failure{"--hops: only with --exchange none"};
  if (all.ack == ack_mode::multiple && all.prefetch != 0 && all.ack_every > all.prefetch)
    throw failure{"--ack " + std::to_string(all.ack_every) + ": more than --prefetch, the run would stand still"};
  const uint64_t keys = all.exchange == exchange_kind::topic ? all.bindings : all.queues;
  if (all.publishers * keys > streams_max)
    throw failure{"too many publishers times routing keys: at most " + std::to_string(streams_max)};
  if (all.name.empty() || all.name.size() > 200)
    throw failure{"--name: expected 1 to 200 octets"};
  if (all.messages == 0 && all.seconds <= 0)
    throw failure{"--seconds 0: expected more than 0, or --messages N"};
}

const option& find_option(std::string_view name) {
  const auto found = std::ranges::find(known_options, name, &option::name);
  if (found == std::end(known_options))
    throw failure{"unknown option " + std::string{name} + " (see --help)"};
  return *found;
}

run_mode find_mode(std::string_view name) {
  const auto found = std::ranges::find(modes, name, &mode_name::name);
  if (found == modes.end())
    throw failure{"unknown mode " + std::string{name} + " (see --help)"};
  return found->mode;
}

} // namespace

options parse_options(const std::vector<std::string_view>& arguments) {
  options result;
  std::span<const std::string_view> left{arguments};
  if (!left.empty() && !left.front().starts_with("-")) {
    result.mode = find_mode(left.front());
    left = left.subspan(1);
  }
  while (!left.empty()) {
    const option& found = find_option(left.front());
    left = left.subspan(1);
    std::string_view value;
    if (!found.value.empty()) {
      if (left.empty())
        throw failure{std::string{found.name} + ": expected a value, " + std::string{found.value}};
      value = left.front();
      left = left.subspan(1);
    }
    found.set(result, found.name, value);
  }
  if (!result.help)
    check_whole(result);
  return result;
}

std::string usage() {
  std::string text = "Usage: warren-bench [MODE] [OPTION]...\n\nModes:\n";
  const auto line = [&text](std::string left, std::string_view help) {
    left.resize(std::max<size_t>(left.size() + 1, 26), ' ');
    text += "  " + left + std::string{help} + "\n";
  };
  for (const auto& mode : modes)
    line(std::string{mode.name}, mode.help);
  text += "\nOptions (default in brackets; numbers may end in k, M, G, Ki, Mi, Gi):\n";
  for (const auto& option : known_options)
    line(std::string{option.name} + (option.value.empty() ? "" : " ") + std::string{option.value}, option.help);
  text +=
    "\nExit status: 0 all messages as promised, 1 some lost, duplicated, reordered, misrouted, corrupt, refused or "
    "unconfirmed, 2 the run failed.\n";
  return text;
}

std::string_view name_of(run_mode mode) {
  return std::ranges::find(modes, mode, &mode_name::mode)->name;
}

} // namespace broker::bench

#include "command.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <set>
#include <string>
#include <vector>

#include "code_plants.hpp"
#include "minimise.hpp"
#include "plants.hpp"
#include "run.hpp"
#include "selftest.hpp"

namespace broker::sim {

namespace {

constexpr int exit_held = 0;
constexpr int exit_failed = 1;
constexpr int exit_not_deterministic = 2;
constexpr int exit_usage = 64;

constexpr const char* usage_text =
  R"(usage: warren-sim [--seed N] [--nodes N] [--minutes M] [--faults LIST] [--verify-determinism] [--verbose]
       warren-sim sweep --seeds A-B [--nodes N] [--minutes M] [--faults LIST] [--twice-percent P]
       warren-sim replay --seed N [--nodes N] [--until SECONDS] [--minutes M] [--faults LIST]
                         [--only-faults NUMBERS] [--only-clients NUMBERS]
       warren-sim minimise --seed N [--nodes N] [--minutes M] [--faults LIST] [--runs N]
       warren-sim selftest [--plant NAME] [--seeds A-B] [--nodes N] [--jobs N]
--nodes: 1 to 7, or any: each seed draws its own. Default: 1.
LIST is a comma-separated choice of crash, disk, cut, stall, and of clusters partition, link, pause, clock, member,
policy, drain, order, strike; or none. Default: all of them.
NUMBERS are those of faults (in the order in which they come) and clients that take part: "3,7", or none. Default: all.
)";
/// A cluster has so many nodes at most.
constexpr uint32_t nodes_max = 7;

struct arguments {
  std::string verb;
  run_options options;
  uint64_t first = 1;
  uint64_t last = 200;
  uint64_t twice_percent = 5;
  uint32_t runs_max = 400; ///< of minimise
  uint32_t jobs = 2;       ///< processes of selftest at a time
  bool verify = false;
  bool any_nodes = false; ///< each seed draws how many nodes there are

  run_options of_seed(uint64_t seed) const {
    auto made = options;
    made.seed = seed;
    if (any_nodes)
      made.nodes = draw_nodes(seed, nodes_max);
    return made;
  }
};

bool parse_number(const char* text, double& out) {
  char* end = nullptr;
  out = std::strtod(text, &end);
  return end != text && *end == '\0' && out >= 0;
}

bool parse_seeds(const std::string& text, arguments& out) {
  const auto dash = text.find('-');
  if (dash == std::string::npos)
    return false;
  double first = 0, last = 0;
  if (!parse_number(text.substr(0, dash).c_str(), first) || !parse_number(text.substr(dash + 1).c_str(), last))
    return false;
  out.first = static_cast<uint64_t>(first);
  out.last = static_cast<uint64_t>(last);
  return out.first <= out.last;
}

bool parse_numbers(const std::string& list, chosen_numbers& out) {
  out.emplace();
  for (size_t at = 0; list != "none" && at <= list.size();) {
    const auto comma = std::min(list.find(',', at), list.size());
    double number = 0;
    if (!parse_number(list.substr(at, comma - at).c_str(), number) || number < 1)
      return false;
    out->insert(static_cast<uint32_t>(number));
    at = comma + 1;
  }
  return true;
}

bool parse_option(const std::string& name, const char* value, arguments& out) {
  double number = 0;
  if (name == "--faults")
    return choose_faults(value, out.options);
  if (name == "--plant") {
    out.options.plant = value;
    return is_plant(out.options.plant) || is_code_plant(out.options.plant);
  }
  if (name == "--seeds")
    return parse_seeds(value, out);
  if (name == "--only-faults")
    return parse_numbers(value, out.options.only_faults);
  if (name == "--only-clients")
    return parse_numbers(value, out.options.only_clients);
  out.any_nodes = out.any_nodes || (name == "--nodes" && std::string{value} == "any");
  if (name == "--nodes" && out.any_nodes)
    return true;
  if (!parse_number(value, number))
    return false;
  if (name == "--seed")
    out.options.seed = static_cast<uint64_t>(number);
  else if (name == "--nodes" && number >= 1 && number <= nodes_max)
    out.options.nodes = static_cast<uint32_t>(number);
  else if (name == "--minutes")
    out.options.minutes = number;
  else if (name == "--until")
    out.options.until_s = number;
  else if (name == "--twice-percent")
    out.twice_percent = static_cast<uint64_t>(number);
  else if (name == "--jobs" && number >= 1)
    out.jobs = static_cast<uint32_t>(number);
  else if (name == "--runs")
    out.runs_max = static_cast<uint32_t>(number);
  else
    return false;
  return true;
}

bool parse(int count, char** values, arguments& out) {
  int at = 1;
  if (at < count && values[at][0] != '-')
    out.verb = values[at++];
  while (at < count) {
    const std::string name = values[at++];
    if (name == "--verify-determinism")
      out.verify = true;
    else if (name == "--verbose")
      out.options.verbose = true;
    else if (at == count || !parse_option(name, values[at++], out))
      return false;
  }
  const char* const verbs[] = {"", "sweep", "replay", "selftest", "minimise"};
  return std::find(std::begin(verbs), std::end(verbs), out.verb) != std::end(verbs);
}

int run_one(const arguments& what) {
  const auto options = what.of_seed(what.options.seed);
  plant_in_code(options.plant);
  const auto result = simulate(options);
  std::printf("%s\n", summary(options, result).c_str());
  if (what.verify) {
    const auto again = simulate(options);
    if (again.trace != result.trace) {
      std::printf("NOT DETERMINISTIC: trace %016lx, then %016lx\n", result.trace, again.trace);
      return exit_not_deterministic;
    }
    std::printf("deterministic: twice the same trace\n");
  }
  if (!result.violations.empty())
    print_failure(options, result);
  std::printf("trace %016lx\n", result.trace);
  return result.violations.empty() ? exit_held : exit_failed;
}

int minimise_one(const arguments& what) {
  const auto options = what.of_seed(what.options.seed);
  plant_in_code(options.plant);
  const auto found = minimise(options, what.runs_max, [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  });
  if (!found) {
    std::printf("seed %lu holds: there is nothing to minimise\n", options.seed);
    return exit_held;
  }
  const auto left = [](const chosen_numbers& which, uint32_t all) { return which ? which->size() : size_t{all}; };
  std::printf("%u runs: %zu of %u faults, %zu of %u clients, %.3f of %.3f minutes\n", found->runs,
              left(found->options.only_faults, found->original.faults), found->original.faults,
              left(found->options.only_clients, found->original.clients), found->original.clients,
              found->options.minutes, options.minutes);
  const std::string violation = found->failure.finished ? found->failure.violation : "an assertion fires";
  std::printf("%s", test_case(found->options, violation).c_str());
  run_result broken;
  broken.violations.push_back(violation);
  print_failure(found->options, broken);
  return exit_failed;
}

int sweep(const arguments& what) {
  uint64_t failed = 0, published = 0, changes = 0, crashes = 0, repeated = 0;
  double virtual_s = 0, wall_s = 0, processor_s = 0;
  uint64_t hash = 0;
  std::set<std::string> markers;
  int code = exit_held;
  for (uint64_t seed = what.first; seed <= what.last; ++seed) {
    const auto options = what.of_seed(seed);
    plant_in_code(options.plant);
    const std::clock_t began = std::clock();
    const auto result = simulate(options);
    processor_s += static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    published += result.published;
    changes += result.changes;
    crashes += result.crashes;
    virtual_s += result.virtual_s;
    wall_s += result.wall_s;
    hash = hash * 1099511628211ull ^ result.trace;
    markers.insert(result.markers.begin(), result.markers.end());
    if (seed * what.twice_percent % 100 < what.twice_percent) {
      ++repeated;
      if (simulate(options).trace != result.trace) {
        std::printf("NOT DETERMINISTIC: seed %lu\n", seed);
        code = exit_not_deterministic;
      }
    }
    if (result.violations.empty())
      continue;
    ++failed;
    code = std::max(code, exit_failed);
    std::printf("FAILED %s\n", summary(options, result).c_str());
    print_failure(options, result);
    std::fflush(stdout);
  }
  const auto seeds = what.last - what.first + 1;
  std::printf(
    "%lu seeds, %lu failed, %lu run twice; %lu messages, %lu metadata changes, %lu crashes, %.0f virtual minutes, "
    "%.0f x real time (%.0f x in processor time)\n",
    seeds, failed, repeated, published, changes, crashes, virtual_s / 60, wall_s > 0 ? virtual_s / wall_s : 0.0,
    processor_s > 0 ? virtual_s / processor_s : 0.0);
  std::string reached;
  for (const auto& name : markers)
    reached += " " + name;
  std::printf("rare states reached:%s\n", reached.c_str());
  std::printf("trace %016lx\n", hash);
  return code;
}

} // namespace

int run_command(int count, char** values, guests own) {
  arguments what;
  what.options.own = std::make_shared<const guests>(std::move(own));
  if (!parse(count, values, what)) {
    std::fputs(usage_text, stderr);
    return exit_usage;
  }
  if (what.verb == "sweep")
    return sweep(what);
  if (what.verb == "selftest")
    return selftest(what.options, what.first, what.any_nodes ? nodes_max : 0, what.jobs) ? exit_held : exit_failed;
  if (what.verb == "minimise")
    return minimise_one(what);
  if (what.verb == "replay")
    what.options.verbose = true;
  return run_one(what);
}

} // namespace broker::sim

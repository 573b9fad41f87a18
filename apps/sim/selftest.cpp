#include "selftest.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "base/assert.hpp"
#include "code_plants.hpp"
#include "known_seeds.hpp"
#include "own_process.hpp"
#include "plants.hpp"

namespace broker::sim {

namespace {

/// Seeds within which every planted mistake must be caught.
constexpr uint64_t seeds_max = 1000;
constexpr int exit_held = 0;
constexpr int exit_broken = 1;

struct trial {
  std::string plant;
  std::string faults; ///< "": as they were chosen
  double minutes_least = 0;
  bool of_clusters = false;
};

std::vector<trial> all_trials() {
  std::vector<trial> all;
  for (const auto& each : code_plants())
    all.push_back({each.name, each.faults, 0, true});
  for (const auto& name : cluster_plant_names()) {
    all.push_back({name, "", 0, true});
    if (name == "forgotten-node-not-told") { // seldom, and only seen when nothing else is wrong
      all.back().faults = "member";
      all.back().minutes_least = 0.6;
    }
  }
  for (const auto& name : plant_names())
    all.push_back({name, "", 0, false});
  return all;
}

run_options options_of(const run_options& base, const trial& what, uint64_t seed, uint32_t nodes_most) {
  auto made = base;
  made.seed = seed;
  made.plant = what.plant;
  made.stop_at_first = true;
  if (nodes_most != 0)
    made.nodes = draw_nodes(seed, nodes_most);
  else if (what.of_clusters && made.nodes == 1)
    made.nodes = 3;
  if (!what.faults.empty())
    BROKER_ASSERT(choose_faults(what.faults, made), "kinds of faults");
  made.minutes = std::max(made.minutes, what.minutes_least);
  return made;
}

/// The same run without the mistake must hold, as long as the other one went on.
bool control_holds(run_options clean, const trial& what, const run_outcome& caught) {
  clean.plant.clear();
  clean.until_s = caught.until_s;
  const auto control = simulate_apart(clean);
  if (control && !control->failed())
    return true;
  std::printf("FALSE ALARM: seed %lu fails without %s, too\n", clean.seed, what.plant.c_str());
  run_result failure;
  failure.violations.push_back(!control            ? "no process could be made"
                               : control->finished ? control->violation
                                                   : "an assertion fires");
  print_failure(clean, failure);
  return false;
}

/// The seeds to try: first one that has caught the mistake before, as the code was then.
std::vector<uint64_t> seeds_for(const trial& what, uint64_t first) {
  std::vector<uint64_t> all;
  if (const uint64_t known = known_seed(what.plant); known != 0)
    all.push_back(known);
  for (uint64_t seed = first; seed < first + seeds_max; ++seed)
    all.push_back(seed);
  return all;
}

/// A seed that fails without the mistake, too, fails the test and proves nothing: the next one is tried.
bool try_out(const run_options& base, const trial& what, uint64_t first, uint32_t nodes_most) {
  bool honest = true;
  for (const uint64_t seed : seeds_for(what, first)) {
    const auto options = options_of(base, what, seed, nodes_most);
    plant_in_code(options.plant);
    const auto seen = simulate_apart(options);
    plant_in_code("");
    if (!seen || !seen->failed())
      continue;
    if (!control_holds(options, what, *seen)) {
      honest = false;
      continue;
    }
    std::printf("caught %s seed %lu: %s\n", what.plant.c_str(), seed, seen->kind().c_str());
    std::fflush(stdout);
    return honest;
  }
  std::printf("MISSED %s\n", what.plant.c_str());
  return false;
}

bool wait_for_one() {
  int status = 0;
  return wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == exit_held;
}

} // namespace

bool selftest(const run_options& base, uint64_t first, uint32_t nodes_most, size_t jobs) {
  bool all = true;
  size_t running = 0;
  for (const auto& each : all_trials()) {
    if (!base.plant.empty() && base.plant != each.plant)
      continue;
    if (running == jobs) {
      all = wait_for_one() && all;
      --running;
    }
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      const bool good = try_out(base, each, first, nodes_most);
      std::fflush(stdout);
      _exit(good ? exit_held : exit_broken);
    }
    all = child > 0 && all;
    running += child > 0 ? 1 : 0;
  }
  for (; running != 0; --running)
    all = wait_for_one() && all;
  auto clean = base; // the same bounds without a mistake must hold
  clean.plant.clear();
  const auto control = simulate(clean);
  if (!control.violations.empty()) {
    std::printf("control run failed\n");
    print_failure(clean, control);
    all = false;
  }
  std::printf("trace %016lx\n", control.trace);
  return all;
}

} // namespace broker::sim

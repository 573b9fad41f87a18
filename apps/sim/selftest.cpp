#include "selftest.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "base/assert.hpp"
#include "code_plants.hpp"
#include "plants.hpp"

namespace broker::sim {

namespace {

/// Seeds within which every planted mistake must be caught.
constexpr uint64_t seeds_max = 1000;
constexpr size_t processes_max = 2;
constexpr int held = 0;
constexpr int broken = 1;

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

/// Runs one seed in a process of its own: an assertion of the broker that fires is a catch, too.
bool caught_by(const run_options& options) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stderr) == nullptr)
      _exit(held);
    plant_in_code(options.plant);
    const auto result = simulate(options);
    _exit(result.violations.empty() ? held : broken);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child)
    return false;
  return !WIFEXITED(status) || WEXITSTATUS(status) != held;
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

bool try_out(const run_options& base, const trial& what, uint64_t first, uint32_t nodes_most) {
  for (uint64_t seed = first; seed < first + seeds_max; ++seed) {
    const auto options = options_of(base, what, seed, nodes_most);
    if (!caught_by(options))
      continue;
    std::printf("caught %s seed %lu\n", what.plant.c_str(), seed);
    std::fflush(stdout);
    auto clean = options; // the same run without the mistake must hold
    clean.plant.clear();
    const auto control = simulate(clean);
    if (control.violations.empty())
      return true;
    std::printf("FALSE ALARM: seed %lu fails without %s, too\n", seed, what.plant.c_str());
    print_failure(clean, control);
    return false;
  }
  std::printf("MISSED %s\n", what.plant.c_str());
  return false;
}

bool wait_for_one() {
  int status = 0;
  return wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == held;
}

} // namespace

bool selftest(const run_options& base, uint64_t first, uint32_t nodes_most) {
  bool all = true;
  size_t running = 0;
  for (const auto& each : all_trials()) {
    if (!base.plant.empty() && base.plant != each.plant)
      continue;
    if (running == processes_max) {
      all = wait_for_one() && all;
      --running;
    }
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      const bool good = try_out(base, each, first, nodes_most);
      std::fflush(stdout);
      _exit(good ? held : broken);
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

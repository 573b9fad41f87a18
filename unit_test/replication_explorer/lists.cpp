#include "lists.hpp"

#include <cstdio>

#include "search.hpp"

namespace explorer {

namespace {

struct planted_run {
  const char* plant;
  const char* bounds;
  extent needed; ///< quick: cheap enough for every test run
};

#define A "--nodes 2 --members 2 --msgs 1 "
#define A2 "--nodes 2 --members 2 --msgs 2 "
#define B "--nodes 3 --members 3 --msgs 1 "
#define J "--nodes 3 --members 2 --msgs 1 "
constexpr planted_run plant_runs[] = {
  {"remove-early", A "--slow 1", quick},
  {"no-own-fsync", A, quick},
  {"ack-before-fsync", A, quick},
  {"deliver-early", A, quick},
  {"join-uncounted", J, quick},
  {"join-short", J, quick},
  {"promote-outside", J "--expire 1", quick},
  {"old-inc-ack", A "--crash 1 --wipe 1", quick},
  {"keep-inc", A2 "--free --crash 1", quick},
  {"hw-truncate", A "--expire 1", quick},
  {"stale-epoch", B "--expire 1", quick},
  {"ack-log-end", B "--msgs 2 --expire 1", everything},
  {"no-version-check", J "--slow 1", quick},
  {"forget-pending", J, quick},
  {"shortest", A "--crash 2 --tail 1", quick},
  {"wiped-eligible", A "--crash 2 --wipe 1 --grace", quick},
  {"recover-all", A "--crash 2 --tail 1", quick},
  {"known-epoch", A "--crash 2 --tail 1 --expire 1", quick},
  {"no-dedupe", A2 "--resend 1", quick},
  {"gap-publish", A2 "--resend 1", quick},
  {"add-stale-inc", J "--crash 1 --wipe 1", quick},
  {"ack-in-copy", "--copy --nodes 2 --members 1 --msgs 2", quick},
  {"wipe-in-place", "--copy " A2 "--slow 1 --retry 1", quick},
  {"min-at-publish", "--minsync 2 " A "--slow 1", quick},
  {"register-shrinks", A "--crash 2 --tail 1", quick},
  {"promote-shrinks", A "--crash 2 --tail 1", quick},
  {"join-at-commit", J "--expire 1", quick},
  {"forget-early", A "--settle 1 --expire 1", quick},
  {"copy-from-end", "--copy " J "--expire 1 --settle 1", quick},
  {"copy-no-dedupe", "--copy --nodes 2 --members 1 --msgs 1", quick},
  {"copy-drops-settles", "--copy --nodes 2 --members 1 --msgs 1 --settle 1", quick},
  {"keep-dedupe", A2 "--free --expire 1", quick},
  {"hand-over-outside", J "--hand-over 1", quick},
  {"start-over-any", "--short-tail " A "--slow 1 --crash 1", quick},
  {"purge-all", A2 "--purge 1 --announce", quick},
  {"keep-copy-inc", A "--take 1", quick},
};

struct held_run {
  const char* bounds;
  extent needed;
};

constexpr held_run held_runs[] = {
  {A "--crash 1 --slow 1 --live", quick},
  {A2 "--expire 1 --live", quick},
  {A "--crash 1 --wipe 1 --copy --live", quick},
  {"--copy --nodes 2 --members 1 --msgs 2 --settle 1 --loss 1 --live", quick},
  {"--short-tail " A "--slow 1 --crash 1 --live", quick},
  {"--short-tail " A "--slow 1 --retry 1 --live", quick},
  {"--short-tail " A2 "--slow 1 --retry 2 --live", quick},
  {"--copy --short-tail --nodes 2 --members 1 --msgs 2 --settle 1 --loss 1 --retry 1 --live", quick},
  {A "--settle 1 --expire 1 --live", quick},
  {A2 "--purge 1 --announce --live", quick},
  {A "--hand-over 1 --expire 1 --live", quick},
  {A "--forget 1 --expire 1 --live", quick},
  {A "--crash 1 --settle 1 --copy --lazy-fsync --live", quick},
  {A "--take 1 --live", quick},
  {A "--take 2 --live", quick},
  {A "--take 1 --expire 1 --live", quick},
  {A "--take 1 --crash 1 --live", quick},
  {A "--crash 2 --split-inventory --tail 1", everything},
  {A2 "--crash 1 --expire 1 --free --lazy-fsync", everything},
  {A2 "--crash 2 --slow 1 --tail 1", everything},
  {A2 "--slow 1 --loss 2 --crash 1 --wipe 1 --copy", everything},
  {A2 "--msgs 3 --crash 1 --resend 1 --tail 1 --epochs 4", everything},
  {J "--crash 1 --wipe 1 --copy", everything},
  {J "--expire 1 --live", everything},
  {J "--msgs 2 --slow 1 --loss 1 --copy", everything},
  {B "--crash 1 --live", everything},
  {B "--expire 1 --live", everything},
  {J "--expire 1 --settle 1 --copy", everything},
  {A2 "--crash 1 --settle 1 --purge 1 --copy --lazy-fsync", everything},
  {A2 "--crash 1 --expire 1 --settle 1 --forget 1 --resend 1", everything},
  {J "--hand-over 1 --crash 1", everything},
  {A2 "--expire 1 --slow 1 --stale --retry 1", everything},
  {J "--short-tail --slow 1 --crash 1", everything},
};
#undef A
#undef A2
#undef B
#undef J

options bounds_of(const std::string& line) {
  options bounds;
  const std::string wrong = parse(split(line), bounds);
  if (!wrong.empty())
    std::printf("%s: %s\n", line.c_str(), wrong.c_str());
  return bounds;
}

bool control_holds(const planted_run& one, extent how, std::string& text) {
  options bounds = bounds_of(one.bounds);
  bounds.states_max = how == quick ? 20'000 : 5'000'000;
  const findings found = explore(bounds, false);
  text = (found.how == findings::end::holds ? "all " : "first ") + std::to_string(found.states);
  if (found.how == findings::end::broken)
    text += ": " + found.what;
  return found.how != findings::end::broken;
}

} // namespace

int run_plants(extent how) {
  int failed = 0;
  for (const planted_run& one : plant_runs) {
    if (one.needed > how)
      continue;
    options bounds = bounds_of(std::string{one.bounds} + " --plant " + one.plant);
    bounds.states_max = 30'000'000;
    const findings found = explore(bounds, false);
    std::string control;
    const bool sound = control_holds(one, how, control);
    const bool caught = found.how == findings::end::broken;
    std::printf("%s %s  %s  %zu steps, %zu states  without it: %s\n", caught ? "caught" : "MISSED", one.plant,
                found.what.c_str(), found.steps, found.states, control.c_str());
    std::fflush(stdout);
    failed += !caught || !sound;
  }
  return failed != 0;
}

int run_holds(extent how) {
  int worst = 0;
  for (const held_run& one : held_runs) {
    if (one.needed > how)
      continue;
    options bounds = bounds_of(one.bounds);
    bounds.states_max = 30'000'000;
    const findings found = explore(bounds, true);
    static const char* ends[] = {"holds", "BROKEN", "bound"};
    std::printf("%s  %s  %s %zu states, %zu transitions, depth %zu\n", ends[static_cast<int>(found.how)], one.bounds,
                found.what.c_str(), found.states, found.transitions, found.depth);
    std::fflush(stdout);
    if (found.how == findings::end::broken)
      worst = 1;
  }
  return worst;
}

} // namespace explorer

// Long runs of the chaos: raft_chaos --seeds A-B [--jobs N]; raft_chaos --seed S [--verbose]; raft_chaos --twice A-B.
// The build with planted mistakes also takes --plant NAME|all [--seeds A-B] and must find each.
//
// Seeds run in child processes, so that an assertion of the core is a failed seed like any other. Exit 0: all held (or
// all planted mistakes were caught), 1: not, 64: usage.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "raft/plant.hpp"
#include "raft_sim/chaos.hpp"
#include "raft_sim/scripts.hpp"
#include "raft_sim/state_machine.hpp"

namespace {

struct range {
  uint64_t first = 1;
  uint64_t last = 100;
};

/// Written by a child, read by its parent even when the child has aborted.
struct progress {
  uint64_t seed = 0;
  uint64_t clean = 0;
  uint64_t hash = 0; ///< over all seeds, independent of their order
  uint64_t counts[16] = {};
  char failure[1024] = {};
};

progress* share() {
  void* const at = mmap(nullptr, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? nullptr : new (at) progress;
}

/// Until the first failure; a child's work.
bool run_seeds(range seeds, uint64_t stride, progress& out) {
  for (uint64_t seed = seeds.first; seed <= seeds.last; seed += stride) {
    out.seed = seed;
    const auto result = raft_sim::run(raft_sim::draw(seed));
    if (!result.failure.empty()) {
      std::snprintf(out.failure, sizeof out.failure, "%s", result.failure.c_str());
      return false;
    }
    ++out.clean;
    out.hash += raft_sim::mix(seed, result.hash);
    size_t at = 0;
    for (const auto& [name, count] : result.seen)
      out.counts[at++] += count;
  }
  return true;
}

/// The stories that are told on purpose; seed 0.
bool run_scripts(progress& out) {
  for (const auto& one : raft_sim::scripts)
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      const std::string failure = one.tell(seed);
      if (failure.empty())
        continue;
      std::snprintf(out.failure, sizeof out.failure, "%s: %s", one.name, failure.c_str());
      return false;
    }
  return true;
}

/// Forks; the child's stderr is silenced when a failure is what is hoped for.
pid_t start(range seeds, uint64_t stride, progress& out, bool quiet) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child != 0)
    return child;
  if (quiet && std::freopen("/dev/null", "w", stderr) == nullptr)
    _exit(2);
  _exit((!quiet || run_scripts(out)) && run_seeds(seeds, stride, out) ? 0 : 1);
}

/// True: all seeds held. Otherwise `out.seed` is the failed one.
bool wait_for(pid_t child, progress& out) {
  int status = 0;
  if (waitpid(child, &status, 0) != child)
    return false;
  if (WIFSIGNALED(status))
    std::snprintf(out.failure, sizeof out.failure, "killed by signal %d (an assertion?)", WTERMSIG(status));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int sweep(range seeds, unsigned jobs) {
  std::vector<std::pair<pid_t, progress*>> children;
  for (unsigned i = 0; i < jobs; ++i) {
    progress* const out = share();
    children.emplace_back(start({seeds.first + i, seeds.last}, jobs, *out, false), out);
  }
  progress sum;
  unsigned failed = 0;
  for (size_t i = 0; i < children.size(); ++i) {
    auto [child, out] = children[i];
    while (!wait_for(child, *out)) {
      ++failed;
      std::printf("seed %llu FAILED: %s\n", static_cast<unsigned long long>(out->seed), out->failure);
      if (failed > 20 || out->seed + jobs > seeds.last)
        break;
      child = start({out->seed + jobs, seeds.last}, jobs, *out, false);
    }
    sum.clean += out->clean;
    sum.hash += out->hash;
    for (size_t at = 0; at < 16; ++at)
      sum.counts[at] += out->counts[at];
  }
  size_t at = 0;
  raft_sim::options quick;
  quick.chaos_ms = 100;
  for (const auto& [name, count] : raft_sim::run(quick).seen)
    std::printf("%s %llu  ", name.c_str(), static_cast<unsigned long long>(sum.counts[at++]));
  std::printf("\nseeds %llu-%llu  clean %llu  failed %u  hash %016llx\n", static_cast<unsigned long long>(seeds.first),
              static_cast<unsigned long long>(seeds.last), static_cast<unsigned long long>(sum.clean), failed,
              static_cast<unsigned long long>(sum.hash));
  return failed == 0 ? 0 : 1;
}

int one(uint64_t seed, bool verbose) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto result = raft_sim::run(raft_sim::draw(seed), verbose);
  std::printf("seed %llu  %s  hash %016llx\n", static_cast<unsigned long long>(seed),
              result.failure.empty() ? "ok" : result.failure.c_str(), static_cast<unsigned long long>(result.hash));
  for (const auto& [name, count] : result.seen)
    std::printf("  %s %llu\n", name.c_str(), static_cast<unsigned long long>(count));
  return result.failure.empty() ? 0 : 1;
}

int twice(range seeds) {
  for (uint64_t seed = seeds.first; seed <= seeds.last; ++seed)
    if (raft_sim::run(raft_sim::draw(seed)).hash != raft_sim::run(raft_sim::draw(seed)).hash) {
      std::printf("seed %llu is not deterministic\n", static_cast<unsigned long long>(seed));
      return 1;
    }
  std::printf("seeds %llu-%llu ran twice with equal hashes\n", static_cast<unsigned long long>(seeds.first),
              static_cast<unsigned long long>(seeds.last));
  return 0;
}

#ifdef WARREN_RAFT_PLANTS
using broker::raft::plant;
const std::map<std::string, plant> plants = {
  {"vote-twice-per-term", plant::vote_twice_per_term},
  {"term-not-persisted", plant::term_not_persisted},
  {"vote-not-persisted", plant::vote_not_persisted},
  {"commit-old-term-by-count", plant::commit_old_term_by_count},
  {"apply-twice", plant::apply_twice},
  {"lose-promotion", plant::lose_promotion},
  {"ack-beyond-checked-prefix", plant::ack_beyond_checked_prefix},
  {"ack-before-persisted", plant::ack_before_persisted},
  {"config-rollback-forgotten", plant::config_rollback_forgotten},
  {"snapshot-with-uncommitted-config", plant::snapshot_with_uncommitted_config},
  {"answer-after-term-change", plant::answer_after_term_change},
  {"read-without-quorum", plant::read_without_quorum},
  {"stale-chunk-accepted", plant::stale_chunk_accepted},
  {"transfer-without-catch-up", plant::transfer_without_catch_up},
  {"vote-for-a-shorter-log", plant::vote_for_a_shorter_log},
  {"commit-beyond-checked-prefix", plant::commit_beyond_checked_prefix},
  {"two-changes-at-once", plant::two_changes_at_once},
  {"learner-counts-as-voter", plant::learner_counts_as_voter},
  {"leader-never-steps-down", plant::leader_never_steps_down},
  {"proposal-answered-when-appended", plant::proposal_answered_when_appended},
};

int plant_all(const std::string& wanted, range seeds) {
  unsigned missed = 0;
  unsigned tried = 0;
  for (const auto& [name, what] : plants) {
    if (wanted != "all" && wanted != name)
      continue;
    ++tried;
    broker::raft::planted_mistake = what;
    progress* const out = share();
    if (wait_for(start(seeds, 1, *out, true), *out)) {
      ++missed;
      std::printf("MISSED %s in seeds %llu-%llu\n", name.c_str(), static_cast<unsigned long long>(seeds.first),
                  static_cast<unsigned long long>(seeds.last));
    } else {
      std::printf("caught %s seed %llu  %.100s\n", name.c_str(), static_cast<unsigned long long>(out->seed),
                  out->failure);
    }
  }
  return missed == 0 && tried > 0 ? 0 : 1;
}
#endif

range parse_range(const char* text) {
  range out;
  char* end = nullptr;
  out.first = out.last = std::strtoull(text, &end, 10);
  if (*end == '-')
    out.last = std::strtoull(end + 1, nullptr, 10);
  return out;
}

} // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool has_value = name != "--verbose" && i + 1 < argc;
    options[name] = has_value ? argv[++i] : "";
  }
  const auto seeds = parse_range(options.contains("--seeds") ? options["--seeds"].c_str() : "1-100");
#ifdef WARREN_RAFT_PLANTS
  if (options.contains("--plant"))
    return plant_all(options["--plant"], seeds);
#endif
  if (options.contains("--seed"))
    return one(parse_range(options["--seed"].c_str()).first, options.contains("--verbose"));
  if (options.contains("--twice"))
    return twice(parse_range(options["--twice"].c_str()));
  if (options.contains("--seeds"))
    return sweep(seeds, options.contains("--jobs") ? static_cast<unsigned>(std::stoul(options["--jobs"])) : 1);
  std::fprintf(stderr, "usage: raft_chaos --seeds A-B [--jobs N] | --seed S [--verbose] | --twice A-B\n");
  return 64;
}

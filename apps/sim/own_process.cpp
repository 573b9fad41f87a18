#include "own_process.hpp"

#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.hpp"

namespace broker::sim {

namespace {

/// Of a violation's text that is handed over.
constexpr size_t text_max_bytes = 2'000;

[[noreturn]] void run_and_tell(const run_options& options, int to) {
  // An assertion's last words belong to nobody.
  BROKER_ASSERT(std::freopen("/dev/null", "w", stderr) != nullptr, "/dev/null exists");
  const auto result = simulate(options);
  char head[128];
  std::snprintf(head, sizeof head, "%.9f %u %u\n", result.virtual_s, result.faults, result.clients);
  std::string text = head;
  if (!result.violations.empty())
    text += result.violations.front().substr(0, text_max_bytes);
  const bool told = write(to, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  _exit(told ? 0 : 1);
}

std::string read_all(int from) {
  std::string text;
  char part[512];
  for (ssize_t got = 0; (got = read(from, part, sizeof part)) > 0;)
    text.append(part, static_cast<size_t>(got));
  return text;
}

} // namespace

std::string run_outcome::kind() const {
  return finished ? violation.substr(0, violation.find(':')) : "assertion";
}

std::optional<run_outcome> simulate_apart(run_options options) {
  options.stop_at_first = true;
  options.verbose = false;
  int ends[2];
  if (pipe(ends) != 0)
    return std::nullopt;
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    run_and_tell(options, ends[1]);
  }
  close(ends[1]);
  const std::string text = child > 0 ? read_all(ends[0]) : "";
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child)
    return std::nullopt;
  run_outcome seen;
  int used = 0;
  seen.finished = WIFEXITED(status) && WEXITSTATUS(status) == 0
               && std::sscanf(text.c_str(), "%lf %u %u\n%n", &seen.until_s, &seen.faults, &seen.clients, &used) == 3;
  if (seen.finished)
    seen.violation = text.substr(text.find('\n') + 1);
  return seen;
}

} // namespace broker::sim

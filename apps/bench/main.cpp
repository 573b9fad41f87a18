// warren-bench: a load generator for AMQP 0-9-1 brokers. docs/benchmarks.md says how to use it and what its figures
// mean.
#include <cstdio>
#include <exception>
#include <fstream>

#include "ceiling_run.hpp"
#include "connection_runs.hpp"
#include "declare_run.hpp"
#include "failure.hpp"
#include "load_run.hpp"
#include "options.hpp"

namespace broker::bench {
namespace {

outcome run_mode_of(const options& run) {
  switch (run.mode) {
  case run_mode::connections:
    return run_connections(run);
  case run_mode::churn:
    return run_churn(run);
  case run_mode::declares:
    return run_declares(run);
  case run_mode::ceiling:
    return run_ceiling(run);
  default:
    return run_load(run);
  }
}

void print(const options& run, const report& result) {
  if (run.json == "-") {
    std::fputs(result.json().c_str(), stdout);
    return;
  }
  std::fputs(result.text().c_str(), stdout);
  if (run.json.empty())
    return;
  std::ofstream file{run.json};
  file << result.json() << std::flush;
  if (!file)
    throw failure{"cannot write " + run.json};
}

int run_program(const std::vector<std::string_view>& arguments) {
  const options run = parse_options(arguments);
  if (run.help) {
    std::fputs(usage().c_str(), stdout);
    return 0;
  }
  const outcome result = run_mode_of(run);
  print(run, result.result);
  return result.as_promised ? 0 : 1;
}

} // namespace
} // namespace broker::bench

int main(int argc, char** argv) {
  try {
    return broker::bench::run_program({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "warren-bench: %s\n", error.what());
    return 2;
  }
}

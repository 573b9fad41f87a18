#include "minimise.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

namespace broker::sim {

namespace {

using number_list = std::vector<uint32_t>;

/// Shares of its minutes that a run is tried with, the shortest first.
constexpr double shares[] = {0.25, 0.5, 0.75};

class shrinking {
public:
  shrinking(minimised& best, uint32_t runs_max, const std::function<void(const std::string&)>& note)
    : best_(best), runs_max_(runs_max), note_(note), kind_(best.failure.kind()) {}

  void run() {
    for (bool smaller = true; smaller && !spent();) {
      smaller = shrink_minutes();
      smaller = shrink(&run_options::only_faults, best_.failure.faults, "faults") || smaller;
      smaller = shrink(&run_options::only_clients, best_.failure.clients, "clients") || smaller;
    }
  }

private:
  bool spent() const { return best_.runs >= runs_max_; }

  /// It becomes the best so far if it fails in the same way.
  bool fails(const run_options& options) {
    if (spent())
      return false;
    ++best_.runs;
    const auto seen = simulate_apart(options);
    if (!seen || !seen->failed() || seen->kind() != kind_)
      return false;
    best_.options = options;
    best_.failure = *seen;
    return true;
  }

  bool shrink_minutes() {
    for (const double share : shares) {
      auto shorter = best_.options;
      shorter.minutes = std::round(shorter.minutes * share * 1000) / 1000;
      if (!fails(shorter))
        continue;
      char line[64];
      std::snprintf(line, sizeof line, "%.3f minutes are enough", best_.options.minutes);
      note_(line);
      return true;
    }
    return false;
  }

  /// ddmin: leaves out ever smaller parts of what is left, as long as the run fails without them.
  bool shrink(chosen_numbers run_options::*which, uint32_t count, const char* title) {
    number_list left(count);
    if (best_.options.*which)
      left.assign((best_.options.*which)->begin(), (best_.options.*which)->end());
    else
      std::iota(left.begin(), left.end(), 1u);
    const size_t before = left.size();
    size_t part = std::max<size_t>(1, left.size());
    while (!left.empty() && !spent()) {
      bool found = false;
      for (size_t at = 0; at < left.size() && !spent();) {
        number_list rest = left;
        const auto first = rest.begin() + static_cast<std::ptrdiff_t>(at);
        rest.erase(first, first + static_cast<std::ptrdiff_t>(std::min(part, rest.size() - at)));
        auto smaller = best_.options;
        smaller.*which = std::set<uint32_t>{rest.begin(), rest.end()};
        if (fails(smaller)) {
          left = std::move(rest);
          found = true;
          note_(std::to_string(left.size()) + " " + title + " are enough");
        } else {
          at += part;
        }
      }
      if (part == 1 && !found)
        break;
      part = std::max<size_t>(1, std::min(part, left.size()) / 2);
    }
    return left.size() < before;
  }

  minimised& best_;
  const uint32_t runs_max_;
  const std::function<void(const std::string&)>& note_;
  const std::string kind_;
};

std::string in_braces(const chosen_numbers& which) {
  std::string text;
  for (const auto each : *which)
    text += (text.empty() ? "" : ", ") + std::to_string(each);
  return "std::set<uint32_t>{" + text + "}";
}

} // namespace

std::optional<minimised> minimise(const run_options& what, uint32_t runs_max,
                                  const std::function<void(const std::string&)>& note) {
  minimised found;
  const auto whole = simulate_apart(what);
  if (!whole || !whole->failed())
    return std::nullopt;
  found.options = what;
  found.failure = found.original = *whole;
  found.runs = 1;
  note("fails by " + found.failure.kind() + ", with " + std::to_string(whole->faults) + " faults and "
       + std::to_string(whole->clients) + " clients");
  shrinking{found, runs_max, note}.run();
  return found;
}

std::string test_case(const run_options& options, const std::string& violation) {
  std::string text = "/// " + violation + "\n";
  text += "BOOST_AUTO_TEST_CASE(seed_" + std::to_string(options.seed) + "_holds) {\n  run_options options;\n";
  text += "  options.seed = " + std::to_string(options.seed) + ";\n";
  text += "  options.nodes = " + std::to_string(options.nodes) + ";\n";
  text += "  options.minutes = " + std::to_string(options.minutes) + ";\n";
  if (!options.faults.empty())
    text += "  BOOST_TEST_REQUIRE(choose_faults(\"" + options.faults + "\", options));\n";
  if (options.only_faults)
    text += "  options.only_faults = " + in_braces(options.only_faults) + ";\n";
  if (options.only_clients)
    text += "  options.only_clients = " + in_braces(options.only_clients) + ";\n";
  return text + "  BOOST_TEST(simulate(options).violations.empty());\n}\n";
}

} // namespace broker::sim

// replication_explorer: every interleaving, within bounds, of the real replication code
// (docs/internals/replication.md).
//   replication_explorer --nodes 3 --members 2 --crash 1 [--plant NAME] [--live] ...   one exploration
//   replication_explorer plants | quick | holds                                        the lists of lists.cpp
// Exit: 0 holds (or: every plant caught, nothing else found), 1 broken, 2 a bound was reached, 64 usage.
#include <cstdio>
#include <cstring>

#include "lists.hpp"
#include "search.hpp"

namespace {

int one(const std::vector<std::string>& words) {
  explorer::options bounds;
  const std::string wrong = explorer::parse(words, bounds);
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    return 64;
  }
  const auto found = explorer::explore(bounds, true);
  static const char* ends[] = {"HOLDS", "BROKEN", "BOUND REACHED, nothing found so far"};
  if (found.how == explorer::findings::end::broken)
    std::printf("FOUND: %s\n", found.what.c_str());
  std::printf("%s: %zu states, %zu transitions, %zu steps of real code, depth %zu, %zu states with all confirmed\n",
              ends[static_cast<int>(found.how)], found.states, found.transitions, found.real_steps, found.depth,
              found.finals);
  return static_cast<int>(found.how);
}

} // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() == 1 && words[0] == "plants")
    return explorer::run_plants(explorer::everything);
  if (words.size() == 1 && words[0] == "holds")
    return explorer::run_holds(explorer::everything);
  if (words.size() == 1 && words[0] == "quick") {
    const int holds = explorer::run_holds(explorer::quick);
    const int plants = explorer::run_plants(explorer::quick);
    return holds != 0 ? holds : plants;
  }
  return one(words);
}

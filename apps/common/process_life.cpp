#include "process_life.hpp"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

namespace broker {

namespace {

/// Fields of /proc/PID/stat between the state and the number of threads (proc(5): fields 3 and 20).
constexpr int fields_between = 16;

} // namespace

bool process_lives(int pid) {
  if (kill(pid, 0) != 0 && errno == ESRCH)
    return false;
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos)
    return kill(pid, 0) == 0 || errno != ESRCH; // no /proc, or it has gone meanwhile
  std::istringstream fields{line.substr(name_end + 1)};
  std::string state, skipped;
  fields >> state;
  for (int i = 0; i < fields_between; ++i)
    fields >> skipped;
  int threads = 0;
  fields >> threads;
  return state != "Z" || threads > 1; // its files and ports go with the last thread
}

} // namespace broker

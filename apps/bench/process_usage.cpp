#include "process_usage.hpp"

#include <cstdio>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include "failure.hpp"

namespace broker::bench {
namespace {

std::string proc_path(int pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

double cpu_seconds_of(int pid) {
  std::ifstream file{proc_path(pid, "stat")};
  std::string line;
  std::getline(file, line);
  unsigned long user = 0, system = 0;
  const size_t name_end = line.rfind(')'); // the name may hold anything, spaces included
  if (name_end == std::string::npos
      || std::sscanf(line.c_str() + name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                     &system)
           != 2)
    throw failure{"--pid " + std::to_string(pid) + ": no such process"};
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

} // namespace

process_usage process_usage::of(int pid) {
  process_usage result;
  result.cpu_seconds = cpu_seconds_of(pid);
  std::ifstream file{proc_path(pid, "status")};
  for (std::string word; file >> word;) {
    if (word == "VmRSS:")
      file >> result.rss_kb;
    else if (word == "VmHWM:")
      file >> result.peak_rss_kb;
  }
  return result;
}

bool reset_peak_rss(int pid) {
  std::ofstream file{proc_path(pid, "clear_refs")};
  file << "5" << std::flush;
  return file.good();
}

double own_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

} // namespace broker::bench

// The cluster transport of one node as a process of its own, driven by lines on its input: for tests that kill, freeze
// and cut (unit_test/e2e/test_cluster_links.py) and for measuring.
//
//   link_node NAME COOKIE PORT [HOST [BREAK_LIMIT_MS]]    PORT 0: any; says "port N", then obeys:
//   connect NODE HOST PORT
//   send NODE SERVICE COUNT BYTES         COUNT payloads of BYTES; waits for room; numbers
//                                        go on within a session and start again in the next; "sent N" when taken
//   keep | release                       services hold on to what they receive
//   stats                                one line of "name value" pairs
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include <sys/resource.h>

#include "transport_node.hpp"

using namespace test;

namespace {

uint64_t resident_kb() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0)
      return std::strtoull(line.c_str() + 6, nullptr, 10);
  return 0;
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

std::string stats(transport_node& node) {
  std::ostringstream line;
  line << "stats";
  for (size_t i = 0; i < cluster_services; ++i) {
    const auto& seen = node.seen(service_at(i));
    const auto put = [&](const char* name, uint64_t value) { line << " " << name << i + 1 << " " << value; };
    put("frames", seen.frames);
    put("bytes", seen.bytes);
    put("wrong", seen.out_of_order);
    put("up", seen.ups);
    put("fresh", seen.fresh);
    put("suspect", seen.suspects);
    put("lost", seen.losts);
    put("session", seen.session);
  }
  line << " rss_kb " << resident_kb() << " cpu_ms " << static_cast<uint64_t>(cpu_seconds() * 1000);
  return line.str();
}

/// Sends in a thread of its own: the numbers of a session rise from 1, as its receiver expects.
class sender {
public:
  explicit sender(transport_node& node) : node_(node) {}
  void send(std::string to, cluster_service service, uint64_t count, size_t bytes) {
    std::thread{[this, to = std::move(to), service, count, bytes] {
      uint64_t sent = 0;
      while (sent < count)
        if (const auto session = node_.seen(service).session.load();
            session == 0 || !send_one(to, service, bytes, session))
          std::this_thread::sleep_for(std::chrono::microseconds{200});
        else
          ++sent;
      say("sent " + std::to_string(sent));
    }}.detach();
  }

private:
  bool send_one(const std::string& to, cluster_service service, size_t bytes, uint64_t session) {
    auto& number = numbers_[index_of(service)];
    if (std::exchange(sessions_[index_of(service)], session) != session)
      number = 0;
    if (!node_.links().send(to, service, numbered(number + 1, bytes), session))
      return false;
    ++number;
    return true;
  }

  transport_node& node_;
  std::array<uint64_t, cluster_services> sessions_{};
  std::array<uint64_t, cluster_services> numbers_{};
};

} // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: link_node NAME COOKIE PORT [HOST [BREAK_LIMIT_MS]]\n");
    return 64;
  }
  transport_settings settings{argv[1]};
  settings.cookie = argv[2];
  settings.port = static_cast<uint16_t>(std::strtoul(argv[3], nullptr, 10));
  if (argc > 4)
    settings.host = argv[4];
  if (argc > 5)
    settings.break_limit_ms = std::strtoull(argv[5], nullptr, 10);
  settings.log = [](const std::string& line) { say("log " + line); };
  transport_node node{settings};
  sender out{node};
  say("port " + std::to_string(node.port()));
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in{line};
    std::string verb, name, host;
    in >> verb >> name;
    if (verb == "connect") {
      uint16_t port = 0;
      in >> host >> port;
      node.links().connect(name, host, port);
    } else if (verb == "send") {
      unsigned service = 0;
      uint64_t count = 0;
      size_t bytes = 0;
      in >> service >> count >> bytes;
      out.send(name, static_cast<cluster_service>(service), count, bytes);
    } else if (verb == "keep" || verb == "release") {
      for (size_t i = 0; i < cluster_services; ++i)
        verb == "keep" ? void(node.seen(service_at(i)).keeps = true) : node.release(service_at(i));
    } else if (verb == "stats") {
      say(stats(node));
    } else {
      say("unknown " + line);
    }
  }
  return 0;
}

// What the command line says, checked as a whole: a value of this type describes a run that can start.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace broker::bench {

enum class run_mode { rates, backlog, publish, drain, expire, connections, churn, declares, ceiling };

enum class exchange_kind { none, fanout, topic };

/// How deliveries are acknowledged: never (auto-ack), one by one, or one `multiple` ack for every `ack_every`.
enum class ack_mode { automatic, each, multiple };

struct endpoint {
  std::string host = "127.0.0.1";
  uint16_t port = 5672;
  std::string user = "guest";
  std::string password = "guest";
  std::string vhost = "/";
};

struct options {
  run_mode mode = run_mode::rates;
  endpoint broker;

  // The messages and the way they take.
  uint64_t size = 16; // octets of body, at least the 16 of the stamp
  bool persistent = false;
  bool quorum = false;
  exchange_kind exchange = exchange_kind::none;
  uint32_t bindings = 1000; // topic only
  uint32_t queues = 1;
  uint32_t publishers = 1;
  uint32_t consumers = 1; // per queue
  uint8_t priorities = 0; // x-max-priority of the queues; publisher p publishes with priority p mod (priorities + 1)
  uint32_t hops = 0;      // queues that a message is dead-lettered through before it arrives
  uint32_t ttl_ms = 1000; // expire only
  std::string name = "warren-bench";
  bool keep = false;
  bool verify = false;

  // Pace and promises.
  uint32_t confirm_window = 0; // 0: no publisher confirms
  uint16_t prefetch = 0;       // 0: unlimited
  ack_mode ack = ack_mode::automatic;
  uint32_t ack_every = 1;
  double rate = 0; // messages a second over all publishers, 0: as fast as the broker takes them

  // When to stop.
  double seconds = 10;
  uint64_t messages = 0; // 0: until `seconds` are over
  double drain_timeout = 60;

  // Connections, churn and declares.
  uint32_t count = 1000;
  uint32_t parallel = 8;
  uint32_t clients = 1; // declares only

  // Output.
  int pid = 0;
  std::string json;
  bool quiet = false;
  bool help = false;
};

/// @param arguments without the program's name.
/// @throws failure naming the argument and what was expected.
options parse_options(const std::vector<std::string_view>& arguments);

std::string usage();

std::string_view name_of(run_mode mode);

} // namespace broker::bench

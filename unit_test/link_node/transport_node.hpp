// The cluster transport of one node as production has it: loops, actors, links, TLS. With services that count, check
// the order and may dawdle. Used in one process by the unit tests and as a process of its own (link_node).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "actors/node_links.hpp"
#include "net/cluster_wire.hpp"
#include "net/loop.hpp"

namespace test {

using namespace broker;

struct transport_settings {
  std::string node;
  std::string cookie = "COOKIE";
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  uint64_t break_limit_ms = link_limits::break_limit_ms;
  std::function<void(const std::string&)> log; ///< beside the kept lines

  explicit transport_settings(std::string name) : node(std::move(name)) {}
};

/// What the services of a node saw. Payloads are "NUMBER ..."; numbers of a session and service rise from 1.
struct observed {
  std::atomic<uint64_t> ups{0};
  std::atomic<uint64_t> fresh{0};
  std::atomic<uint64_t> suspects{0};
  std::atomic<uint64_t> losts{0};
  std::atomic<uint64_t> rooms{0};
  std::atomic<uint64_t> frames{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> datagrams{0};
  std::atomic<uint64_t> out_of_order{0};
  std::atomic<uint64_t> session{0};
  std::atomic<bool> keeps{false}; ///< holds on to what it receives
};

class transport_node {
public:
  explicit transport_node(transport_settings settings);
  ~transport_node();

  cluster_links& links() { return *links_; }
  /// The service lets go of what it keeps.
  void release(cluster_service service);
  uint16_t port() const { return wire_.port(); }
  observed& seen(cluster_service service) { return seen_[index_of(service)]; }
  bool logged(std::string_view text) const;
  std::string log_text() const;

private:
  void note(const std::string& line);

  transport_settings settings_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  loop_group loops_{1};
  caf::actor_system_config config_;
  cluster_wire wire_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<node_links> links_;
  std::array<observed, cluster_services> seen_;
  std::vector<caf::actor> actors_;
};

/// A payload of this size that begins with its number.
std::string numbered(uint64_t number, size_t bytes);
/// Waits in steps of 5 ms; false after `longest_ms`.
bool within(uint64_t longest_ms, const std::function<bool()>& what);
uint64_t steady_ms();

} // namespace test

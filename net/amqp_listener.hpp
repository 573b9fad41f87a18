// Accepts AMQP connections and spreads them over the loops (features.md O35). Knows every open session: ticks them,
// lists them, closes them at shutdown.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/result.hpp"
#include "net/login_guard.hpp"
#include "net/session.hpp"

namespace broker {

struct listener_settings {
  std::string address = "::"; ///< "::" takes IPv4 too
  uint16_t port = 5672;
  int backlog = 128;
  bool nodelay = true;
};

/// All listening sockets and sessions of a node. Construct, listen, and destroy on the main thread.
class amqp_listener {
public:
  /// Above `connections_max` clients wait in the kernel's backlog. Counts failed logins: sets context.login_refused.
  amqp_listener(session_context& context, loop_group& loops, size_t connections_max = limits::connections_max);
  ~amqp_listener();

  /// Binds and listens; several times for several addresses. Error: address in use and the like, in plain words.
  result<void> listen(const listener_settings& settings);
  /// Begins to accept: call when the node is ready to serve.
  void start();
  /// Closes the listening sockets; sessions go on. `done` is called on a loop's thread. May be repeated.
  void suspend(std::function<void()> done);
  /// Listens again where it did before. Error: an address is in use; those before it listen.
  void resume(std::function<void(result<void>)> done);
  /// Stops accepting and asks every session to close with `why`. Returns at once.
  void stop(const error& why);
  /// Ends the sessions that are left, without a word. Returns at once.
  void cut();
  /// Sessions that are still open.
  size_t open_sessions() const noexcept { return open_sessions_.load(); }

  /// A resource alarm is on for open and future sessions, or off again (empty); see connection::resource_alarm (O46).
  void resource_alarm(const std::string& reason);
  /// Calls `done` once, on some loop's thread, with a report of every open session.
  void report(std::function<void(std::vector<session_report>)> done);
  /// Calls `done` once with the channel actors of every open session.
  void channels(std::function<void(std::vector<caf::actor>)> done);
  /// Closes the connections that `which` chooses, at most `most`. `which` runs on every loop's thread; `done` gets
  /// their number once, on some loop's thread.
  void close_if(std::function<bool(session_report)> which, size_t most, const error& why,
                std::function<void(size_t)> done);

private:
  class shard;
  struct acceptor;

  static result<void> bind(acceptor& which);
  void close_acceptors();
  void accept(acceptor& from);
  void say_full();
  void wait_for_room(acceptor& from);
  void admit(acceptor& from, size_t target, boost::asio::ip::tcp::socket socket);
  void login_refused(const std::string& network);
  template<class Item>
  void gather(std::function<void(session&, std::vector<Item>&)> visit, std::function<void(std::vector<Item>)> done);

  session_context& context_;
  loop_group& loops_;
  std::vector<std::unique_ptr<shard>> shards_; ///< one per loop
  std::vector<std::unique_ptr<acceptor>> acceptors_;
  const size_t connections_max_;
  std::atomic<size_t> open_sessions_{0};
  uint64_t said_full_ms_ = 0; ///< 0: never; used on the first loop only
  login_guard guard_;
};

} // namespace broker

// A session over a simulated wire: the production session_core with bytes that travel in virtual time, arrive in odd
// pieces, and stop when either side does not read.
#pragma once

#include <functional>
#include <string>

#include "actors/session_core.hpp"
#include "base/random.hpp"
#include "plants.hpp"
#include "virtual_time.hpp"

namespace broker::sim {

/// The other end of the wire: a model client.
class wire_peer {
public:
  virtual ~wire_peer() = default;
  virtual void arrived(std::string_view bytes) = 0;
  virtual void closed() = 0;
};

class sim_session final : public session_core {
public:
  sim_session(session_context& context, peer_info peer, virtual_time& time, random_source random, wire_peer& client,
              plant& mistakes);

  // -- called by the client --
  /// Whose client it is.
  const std::string& node() const { return node_; }
  void send(std::string bytes);
  /// The client's host vanishes or closes the socket.
  void cut();
  /// How fast the client reads, in bytes per millisecond; 0 = it does not read.
  void set_read_rate(uint64_t bytes_per_ms) {
    read_rate_ = bytes_per_ms;
    output_ready();
  }

  /// The node is gone: nothing of this session may run any more.
  void die();
  void tick();
  /// The node's process is stopped, or goes on: it neither reads nor writes meanwhile.
  void freeze(bool frozen);

  // -- session_link --
  void push(std::vector<outgoing> items) override {
    mistakes_.spoil(items);
    take(std::move(items));
  }
  void torn_down() override { finish_teardown(); }
  void close(error why) override { close_machine(why); }
  void credit(size_t bytes) noexcept override;

private:
  void pump();
  void flush();
  void output_ready() override;
  void close_when_written(uint32_t after_ms) override;
  void end();
  sim_ns delay();

  const std::string node_;
  virtual_time& time_;
  plant& mistakes_;
  random_source random_;
  wire_peer* client_;      ///< null once cut
  std::string input_;      ///< sent by the client, not yet read by the broker
  size_t on_the_wire_ = 0; ///< written by the broker, not yet read by the client
  sim_ns last_to_broker_ = 0;
  sim_ns last_to_client_ = 0;
  uint64_t read_rate_ = 100'000;
  bool pump_scheduled_ = false;
  bool flush_scheduled_ = false;
  bool closing_ = false;
  bool dead_ = false;
  bool frozen_ = false;
};

} // namespace broker::sim

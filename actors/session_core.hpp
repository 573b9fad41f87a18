// What every session does whatever carries its bytes: drives the sans-IO `connection`, spawns channels, hands them
// their input, tears down. net/session puts a socket around it, the simulator a simulated wire.
//
// Not thread-safe: everything here runs where the session lives, except credit() and the session_link calls that the
// derived class brings there.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "actors/runtime.hpp"
#include "connection/connection.hpp"

namespace broker {

/// What all sessions of a node share.
struct session_context {
  runtime* node = nullptr;
  caf::actor_system* system = nullptr;
  block_recycler* pool = nullptr;
  connection_settings settings;
  /// Writes a line to the node's log.
  std::function<void(log_line::level, const std::string&)> log;
  /// A login was refused; `network` is peer_info::network. Any thread; null: not counted.
  std::function<void(const std::string& network)> login_refused;
  size_t inflight_bytes = limits::session_inflight_bytes;
  /// Milliseconds since 1970, for people; null: not shown.
  std::function<int64_t()> wall_ms;
  /// The cluster's name as operators have set it; null or "": settings.cluster_name. Any thread.
  std::function<std::string()> cluster_name;
  // -- changed at run time, for connections to come; any thread --
  std::atomic<uint16_t> channel_max{0};      ///< instead of settings.channel_max; 0 = as there
  std::atomic<bool> loopback_is_free{false}; ///< loopback_users counts for nobody (S13)
};

class session_core : public session_link {
public:
  session_core(session_context& context, peer_info peer);
  ~session_core() override;

  connection_id id() const noexcept { return id_; }
  const peer_info& peer() const noexcept { return peer_; }
  bool ended() const noexcept { return machine_ == nullptr; }
  bool logged_in() const noexcept { return logged_in_; }
  /// Not after ended().
  session_report report() const;
  /// Channel actors of this connection, for supervision by the host.
  std::vector<caf::actor> channels() const;
  caf::actor guard() const { return guard_; }

protected:
  /// Output may be waiting: flush soon.
  virtual void output_ready() = 0;
  /// Close once everything is written, after this pause.
  virtual void close_when_written(uint32_t after_ms) = 0;

  /// Bytes were put into machine().read_space().
  void received(size_t count);
  void peer_closed();
  void wrote(size_t count);
  void tick_machine(uint64_t now_ms);
  void take(std::vector<outgoing> items);
  void finish_teardown();
  void close_machine(const error& why);
  /// Ends the session: channels stop, nothing is written any more.
  void drop();

  /// More is accepted-but-unprocessed than allowed: do not read (architecture.md D13).
  bool over_credit() const noexcept;
  /// Reading stopped for want of credit: the connection is shown in state `flow` for a second from now (O47).
  void slowed_down() { slowed_at_ms_ = now_ms(); }
  /// Gives bytes back; true when reading may be resumed after over_credit() was seen.
  bool take_credit(size_t bytes) noexcept;

  connection& machine() { return *machine_; }
  session_context& context() noexcept { return context_; }
  uint64_t now_ms() const { return context_.node->now_ms(); }
  bool in_flow() const;

private:
  void perform(connection_step& step);
  void open_channels(const std::vector<channel_number>& opened);
  void hand_over(connection_step& step);
  void tear_down();

  session_context& context_;
  const connection_id id_;
  const peer_info peer_;
  std::unique_ptr<connection> machine_; ///< null once ended
  caf::actor guard_;                    ///< the connection actor
  std::map<channel_number, caf::actor> channels_;
  bool logged_in_ = false;
  bool torn_down_ = false;
  std::atomic<int64_t> inflight_{0};
  uint64_t slowed_at_ms_ = 0; ///< 0 = never
  uint64_t received_bytes_ = 0;
  uint64_t sent_bytes_ = 0;
  uint64_t reads_ = 0;
  uint64_t writes_ = 0;
  const int64_t connected_at_ms_;
};

} // namespace broker

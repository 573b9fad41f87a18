// The reliable link of this node to one other node, without sockets and clocks (architecture.md D8; the protocol and
// why it loses and repeats nothing: docs/internals/cluster-links.md).
//
// Model. Under the link come and go connections: ordered streams of bytes that break at any time. Above it is a
// *session*, named by a pair of random numbers, one of each side. The one who dials says hello with the session it
// holds; the other answers with hello (or refuses), both compare: the same session goes on, else both begin the one
// named by the numbers offered. The dialler then says ready. The acceptor has the session before it answers, so the
// dialler may use it at once; the acceptor uses a new one only after ready. Whatever side breaks off in between, both
// hold the same session or the next greeting sees that they do not.
// Of two connections the one dialled by the smaller name stays, unless it has fallen silent.
//
// Not thread-safe. Deterministic: time and random numbers come from outside. Memory: the windows of link_limits, one
// payload each way, datagrams_waiting_bytes and one unfinished frame per connection.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "cluster/inbox.hpp"
#include "cluster/link_frame.hpp"
#include "cluster/outbox.hpp"

namespace broker::cluster {

struct link_settings {
  std::string node; ///< our name
  std::string peer;
  uint64_t incarnation = 0;
  std::string cluster; ///< id; "" = not known yet, accepts any
  std::array<uint64_t, cluster_services> window_bytes{};
  uint64_t heartbeat_ms = link_limits::heartbeat_ms;
  uint64_t suspect_ms = link_limits::suspect_ms;
  uint64_t break_limit_ms = link_limits::break_limit_ms;
  uint64_t greeting_ms = link_limits::greeting_ms;
  std::function<uint64_t()> random; ///< any value; numbers of sessions

  link_settings();
};

struct link_event {
  enum class kind : uint8_t {
    up,       ///< `fresh`: the session is new
    suspect,  ///< the connection is gone, the session is kept
    lost,     ///< the session is over; text: why
    room,     ///< service: send() has refused, and half of the window is free again
    frame,    ///< service, bytes: a payload; give its window_cost back by handled()
    datagram, ///< service, bytes
    note,     ///< text: worth a line in the log
  };
  kind what = kind::note;
  bool fresh = false;
  cluster_service service = cluster_service::control;
  uint64_t session = 0;
  std::string bytes;
  std::string text;
};

/// What an event makes the caller do, in this order.
struct link_step {
  std::vector<link_event> events;
  struct closing {
    uint64_t connection;
    std::string last;   ///< bytes that go out before
    std::string reason; ///< "" = nothing that anybody needs to read
  };
  std::vector<closing> close;
};

class node_link {
public:
  explicit node_link(link_settings settings);

  // -- connections. Ids are the caller's, never used twice --
  /// A stream to the peer, authenticated as the peer's by whoever made it.
  link_step opened(uint64_t connection, bool dialled, uint64_t now_ms);
  link_step received(uint64_t connection, std::string_view bytes, uint64_t now_ms);
  /// It broke. Unknown ids (closed by the link already) are welcome.
  link_step closed(uint64_t connection, const std::string& reason, uint64_t now_ms);
  /// Appends up to about `most` bytes (a part more at the utmost) for this connection.
  void produce(uint64_t connection, size_t most, byte_buffer& out, uint64_t now_ms);
  bool has_output(uint64_t connection) const;
  /// An attempt to connect has failed; `refused`: by the peer's machine, where nothing listens (TCP's reset). A process
  /// that has ended looks like this; the session is over after link_limits::refused_limit_ms of nothing else.
  link_step dial_failed(bool refused, uint64_t now_ms);
  /// Greeting or up.
  bool has_connection(uint64_t id) const { return find(id) != nullptr; }
  /// Greeting or up, ours or the peer's: no need to dial.
  bool has_connections() const { return !connections_.empty(); }

  /// Heartbeats, silence, the break limit, acknowledgements that found no frame to travel with. Call it at next_tick(),
  /// which was `due_ms`: if that is long ago, this process stood still (SIGSTOP, no processor), what the peer said
  /// meanwhile has not been read yet, and it is not silent for that time.
  link_step tick(uint64_t now_ms, uint64_t due_ms);
  /// When tick() has something to do, as things are; UINT64_MAX: never. Input, output and what is handled move it: ask
  /// again after each, or at least once per link_limits::ack_delay_ms while bytes arrive.
  uint64_t next_tick(uint64_t now_ms) const;
  /// We stop, or the peer is to be forgotten: says good-bye and ends the session.
  link_step end(const std::string& reason, uint64_t now_ms);

  // -- services --
  /// False: no session, another session, or no room; `bytes` are untouched.
  bool send(cluster_service service, std::string&& bytes, uint64_t session);
  void send_datagram(cluster_service service, std::string&& bytes);
  /// True: the peer should be told at once; see produce().
  bool handled(uint64_t session, cluster_service service, uint64_t cost);

  /// Our number of the session the services know of; 0: none.
  uint64_t session() const { return told_ ? session_.own : 0; }
  bool connected() const { return active_ != 0; }
  /// The connection that carries the session; 0: none.
  uint64_t active() const { return active_; }
  uint64_t peer_incarnation() const { return peer_incarnation_; }
  uint64_t last_heard_ms() const { return last_heard_ms_; }
  /// Sent or waiting, not handled by the other side.
  uint64_t unhandled_bytes() const;
  /// Payload bytes in memory, both ways.
  uint64_t kept_bytes() const;

  void set_cluster(std::string id) { settings_.cluster = std::move(id); }

private:
  void stood_still(uint64_t ms, uint64_t now_ms);
  enum class stage : uint8_t {
    expecting_hello, ///< accepted; the peer speaks first
    expecting_reply, ///< dialled, hello is sent
    expecting_ready, ///< accepted; the session is new and the peer may not know of it
    up,
  };
  struct connection {
    uint64_t id = 0;
    bool dialled = false;
    stage where = stage::expecting_hello;
    uint64_t opened_ms = 0;
    uint64_t last_heard_ms = 0;
    uint64_t last_sent_ms = 0;
    session_pair session_at_hello; ///< dialled: what our hello said
    uint64_t offer_at_hello = 0;
    frame_splitter splitter;
    byte_buffer out; ///< greeting, refusal, heartbeat, good-bye
  };

  connection* find(uint64_t id) const;
  /// Takes the connection away; `id`'s reference is void afterwards. Returns false, for `return drop(...)`.
  bool drop(connection& which, std::string reason, link_step& step, uint64_t now_ms);
  bool remove(connection& which, link_step& step, uint64_t now_ms);
  bool refuse(connection& from, const std::string& reason, bool benign, link_step& step, uint64_t now_ms);

  // -- greeting (link_greeting.cpp) --
  hello_frame make_hello();
  bool answer_hello(connection& from, const hello_frame& hello, link_step& step, uint64_t now_ms);
  bool take_reply(connection& from, const hello_frame& hello, link_step& step, uint64_t now_ms);
  /// Why a hello is refused before sessions are looked at; "" = it is not.
  std::string mismatch(const hello_frame& hello) const;
  bool overtaken(const hello_frame& hello, uint64_t now_ms) const;
  /// Whether a new connection takes the place of the active one.
  bool wins_over_active(const connection& candidate, const hello_frame& hello, uint64_t now_ms) const;
  /// The connection carries session `next` from now on; `continued`: the peer said that it holds it.
  bool activate(connection& by, const hello_frame& hello, session_pair next, bool continued, link_step& step,
                uint64_t now_ms);
  void know_peer(const hello_frame& hello, uint64_t now_ms);
  void begin_session(session_pair next, const std::string& why, link_step& step);
  void come_up(connection& by, link_step& step);

  // -- frames (link.cpp): false when the connection is gone --
  bool take_frame(uint64_t id, std::string_view bytes, link_step& step, uint64_t now_ms);
  bool take(connection& from, const hello_frame& hello, link_step& step, uint64_t now_ms);
  bool take(connection& from, const ready_frame&, link_step& step, uint64_t now_ms);
  bool take(connection& from, const refuse_frame& refused, link_step& step, uint64_t now_ms);
  bool take(connection& from, const data_frame& part, link_step& step, uint64_t now_ms);
  bool take(connection& from, const ack_frame& ack, link_step& step, uint64_t now_ms);
  bool take(connection& from, const datagram_frame& datagram, link_step& step, uint64_t now_ms);
  bool take(connection& from, const heartbeat_frame&, link_step& step, uint64_t now_ms);
  bool take(connection& from, const bye_frame& bye, link_step& step, uint64_t now_ms);
  bool garbage(connection& from, const std::string& what, link_step& step, uint64_t now_ms);
  void end_session(const std::string& reason, link_step& step);
  void offer_room(link_step& step);

  // -- output (link_output.cpp) --
  bool untold() const;
  void write_acks(byte_buffer& out);
  void write_datagrams(size_t end, byte_buffer& out);
  void write_parts(size_t end, byte_buffer& out);

  link_settings settings_;
  std::vector<std::unique_ptr<connection>> connections_; ///< at most greeting_connections and the active one
  uint64_t active_ = 0;
  uint64_t attempt_ = 0;
  uint64_t peer_attempt_ = 0; ///< the highest accepted of peer_incarnation_
  uint64_t peer_incarnation_ = 0;
  /// The last few and when they were replaced: what arrives late from them is refused.
  std::deque<std::pair<uint64_t, uint64_t>> former_incarnations_;

  session_pair session_;
  uint64_t offer_ = 0;
  bool told_ = false;    ///< the services know of session_
  bool told_up_ = false; ///< and believe it connected
  uint64_t broken_since_ms_ = 0;
  std::optional<uint64_t> refused_since_ms_;
  uint64_t last_heard_ms_ = 0;
  std::array<outbox, cluster_services> out_;
  std::array<inbox, cluster_services> in_;
  std::array<bool, cluster_services> wants_room_{};
  size_t turn_ = 0; ///< the service that writes first
  bool ack_now_ = false;

  struct waiting_datagram {
    cluster_service service;
    std::string bytes;
  };
  std::deque<waiting_datagram> datagrams_;
  size_t datagram_bytes_ = 0;
};

} // namespace broker::cluster

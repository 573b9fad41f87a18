#include "actors/peer.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <utility>

#include "actors/due_timer.hpp"

namespace broker {

using cluster::link_event;
using cluster::link_step;
using cluster::window_cost;

// -- port
// --------------------------------------------------------------------------------------------------------------

void peer_port::attach(caf::actor who) {
  const std::lock_guard hold{mutex_};
  actor_ = std::move(who);
}

void peer_port::wake_unless_awake(std::unique_lock<std::mutex>& held) {
  if (std::exchange(awake_, true) || !actor_)
    return;
  const auto who = actor_;
  held.unlock();
  caf::anon_send(who, peer_wake_msg{});
}

bool peer_port::send(cluster_service service, std::string&& bytes, uint64_t session) {
  std::unique_lock held{mutex_};
  const size_t size = bytes.size();
  if (!actor_ || !link_.send(service, std::move(bytes), session))
    return false;
  shown_.sent_bytes += size;
  wake_unless_awake(held);
  return true;
}

void peer_port::send_datagram(cluster_service service, std::string&& bytes) {
  std::unique_lock held{mutex_};
  if (!link_.connected())
    return;
  shown_.sent_bytes += bytes.size();
  link_.send_datagram(service, std::move(bytes));
  wake_unless_awake(held);
}

void peer_port::handled(uint64_t session, cluster_service service, size_t bytes) {
  if (session == 0) {
    datagram_bytes_ -= bytes;
    return;
  }
  std::unique_lock held{mutex_};
  if (link_.handled(session, service, bytes))
    wake_unless_awake(held);
}

bool peer_port::admit_datagram(size_t bytes) {
  if (datagram_bytes_ + bytes > link_limits::datagrams_waiting_bytes)
    return false;
  datagram_bytes_ += bytes;
  return true;
}

void peer_port::produce(uint64_t connection, size_t most, byte_buffer& out, uint64_t now_ms) {
  const std::lock_guard hold{mutex_};
  awake_ = false;
  if (most > 0 && link_.has_output(connection))
    link_.produce(connection, most, out, now_ms);
}

node_state peer_port::state(uint64_t now_ms) const {
  const std::lock_guard hold{mutex_};
  node_state state = shown_;
  state.node = node_;
  state.incarnation = link_.peer_incarnation();
  state.session = link_.session();
  state.connected = link_.connected();
  state.silent_ms = link_.last_heard_ms() == 0 ? 0 : now_ms - link_.last_heard_ms();
  state.unacknowledged_bytes = link_.unhandled_bytes();
  return state;
}

void peer_port::count_received(size_t bytes) {
  const std::lock_guard hold{mutex_};
  shown_.received_bytes += bytes;
}

void peer_port::connected_to(const std::string& address) {
  const std::lock_guard hold{mutex_};
  if (!std::exchange(shown_.address, address).empty())
    ++shown_.reconnects;
}

void peer_port::went_wrong(const std::string& why) {
  const std::lock_guard hold{mutex_};
  shown_.last_error = why;
}

// -- actor
// -------------------------------------------------------------------------------------------------------------

namespace {

/// One buffer for the wire.
constexpr size_t write_bytes = 128 * 1024;
/// The same trouble is logged once in this time.
constexpr uint64_t note_again_ms = 60'000;

struct peer_shell {
  static inline const char* name = "peer";
  struct open_connection {
    std::shared_ptr<node_connection> stream;
    size_t unwritten = 0;
  };

  std::shared_ptr<peer_port> port;
  peer_settings settings;
  std::map<uint64_t, open_connection> open;
  std::array<caf::actor, cluster_services> services;
  /// Frames of services that nobody serves yet; their senders' windows bound them.
  std::array<std::deque<node_frame>, cluster_services> held;
  bool dials = false;
  bool dialling = false;
  std::string host;
  uint16_t dial_port = 0;
  uint64_t pause_ms = dial_pause_first_ms;
  uint64_t dial_at_ms = 0;
  due_timer<peer_tick_msg> timer;
  std::map<std::string, uint64_t> noted; ///< trouble and when it was logged
};
using peer_actor = link_actor<peer_shell>;

void note_trouble(peer_shell& shell, const std::string& why) {
  if (why.empty())
    return;
  shell.port->went_wrong(why);
  const uint64_t now = shell.settings.now_ms();
  auto& last = shell.noted[why];
  if (last != 0 && now - last < note_again_ms)
    return;
  last = now;
  // Texts hold numbers that differ each time: what was noted long ago need not be remembered.
  std::erase_if(shell.noted, [&](const auto& each) { return now - each.second >= note_again_ms; });
  shell.settings.note("node " + shell.port->node() + ": " + why);
}

template<class Message>
void tell_services(peer_shell& shell, const Message& what) {
  for (const auto& service : shell.services)
    if (service)
      caf::anon_send(service, what);
}

void deliver_frame(peer_shell& shell, link_event& event) {
  const size_t index = index_of(event.service);
  shell.port->count_received(event.bytes.size());
  const size_t cost = window_cost(event.bytes.size());
  node_frame frame{shell.port->node(), std::move(event.bytes),
                   frame_lease{shell.port, event.session, event.service, cost}};
  if (const auto& service = shell.services[index])
    caf::anon_send(service, node_frame_msg{std::move(frame)});
  else
    shell.held[index].push_back(std::move(frame));
}

void deliver_datagram(peer_shell& shell, link_event& event) {
  const auto& service = shell.services[index_of(event.service)];
  const size_t cost = window_cost(event.bytes.size());
  if (!service || !shell.port->admit_datagram(cost))
    return;
  caf::anon_send(service, node_datagram_msg{node_datagram{shell.port->node(), std::move(event.bytes),
                                                          frame_lease{shell.port, 0, event.service, cost}}});
}

void came_up(peer_shell& shell, const link_event& event, uint64_t incarnation) {
  shell.pause_ms = dial_pause_first_ms;
  shell.port->went_wrong("");
  const auto& node = shell.port->node();
  if (event.fresh)
    shell.settings.note("node " + node + " up");
  tell_services(shell, node_up_msg{node, incarnation, event.session, event.fresh});
}

/// After a failure and before the next attempt.
void back_off(peer_shell& shell) {
  shell.dial_at_ms = shell.settings.now_ms() + shell.pause_ms;
  shell.pause_ms = std::min(shell.pause_ms * 2, dial_pause_max_ms);
}

void carry_out(peer_shell& shell, link_step step) {
  const auto& node = shell.port->node();
  for (auto& event : step.events)
    switch (event.what) {
    case link_event::kind::frame:
      deliver_frame(shell, event);
      break;
    case link_event::kind::datagram:
      deliver_datagram(shell, event);
      break;
    case link_event::kind::up:
      came_up(shell, event, shell.port->with([](auto& link) { return link.peer_incarnation(); }));
      break;
    case link_event::kind::suspect:
      tell_services(shell, node_suspect_msg{node});
      break;
    case link_event::kind::lost:
      shell.held = {};
      shell.settings.note("node " + node + " lost: " + event.text);
      tell_services(shell, node_lost_msg{node, event.session, event.text});
      break;
    case link_event::kind::room:
      if (const auto& service = shell.services[index_of(event.service)])
        caf::anon_send(service, node_room_msg{node});
      break;
    case link_event::kind::note:
      note_trouble(shell, event.text);
      break;
    }
  for (auto& closing : step.close) {
    note_trouble(shell, closing.reason);
    if (const auto at = shell.open.find(closing.connection); at != shell.open.end()) {
      back_off(shell);
      at->second.stream->close(std::move(closing.last));
      shell.open.erase(at);
    }
  }
}

/// Gives every connection what the link has for it, as far as the wire has room.
void pump(peer_shell& shell) {
  const uint64_t now = shell.settings.now_ms();
  for (auto& [id, each] : shell.open)
    for (;;) {
      const size_t room = each.unwritten < wire_unwritten_max_bytes ? write_bytes : 0;
      byte_buffer out;
      shell.port->produce(id, room, out, now);
      if (out.empty())
        break;
      each.unwritten += out.size();
      each.stream->write(std::move(out));
    }
}

void dial_if_due(peer_actor* self) {
  auto& shell = self->state;
  const uint64_t now = shell.settings.now_ms();
  if (!shell.dials || shell.dialling || now < shell.dial_at_ms
      || shell.port->with([](auto& link) { return link.has_connections(); }))
    return;
  shell.dialling = true;
  shell.settings.wire->dial(shell.port->node(), shell.host, shell.dial_port, caf::actor_cast<caf::actor>(self));
}

/// Sets the timer for what is due next, unless one comes as soon. Nothing that arrives is due sooner than after
/// ack_delay_ms, so that with bytes flowing a timer is set only so often.
void arm(peer_actor* self) {
  auto& shell = self->state;
  const uint64_t now = shell.settings.now_ms();
  if (shell.timer.is_due_by(now + link_limits::ack_delay_ms))
    return;
  const auto [link_due, has_connections] = shell.port->with([&](auto& link) {
    return std::pair{link.next_tick(now), link.has_connections()};
  });
  const bool dials = shell.dials && !shell.dialling && !has_connections;
  const uint64_t due = std::max(now + 1, std::min(link_due, dials ? shell.dial_at_ms : UINT64_MAX));
  if (link_due != UINT64_MAX || dials)
    shell.timer.set(self, now, due - now);
}

void connected(peer_shell& shell, wire_connected what) {
  const uint64_t id = what.connection->id();
  if (what.dialled)
    shell.dialling = false;
  shell.port->connected_to(what.connection->address());
  shell.open[id].stream = std::move(what.connection);
  carry_out(shell,
            shell.port->with([&](auto& link) { return link.opened(id, what.dialled, shell.settings.now_ms()); }));
}

void serve(peer_shell& shell, const peer_serve_msg& what) {
  const size_t index = index_of(what.service);
  shell.services[index] = what.who;
  const auto [session, incarnation, is_connected] = shell.port->with([](auto& link) {
    return std::tuple{link.session(), link.peer_incarnation(), link.connected()};
  });
  const auto& node = shell.port->node();
  if (session != 0)
    caf::anon_send(what.who, node_up_msg{node, incarnation, session, true});
  if (session != 0 && !is_connected)
    caf::anon_send(what.who, node_suspect_msg{node});
  for (auto& frame : std::exchange(shell.held[index], {}))
    caf::anon_send(what.who, node_frame_msg{std::move(frame)});
}

void broken(peer_shell& shell, const wire_broken_msg& what) {
  if (shell.open.erase(what.connection) == 0)
    return;
  const bool was_up = shell.port->with([&](auto& link) { return link.active() == what.connection; });
  if (was_up) {
    // Whether its process has ended is known at the second answer. Another connection may have failed since it is up.
    shell.dial_at_ms = shell.settings.now_ms();
    shell.pause_ms = dial_pause_first_ms;
  } else {
    back_off(shell);
  }
  carry_out(shell, shell.port->with(
                     [&](auto& link) { return link.closed(what.connection, what.reason, shell.settings.now_ms()); }));
}

caf::behavior peer_behavior(peer_actor* self, std::shared_ptr<peer_port> port, peer_settings settings) {
  die_on_exceptions(self);
  self->state.port = std::move(port);
  self->state.settings = std::move(settings);
  self->state.port->attach(caf::actor_cast<caf::actor>(self));
  return {
    [self](wire_data_msg& message) {
      auto& shell = self->state;
      const auto& data = message.content;
      const auto at = shell.open.find(data.connection);
      if (at == shell.open.end())
        return;
      const auto stream = at->second.stream; // the step may close it
      carry_out(shell, shell.port->with([&](auto& link) {
        return link.received(data.connection, data.bytes, shell.settings.now_ms());
      }));
      stream->taken(data.bytes.size());
      pump(shell);
      arm(self);
    },
    [self](peer_wake_msg) { pump(self->state); },
    [self](const wire_written_msg& message) {
      const auto at = self->state.open.find(message.connection);
      if (at == self->state.open.end())
        return;
      at->second.unwritten -= message.bytes;
      pump(self->state);
    },
    [self](peer_tick_msg tick) {
      auto& shell = self->state;
      if (!shell.timer.take(tick))
        return;
      carry_out(shell, shell.port->with([&](auto& link) { return link.tick(shell.settings.now_ms(), tick.due_ms); }));
      dial_if_due(self);
      pump(shell);
      arm(self);
    },
    [self](wire_connected_msg& message) {
      connected(self->state, std::move(message.content));
      pump(self->state);
      arm(self);
    },
    [self](const wire_broken_msg& message) {
      broken(self->state, message);
      arm(self);
    },
    [self](const wire_dial_failed_msg& message) {
      auto& shell = self->state;
      shell.dialling = false;
      back_off(shell);
      note_trouble(shell, message.reason);
      carry_out(shell, shell.port->with(
                         [&](auto& link) { return link.dial_failed(message.refused, shell.settings.now_ms()); }));
      arm(self);
    },
    [self](const peer_serve_msg& message) { serve(self->state, message); },
    [self](const peer_dial_msg& message) {
      auto& shell = self->state;
      shell.dials = true;
      shell.host = message.host;
      shell.dial_port = message.port;
      shell.dial_at_ms = 0;
      dial_if_due(self);
      arm(self);
    },
    [self](peer_end_msg& message) {
      auto& shell = self->state;
      carry_out(
        shell, shell.port->with([&](auto& link) { return link.end(message.content.reason, shell.settings.now_ms()); }));
      shell.port->detach();
      self->quit();
      if (message.content.done)
        message.content.done();
    },
  };
}

} // namespace

caf::actor spawn_peer(caf::actor_system& system, std::shared_ptr<peer_port> port, peer_settings settings) {
  return system.spawn(peer_behavior, std::move(port), std::move(settings));
}

} // namespace broker

#include "actors/connection_actor.hpp"

#include <algorithm>

#include "amqp/reply.hpp"

namespace broker {

namespace {

struct connection_shell {
  static inline const char* name = "connection";

  runtime* node = nullptr;
  connection_id id = 0;
  ref<session_link> session;
  std::string vhost;
  std::string user;
  std::vector<caf::actor> channels;
  bool stopping = false;
};

using connection_actor = caf::stateful_actor<connection_shell>;

void finish(connection_actor* self) {
  self->state.node->activity.connections_closed.fetch_add(1, std::memory_order_relaxed);
  self->state.node->connections_by_id.remove(self->state.id);
  self->state.session->torn_down();
  self->quit();
}

/// Every channel has ended: what is left are the exclusive queues, deleted before connection.close-ok (W39).
void channels_ended(connection_actor* self) {
  auto& shell = self->state;
  if (!shell.session->owns_queues)
    return finish(self);
  auto me = caf::actor_cast<caf::actor>(self);
  self->send(shell.node->metadata, propose_msg{proposal{delete_exclusive_queues{shell.id}, [me](command_result result) {
                                                          caf::anon_send(me, command_result_msg{std::move(result)});
                                                        }}});
}

void channel_ended(connection_actor* self, const caf::actor_addr& who) {
  auto& shell = self->state;
  std::erase_if(shell.channels, [&](const caf::actor& channel) { return channel.address() == who; });
  if (shell.stopping && shell.channels.empty())
    channels_ended(self);
}

void evict(connection_actor* self, const std::string& what) {
  self->state.session->close(amqp::connection_forced(what + " is deleted"));
}

/// What was deleted before this connection could be told.
void check_home(connection_actor* self) {
  const auto& shell = self->state;
  const auto metadata = shell.node->snapshots.read();
  if (!metadata->vhost_exists(shell.vhost))
    evict(self, "vhost '" + shell.vhost + "'");
  else if (!metadata->find_user(shell.user))
    evict(self, "user '" + shell.user + "'");
}

caf::behavior connection_behavior(connection_actor* self, runtime* node, connection_id id, ref<session_link> session,
                                  std::string vhost, std::string user) {
  die_on_exceptions(self);
  auto& shell = self->state;
  shell.node = node;
  shell.id = id;
  shell.session = std::move(session);
  shell.vhost = std::move(vhost);
  shell.user = std::move(user);
  node->activity.connections_opened.fetch_add(1, std::memory_order_relaxed);
  node->connections_by_id.add(id, caf::actor_cast<caf::actor>(self));
  check_home(self);
  self->set_down_handler([self](caf::down_msg& down) { channel_ended(self, down.source); });
  return {
    [self](channel_started_msg& started) {
      self->monitor(started.channel);
      self->state.channels.push_back(std::move(started.channel));
    },
    [self](connection_teardown_msg) {
      auto& state = self->state;
      if (std::exchange(state.stopping, true))
        return;
      for (auto& channel : state.channels)
        self->send(channel, channel_stop_msg{});
      if (state.channels.empty())
        channels_ended(self);
    },
    [self](const connection_evicted_msg& deleted) {
      if (deleted.vhost.empty() ? deleted.user == self->state.user : deleted.vhost == self->state.vhost)
        evict(self, deleted.vhost.empty() ? "user '" + deleted.user + "'" : "vhost '" + deleted.vhost + "'");
    },
    [self](command_result_msg&) { finish(self); },
  };
}

} // namespace

caf::actor spawn_connection(caf::actor_system& system, runtime& node, connection_id id, ref<session_link> session,
                            std::string vhost, std::string user) {
  return system.spawn(connection_behavior, &node, id, std::move(session), std::move(vhost), std::move(user));
}

} // namespace broker

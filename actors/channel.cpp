#include "actors/channel.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <unordered_map>

#include "actors/bridge.hpp"
#include "cluster/node_tag.hpp"

namespace broker {

namespace {

/// Queues a channel has talked to; beyond this it asks the directory again.
constexpr size_t known_queues_max = 1024;

struct channel_shell {
  static inline const char* name = "channel";

  runtime* node = nullptr;
  ref<session_link> session;
  std::optional<channel_state> machine;
  std::unordered_map<queue_id, caf::actor> known;
  channel_step step; // reused: no allocation per message
  uint64_t id = 0;
  channel_report about; // what never changes
  count_rates rates;
};

using channel_actor = caf::stateful_actor<channel_shell>;

caf::actor find_queue(channel_shell& shell, queue_id id) {
  auto found = shell.known.find(id);
  if (found != shell.known.end())
    return found->second;
  auto who = shell.node->queues_by_id.find(id);
  if (who) {
    if (shell.known.size() >= known_queues_max)
      shell.known.clear();
    shell.known.emplace(id, who);
  }
  return who;
}

void propose(channel_actor* self, command what) {
  auto& shell = self->state;
  if (auto* declared = std::get_if<declare_queue>(&what); declared && declared->queue.exclusive)
    shell.session->owns_queues = true;
  auto me = caf::actor_cast<caf::actor>(self);
  self->send(shell.node->metadata, propose_msg{proposal{std::move(what), [me](command_result result) {
                                                          caf::anon_send(me, command_result_msg{std::move(result)});
                                                        }}});
}

void bring_up_to_date(channel_actor* self) {
  self->send(self->state.node->metadata,
             metadata_read_msg{metadata_read{[me = caf::actor_cast<caf::actor>(self)](command_result result) {
               caf::anon_send(me, command_result_msg{std::move(result)});
             }}});
}

/// Sends one request; false when the node has no such queue, which the state must then hear.
bool send_request(channel_actor* self, queue_id id, queue_request& request) {
  auto who = find_queue(self->state, id);
  if (!who) {
    if (auto* publish = std::get_if<publish_request>(&request))
      publish->batch->release();
    return false;
  }
  self->send(who, queue_request_msg{{id, std::move(request)}});
  return true;
}

void perform(channel_actor* self) {
  auto& shell = self->state;
  std::vector<queue_id> gone;
  for (;;) {
    channel_step step = std::exchange(shell.step, {});
    for (auto& [id, request] : step.requests)
      if (!send_request(self, id, request))
        gone.push_back(id);
    if (!step.out.empty())
      shell.session->push(std::move(step.out));
    for (auto& what : step.proposals)
      propose(self, std::move(what));
    if (step.bring_up_to_date)
      bring_up_to_date(self);
    if (shell.node->warn)
      std::for_each(step.warnings.begin(), step.warnings.end(), shell.node->warn);
    for (auto& what : step.replies)
      send_direct_reply(*shell.node, std::move(what));
    if (step.finished) {
      shell.node->channels_by_id.remove(shell.id);
      shell.node->activity.channel_closed(shell.machine->counts(), shell.machine->queues_declared());
      return self->quit();
    }
    if (step.tick_in_ms != 0)
      self->delayed_send(self, std::chrono::milliseconds{step.tick_in_ms}, channel_tick_msg{});
    if (gone.empty())
      return;
    for (auto id : std::exchange(gone, {}))
      shell.machine->queue_gone(id, shell.step);
  }
}

channel_report report(channel_shell& shell) {
  const auto& machine = *shell.machine;
  auto result = shell.about;
  result.consumers = machine.consumers();
  result.unacknowledged = machine.unacked();
  result.unconfirmed = machine.unconfirmed();
  result.uncommitted = machine.uncommitted();
  result.uncommitted_acks = machine.uncommitted_acks();
  result.prefetch = machine.prefetch();
  result.global_prefetch = machine.global_prefetch();
  result.confirm = machine.confirm_mode();
  result.transactional = machine.transactional();
  result.queues_declared = machine.queues_declared();
  result.messages = {machine.counts(), shell.rates.look(machine.counts(), shell.node->now_ms())};
  return result;
}

caf::behavior channel_behavior(channel_actor* self, runtime* node, channel_settings settings,
                               ref<session_link> session) {
  die_on_exceptions(self);
  auto& shell = self->state;
  shell.node = node;
  shell.session = std::move(session);
  shell.about.connection = settings.connection;
  shell.about.number = settings.number;
  shell.about.user = settings.user.user;
  shell.about.vhost = settings.vhost;
  shell.id = node->next_channel++;
  node->activity.channels_opened.fetch_add(1, std::memory_order_relaxed);
  node->channels_by_id.add(shell.id, caf::actor_cast<caf::actor>(self));
  settings.channel_lives = [node](uint32_t tag, uint64_t id) {
    return tag == node_tag(node->node) ? node->channels_by_id.has(id) : node->bridges.tag_is_up(tag);
  };
  channel_ref address{new local_channel{shell.id, caf::actor_cast<caf::actor>(self)}};
  shell.machine.emplace(std::move(settings), std::move(address), node->snapshot_reader());
  return {
    [self](channel_input_msg& input) {
      self->state.machine->input(std::move(input.content), self->state.step);
      perform(self);
    },
    [self](queue_events_msg& events) {
      self->state.machine->event(std::move(events.content.events), self->state.step);
      perform(self);
    },
    [self](command_result_msg& result) {
      self->state.machine->metadata_done(std::move(result.content), self->state.step);
      perform(self);
    },
    [self](direct_reply_msg& what) {
      self->state.machine->reply(std::move(what.content), self->state.step);
      perform(self);
    },
    [self](queue_gone_msg gone) {
      self->state.known.erase(gone.queue);
      self->state.machine->queue_gone(gone.queue, self->state.step);
      perform(self);
    },
    [self](queue_unreachable_msg& lost) {
      self->state.machine->queue_unreachable(lost.queue, lost.why, self->state.step);
      perform(self);
    },
    [self](channel_tick_msg) {
      self->state.machine->tick(self->state.node->now_ms(), self->state.step);
      perform(self);
    },
    [self](channel_stop_msg) {
      self->state.machine->stop(self->state.step);
      self->state.step.finished = true;
      perform(self);
    },
    [self](channel_report_request& request) { request.content(report(self->state)); },
  };
}

} // namespace

caf::actor spawn_channel(caf::actor_system& system, runtime& node, channel_settings settings,
                         ref<session_link> session) {
  return system.spawn(channel_behavior, &node, std::move(settings), std::move(session));
}

} // namespace broker

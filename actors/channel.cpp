#include "actors/channel.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <unordered_map>

#include "actors/bridge.hpp"
#include "actors/due_timer.hpp"
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
  move_watch moves;  ///< of every queue it has talked to
  channel_step step; // reused: no allocation per message
  uint64_t id = 0;
  due_timer<channel_tick_msg> timer;
  channel_report about; // what never changes
  count_rates rates;
};

using channel_actor = caf::stateful_actor<channel_shell>;

/// Of a replicated queue its master `mastership`, and no other.
queue_location find_queue(channel_actor* self, queue_id id, epoch mastership) {
  auto& shell = self->state;
  const auto found = shell.known.find(id);
  if (found != shell.known.end())
    return {found->second, mastership, true};
  shell.moves.look(shell.node->moves, id, self);
  auto where = shell.node->queues_by_id.locate(id);
  if (where.who && (mastership == 0 || where.mastership == mastership)) {
    if (shell.known.size() >= known_queues_max)
      shell.known.clear();
    shell.known.emplace(id, where.who);
  }
  return where;
}

void release(queue_request& request) {
  if (auto* publish = std::get_if<publish_request>(&request))
    publish->batch->release();
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

/// Queues the state must hear of: that the node has none of that id, or does not know the master of that mastership.
struct unsent {
  std::vector<queue_id> gone;
  std::vector<std::pair<queue_id, epoch>> unknown;
  bool empty() const { return gone.empty() && unknown.empty(); }
};

void send_request(channel_actor* self, queue_id id, queue_request& request, unsent& failed) {
  auto& shell = self->state;
  // The end of a channel is for whoever is master when it comes: nobody would say it again.
  const epoch mastership = std::holds_alternative<channel_gone>(request) ? 0 : shell.machine->mastership_of(id);
  const queue_location where = find_queue(self, id, mastership);
  const bool there = where.who && (mastership == 0 || where.mastership == mastership);
  if (there) {
    self->send(where.who, queue_request_msg{{id, std::move(request), mastership}});
    return;
  }
  release(request);
  if (!where.who)
    failed.gone.push_back(id);
  else if (where.mastership < mastership)
    failed.unknown.emplace_back(id, mastership);
  else // that it has moved waits in the mailbox perhaps; or it was told before this channel asked to hear of it
    self->send(self,
               queues_moved_msg{std::make_shared<const std::vector<queue_move>>(1, queue_move{id, where.mastership})});
}

void perform(channel_actor* self) {
  auto& shell = self->state;
  unsent failed;
  for (;;) {
    channel_step step = std::exchange(shell.step, {});
    for (auto& [id, request] : step.requests)
      send_request(self, id, request, failed);
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
      shell.moves.leave(shell.node->moves, caf::actor_cast<caf::actor>(self));
      shell.node->activity.channel_closed(shell.machine->counts(), shell.machine->queues_declared());
      return self->quit();
    }
    if (step.tick_in_ms != 0)
      shell.timer.set(self, shell.node->now_ms(), step.tick_in_ms);
    if (failed.empty())
      return;
    for (auto id : std::exchange(failed.gone, {}))
      shell.machine->queue_gone(id, shell.step);
    for (auto [id, mastership] : std::exchange(failed.unknown, {}))
      shell.machine->queue_unreachable(id, {}, shell.step, mastership);
  }
}

/// Under which replicated queues know a channel, for ever: it is of a session of this node. None: there are no such
/// queues.
replication::channel_id publisher_of(const runtime& node, uint64_t channel) {
  const auto metadata = node.cluster ? node.snapshots.read() : nullptr;
  const node_ptr own = metadata ? metadata->find_node(node.node) : nullptr;
  return own ? replication::channel_id{static_cast<replication::node_id>(own->id), own->session, channel}
             : replication::channel_id{};
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
  settings.publisher = publisher_of(*node, shell.id);
  channel_ref address{new local_channel{shell.id, caf::actor_cast<caf::actor>(self)}};
  shell.machine.emplace(std::move(settings), std::move(address), node->snapshot_reader());
  return {
    [self](channel_input_msg& input) {
      self->state.machine->input(std::move(input.content), self->state.step);
      perform(self);
    },
    [self](queue_events_msg& events) {
      self->state.machine->event(std::move(events.content.events), self->state.step, events.content.mastership);
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
      self->state.machine->queue_unreachable(lost.queue, lost.why, self->state.step, lost.mastership);
      perform(self);
    },
    [self](const queues_moved_msg& moved) {
      for (const queue_move& each : *moved.content) {
        self->state.known.erase(each.queue);
        self->state.machine->queue_moved(each.queue, each.mastership, self->state.step);
      }
      perform(self);
    },
    [self](channel_tick_msg tick) {
      if (!self->state.timer.take(tick))
        return;
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

std::function<bool()> minority_of(const runtime& node) {
  constexpr uint64_t longest_election_ms = 2'000;
  return [&node] {
    const uint64_t since = node.leaderless_since_ms;
    return since != 0 && node.now_ms() >= since + longest_election_ms;
  };
}

caf::actor spawn_channel(caf::actor_system& system, runtime& node, channel_settings settings,
                         ref<session_link> session) {
  return system.spawn(channel_behavior, &node, std::move(settings), std::move(session));
}

} // namespace broker

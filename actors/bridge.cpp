#include "actors/bridge.hpp"

#include <chrono>
#include <map>
#include <optional>

#include "actors/channel.hpp"
#include "actors/cluster.hpp"
#include "actors/due_timer.hpp"
#include "amqp/reply.hpp"
#include "channel/reply_texts.hpp"
#include "cluster/bridge_state.hpp"
#include "cluster/node_tag.hpp"

namespace broker {

namespace {

/// To the bridge, from batches, queues and itself.
struct taken_over_msg {
  uint64_t session = 0;
  uint64_t publish = 0;
};
struct place_wanted_msg {
  uint64_t session = 0;
  uint64_t channel = 0;
  uint32_t places = 0;
};
struct bridge_flush_msg {};
struct bridge_tick_msg {
  uint64_t due_ms = 0;
};
using report_answer_msg = parcel<bridging::report_answer>;

struct report_asker {
  queue_ptr queue;
  std::function<void(queue_report)> counts; ///< one of the two
  std::function<void(std::vector<consumer_report>)> consumers;
};

struct bridge_shell {
  static inline const char* name = "bridge";

  runtime* node = nullptr;
  std::string other;
  uint64_t session = 0; ///< of the link; 0: none
  std::optional<bridge_state> machine;
  bridge_step step;  ///< reused
  std::string frame; ///< taken from the machine and refused by the link: goes first
  bool flush_scheduled = false;
  bool waits_for_room = false;
  due_timer<bridge_tick_msg> timer;
  std::map<queue_id, queue_ptr> records; ///< of the other node's queues
  std::map<caf::actor_addr, uint64_t> watched;
  std::map<uint64_t, report_asker> askers;
  uint64_t next_asker = 1;
};
using bridge_actor = caf::stateful_actor<bridge_shell>;

const local_channel& local(const channel_ref& address) {
  return static_cast<const local_channel&>(*address);
}

error unreachable(const bridge_shell& shell, queue_id queue) {
  const auto at = shell.records.find(queue);
  if (at == shell.records.end())
    return amqp::not_found("a queue's home node '" + shell.other + "' is down or inaccessible");
  return home_node_down(shell.other, at->second->vhost, at->second->name);
}

/// For a request that is meant for the master `mastership`; 0: for whoever it is.
queue_place place_of(const runtime& node, queue_id queue, epoch mastership) {
  // First the snapshot: a queue that it knows was in the directory before, and has left it if it is not there now.
  const auto metadata = node.snapshots.read();
  const bool known = metadata && queue < metadata->next_queue_id();
  const queue_location at = node.queues_by_id.locate(queue);
  if (!at.who)
    return known ? queue_place::gone : queue_place::coming;
  if (mastership > at.mastership)
    return queue_place::coming;
  if (mastership != 0 && mastership < at.mastership)
    return queue_place::stale;
  return at.here ? queue_place::here : mastership == 0 ? queue_place::elsewhere : queue_place::stale;
}

bridge_settings settings_of(bridge_actor* self) {
  runtime* node = self->state.node;
  const auto me = caf::actor_cast<caf::actor>(self);
  const caf::actor_addr weak = me.address(); // a batch must not keep an ended bridge alive
  bridge_settings settings;
  settings.make_address = [node, self] {
    return channel_ref{new local_channel{node->next_channel++, caf::actor_cast<caf::actor>(self), self->state.other}};
  };
  settings.find_queue = [node](queue_id queue, epoch mastership) { return place_of(*node, queue, mastership); };
  settings.unreachable = [self](queue_id queue) { return unreachable(self->state, queue); };
  settings.on_taken_over = [weak](uint64_t session, uint64_t publish) {
    if (auto bridge = caf::actor_cast<caf::actor>(weak))
      caf::anon_send(bridge, taken_over_msg{session, publish});
  };
  settings.on_place_wanted = [weak](uint64_t session, uint64_t channel, uint32_t places) {
    if (auto bridge = caf::actor_cast<caf::actor>(weak))
      caf::anon_send(bridge, place_wanted_msg{session, channel, places});
  };
  return settings;
}

// -- what a step asks for
// ---------------------------------------------------------------------------------------------

void tell(bridge_actor* self, const channel_ref& to, channel_news& what) {
  const caf::actor& who = local(to).handle;
  if (auto* says = std::get_if<queue_says>(&what))
    self->send(who, queue_events_msg{{to->id, std::move(says->events), says->mastership}});
  else if (const auto* gone = std::get_if<queue_vanished>(&what))
    self->send(who, queue_gone_msg{gone->queue});
  else if (auto* lost = std::get_if<queue_lost>(&what))
    self->send(who, queue_unreachable_msg{lost->queue, std::move(lost->why), lost->mastership});
  else if (const auto* back = std::get_if<queue_back>(&what))
    self->send(who, queues_moved_msg{
                      std::make_shared<const std::vector<queue_move>>(1, queue_move{back->queue, back->mastership})});
}

void watch(bridge_actor* self, const channel_ref& channel) {
  const caf::actor& who = local(channel).handle;
  if (self->state.watched.insert_or_assign(who.address(), channel->id).second)
    self->monitor(who);
}

/// The other node asks about a queue of this one. A queue that is not there, or goes without an answer, is answered by
/// the end of the question.
class question {
public:
  question(caf::actor bridge, bridging::report_key key) : bridge_(std::move(bridge)), key_(key) {}
  question(const question&) = delete;
  question& operator=(const question&) = delete;
  ~question() { answer({}); }
  void answer(bridging::report_answer what) {
    if (const auto bridge = std::exchange(bridge_, nullptr)) {
      what.key = key_;
      caf::anon_send(bridge, report_answer_msg{std::move(what)});
    }
  }

private:
  caf::actor bridge_;
  const bridging::report_key key_;
};

void put_question(bridge_actor* self, const bridging::report_ask& what) {
  const auto asked = std::make_shared<question>(caf::actor_cast<caf::actor>(self), what.key);
  const auto at = self->state.node->queues_by_id.locate(what.queue);
  if (!at.who || !at.here)
    return;
  if (what.consumers)
    self->send(at.who, consumer_report_request{{what.queue, [asked](std::vector<consumer_report> all) {
                                                  asked->answer({0, std::nullopt, std::move(all)});
                                                }}});
  else
    self->send(at.who, queue_report_request{{what.queue, [asked](queue_report one) {
                                               asked->answer({0, std::move(one), std::nullopt});
                                             }}});
}

void give_report(bridge_shell& shell, bridging::report_answer& what) {
  auto found = shell.askers.extract(what.key);
  if (found.empty())
    return;
  report_asker& who = found.mapped();
  if (who.counts && what.queue) {
    what.queue->queue = who.queue;
    who.counts(std::move(*what.queue));
  } else if (who.consumers && what.consumers) {
    for (consumer_report& each : *what.consumers) {
      each.queue = who.queue;
      if (each.node.empty())
        each.node = shell.other;
      else if (each.node == shell.node->node)
        each.node.clear();
    }
    who.consumers(std::move(*what.consumers));
  }
}

void give_no_report(bridge_shell& shell, uint64_t key) {
  auto found = shell.askers.extract(key);
  if (found.empty() || !found.mapped().counts)
    return;
  queue_report unknown;
  unknown.queue = found.mapped().queue;
  unknown.down = true;
  found.mapped().counts(std::move(unknown));
}

void schedule_flush(bridge_actor* self) {
  auto& shell = self->state;
  if (!shell.waits_for_room && shell.machine->has_frames() && !std::exchange(shell.flush_scheduled, true))
    self->send(self, bridge_flush_msg{}); // behind everything that waits in the mailbox: fewer, larger frames
}

/// A session that is over here as well: both sides begin anew.
void end_session(bridge_actor* self, const std::string& why) {
  auto& shell = self->state;
  if (shell.node->queues.note)
    shell.node->queues.note("session with node '" + shell.other + "' ended: it sent " + why);
  shell.session = 0;
  shell.frame.clear();
  shell.node->bridges.set_up(shell.other, false);
  shell.node->cluster->forget(shell.other);
  shell.node->cluster->connect(shell.other);
}

void perform(bridge_actor* self) {
  auto& shell = self->state;
  bridge_step step = std::exchange(shell.step, {});
  for (queue_task& each : step.requests) {
    const queue_location at = shell.node->queues_by_id.locate(each.queue);
    if (at.who && at.here)
      self->send(at.who, queue_request_msg{{each.queue, std::move(each.request), each.mastership}});
    else
      shell.machine->undeliverable(std::move(each), shell.step); // it has ended or moved since it was looked for
  }
  for (const channel_ref& channel : step.watch)
    watch(self, channel);
  for (auto& [to, what] : step.news)
    tell(self, to, what);
  for (direct_reply& each : step.replies)
    if (auto to = shell.node->channels_by_id.find(each.to))
      self->send(to, direct_reply_msg{std::move(each)});
  for (const auto& each : step.questions)
    put_question(self, each);
  for (auto& each : step.reports)
    give_report(shell, each);
  for (const uint64_t key : step.unanswered)
    give_no_report(shell, key);
  if (!step.broken.empty())
    end_session(self, step.broken);
  if (step.tick_in_ms != 0)
    shell.timer.set(self, shell.node->now_ms(), step.tick_in_ms);
  if (!shell.step.requests.empty()) // of those that found no queue
    return perform(self);
  schedule_flush(self);
}

void flush(bridge_actor* self) {
  auto& shell = self->state;
  shell.flush_scheduled = false;
  while (shell.session != 0) {
    if (shell.frame.empty())
      shell.frame = shell.machine->next_frame();
    if (shell.frame.empty())
      return;
    if (!shell.node->cluster->send(shell.other, cluster_service::queues, std::move(shell.frame), shell.session)) {
      shell.waits_for_room = true; // node_room_msg, node_up_msg or node_lost_msg follows
      return;
    }
    shell.frame.clear();
  }
}

// -- messages
// ----------------------------------------------------------------------------------------------------------

void session_begins(bridge_actor* self, uint64_t session) {
  auto& shell = self->state;
  shell.session = session;
  shell.frame.clear();
  shell.waits_for_room = false;
  shell.machine->session_begins(shell.step);
  shell.node->bridges.set_up(shell.other, true);
}

void session_ends(bridge_actor* self, uint64_t session) {
  auto& shell = self->state;
  if (session != shell.session)
    return; // of one that has ended here before
  shell.session = 0;
  shell.frame.clear();
  shell.waits_for_room = false;
  shell.node->bridges.set_up(shell.other, false);
  shell.machine->session_ends(shell.step);
}

template<class Answer>
void ask(bridge_actor* self, const report_request<Answer>& what, report_asker who) {
  auto& shell = self->state;
  const auto at = shell.records.find(what.queue);
  if (at == shell.records.end())
    return; // deleted
  who.queue = at->second;
  const uint64_t key = shell.next_asker++;
  const bool consumers = static_cast<bool>(who.consumers);
  shell.askers.emplace(key, std::move(who));
  shell.machine->ask_report(key, what.queue, consumers, shell.node->now_ms(), shell.step);
  perform(self);
}

caf::message_handler link_messages(bridge_actor* self) {
  return {
    [self](node_frame_msg& frame) {
      auto& shell = self->state;
      shell.machine->frame(frame.content.bytes, shell.node->now_ms(), shell.step);
      perform(self);
    },
    [self](const node_up_msg& up) {
      if (up.fresh)
        session_begins(self, up.session);
      self->state.waits_for_room = false;
      perform(self);
      flush(self);
    },
    [](const node_suspect_msg&) {}, // nothing is lost yet
    [self](const node_lost_msg& lost) {
      session_ends(self, lost.session);
      perform(self);
    },
    [self](const node_room_msg&) {
      self->state.waits_for_room = false;
      flush(self);
    },
    [self](bridge_flush_msg) { flush(self); },
  };
}

caf::message_handler broker_messages(bridge_actor* self) {
  return {
    [self](queue_request_msg& request) {
      auto& shell = self->state;
      shell.machine->request(request.content.queue, std::move(request.content.request), shell.step,
                             request.content.mastership);
      perform(self);
    },
    [self](queue_events_msg& events) {
      self->state.machine->events(events.content.channel, std::move(events.content.events), events.content.mastership);
      schedule_flush(self);
    },
    [self](direct_reply_msg& what) {
      self->state.machine->reply(std::move(what.content));
      schedule_flush(self);
    },
    [self](queue_report_request& what) {
      ask(self, what.content, {nullptr, what.content.answer, nullptr});
    },
    [self](consumer_report_request& what) {
      ask(self, what.content, {nullptr, nullptr, what.content.answer});
    },
    [self](report_answer_msg& what) {
      self->state.machine->answer_report(std::move(what.content));
      schedule_flush(self);
    },
    [self](taken_over_msg what) {
      self->state.machine->taken_over(what.session, what.publish);
      schedule_flush(self);
    },
    [self](place_wanted_msg what) {
      self->state.machine->place_wanted(what.session, what.channel, what.places);
      schedule_flush(self);
    },
    [self](const queue_changed_msg& changed) {
      auto& shell = self->state;
      if (changed.record->node == shell.other)
        shell.records[changed.record->id] = changed.record;
      else
        shell.records.erase(changed.record->id); // it has moved
    },
    [self](queue_deleted_msg deleted) { self->state.records.erase(deleted.queue); },
    [self](const queues_moved_msg&) {
      self->state.machine->queues_changed(self->state.step);
      perform(self);
    },
    [self](queues_known_msg) {
      self->state.machine->queues_changed(self->state.step);
      perform(self);
    },
    [](queue_tick_msg) {},     // the other node wakes its queues
    [](queue_pressure_msg) {}, // and sheds their bodies
    [self](bridge_tick_msg tick) {
      auto& shell = self->state;
      if (!shell.timer.take(tick))
        return;
      shell.machine->tick(shell.node->now_ms(), shell.step);
      perform(self);
    },
  };
}

caf::behavior bridge_behavior(bridge_actor* self, runtime* node, const std::string& other) {
  die_on_exceptions(self);
  auto& shell = self->state;
  shell.node = node;
  shell.other = other;
  shell.machine.emplace(settings_of(self));
  self->set_down_handler([self](const caf::down_msg& down) {
    auto ended = self->state.watched.extract(down.source);
    if (ended.empty())
      return;
    self->state.machine->channel_ended(ended.mapped());
    schedule_flush(self);
  });
  return link_messages(self).or_else(broker_messages(self));
}

/// Hands each node's traffic to its bridge.
caf::behavior hub_behavior(caf::event_based_actor* self, runtime* node) {
  die_on_exceptions(self);
  const auto hand_over = [self, node](const std::string& other, auto&& what) {
    if (const auto bridge = bridge_to(self->system(), *node, other)) // else the node stops
      self->send(bridge, std::forward<decltype(what)>(what));
  };
  return {
    [=](node_frame_msg& frame) {
      const std::string from = frame.content.from;
      hand_over(from, std::move(frame));
    },
    [=](const node_up_msg& up) { hand_over(up.node, up); },
    [=](const node_suspect_msg& suspect) { hand_over(suspect.node, suspect); },
    [=](const node_lost_msg& lost) { hand_over(lost.node, lost); },
    [=](const node_room_msg& room) { hand_over(room.node, room); },
    [](node_datagram_msg&) {}, // none are sent
  };
}

} // namespace

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::taken_over_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::place_wanted_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::bridge_flush_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::bridge_tick_msg)

namespace broker {

void start_bridges(caf::actor_system& system, runtime& node) {
  node.cluster->serve(cluster_service::queues, system.spawn(hub_behavior, &node));
}

void stop_bridges(runtime& node) {
  for (const caf::actor& bridge : node.bridges.close())
    caf::anon_send_exit(bridge, caf::exit_reason::kill);
}

caf::actor bridge_to(caf::actor_system& system, runtime& node, const std::string& other) {
  return node.bridges.find_or_spawn(other, [&] { return system.spawn(bridge_behavior, &node, other); });
}

void send_direct_reply(runtime& node, direct_reply what) {
  if (what.node == node_tag(node.node)) {
    if (auto to = node.channels_by_id.find(what.to))
      caf::anon_send(to, direct_reply_msg{std::move(what)});
    return;
  }
  for (const caf::actor& bridge : node.bridges.of_tag(what.node))
    caf::anon_send(bridge, direct_reply_msg{direct_reply{what}});
}

} // namespace broker

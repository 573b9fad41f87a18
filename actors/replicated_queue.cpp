#include "actors/replicated_queue.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "actors/channel.hpp"
#include "actors/queue_reports.hpp"
#include "actors/queue_shell.hpp"
#include "actors/replica_links.hpp"
#include "actors/replica_watch.hpp"
#include "base/overloaded.hpp"
#include "channel/reply_texts.hpp"
#include "cluster/waiting_channel.hpp"
#include "metadata/placements.hpp"
#include "queue/outbox.hpp"
#include "queue/replicated_queue.hpp"

namespace broker {

/// For queue_shell.hpp.
static queue_step& queue_part(replicated_step& step) {
  return step.queue;
}

namespace {

/// How long publishers wait for a master that hands over before it stays (U05 asks for 200 ms as a rule).
constexpr auto patience = std::chrono::seconds{2};

/// To itself, behind everything that waits: what came together is sent to the mirrors together.
struct replica_pump_msg {};
/// To itself: the hand-over of this mastership should be over.
struct replica_keep_msg {
  epoch mastership = 0;
};

/// Posts the store's answers to the replica.
class replica_store_client final : public queue_store_client {
public:
  using queue_store_client::queue_store_client;
  void on_durable(seqno) override {}
  void on_paged(seqno) override {}
  bool wants_facts() const override { return true; }
  void on_read_with_facts(std::vector<stored_run> runs, std::vector<message_facts> facts) override {
    post(replica_read_msg{{std::move(runs), std::move(facts)}});
  }
};

struct replica_shell {
  static inline const char* name = "queue replica";

  runtime* node = nullptr;
  queue_ptr record;
  channel_ref address; ///< where other queues' answers go
  std::optional<replicated_queue> machine;
  replicated_step step; ///< reused
  due_timer<queue_tick_msg> timer;
  move_watch moves;      ///< of the queues that its dead letters go to
  snapshot_ptr metadata; ///< with which it was spawned; until it has its content
  uint64_t seen = 0;     ///< version of the metadata that it knows
  bool pump_scheduled = false;
  /// Something came that may call for a change of the in-sync set: more than requests.
  bool look_around = false;
  bool retired = false;
  bool unwanted = false; ///< retired, and the queue lives on without it
  /// The queue was not replicated before, and its content is under way: what comes meanwhile is held.
  bool waits_for_content = false;
  caf::actor content_from; ///< meanwhile
  bool doomed = false;     ///< deleted meanwhile
  epoch office = 0;        ///< mastership of its last office
  count_rates rates;       ///< of this office
  bool touched = false;    ///< since it was sampled
  lookers looking;
  size_t described_bytes = 0; ///< its share of what all replicas of the node may know of entries without bodies
  /// Empties its log when the node has a new session (T19).
  bool starts_over = false;
  /// For a mastership that this node does not know yet, or given back by a master that hands over. Bounded: publishes
  /// hold their batches (D13), everything else is answered before its channel asks again.
  std::deque<addressed_request> held;
};
using replica_actor = caf::stateful_actor<replica_shell>;

// -- what a step asks for
// ---------------------------------------------------------------------------------------------

void tell(replica_actor* self, const channel_ref& channel, queue_event event, epoch from) {
  std::vector<queue_event> events;
  events.push_back(std::move(event));
  self->send(static_cast<const local_channel&>(*channel).handle,
             queue_events_msg{{channel->id, std::move(events), from}});
}

/// The sender hears of the queue's next master by its own metadata, and sends again what it must. What is never sent
/// again goes there right away, in this queue's name: a bridge takes no address of another one.
void turn_away(replica_actor* self, addressed_request what) {
  auto& shell = self->state;
  queue_request& request = what.request;
  if (const auto* consume = std::get_if<consume_request>(&request))
    return tell(self, consume->who->channel, consumer_cancelled{consume->who, true}, shell.office);
  auto* publish = std::get_if<publish_request>(&request);
  if (!publish) {
    if (const channel_ref asker = bridging::waiting_channel(request))
      tell(self, asker, queue_missing{shell.record->id, true}, what.mastership);
    return;
  }
  const queue_location next = shell.node->queues_by_id.locate(shell.record->id);
  publish->channel = shell.address;
  if (!publish->confirm && next.who && next.who != caf::actor_cast<caf::actor>(self))
    self->send(next.who, queue_request_msg{{shell.record->id, std::move(request), 0}});
  else
    publish->batch->release();
}

/// The queue is deleted: whoever asks hears what a deleted queue says (queue_state), whichever master it takes this one
/// for. This node may have been none, or may have been about to take office: nobody else is left to answer.
void answer_deleted(replica_actor* self, queue_request request) {
  auto& shell = self->state;
  const queue_record& record = *shell.record;
  queueing::outbox out{shell.step.queue, record.id};
  std::visit(overloaded{
               [&](const publish_request& one) { // counts as confirmed (W67)
                 const confirm_number first = one.batch->first_confirm;
                 if (one.confirm)
                   for (const slice& each : one.slices)
                     out.confirm(one.channel, {first + each.lo, first + each.hi});
                 one.batch->release();
               },
               [&](const consume_request& one) {
                 out.send(one.who->channel, consume_done{one.who, false, no_such_queue(record.vhost, record.name)});
               },
               [&](const cancel_request& one) { out.send(one.who->channel, cancel_done{one.who}); },
               [](const settle_request&) {},
               [](const channel_gone&) {},
               [](const consumer_ready&) {},
               [&](const auto& question) { out.send(question.channel, queue_missing{record.id}); },
             },
             request);
  send_events(self);
}

void refuse(replica_actor* self, const publish_request& what) {
  if (what.confirm)
    for (const slice& one : what.slices) {
      const confirm_number first = what.batch->first_confirm + one.lo;
      tell(self, what.channel, confirmed{self->state.record->id, {first, first + one.size()}, true},
           self->state.office);
    }
  what.batch->release();
}

/// The machine could not take these. A master that hands over keeps them until it knows whether it comes to that.
void take_back(replica_actor* self) {
  auto& shell = self->state;
  const replication::master* office = shell.machine->replica().office();
  for (queue_request& request : std::exchange(shell.step.misdirected, {})) {
    if (office && office->handing_over())
      shell.held.push_back({shell.record->id, std::move(request), shell.record->mastership});
    else if (const auto* publish = std::get_if<publish_request>(&request); office && publish)
      refuse(self, *publish); // it knows too many channels
    else
      turn_away(self, {shell.record->id, std::move(request), shell.office});
  }
}

void propose(replica_actor* self, replication::placement_command what) {
  const queue_record& record = *self->state.record;
  // No answer is waited for: what has become of it is seen in the placement, and time repeats it (M2).
  self->send(self->state.node->metadata,
             propose_msg{proposal{change_placement{record.vhost, record.name, record.id, std::move(what)},
                                  [](const command_result&) {}}});
}

bool wants_pump(const replica_shell& shell) {
  if (shell.retired)
    return false;
  const auto& nodes = shell.machine->replica().known().nodes.nodes;
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const replication::node_status& one) { return shell.machine->wants_send(one.node); });
}

/// As RabbitMQ does for each queue: who asks where the messages went reads it in the log.
void note_office(const replica_shell& shell) {
  const auto& note = shell.node->queues.note;
  const replicated_step& step = shell.step;
  if (!note || (!step.took_office && !step.deposed))
    return;
  const std::string queue = "queue '" + shell.record->name + "' in vhost '" + shell.record->vhost + "': this node is ";
  if (step.took_office)
    note(queue + "its master now, mastership " + std::to_string(shell.machine->replica().mastership()) + ", "
         + std::to_string(shell.machine->messages_logged()) + " messages");
  else
    note(queue + "not its master any more");
}

void send_mail(replica_actor* self) {
  auto& shell = self->state;
  for (const replication::outgoing& mail : std::exchange(shell.step.sends, {}))
    if (shell.node->replicas)
      shell.node->replicas->send(mail.to, mail.message);
}

void perform(replica_actor* self, uint64_t now_ms) {
  auto& shell = self->state;
  note_touched(self);
  if (shell.node->watch && !shell.retired)
    shell.node->watch->stepped(*shell.machine, shell.step);
  send_mail(self);
  for (auto& what : std::exchange(shell.step.proposals, {}))
    propose(self, std::move(what));
  take_back(self);
  send_requests(self, now_ms);
  if (std::exchange(shell.step.queue.unused, false)) // before anyone can hear of it and declare the queue anew
    propose_deletion(self, *shell.node, *shell.record);
  if (shell.step.took_office)
    shell.office = shell.machine->replica().mastership();
  note_office(shell);
  send_events(self, shell.office); // of the one it has left, if it has just left it
  schedule_tick(self, now_ms);
  if (shell.step.damaged && shell.node->warn)
    shell.node->warn("the log of queue '" + shell.record->name + "' in vhost '" + shell.record->vhost
                     + "' on this node is damaged; its copy is made anew");
  const bool damaged = std::exchange(shell.step.damaged, false);
  if (std::exchange(shell.step.start_over, false) || damaged) {
    shell.starts_over = true;
    shell.node->session_wanted = true;
  }
  shell.looking.answer(shell.step.queue.looks);
  if (std::exchange(shell.step.took_office, false)) {
    shell.rates = {};
    shell.touched = false; // nobody asks mirrors
    note_touched(self);
  }
  if (std::exchange(shell.step.deposed, false))
    shell.looking.forget();
  const bool changed = std::exchange(shell.look_around, false) && shell.machine->replica().is_master();
  if ((changed || wants_pump(shell)) && !std::exchange(shell.pump_scheduled, true))
    self->send(self, replica_pump_msg{});
}

/// Mirrors of idle queues keep the share that they began with: each is smaller than those before it.
size_t described_share(const runtime& node) {
  const size_t equal = limits::replication_described_node_bytes / std::max<size_t>(node.replicas_by_id.size(), 1);
  return std::min(node.replica_sizes.described_bytes, std::max(equal, limits::replication_described_min_bytes));
}

/// Of a node short of memory a mirror that is behind gets what it lacks from the disk.
size_t tail_share(const runtime& node) {
  const bool pressure = node.queues.memory_pressure && node.queues.memory_pressure();
  return pressure ? 0 : node.replica_sizes.tail_bytes;
}

/// Runs one step of the machine: `call` gets the machine, the time and the step.
template<class Call>
void run(replica_actor* self, Call call) {
  auto& shell = self->state;
  if (!shell.machine)
    return; // what replicas say to one that waits for its content is said again
  const uint64_t now_ms = shell.node->now_ms();
  shell.machine->lease(now_ms < shell.node->session_valid_until_ms.load(std::memory_order_relaxed));
  shell.machine->keep_in_memory(tail_share(*shell.node), shell.described_bytes);
  call(*shell.machine, now_ms, shell.step);
  perform(self, now_ms);
}

/// As run(), for what other replicas, the metadata, the disk or time bring about.
template<class Call>
void run_and_look(replica_actor* self, Call call) {
  self->state.look_around = true;
  run(self, call);
}

void pump(replica_actor* self) {
  auto& shell = self->state;
  shell.pump_scheduled = false;
  if (shell.retired || !shell.machine)
    return;
  replica_links* const links = shell.node->replicas.get(); // null: this node is alone
  const uint64_t now_ms = shell.node->now_ms();
  for (const replication::node_status& to : shell.machine->replica().known().nodes.nodes) // sends change no metadata
    while (links && shell.machine->wants_send(to.node) && links->room(to.node, shell.record->id)) {
      shell.machine->send(to.node, now_ms, shell.step);
      send_mail(self);
    }
  shell.machine->propose_changes(now_ms, shell.step);
  shell.pump_scheduled = true; // replica_room_msg comes for whoever has no room now
  perform(self, now_ms);
  shell.pump_scheduled = false;
}

// -- requests
// ---------------------------------------------------------------------------------------------------------

/// Is it for a master that this replica is not yet, or for the next one?
bool is_early(const replica_shell& shell, const addressed_request& what) {
  if (what.mastership > shell.record->mastership)
    return true;
  const auto& replica = shell.machine->replica();
  return !shell.machine->queue() && replica.known().queue.master == shell.node->replica_id;
}

/// Is it for a master that is none any more? A question of mastership 0 is for the queue that was not replicated: its
/// channel asks again when it hears of the first master, and two answers would be one too many.
bool is_late(const replica_shell& shell, const addressed_request& what) {
  if (what.mastership != 0 || std::holds_alternative<publish_request>(what.request))
    return what.mastership != 0 && what.mastership < shell.record->mastership;
  return bridging::waiting_channel(what.request) != nullptr;
}

void take(replica_actor* self, addressed_request what) {
  auto& shell = self->state;
  if (shell.unwanted)
    return turn_away(self, std::move(what));
  if (shell.retired)
    return answer_deleted(self, std::move(what.request));
  if (!shell.machine || is_early(shell, what))
    return shell.held.push_back(std::move(what));
  if (is_late(shell, what) || !shell.machine->queue())
    return turn_away(self, std::move(what));
  if (shell.node->watch)
    shell.node->watch->asked(*shell.machine, what.request, what.mastership);
  run(self, [&](auto& machine, auto now_ms, auto& step) { machine.handle(std::move(what.request), now_ms, step); });
}

void take_held(replica_actor* self) {
  for (addressed_request& one : std::exchange(self->state.held, {}))
    take(self, std::move(one));
}

// -- metadata
// ---------------------------------------------------------------------------------------------------------

void look(replica_actor* self) {
  auto& shell = self->state;
  const snapshot_ptr metadata = shell.node->snapshots.read();
  if (metadata->version() < shell.seen)
    return; // it began with what the others are still to be told of, and is told then
  const queue_ptr record = metadata->find_queue(shell.record->vhost, shell.record->name);
  if (shell.retired || !record || record->id != shell.record->id || !record->placement)
    return; // queue_deleted_msg follows
  if (!shell.machine)
    return; // looks again when it has its content
  // replica_unwanted_msg follows. What the metadata has become since then is for the replica after this one: this one
  // would take on its incarnation, and drop the log under it.
  if (shell.node->replicas_by_id.find(record->id) != caf::actor_cast<caf::actor>(self))
    return;
  shell.record = record;
  shell.seen = metadata->version();
  const replication::metadata_view known = view_of(*record, *metadata);
  const replication::node_id own = shell.node->replica_id;
  const replication::incarnation inc = known.nodes.registered(own);
  const bool fresh = known.nodes.live(own) && inc > shell.machine->replica().inc();
  run_and_look(self, [&](auto& machine, auto now_ms, auto& step) {
    if (fresh && std::exchange(shell.starts_over, false))
      machine.start_again(inc, known, now_ms, step);
    else if (fresh)
      machine.reincarnate(inc, known, now_ms, step);
    machine.apply(record, known, now_ms, step);
  });
  take_held(self);
}

void hand_over(replica_actor* self, const replica_hand_over_msg& what) {
  auto& shell = self->state;
  if (!shell.machine || !shell.machine->queue() || what.mastership != shell.record->mastership)
    return;
  run(self, [&](auto& machine, auto now_ms, auto& step) {
    if (machine.begin_hand_over(what.to, now_ms, step))
      self->delayed_send(self, patience, replica_keep_msg{what.mastership});
  });
}

void forget_idle(replica_actor* self) {
  constexpr auto pause = std::chrono::milliseconds{limits::replication_retry_ms};
  if (self->state.retired)
    return;
  bool more = false;
  run(self, [&](auto& machine, auto now_ms, auto& step) { more = machine.forget_idle_channels(now_ms, step); });
  if (more)
    self->delayed_send(self, pause, replica_forget_idle_msg{});
}

/// It took too long: this one stays the master.
void keep_office(replica_actor* self, const replica_keep_msg& what) {
  auto& shell = self->state;
  const auto* office = shell.machine ? shell.machine->replica().office() : nullptr;
  if (!office || !office->handing_over() || what.mastership != shell.record->mastership)
    return;
  shell.machine->cancel_hand_over();
  take_held(self);
}

void retire(replica_actor* self) {
  auto& shell = self->state;
  if (shell.waits_for_content) {
    shell.doomed = true;
    return;
  }
  if (std::exchange(shell.retired, true))
    return;
  if (shell.machine) {
    if (shell.unwanted && shell.node->watch)
      shell.node->watch->dropped(*shell.machine);
    shell.machine->deleted(shell.step);
    shell.node->store->drop(shell.record->id);
    shell.node->store->detach(shell.record->id);
    perform(self, shell.node->now_ms());
  }
  take_held(self);
  shell.looking.forget();
  linger(self);
}

/// A master that hears of its successor and of this at once leaves its office first: to channels that know less than
/// this node nothing is deleted.
void give_up(replica_actor* self, const replica_unwanted_msg& what) {
  auto& shell = self->state;
  if (shell.retired)
    return;
  shell.unwanted = true;
  if (shell.machine) {
    shell.record = what.record;
    run(self, [&](auto& machine, auto now_ms, auto& step) {
      machine.apply(what.record, view_of(*what.record, *what.metadata), now_ms, step);
    });
  }
  retire(self);
}

queue_report report(replica_shell& shell) {
  if (const queue_state* queue = shell.machine ? shell.machine->queue() : nullptr) {
    queue_report served = report_of(*queue, shell.record, shell.rates, shell.node->now_ms());
    const replication::placement& copies = shell.machine->replica().known().queue;
    const bool leads = shell.node->now_ms() < shell.node->session_valid_until_ms.load(std::memory_order_relaxed);
    served.minority = !leads || copies.isr.size() < copies.min_in_sync;
    return served;
  }
  queue_report result;
  result.queue = shell.record;
  result.down = true;
  result.copied = shell.machine.has_value();
  result.ready = shell.machine ? shell.machine->messages_logged() : 0;
  return result;
}

// -- its beginning
// ---------------------------------------------------------------------------------------------------------

/// A log that does not fit together is no log: the copy is made anew, under this session, which nobody has heard of.
/// Without a log it is what this node alone had before the queue was replicated: a replica's log begins before anything
/// else is stored, and of a copy that was dropped the store gives nothing back, not even how far its numbers went
/// (queue_lives; unit_test/persistence/queue_lives_test.cpp). Adopted, that would be a log whose entries are all over.
replication::recovered_log recovered_of(const runtime& node, const queue_record& record, const recovered_queue* found) {
  if (!found)
    return replication::begin_log();
  auto log =
    found->log.empty() ? replication::adopt_queue(*found, record.mastership) : replication::recover_log(*found);
  if (log)
    return *std::move(log);
  if (node.warn)
    node.warn("the log of queue '" + record.name + "' in vhost '" + record.vhost
              + "' on this node is not used: " + log.error().text);
  return replication::discard_log(*found);
}

replicated_settings settings_of(replica_actor* self) {
  runtime* node = self->state.node;
  replicated_settings settings;
  settings.queue = node->queues;
  settings.queue.snapshots = node->snapshot_reader();
  settings.queue.address = self->state.address;
  settings.replica.self = node->replica_id;
  settings.replica.append_bytes = node->replica_sizes.append_bytes;
  settings.replica.tail_bytes = tail_share(*node);
  settings.replica.described_bytes = self->state.described_bytes;
  settings.replica.copy_window_bytes = node->replica_sizes.copy_window_bytes;
  settings.replica.copy_above_bytes = node->replica_sizes.copy_above_bytes;
  return settings;
}

void begin(replica_actor* self, replication::recovered_log found) {
  auto& shell = self->state;
  runtime& node = *shell.node;
  node.store->attach(shell.record->id, ref<store_client>{new replica_store_client{caf::actor_cast<caf::actor>(self)}});
  const snapshot_ptr metadata = std::exchange(shell.metadata, nullptr);
  shell.described_bytes = described_share(node);
  shell.seen = metadata->version();
  const uint64_t now_ms = node.now_ms();
  const replication::metadata_view known = view_of(*shell.record, *metadata);
  shell.machine.emplace(shell.record, settings_of(self), known.nodes.registered(node.replica_id), known, *node.store,
                        std::move(found), now_ms, shell.step);
  perform(self, now_ms);
}

/// What the earlier one acknowledged, as another incarnation, does not count for this one.
void begin_after_earlier(replica_actor* self) {
  if (self->state.retired)
    return;
  begin(self, {});
  look(self);
}

/// The queue's actor has left the store.
void take_content(replica_actor* self, const recovered_queue& what) {
  auto& shell = self->state;
  shell.waits_for_content = false;
  shell.content_from = nullptr;
  begin(self, recovered_of(*shell.node, *shell.record, &what));
  if (shell.doomed)
    retire(self);
  else
    look(self);
}

caf::message_handler store_messages(replica_actor* self) {
  return {
    [self](replica_logged_msg logged) {
      run_and_look(self, [&](auto& machine, auto now_ms, auto& step) { machine.logged(logged.upto, now_ms, step); });
    },
    [self](replica_read_msg& read) {
      run(self, [&](auto& machine, auto now_ms, auto& step) {
        machine.read(read.content.runs, read.content.facts, now_ms, step);
      });
    },
    [self](queue_pressure_msg) {
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.under_pressure(now_ms, step); });
    },
  };
}

caf::message_handler replica_messages(replica_actor* self) {
  return {
    [self](replica_mail_msg& mail) {
      run_and_look(self, [&](auto& machine, auto now_ms, auto& step) {
        machine.receive(mail.content.from, mail.content.message, now_ms, step);
      });
    },
    [self](replica_room_msg) { pump(self); },
    [self](replica_pump_msg) { pump(self); },
    [self](replica_look_msg) { look(self); },
    [self](replica_forget_idle_msg) { forget_idle(self); },
    [self](const replica_unwanted_msg& what) { give_up(self, what); },
    [self](const replica_hand_over_msg& what) { hand_over(self, what); },
    [self](const replica_keep_msg& what) { keep_office(self, what); },
  };
}

caf::behavior replica_behavior(replica_actor* self, runtime* node, const queue_ptr& record,
                               const snapshot_ptr& metadata, const replica_beginning& with) {
  die_on_exceptions(self);
  auto& shell = self->state;
  shell.node = node;
  shell.record = record;
  shell.address = make_ref<local_channel>(node->next_channel++, caf::actor_cast<caf::actor>(self));
  shell.metadata = metadata;
  shell.waits_for_content = with.content == replica_content::coming;
  if (shell.waits_for_content)
    shell.content_from = with.earlier;
  if (with.content == replica_content::here)
    begin(self, recovered_of(*node, *record, with.recovered.get()));
  if (with.content == replica_content::ended) {
    self->set_down_handler([self](const caf::down_msg&) { begin_after_earlier(self); });
    self->monitor(with.earlier);
  }
  caf::message_handler own{
    [self](queue_request_msg& request) { take(self, std::move(request.content)); },
    [self](queue_tick_msg tick) {
      if (!self->state.timer.take(tick))
        return;
      self->state.described_bytes = described_share(*self->state.node);
      run_and_look(self, [&](auto& machine, auto at_ms, auto& step) { machine.tick(at_ms, step); });
    },
    [self](queue_unused_msg) { propose_deletion(self, *self->state.node, *self->state.record); },
    [self](replica_content_msg& what) { take_content(self, what.content); },
    [self](queue_deleted_msg) { retire(self); },
    [self](queue_retired_msg) { leave(self); },
    [self](queue_report_request& request) { answer_report(self, request.content, report(self->state)); },
    [self](replica_audit_request& request) {
      if (const auto& machine = self->state.machine) {
        machine->check();
        const auto& replica = machine->replica();
        request.content(
          {replica.mastership(), replica.is_master(), replica.commit(), machine->messages_logged(), machine->digest()});
      }
    },
    [self](queue_look_request& request) {
      if (!self->state.machine)
        return;
      run(self, [&](auto& machine, auto now_ms, auto& step) {
        self->state.looking.add(std::move(request.content),
                                [&](const look_order& order) { return machine.look(order, now_ms, step); });
      });
    },
    [self](queue_flow_request& request) {
      if (const auto flow = self->state.machine ? self->state.machine->flow() : std::nullopt)
        request.content(*flow);
    },
    [self](consumer_report_request& request) {
      const auto& machine = self->state.machine;
      if (const queue_state* queue = machine ? machine->queue() : nullptr)
        request.content.answer(report_consumers_of(*queue, self->state.record));
      else
        request.content.answer({});
    },
  };
  return own.or_else(store_messages(self)).or_else(replica_messages(self)).or_else(target_messages([self](auto call) {
    run(self, call);
  }));
}

} // namespace

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::replica_pump_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::replica_keep_msg)

namespace broker {

bool wants_replica(const queue_record& queue, replication::node_id own) {
  return queue.placement && (queue.placement->places(own) || queue.placement->listed(own));
}

caf::actor spawn_replica(caf::actor_system& system, runtime& node, queue_ptr record, const snapshot_ptr& metadata,
                         replica_beginning with) {
  return system.spawn(replica_behavior, &node, std::move(record), metadata, std::move(with));
}

} // namespace broker

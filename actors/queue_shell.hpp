// What the actors of queues of all kinds share.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "actors/channel.hpp"
#include "actors/due_timer.hpp"
#include "actors/messages.hpp"
#include "actors/runtime.hpp"
#include "ports/message_store.hpp"

namespace broker {

/// How long a deleted queue still answers requests that were sent before its deletion was known.
inline constexpr auto queue_linger = std::chrono::seconds{5};

/// Posts the store's answers to the queue's actor.
class queue_store_client : public store_client {
public:
  explicit queue_store_client(const caf::actor& who) : queue_(caf::actor_cast<caf::actor_addr>(who)) {}

  void on_durable(seqno upto) override { post(queue_durable_msg{upto}); }
  void on_paged(seqno upto) override { post(queue_paged_msg{upto}); }
  void on_read(std::vector<stored_run> runs) override { post(queue_read_msg{std::move(runs)}); }
  void on_logged(uint64_t upto) override { post(replica_logged_msg{upto}); }

protected:
  template<class Message>
  void post(Message message) {
    if (auto who = caf::actor_cast<caf::actor>(queue_))
      caf::anon_send(who, std::move(message));
  }

private:
  caf::actor_addr queue_; // weak: the store must not keep an ended queue alive
};

// -- what a machine's step asks for. `Actor` is a stateful actor with node, machine, step, moves and timer --

/// Messages to other queues. A queue that is not there (any more) is told to the machine, which may then send again.
/// `machine_now_ms` is on the machine's own clock.
inline queue_step& queue_part(queue_step& step) {
  return step;
}

template<class Actor>
void send_requests(Actor* self, uint64_t machine_now_ms) {
  auto& shell = self->state;
  queue_step& asked = queue_part(shell.step);
  while (!asked.requests.empty()) {
    std::vector<queue_id> gone;
    for (auto& [id, request] : std::exchange(asked.requests, {})) {
      shell.moves.look(shell.node->moves, id, self);
      const auto& publish = std::get<publish_request>(request);
      if (const queue_location at = shell.node->queues_by_id.locate(id); at.who) {
        if (at.mastership != 0)
          shell.machine->sent_to_master(id, publish.batch->first_confirm + publish.slices.front().lo, at.mastership);
        self->send(at.who, queue_request_msg{{id, std::move(request), at.mastership}});
        continue;
      }
      publish.batch->release();
      gone.push_back(id);
    }
    for (const queue_id id : gone)
      shell.machine->target_gone(id, machine_now_ms, shell.step);
  }
}

/// `mastership`: of the master that says so; 0: the queue is not replicated.
template<class Actor>
void send_events(Actor* self, epoch mastership = 0) {
  auto& shell = self->state;
  queue_step& told = queue_part(shell.step);
  for (auto& [channel, events] : told.events)
    self->send(static_cast<const local_channel&>(*channel).handle,
               queue_events_msg{{channel->id, std::move(events), mastership}});
  told.events.clear();
}

/// Those who look into a queue, until it answers. They are forgotten when the queue ends.
class lookers {
public:
  template<class Look>
  void add(queue_look what, Look look) {
    what.order.number = ++last_;
    asked_.emplace(last_, std::move(what.answer));
    if (!look(what.order))
      asked_.erase(last_);
  }
  void answer(std::vector<look_answer>& answers) {
    for (look_answer& one : answers)
      if (auto who = asked_.extract(one.number))
        who.mapped()(std::move(one));
    answers.clear();
  }
  void forget() { asked_.clear(); }

private:
  uint64_t last_ = 0;
  std::map<uint64_t, std::function<void(look_answer)>> asked_; ///< queue_state::looks_max
};

/// The queue has no consumer left that it was to live for. A refused deletion is proposed again.
template<class Actor>
void propose_deletion(Actor* self, const runtime& node, const queue_record& record) {
  static constexpr auto retry = std::chrono::milliseconds{100};
  auto me = caf::actor_cast<caf::actor>(self);
  self->send(node.metadata, propose_msg{proposal{delete_queue{record.vhost, record.name, record.id},
                                                 [me](const command_result& result) {
                                                   if (!result.ok()) // too many proposals for now
                                                     caf::delayed_anon_send(me, retry, queue_unused_msg{});
                                                 }}});
}

/// It ends.
template<class Actor>
void leave(Actor* self) {
  const auto me = caf::actor_cast<caf::actor>(self);
  self->state.moves.leave(self->state.node->moves, me);
  self->state.node->lingering.remove(me);
  self->quit();
}

/// It is gone for everybody, and ends in a while.
template<class Actor>
void linger(Actor* self) {
  if (self->state.node->lingering.add(caf::actor_cast<caf::actor>(self)))
    self->delayed_send(self, queue_linger, queue_retired_msg{});
  else
    leave(self);
}

/// At most the earliest timer counts; `now_ms` is the node's monotonic clock.
template<class Actor>
void schedule_tick(Actor* self, uint64_t now_ms) {
  auto& shell = self->state;
  if (const uint64_t in_ms = std::exchange(queue_part(shell.step).tick_in_ms, 0); in_ms != 0)
    shell.timer.set(self, now_ms, in_ms);
}

/// Something has happened in it. Only the first time after a sample costs more than a look at a flag.
template<class Actor>
void note_touched(Actor* self) {
  auto& shell = self->state;
  if (std::exchange(shell.touched, true))
    return;
  shell.rates.rested_until(shell.node->touched.taken_ms());
  shell.node->touched.add(shell.record->id);
}

/// A round of samples has asked it. While its rates have not come to rest it is asked again in the next one.
template<class Actor>
void note_sampled(Actor* self, const queue_report& said) {
  auto& shell = self->state;
  shell.touched = said.down || !shell.rates.rest(said.messages.counts);
  if (shell.touched)
    shell.node->touched.add(shell.record->id);
}

template<class Actor>
void answer_report(Actor* self, const report_request<queue_report>& asked, queue_report said) {
  if (asked.is_sample)
    note_sampled(self, said);
  asked.answer(std::move(said));
}

/// What a queue hears of those that it has sent messages to. `run(call)` runs one step of the machine: `call` gets the
/// machine, its clock's time and the step.
template<class Run>
caf::message_handler target_messages(Run run) {
  return {
    [run](queue_events_msg& events) {
      run([&](auto& machine, auto now_ms, auto& step) {
        for (const queue_event& event : events.content.events)
          if (const auto* answer = std::get_if<confirmed>(&event))
            machine.answered(*answer, now_ms, step);
      });
    },
    [run](queue_gone_msg gone) {
      run([&](auto& machine, auto now_ms, auto& step) { machine.target_gone(gone.queue, now_ms, step); });
    },
    [run](const queue_unreachable_msg& lost) {
      run([&](auto& machine, auto now_ms, auto& step) {
        machine.target_unreachable(lost.queue, lost.mastership, now_ms, step);
      });
    },
    // What was under way to a master before is perhaps lost: it is sent again (W52), and if it comes there late it is
    // dropped. What this master has been sent is not lost, though other nodes tell of their breaks and moves later.
    [run](const queues_moved_msg& moved) {
      for (const queue_move& one : *moved.content)
        run([&](auto& machine, auto now_ms, auto& step) {
          if (one.mastership != 0)
            machine.target_unreachable(one.queue, one.mastership - 1, now_ms, step);
        });
    },
  };
}

} // namespace broker

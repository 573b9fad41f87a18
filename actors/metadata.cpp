#include "actors/metadata.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "actors/cluster.hpp"
#include "actors/due_timer.hpp"
#include "actors/metadata_replicas.hpp"
#include "actors/metadata_work.hpp"
#include "actors/queue_supervision.hpp"
#include "replication/replica_timers.hpp"

namespace broker {

namespace {

/// A node without others only looks whether one is to join.
constexpr uint64_t idle_tick_ms = 500;
/// Between two renewals of the node's session: several fit into limits::session_ms.
constexpr uint64_t renew_interval_ms = limits::session_ms / 5;
/// It goes with the next message of the group, as a rule a heartbeat or its answer, and without one waits no longer.
constexpr uint64_t renew_patience_ms = limits::session_ms / 10;

struct metadata_shell {
  static inline const char* name = "metadata";

  std::unique_ptr<metadata_service> service;
  std::map<consensus::ticket, asker> waiting;
  consensus::ticket next_ticket = first_free_ticket;
  bool flush_scheduled = false;
  queue_supervision supervision;
  ordered_rebalance rebalance;
  replication::session_lease lease; ///< of this node
  uint64_t renew_at_ms = 0;
  due_timer<metadata_tick_msg> timer;
  bool ticks = false; ///< when something is due; alone it only looks now and then
};

using metadata_actor = blocking_calls_actor<metadata_shell>;

void propose(metadata_actor* self, proposal what) {
  auto& shell = self->state;
  const auto ticket = shell.next_ticket++;
  shell.waiting.emplace(ticket, asker_of(what, shell.service->node->cluster != nullptr));
  shell.service->host.propose(ticket, std::move(what.what));
}

void answer(metadata_actor* self, metadata_completion& done) {
  auto& shell = self->state;
  auto found = shell.waiting.extract(done.id);
  BROKER_ASSERT(!found.empty(), "an answer to no proposal");
  asker& who = found.mapped();
  if (done.what == consensus::outcome::ok)
    return who.done(std::move(done.result));
  if (who.owner != 0) // the connection is gone: nobody else would ask for it again
    shell.service->doomed_owners.push_back(who.owner);
  who.done(refused(done.what, who.what));
}

/// The queues of connections that ended without a majority.
void clean_up(metadata_actor* self) {
  auto& service = *self->state.service;
  if (!service.booted || service.host.leader().empty())
    return;
  for (const connection_id owner : std::exchange(service.doomed_owners, {}))
    propose(self, {delete_exclusive_queues{owner}, [](const command_result&) {}});
}

/// To one candidate after the other, until one has taken over.
void hand_over(metadata_actor* self, std::vector<consensus::node_id> to, metadata_hand_over what) {
  constexpr auto pause = std::chrono::milliseconds{200};
  auto& shell = self->state;
  if (!shell.service->host.leads() || shell.service->host.is_alone())
    return what.done({});
  if (to.empty() && what.tries > 1)
    return self->delayed_send(self, pause, metadata_hand_over_msg{{std::move(what.done), what.tries - 1}});
  if (to.empty())
    return what.done(error{0, "no other node could take the metadata's leadership over"});
  const auto next = to.back();
  to.pop_back();
  const auto ticket = shell.next_ticket++;
  const auto answered = [self, to = std::move(to), what = std::move(what)](const command_result& taken) {
    if (!taken.ok())
      return hand_over(self, to, what);
    if (self->state.service->options.note)
      self->state.service->options.note("another node leads the metadata now");
    what.done({});
  };
  shell.waiting.emplace(ticket, asker{answered, "hand over", 0});
  shell.service->host.transfer(ticket, next);
}

void end(metadata_actor* self, const error& why) {
  self->state.service->options.fatal(why);
  self->quit();
}

/// Behind everything that waits in the mailbox already: one write for all of it.
void flush_soon(metadata_actor* self) {
  if (!std::exchange(self->state.flush_scheduled, true))
    self->send(self, metadata_flush_msg{});
}

/// A snapshot that has been written, or why it could not be.
struct written_snapshot {
  metadata_snapshot_job job;
  result<std::string> bytes;
};
using snapshot_written_msg = parcel<written_snapshot>;

/// A snapshot that was received and has been restored, or why it could not be.
struct restored_snapshot {
  metadata_restore_job job;
  result<void> how;
};
using snapshot_restored_msg = parcel<restored_snapshot>;

/// A state that has been replaced. Where its last reference goes, all of it ends, which takes as long as restoring it
/// did: not on a thread that clients wait for.
struct replaced_state {
  std::unique_ptr<metadata_state> state;
  snapshot_ptr seen; ///< others may still read it
  unsigned looks = 0;
};
using state_replaced_msg = parcel<replaced_state>;

void finish_snapshot(metadata_actor* self, const written_snapshot& what) {
  if (!what.bytes)
    return end(self, what.bytes.error());
  if (auto finished = self->state.service->host.finish_snapshot(what.job, *what.bytes); !finished)
    end(self, finished.error());
}

/// Encoding and writing it takes a second for a million queues: on a thread of its own, unless there is only one.
void begin_snapshot(metadata_actor* self) {
  auto& service = *self->state.service;
  written_snapshot what{service.host.begin_snapshot(), error{}};
  metadata_store* const store = service.options.store;
  if (!service.node->metadata_on_own_thread) {
    what.bytes = what.job.write(*store);
    return finish_snapshot(self, what);
  }
  const auto work = std::make_shared<written_snapshot>(std::move(what));
  // layers: docs/adr/0002-metadata-on-its-own-thread.md; it ends with the snapshot
  self->spawn<caf::detached>([work, store, to = caf::actor_cast<caf::actor>(self)](caf::event_based_actor*) {
    work->bytes = work->job.write(*store);
    work->job.image = nullptr; // its end takes time, too
    caf::anon_send(to, snapshot_written_msg{std::move(*work)});
  });
}

/// Beside everything else, as with begin_snapshot(): nothing new can be applied meanwhile, but the group must not fall
/// silent. In simulation it takes some time, too.
void begin_restore(metadata_actor* self) {
  constexpr uint64_t simulated_max_ms = 400; // an election may come meanwhile
  auto& service = *self->state.service;
  metadata_store* const store = service.options.store;
  const auto work = std::make_shared<restored_snapshot>(restored_snapshot{service.host.begin_restore(), {}});
  if (!service.node->metadata_on_own_thread) {
    work->how = work->job.work(*store);
    const std::chrono::milliseconds takes{service.node->next_seed() % simulated_max_ms};
    return self->delayed_send(self, takes, snapshot_restored_msg{std::move(*work)});
  }
  // layers: docs/adr/0002-metadata-on-its-own-thread.md; it ends with the snapshot
  self->spawn<caf::detached>([work, store, to = caf::actor_cast<caf::actor>(self)](caf::event_based_actor*) {
    work->how = work->job.work(*store);
    caf::anon_send(to, snapshot_restored_msg{std::move(*work)});
  });
}

/// Ends it on a thread of its own when nobody reads it any more, or soon.
void end_replaced(metadata_actor* self, replaced_state what) {
  constexpr auto pause = std::chrono::seconds{1};
  constexpr unsigned looks_max = 60; // a channel that is idle keeps what it saw last
  constexpr long own = 2;            // the state's and this one
  if (!self->state.service->node->metadata_on_own_thread)
    return;
  if (what.seen.use_count() > own && ++what.looks < looks_max)
    return self->delayed_send(self, pause, state_replaced_msg{std::move(what)});
  const auto last = std::make_shared<replaced_state>(std::move(what));
  // layers: docs/adr/0002-metadata-on-its-own-thread.md; it ends with the state
  self->spawn<caf::detached>([last](caf::event_based_actor*) { *last = {}; });
}

void finish_restore(metadata_actor* self, restored_snapshot& what) {
  auto& host = self->state.service->host;
  host.at(self->state.service->node->now_ms());
  if (!what.how)
    return end(self, what.how.error());
  if (auto finished = host.finish_restore(what.job); !finished)
    return end(self, finished.error());
  end_replaced(self, {std::move(what.job.state), std::move(what.job.before)});
  flush_soon(self);
}

/// Which node leads is of no interest to clients, and the first question when something is wrong.
void note_leadership(const metadata_service& service, const metadata_flush& flushed) {
  if (flushed.leadership && service.host.leads() && !service.host.is_alone() && service.options.note)
    service.options.note("this node leads the cluster's metadata, term " + std::to_string(flushed.leadership->term));
  if (flushed.hands_over && service.options.note)
    service.options.note("node " + flushed.hands_over->stranded + " cannot be reached from here, but from "
                         + flushed.hands_over->next + ", which is to lead the cluster's metadata");
}

bool replicates(const metadata_service& service) {
  return service.options.host.metadata.replication;
}

void supervise(metadata_actor* self, const metadata_flush& flushed) {
  auto& shell = self->state;
  if (!replicates(*shell.service))
    return;
  const auto propose_change = [self](change_placement what) {
    propose(self, {std::move(what), [](const command_result&) {}}); // refused: somebody was faster, its change is seen
  };
  if (shell.supervision.step(*shell.service, flushed, propose_change))
    flush_soon(self);
}

/// What the leader wishes of masters of this node.
void hand_over_masters(const runtime& node, const std::vector<peer_message::move_master>& moves) {
  for (const auto& each : moves)
    if (const auto master = node.replicas_by_id.find(each.queue))
      caf::anon_send(master, replica_hand_over_msg{each.to, each.mastership});
}

/// The node's session counts from when it asked, if the leader was one after that, with a majority: as a read shows.
/// Whoever leads takes this node for dead limits::session_ms after it heard of it last, or after its reign began.
/// False: it asked for nothing.
bool renew_session(metadata_actor* self, uint64_t now) {
  auto& shell = self->state;
  auto& service = *shell.service;
  if (!replicates(service))
    return false;
  auto& until = service.node->session_valid_until_ms;
  if (service.host.is_alone()) {
    shell.lease.renewed(now);
    until = UINT64_MAX;
    return false;
  }
  until = shell.lease.until_ms();
  if (now < shell.renew_at_ms)
    return false;
  shell.renew_at_ms = now + renew_interval_ms;
  const auto ticket = shell.next_ticket++;
  const auto answered = [self, now](const command_result& done) {
    auto& of = self->state;
    if (!done.ok())
      return;
    of.lease.renewed(now);
    of.service->node->session_valid_until_ms = of.lease.until_ms();
  };
  shell.waiting.emplace(ticket, asker{answered, "renew the node's session", 0, true});
  service.host.read_barrier(ticket, consensus::read_haste::at_leisure);
  return true;
}

void note_leader(const metadata_service& service, uint64_t now) {
  auto& since = service.node->leaderless_since_ms;
  if (!service.host.leader().empty())
    since = 0;
  else if (since == 0)
    since = now;
}

/// When tick() has something to do.
uint64_t next_tick(const metadata_shell& shell, uint64_t now) {
  const metadata_service& service = *shell.service;
  const uint64_t soon = now + service.options.host.group.heartbeat_ms / 4;
  if (!service.booted || service.options.ready || service.news.owes())
    return soon;
  uint64_t due = std::min({service.host.next_tick(), service.clean_up_at_ms, service.forget_idle_at_ms});
  if (service.session_due_ms != 0)
    due = std::min(due, service.session_due_ms);
  if (replicates(service)) // whether replicas want a session is looked at, too
    due = std::min(due, shell.renew_at_ms + renew_patience_ms);
  return due;
}

/// Sets the timer for what is due next, unless one comes as soon.
void arm_tick(metadata_actor* self) {
  auto& shell = self->state;
  const auto& service = *shell.service;
  const uint64_t now = service.node->now_ms();
  if (shell.ticks && !shell.timer.is_due_by(now + service.options.host.group.heartbeat_ms / 4))
    shell.timer.set(self, now, std::max(now + 1, next_tick(shell, now)) - now);
}

/// Tells the node's actors of a part of what has changed; when they know all of it, who asked for it is answered.
void tell(metadata_actor* self) {
  auto& service = *self->state.service;
  metadata_told told;
  const bool all = service.telling.step(self->system(), service, told);
  hand_over_masters(*service.node, told.moves);
  say_ready(service);
  for (metadata_completion& each : told.done)
    answer(self, each);
  if (!all || self->state.rebalance.step(service)) // who has ordered it looks at what the node's actors know
    flush_soon(self);
}

/// Answers what does not depend on what this node's actors know.
void answer_at_once(metadata_actor* self, std::vector<metadata_completion>& done) {
  auto& shell = self->state;
  std::erase_if(done, [&](metadata_completion& each) {
    if (each.id == start_ticket)
      return true;
    const auto who = shell.waiting.find(each.id);
    BROKER_ASSERT(who != shell.waiting.end(), "an answer to no proposal");
    if (shell.service->booted && !who->second.at_once)
      return false;
    answer(self, each);
    return true;
  });
}

void flush(metadata_actor* self) {
  auto& service = *self->state.service;
  service.host.at(service.node->now_ms());
  self->state.flush_scheduled = false;
  auto flushed = service.host.flush();
  if (!flushed)
    return end(self, flushed.error());
  note_leadership(service, *flushed);
  if (flushed->leadership) {
    note_leader(service, service.node->now_ms());
    if (!service.host.leader().empty())
      self->state.renew_at_ms = 0; // what the leader before was asked may be lost
  }
  if (service.options.flushed)
    service.options.flushed(service.host, flushed->changes);
  if (service.booted)
    supervise(self, *flushed);
  else if (auto booted = boot_if_ready(service, *flushed); !booted)
    return self->quit(); // whoever waits for `ready` knows
  else
    flushed->changes.clear(); // as part of the state
  if (flushed->forgotten && service.options.forgotten)
    std::exchange(service.options.forgotten, nullptr)();
  answer_at_once(self, flushed->done);
  if (service.booted) {
    service.telling.add(service, std::move(*flushed));
    tell(self);
  } else {
    service.host.shown();
  }
  if (service.host.has_more())
    flush_soon(self);
  if (service.host.snapshot_due())
    begin_snapshot(self);
  if (service.host.restore_due())
    begin_restore(self);
  arm_tick(self);
}

uint64_t own_session(const metadata_service& service) {
  const node_ptr own = service.host.snapshot()->find_node(service.node->node);
  return own ? own->session : 0;
}

/// Whoever waits for it says so once: it is asked for until it is there.
void take_session(metadata_actor* self) {
  auto& service = *self->state.service;
  const auto answered = [self, before = own_session(service)](const command_result& done) {
    auto& of = *self->state.service;
    if (!done.ok() && own_session(of) == before)
      of.node->session_wanted = true;
  };
  propose(self, {node_up{service.node->node, service.options.start.incarnation, true}, answered});
}

void tick(metadata_actor* self) {
  auto& shell = self->state;
  auto& service = *shell.service;
  const uint64_t now = service.node->now_ms();
  service.host.tick(now);
  note_leader(service, now);
  renew_session(self, now);
  if (now >= service.clean_up_at_ms) {
    service.clean_up_at_ms = now + limits::metadata_proposal_ms;
    clean_up(self);
  }
  if (service.booted && wants_session(service, now))
    take_session(self);
  tell_left_out(service);
  if (service.booted)
    forget_idle_channels(service, now);
  shell.ticks = !service.host.is_alone();
  flush(self);
  if (!shell.ticks)
    shell.timer.set(self, now, idle_tick_ms);
}

/// When the node was last heard of.
uint64_t heard_of(const runtime& node, const std::string& other) {
  const uint64_t now = node.now_ms();
  for (const node_state& each : node.cluster->nodes())
    if (each.node == other)
      return now - each.silent_ms;
  return now;
}

caf::behavior metadata_behavior(metadata_actor* self,
                                const std::shared_ptr<std::unique_ptr<metadata_service>>& service) {
  die_on_exceptions(self);
  self->state.service = std::move(*service);
  auto& host = self->state.service->host;
  if (cluster_links* links = self->state.service->node->cluster)
    links->serve(cluster_service::metadata, caf::actor_cast<caf::actor>(self));
  if (self->state.service->node->cluster || replicates(*self->state.service))
    self->send(self, metadata_tick_msg{});
  return {
    [self](metadata_flush_msg) { flush(self); },
    [self, &host](node_datagram_msg& what) {
      const uint64_t now = self->state.service->node->now_ms();
      host.at(now);
      host.recv(what.content.from, what.content.bytes);
      if (renew_session(self, now))
        flush(self);               // at once: the link takes it along with the answer to a heartbeat
      else if (host.has_pending()) // a heartbeat and its answer leave nothing behind
        flush_soon(self);
    },
    [self, &host](propose_msg& what) {
      host.at(self->state.service->node->now_ms());
      propose(self, std::move(what.content));
      flush_soon(self);
    },
    [self, &host](metadata_read_msg& what) {
      auto& shell = self->state;
      host.at(shell.service->node->now_ms());
      const auto ticket = shell.next_ticket++;
      shell.waiting.emplace(ticket, asker{std::move(what.content.done), "read the metadata", 0});
      host.read_barrier(ticket);
      flush_soon(self);
    },
    [self](metadata_rebalance_msg& what) {
      self->state.rebalance.begin(*self->state.service, std::move(what.content));
      flush_soon(self);
    },
    [self](snapshot_written_msg& what) { finish_snapshot(self, what.content); },
    [self](snapshot_restored_msg& what) { finish_restore(self, what.content); },
    [self](state_replaced_msg& what) { end_replaced(self, std::move(what.content)); },
    [self](metadata_tick_msg what) {
      if (self->state.timer.take(what))
        tick(self);
    },
    [self](metadata_status_msg& what) { what.content(status_of(*self->state.service)); },
    [self, &host](metadata_hand_over_msg& what) {
      hand_over(self, host.successors(), std::move(what.content));
      flush_soon(self);
    },
    [self, &host](node_frame_msg& what) {
      host.at(self->state.service->node->now_ms());
      host.recv(what.content.from, what.content.bytes);
      flush_soon(self);
    },
    [&host](const node_up_msg& what) { host.peer_connected(what.node); },
    [self, &host](const node_suspect_msg& what) {
      host.peer_suspect(what.node, heard_of(*self->state.service->node, what.node));
    },
    [self, &host](const node_lost_msg& what) {
      host.at(self->state.service->node->now_ms());
      host.peer_lost(what.node);
      if (host.has_pending())
        flush_soon(self);
      arm_tick(self);
    },
    [](const node_room_msg&) {}, // what was not taken is sent again at the next tick
  };
}

} // namespace

result<void> start_metadata(caf::actor_system& system, runtime& node, metadata_options options) {
  options.host.group.seed = node.next_seed();
  options.host.new_cluster = node.next_seed() | 1;
  if (options.host.metadata.replication) {
    options.host.session_ms = limits::session_ms; // what session_lease counts with
    node.session_valid_until_ms = 0;
  }
  options.start.incarnation = node.cluster ? node.cluster->incarnation() : node.next_seed() | 1;
  options.start.default_vhost = options.host.metadata.default_vhost;
  auto service = std::make_unique<metadata_service>(node, std::move(options));
  if (auto opened = service->host.open(node.now_ms()); !opened)
    return opened;
  service->options.start.cluster = service->host.identity().cluster;
  connect_known_nodes(*service);
  service->host.propose(start_ticket, service->options.start);
  auto flushed = service->host.flush();
  if (!flushed)
    return flushed.error();
  if (auto booted = boot_if_ready(*service, *flushed); !booted)
    return booted;
  if (service->booted) {
    metadata_told nobody; // has asked yet
    while (!service->telling.step(system, *service, nobody)) {
    }
    say_ready(*service);
  }
  auto handed = std::make_shared<std::unique_ptr<metadata_service>>(std::move(service));
  node.metadata = system.spawn(metadata_behavior, handed);
  return {};
}

} // namespace broker

#include "sim_cluster.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "metadata/metadata_host.hpp"
#include "metadata/recovery.hpp"
#include "sim_metadata_store.hpp"

namespace broker::sim {

namespace {

/// How long after a fault clients may still be told of it: elections, sessions and proposals take their time.
constexpr sim_ns aftermath = 15 * second;
/// An operator tries again after this long.
constexpr sim_ns operator_pause = 500 * ms;
/// A forgotten node that returns must have been told by then.
constexpr sim_ns told_within = 8 * second;

} // namespace

sim_cluster::sim_cluster(virtual_time& time, random_source random, cluster_plan plan, const std::string& plant_name,
                         events told, std::shared_ptr<const guests> own)
  : time_(time), random_(random), plan_(plan), plant_(plant_name), told_(std::move(told)), own_(std::move(own)),
    network_(time, random_.fork()), watch_(told_.violation), copies_(told_.violation, told_.mark) {
  network_.set_refuses(plan_.replication);
  network_.set_usual_delay(plan_.network);
  for (uint32_t index = 0; index < plan_.nodes; ++index) {
    auto made = std::make_unique<member>();
    made->name = "rabbit@n" + std::to_string(index + 1);
    members_.push_back(std::move(made));
  }
}

sim_cluster::~sim_cluster() {
  for (auto& each : members_)
    if (each->node && each->node->up())
      each->node->crash(true); // nothing may outlive the run
}

/// A blank machine.
void sim_cluster::make(member& who) {
  attic_.push_back(std::shared_ptr<plant>{std::move(who.mistakes)});
  attic_.push_back(std::shared_ptr<sim_disk>{std::move(who.disk)});
  attic_.push_back(std::shared_ptr<sim_backlog>{std::move(who.backlog)});
  attic_.push_back(std::shared_ptr<sim_node>{std::move(who.node)});
  who.mistakes = std::make_unique<plant>(plant_, random_.fork());
  who.disk = std::make_unique<sim_disk>(random_.fork());
  who.backlog = std::make_unique<sim_backlog>(random_.fork());
  cluster_seat seat;
  seat.name = who.name;
  seat.network = &network_;
  seat.break_limit_ms = plan_.break_limit_ms;
  seat.node_down_ms = plan_.node_down_ms;
  seat.snapshot_entries = plan_.snapshot_entries;
  seat.replication = plan_.replication;
  seat.replica_sizes = plan_.replica_sizes;
  seat.copies = &copies_;
  seat.disk = plan_.disk;
  seat.heartbeat_ms = plan_.heartbeat_ms;
  seat.own = own_;
  for (const auto& each : members_)
    if (each.get() != &who && each->belongs)
      seat.seeds.push_back(each->name);
  seat.flushed = [this, name = who.name](const metadata_host& host, const std::vector<metadata_change>& changes) {
    watch_.flushed(name, host);
    look_at_queues(host, changes);
  };
  seat.queue_started = [this, name = who.name](const queue_record& record) { queue_started(name, record); };
  node_limits bounds;
  bounds.memory_bytes *= plan_.nodes; // it counts the messages of the whole process
  who.node = std::make_unique<sim_node>(
    time_, random_.fork(), *who.disk, *who.backlog, *who.mistakes, bounds,
    [this, &who](const std::string& line) { noted(who, line); }, std::move(seat));
}

void sim_cluster::noted(member& who, const std::string& line) {
  told_.say(who.name + ": " + line);
  if (line.find(" lost: ") != std::string::npos || line.find("ended: it sent") != std::string::npos) {
    trouble();
    told_.mark("session-over");
  }
  constexpr std::string_view node = "node ";
  if (const auto lost = line.find(" lost: "); lost != std::string::npos && line.starts_with(node))
    told_.session_over(*who.node, line.substr(node.size(), lost - node.size()));
  if (line.find("ended: it sent") != std::string::npos)
    told_.violation("links: " + who.name + ": " + line);
}

void sim_cluster::queue_started(const std::string& node, const queue_record& record) {
  watch_.queue_started(node, record);
  if (plant_ != "second-master" || record.id % 3 != 0)
    return;
  time_.after(ms, [this, node, record] {
    for (auto& each : members_)
      if (each->name != node && each->node && each->node->serves() && !each->node->paused())
        return each->node->start_foreign_queue(record);
  });
}

/// Where masters are, and which queues there are, as soon as any node has applied it.
void sim_cluster::look_at_queues(const metadata_host& host, const std::vector<metadata_change>& changes) {
  if (host.applied_index() <= queues_at_)
    return;
  queues_at_ = host.applied_index();
  const auto metadata = host.snapshot();
  copies_.applied(*metadata, changes);
  std::map<std::string, std::pair<queue_id, epoch>> found;
  metadata->for_each_queue([&](const queue_ptr& queue) {
    found[queue->name] = {queue->id, queue->placement ? queue->mastership : 0};
  });
  for (const auto& [name, before] : queues_) {
    const auto now = found.find(name);
    if (now == found.end() || now->second.first != before.first)
      told_.vanished(name);
    else if (now->second.second > before.second)
      told_.moved(*metadata->find_queue("/", name));
  }
  queues_ = std::move(found);
}

// -- start and end
// ----------------------------------------------------------------------------------------------------------

void sim_cluster::start(member& who) {
  who.restarts = false;
  if (who.node->up())
    return;
  who.node->set_drift(random_.chance(1, 2) ? 0 : static_cast<int64_t>(random_.below(20'001)) - 10'000);
  auto started = who.node->start();
  trouble();
  if (started) {
    who.started = time_.now();
    who.node->shared().bridges.set_drained(drained_);
    return told_.say(who.name + " starts");
  }
  told_.say(who.name + " refuses to start: " + started.error().text);
  const bool excuse = who.disk_trouble || who.disk->steps() >= who.disk->faults().power_off_at;
  if (!excuse)
    told_.violation("G7: " + who.name + " refuses to start although nothing was damaged: " + started.error().text);
  told_.mark("start-failed");
  who.disk_trouble = false;
  crash_disk(who);
  restart_later(who, 3 * second);
}

void sim_cluster::crash_disk(member& who) {
  constexpr crash_style styles[] = {crash_style::lose_all, crash_style::prefix, crash_style::torn,
                                    crash_style::reordered, crash_style::keep_all};
  const auto style = styles[random_.below(std::size(styles))];
  who.disk->crash(style);
  who.backlog->crash(style == crash_style::keep_all);
}

void sim_cluster::power_cut(member& who, bool silent) {
  trouble();
  who.node->crash(silent);
  who.disk_trouble = false;
  crash_disk(who);
  told_.crashed();
}

void sim_cluster::restart_later(member& who, sim_ns longest) {
  if (std::exchange(who.restarts, true))
    return;
  time_.after(50 * ms + random_.below(longest), [this, &who] {
    who.restarts = false;
    if (!who.leaving || calm_)
      start(who);
  });
}

void sim_cluster::ended_by_itself(member& who) {
  told_.mark(who.disk->steps() >= who.disk->faults().power_off_at ? "died-in-disk-operation"
                                                                  : "ended-after-disk-error");
  power_cut(who, random_.chance(1, 3));
  restart_later(who, 3 * second);
}

// -- members
// ---------------------------------------------------------------------------------------------------------------

void sim_cluster::form() {
  auto& first = *members_.front();
  if (!first.belongs) {
    make(first);
    first.belongs = true;
    start(first);
  }
  for (auto& each : members_)
    if (!each->belongs && !each->joining)
      return join(*each);
}

bool sim_cluster::formed() const {
  return std::all_of(members_.begin(), members_.end(),
                     [](const auto& each) { return each->belongs && each->node->serves(); });
}

void sim_cluster::join(member& who) {
  member* via = any([](const member& each) { return each.node && each.node->serves() && !each.node->paused(); });
  if (calm_ || !via) {
    if (!calm_)
      time_.after(operator_pause, [this, &who] { join(who); });
    return;
  }
  who.joining = true;
  const uint64_t attempt = ++who.attempt;
  const uint64_t number = via->node->metadata()->cluster();
  register_node what;
  what.name = who.name;
  via->node->propose(what, [this, &who, number, attempt](const command_result& done) {
    // Nothing may start in the middle of another node's step.
    time_.after(ms, [this, &who, number, attempt, done] {
      if (who.attempt != attempt || !std::exchange(who.joining, false) || calm_)
        return;
      if (!done.ok()) {
        told_.say(who.name + " cannot join: " + done.failure.text);
        return time_.after(operator_pause, [this, &who] { join(who); });
      }
      make(who);
      sim_metadata_store store{*who.disk};
      const auto prepared = prepare_to_join(store, number, done.number);
      BROKER_ASSERT(prepared.ok(), "a blank node may join");
      who.belongs = true;
      who.forgotten = who.leaving = false;
      told_.say(who.name + " joins as " + std::to_string(done.number));
      told_.mark("joined");
      start(who);
    });
  });
  // Whoever asked may die with the answer.
  time_.after(8 * second, [this, &who, attempt] {
    if (who.attempt == attempt && std::exchange(who.joining, false) && !calm_)
      join(who);
  });
}

void sim_cluster::remove(member& who) {
  told_.say("FAULT " + who.name + " is taken out of the cluster");
  who.leaving = true;
  told_.forgetting(who.name);
  if (who.node->up())
    power_cut(who, random_.chance(1, 3));
  try_to_forget(who);
}

void sim_cluster::try_to_forget(member& who) {
  if (!who.leaving || who.forgotten)
    return;
  member* via =
    any([&](const member& each) { return &each != &who && each.node && each.node->serves() && !each.node->paused(); });
  const auto again = [this, &who] { time_.after(operator_pause, [this, &who] { try_to_forget(who); }); };
  if (calm_)
    return;
  const auto known = via ? via->node->metadata()->find_node(who.name) : nullptr;
  if (!known)
    return again();
  trouble();
  const auto answered = std::make_shared<bool>(false);
  via->node->propose(node_down{who.name, known->incarnation}, [](const command_result&) {});
  via->node->propose(forget_node{who.name}, [this, &who, again, answered](const command_result& done) {
    time_.after(ms, [this, &who, again, answered, done] {
      if (std::exchange(*answered, true))
        return;
      told_.say("forget " + who.name + ": " + (done.ok() ? "done" : done.failure.text));
      if (!done.ok() && done.failure.text != "The node selected is not in the cluster.")
        return again();
      told_.mark("forgotten");
      trouble();
      who.forgotten = true;
      wait_until_applied(watch_.applied());
      if (!calm_)
        return come_back(who);
      who.node->crash(true);
      who.belongs = false;
    });
  });
  time_.after(8 * second, [again, answered] {
    if (!std::exchange(*answered, true))
      again();
  });
}

void sim_cluster::wait_until_applied(uint64_t index) {
  const bool all = std::all_of(members_.begin(), members_.end(), [&](const auto& each) {
    return !each->belongs || each->forgotten || (each->node->serves() && watch_.view_of(each->name).applied >= index);
  });
  if (all)
    return told_.forgot();
  time_.after(operator_pause, [this, index] { wait_until_applied(index); });
}

/// The old disk first, now and then: it is to hear that it is no member any more. Then it joins as a blank one.
void sim_cluster::come_back(member& who) {
  const auto blank = [this, &who] {
    if (who.node->up())
      who.node->crash(true);
    who.belongs = false;
    who.restarts = false;
    told_.say(who.name + " is reset");
    if (!calm_ && random_.chance(3, 4))
      time_.after(random_.below(5 * second), [this, &who] { join(who); });
  };
  if (random_.chance(1, 3))
    return time_.after(ms, blank);
  told_.say(who.name + " returns though it was forgotten");
  told_.mark("forgotten-node-returned");
  start(who);
  time_.after(told_within, [this, &who, blank] {
    if (calm_)
      return;
    const bool calm_since = last_trouble_ + told_within / 2 < time_.now() && !network_.has_cuts();
    const bool others_serve = std::all_of(members_.begin(), members_.end(), [&](const auto& each) {
      return each.get() == &who || !each->belongs || (each->node->serves() && !each->node->paused());
    });
    const bool could_hear = who.node->up() && time_.now() >= who.started + told_within && calm_since && others_serve;
    if (could_hear && !who.node->forgotten())
      told_.violation("S15: " + who.name + " was forgotten and has not been told "
                      + std::to_string(told_within / second) + " s after it came back");
    if (who.node->serves())
      told_.violation("S15: " + who.name + " was forgotten and serves clients");
    if (could_hear)
      told_.mark("forgotten-node-told");
    blank();
  });
}

void sim_cluster::drain(member& who, bool on) {
  on ? (void)drained_.insert(who.name) : (void)drained_.erase(who.name);
  for (auto& each : members_)
    if (each->node && each->node->up())
      each->node->shared().bridges.set_drained(drained_);
}

void sim_cluster::calm() {
  calm_ = true;
  drained_.clear();
  network_.heal();
  network_.usual_delay();
  trouble();
  for (auto& each : members_) {
    if (!each->belongs)
      continue;
    each->disk->faults() = {};
    each->disk_trouble = false;
    each->node->usual_disk_latency();
    each->node->set_job_time(0);
    each->node->set_wall_offset(0);
    each->node->resume();
    if (each->node->up())
      each->node->shared().bridges.set_drained({});
    if (each->forgotten) {
      each->node->crash(false);
      each->belongs = false;
      continue;
    }
    if (!each->node->up())
      start(*each);
  }
}

// -- running
// ---------------------------------------------------------------------------------------------------------------

void sim_cluster::step() {
  std::array<member*, 8> ready{}; // at most seven nodes
  size_t count = 0;
  for (auto& each : members_) {
    if (!each->node || !each->node->up())
      continue;
    if (each->node->failed())
      return ended_by_itself(*each);
    if (each->node->has_job())
      ready[count++] = each.get();
  }
  const bool due = !time_.empty() && time_.next_at() <= time_.now();
  if (count != 0 && (!due || random_.chance(1, 2)))
    return ready[random_.below(count)]->node->run_job();
  if (due)
    return time_.run_next();
  step_timer();
}

/// Nobody has anything to do: time goes on to what comes first.
void sim_cluster::step_timer() {
  member* soonest = nullptr;
  sim_ns timer = 0;
  for (auto& each : members_) {
    sim_ns at = 0;
    if (each->node && each->node->next_timer(at) && (!soonest || at < timer)) {
      soonest = each.get();
      timer = at;
    }
  }
  if (soonest && (time_.empty() || timer <= time_.next_at())) {
    time_.advance_to(std::max(timer, time_.now()));
    return soonest->node->run_timer();
  }
  BROKER_ASSERT(!time_.empty(), "the world has stopped");
  time_.run_next();
}

// -- what is true
// ----------------------------------------------------------------------------------------------------------

bool sim_cluster::disturbed(sim_ns since) const {
  if (last_trouble_ + aftermath >= since)
    return true;
  return network_.has_cuts() || std::any_of(members_.begin(), members_.end(), [](const auto& each) {
           return each->belongs && (!each->node->serves() || each->node->paused());
         });
}

sim_cluster::member* sim_cluster::any(const std::function<bool(const member&)>& fits) {
  std::vector<member*> all;
  for (auto& each : members_)
    if (fits(*each))
      all.push_back(each.get());
  return all.empty() ? nullptr : all[random_.below(all.size())];
}

sim_cluster::member* sim_cluster::any_serving() {
  return any([](const member& each) { return each.node && each.node->serves(); });
}

/// It was to be forgotten, and was, though nobody lived to tell the operator.
bool sim_cluster::left(const member& who) const {
  return who.leaving && who.node->forgotten();
}

std::string sim_cluster::unsettled() const {
  std::set<std::string> here;
  for (const auto& each : members_) {
    if (!each->belongs || left(*each))
      continue;
    if (!each->node->serves())
      return each->name + (each->node->up() ? " does not serve" : " is down");
    here.insert(each->name);
    const auto view = watch_.view_of(each->name);
    if (!view.leader_known)
      return each->name + " knows of no leader";
    if (view.applied != watch_.applied())
      return each->name + " is behind: " + std::to_string(view.applied) + " of " + std::to_string(watch_.applied());
    if (auto missing = unsettled_queues(*each); !missing.empty())
      return missing;
  }
  for (const auto& each : members_) {
    if (!each->belongs || left(*each))
      continue;
    std::set<std::string> table;
    std::set<uint64_t> ids;
    std::string down;
    each->node->metadata()->for_each_node([&](const node_ptr& node) {
      // A join that was cut short leaves a name that nobody has.
      if (node->incarnation == 0)
        return;
      table.insert(node->name);
      ids.insert(node->id);
      if (!node->up)
        down = node->name;
    });
    if (!down.empty())
      return each->name + " takes " + down + " for dead";
    if (table != here)
      return each->name + " has another table of nodes than there are nodes";
    const auto& view = watch_.view_of(each->name);
    const size_t voters = static_cast<size_t>(
      std::count_if(view.voters.begin(), view.voters.end(), [&](uint64_t id) { return ids.contains(id); }));
    if (voters != view.voters.size())
      return each->name + " counts votes of nodes that are no members";
    if (voters < std::min<size_t>(here.size(), limits::metadata_voters_max))
      return each->name + " knows of " + std::to_string(voters) + " voters only";
  }
  return {};
}

std::string sim_cluster::unsettled_queues(const member& who) const {
  std::string missing;
  const auto metadata = who.node->metadata();
  metadata->for_each_queue([&](const queue_ptr& queue) {
    const bool has = who.node->runs_queue(queue->id);
    if (!has)
      missing = who.name + " has no actor for queue '" + queue->name + "' of " + queue->node;
  });
  return missing;
}

std::string sim_cluster::unsettled_copies() {
  member* via = any_serving();
  if (!via)
    return "nobody serves";
  std::string missing;
  via->node->metadata()->for_each_queue([&](const queue_ptr& queue) {
    if (queue->placement && missing.empty())
      missing = unsettled_copies(*queue);
  });
  audits_.clear();
  for (auto& each : members_) {
    if (!each->node || !each->node->up())
      continue;
    for (const auto& [id, replica] : each->node->shared().replicas_by_id.entries())
      caf::anon_send(replica, replica_audit_request{[this, id = id, name = each->name](const replica_audit& what) {
                       audits_[{id, name}] = what;
                     }});
  }
  return missing;
}

std::string sim_cluster::unsettled_copies(const queue_record& queue) {
  const auto& placed = *queue.placement;
  const auto metadata = any_serving()->node->metadata();
  const auto title = "queue '" + queue.name + "' (" + std::to_string(queue.id) + ") ";
  if (placed.isr.size() != placed.nodes.size())
    return title + "has " + std::to_string(placed.isr.size()) + " copies in sync of "
         + std::to_string(placed.nodes.size());
  const replica_audit* first = nullptr;
  for (const auto& one : placed.isr) {
    const auto node = metadata->find_node(uint64_t{one.node});
    if (!node || !placed.in_sync(one.node, node->session))
      return title + "lists a copy of a node's earlier life";
    const auto answer = audits_.find({queue.id, node->name});
    if (answer == audits_.end())
      return title + "has no answer from its replica on " + node->name;
    const auto& what = answer->second;
    if (what.mastership != queue.mastership || what.master != (one.node == placed.master))
      return title + "has a replica on " + node->name + " that knows another master";
    if (first
        && (what.committed != first->committed || what.messages != first->messages || what.digest != first->digest))
      return title + "has copies that hold different messages: " + std::to_string(first->messages) + " and on "
           + node->name + " " + std::to_string(what.messages) + " up to " + std::to_string(what.committed);
    first = &what;
  }
  return {};
}

void sim_cluster::check_links() const {
  size_t most = 0;
  for (const size_t window : link_limits::window_bytes)
    most += window;
  for (const auto& each : members_) {
    if (!each->node || !each->node->up())
      continue;
    for (const auto& link : each->node->links())
      if (link.unacknowledged_bytes > most + limits::raft_message_max_bytes)
        told_.violation("C11: " + each->name + " holds " + std::to_string(link.unacknowledged_bytes) + " bytes for "
                        + link.node);
  }
}

} // namespace broker::sim

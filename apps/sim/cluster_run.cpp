#include "cluster_run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>

#include "cluster_faults.hpp"
#include "ledger.hpp"
#include "mirroring.hpp"
#include "model_client.hpp"
#include "registrar.hpp"
#include "sim_cluster.hpp"

namespace broker::sim {

namespace {

/// Faults have stopped: everything must be confirmed, drained and agreed on within this time (C12).
constexpr sim_ns drain_time = 120 * second;
/// As long as consumers get something they go on, but not for ever.
constexpr sim_ns drain_longest = 600 * second;
/// The nodes of a cluster find together without faults.
constexpr sim_ns forming_time = 60 * second;
/// Before its time without a connection begins a session has been silent for link_limits::suspect_ms; what was sent
/// last before that may have been slow on its way.
constexpr sim_ns silence_noticed = 5 * second;
/// Message bytes all queues, sessions and links of a run may pin (C11), per node.
constexpr size_t memory_bound_bytes = 64u * 1024 * 1024;

/// What clients do comes so much more seldom than it could; a node, a link and a disk fail as often as ever. Most seeds
/// have little load, and more virtual time for what is left of it when something goes wrong; one in 100 is as dense as
/// can be. In short runs something must come about, too.
uint64_t draw_leisure(random_source& random, double minutes) {
  const uint64_t most = std::max<uint64_t>(3, static_cast<uint64_t>(100 * std::min(minutes, 1.0)));
  return random.chance(99, 100) ? log_uniform(random, std::max<uint64_t>(2, most / 10), most) : 1;
}

struct drawn_plan : cluster_plan {
  uint64_t leisure = 1;
  uint32_t contested_queues = 1;
  uint32_t contested_exchanges = 1;
};

drawn_plan draw_cluster(random_source& random, const run_options& options) {
  drawn_plan plan;
  plan.nodes = options.nodes;
  plan.replication = true;
  // Short ones, so that sessions and nodes are given up within a run.
  plan.break_limit_ms = log_uniform(random, 3'000, 60'000);
  plan.node_down_ms = log_uniform(random, 3'000, 60'000);
  plan.snapshot_entries = random.chance(1, 2) ? 20 + random.below(200) : limits::metadata_snapshot_entries;
  if (random.chance(2, 3)) { // else nothing is ever copied, and no part of a log only on disk
    plan.replica_sizes.append_bytes = log_uniform(random, 512, 64 * 1024);
    plan.replica_sizes.tail_bytes = log_uniform(random, 1024, 256 * 1024);
    plan.replica_sizes.described_bytes = log_uniform(random, 256, 64 * 1024);
    plan.replica_sizes.copy_above_bytes = plan.replica_sizes.tail_bytes / 4;
    plan.replica_sizes.copy_window_bytes = log_uniform(random, 1024, 64 * 1024);
  }
  plan.heartbeat_ms += plan.heartbeat_ms * random.below(3) / 2;
  // Slow worlds: more is under way when something goes wrong, at no more cost.
  if (random.chance(1, 2)) {
    const sim_ns disk = log_uniform(random, 1, 20) * ms;
    plan.disk = {disk, disk};
  }
  if (random.chance(1, 2)) {
    const sim_ns network = log_uniform(random, 1, 20) * ms;
    plan.network = {network, network};
  }
  plan.leisure = draw_leisure(random, options.minutes);
  plan.contested_queues += static_cast<uint32_t>(random.below(3));
  plan.contested_exchanges += static_cast<uint32_t>(random.below(3));
  return plan;
}

class cluster_simulation {
public:
  explicit cluster_simulation(const run_options& options)
    : options_(options), random_(options.seed), queues_(draw_cluster_queues(random_)), book_(time_, queues_),
      history_([this](const std::string& what) { book_.violation(what); }), plan_(draw_cluster(random_, options)),
      nodes_(time_, random_.fork(), plan_, options.plant, told(), options.own),
      names_(history_, plan_.contested_queues, plan_.contested_exchanges), clients_{time_, book_, trace_, queues_,
                                                                                    [this](wire_peer& client) {
                                                                                      return connect(client);
                                                                                    }},
      mirrors_(time_, random_.fork(), nodes_, queues_, [this](const std::string& line) { say(line); }),
      faults_(time_, random_.fork(), nodes_, all_clients_, options_, result_, told()),
      numbered_clients_(options.only_clients) {
    clients_.cluster = true;
    clients_.purging = [this](uint32_t queue) { faults_.purging(queues_[queue].name); };
    book_.in_cluster([this](sim_ns since) { return nodes_.disturbed(since); });
  }

  run_result run() {
    const auto began = std::chrono::steady_clock::now();
    form();
    mirrors_.begin();
    plan_workload();
    faults_.plan(
      queues_.any_time_to_live(), [this] { mirrors_.change(); },
      [this](const std::string& node, int64_t offset_ms) { book_.calendar_jumped(node, offset_ms); });
    const auto end = time_.now() + static_cast<sim_ns>(options_.minutes * 60e9);
    run_until([&] { return time_.now() >= end || stopped(); });
    if (!stopped())
      drain();
    finish(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    return result_;
  }

private:
  sim_cluster::events told() {
    sim_cluster::events events;
    events.say = [this](const std::string& line) { say(line); };
    events.violation = [this](const std::string& what) { book_.violation(what); };
    events.mark = [this](const std::string& name) { markers_.insert(name); };
    events.crashed = [this] {
      trace_.add(time_.now());
      book_.node_crashed();
    };
    events.forgetting = [this](const std::string& node) { forgetting(node); };
    events.forgot = [this] { book_.no_queue_doomed(); };
    events.moved = [this](const queue_record& queue) {
      faults_.master_moved(queue);
      say("queue '" + queue.name + "' has its master on " + queue.node + ", mastership "
          + std::to_string(queue.mastership));
      if (const auto index = queues_.index_of(queue.name))
        book_.master_moved(*index);
    };
    events.session_over = [this](const sim_node& node, const std::string& other) { session_over(node, other); };
    events.vanished = [this](const std::string& queue) {
      if (const auto index = queues_.index_of(queue)) {
        say("queue '" + queue + "' is gone");
        book_.queue_vanished(*index);
      }
    };
    return events;
  }
  void say(const std::string& line) {
    if (options_.verbose)
      std::printf("%12.6f %s\n", static_cast<double>(time_.now()) / 1e9, line.c_str());
  }
  /// Letters under way from the queues there to those on the other node are sent again. What consumers of one of the
  /// two have of queues on the other, these take back.
  void session_over(const sim_node& node, const std::string& other) {
    const auto metadata = node.metadata();
    if (!metadata)
      return;
    const sim_ns silent = plan_.break_limit_ms * ms + silence_noticed;
    const sim_ns silent_since = time_.now() - std::min(time_.now(), silent);
    for (uint32_t index = 0; index < queues_.size(); ++index) {
      const auto from = metadata->find_queue("/", queues_[index].name);
      if (from && from->node == node.name())
        book_.session_over(index, other, silent_since);
      if (from && from->node == other)
        book_.session_over(index, node.name(), silent_since);
      if (!from || !queues_[index].dead_letters_to)
        continue;
      const auto to = metadata->find_queue("/", queues_[*queues_[index].dead_letters_to].name);
      if (to && from->node == node.name() && to->node == other)
        book_.letters_unanswered(index);
    }
  }
  bool stopped() const {
    return (options_.until_s > 0 && static_cast<double>(time_.now()) / 1e9 >= options_.until_s)
        || (options_.stop_at_first && !book_.violations().empty());
  }

  /// A client connects to any node that serves; now and then it finds none.
  ref<sim_session> connect(wire_peer& client) {
    auto* node = nodes_.any_serving();
    return node ? node->node->connect(client) : nullptr;
  }

  /// The queues there go with the node, and what is in them.
  void forgetting(const std::string& node) {
    names_.node_may_be_forgotten();
    auto* other = nodes_.any_serving();
    for (uint32_t index = 0; index < queues_.size(); ++index) {
      const auto queue = other ? other->node->metadata()->find_queue("/", queues_[index].name) : nullptr;
      if (!queue || (queue->node == node && !queue->placement))
        book_.queue_doomed(index); // a replicated one goes if nobody else is in sync when it comes to that: vanished
    }
  }

  // -- the run
  // ----------------------------------------------------------------------------------------------------------
  void form() {
    nodes_.form();
    sim_ns next_look = 0;
    run_until([&] {
      if (time_.now() < next_look)
        return false;
      next_look = time_.now() + 20 * ms;
      if (!nodes_.formed())
        nodes_.form();
      return nodes_.formed() || time_.now() > forming_time || stopped();
    });
    if (!nodes_.formed() && !stopped())
      book_.violation("C12: the nodes have not formed a cluster in " + std::to_string(forming_time / second) + " s");
    say("all " + std::to_string(options_.nodes) + " nodes are members");
  }

  void plan_workload() {
    for (const auto& queue : queues_.all)
      say("queue " + queue.text(queues_.all));
    const auto publishers = 1 + random_.below(4);
    for (uint64_t index = 0; index < publishers; ++index)
      add_publisher();
    const auto consumers = random_.below(6);
    for (uint64_t index = 0; index < consumers; ++index)
      add_consumer(static_cast<uint32_t>(random_.below(queues_.size())));
    for (uint32_t index = 0; index < queues_.size(); ++index) {
      if (random_.chance(1, 2))
        add_consumer(index);
      if (queues_[index].options.single_active_consumer)
        for (int one = 0; one < 2; ++one) // for one to wait
          add_consumer(index);
    }
    const auto registrars = 2 + random_.below(4);
    for (uint64_t index = 0; index < registrars; ++index)
      add_registrar();
    for (const auto* one : readers_)
      say("consumer of " + one->text());
    for (auto& client : all_clients_)
      if (numbered_clients_.next())
        client->start();
      else
        std::erase(readers_, client.get());
  }

  void add_publisher() {
    publisher::plan plan;
    plan.queue = static_cast<uint32_t>(random_.below(queues_.size()));
    plan.window = static_cast<uint32_t>(log_uniform(random_, 1, 200));
    plan.burst = static_cast<uint32_t>(log_uniform(random_, 1, 50));
    plan.pause = std::max(log_uniform(random_, 5, 200), uint64_t{plan.burst} * 10) * ms * plan_.leisure;
    plan.persistent_percent = random_.chance(1, 3) ? static_cast<uint32_t>(random_.below(101)) : 100;
    plan.mandatory_percent = random_.chance(1, 2) ? 3 : 0;
    plan.body_max = log_uniform(random_, 8, random_.chance(1, 4) ? 20'000 : 2'000);
    if (const auto most = queues_[plan.queue].options.max_priority; most != 0)
      plan.priority_max = most + static_cast<uint32_t>(random_.below(2));
    all_clients_.push_back(std::make_unique<publisher>(clients_, random_.fork(), plan));
  }

  void add_consumer(uint32_t from) {
    consumer_client::plan plan;
    plan.queue = from;
    const auto& queue = queues_[plan.queue];
    if (!queue.watched)
      return;
    plan.prefetch = random_.chance(1, 6) ? 0 : static_cast<uint16_t>(log_uniform(random_, 1, 300));
    // Some hold what they have got for a long time, so that masters change while they do.
    plan.work = (random_.chance(1, 4) ? log_uniform(random_, 200, 20'000) : log_uniform(random_, 1, 100)) * ms;
    plan.global = random_.chance(1, 3) && !queue.is_quorum();
    plan.purge_every = random_.chance(1, 5) ? log_uniform(random_, 2, 20) * second : 0;
    plan.requeue_percent = random_.chance(1, 2) ? static_cast<uint32_t>(random_.below(20)) : 0;
    plan.reject_percent =
      random_.chance(1, 2) ? static_cast<uint32_t>(random_.below(queue.dead_letters_to ? 40 : 5)) : 0;
    plan.multiple_percent = static_cast<uint32_t>(random_.below(60));
    plan.polls = random_.chance(1, 5) && !queue.options.single_active_consumer;
    plan.poll_pause = 35 * ms * std::min<uint64_t>(plan_.leisure, 20);
    plan.cancel_every = random_.chance(1, 4) ? 5 * second : 0;
    auto client = std::make_unique<consumer_client>(clients_, random_.fork(), plan);
    readers_.push_back(client.get());
    all_clients_.push_back(std::move(client));
  }

  void add_registrar() {
    registrar::plan plan;
    plan.pause = log_uniform(random_, 10, 2000) * std::min<uint64_t>(plan_.leisure, 30) * ms;
    plan.look_percent = static_cast<uint32_t>(random_.below(50));
    auto client = std::make_unique<registrar>(clients_, random_.fork(), names_, plan);
    registrars_.push_back(client.get());
    all_clients_.push_back(std::move(client));
  }

  template<class Condition>
  void run_until(Condition done) {
    sim_ns next_check = time_.now();
    while (!done()) {
      nodes_.step();
      if (time_.now() < next_check)
        continue;
      next_check = time_.now() + second;
      if (block::total_bytes() > memory_bound_bytes * options_.nodes)
        book_.violation("C11: messages pin " + std::to_string(block::total_bytes()) + " bytes");
      nodes_.check_links();
    }
  }

  void drain() {
    say("faults stop, queues drain");
    faults_.stop();
    nodes_.calm();
    clients_.draining = true;
    if (random_.chance(1, 2))
      agree();
    // Consumers that were there go on by themselves, whatever has happened to the masters: so in two of three
    // runs nobody helps them.
    if (random_.chance(2, 3))
      drains_ = readers_;
    for (uint32_t index = 0; index < queues_.size(); ++index) {
      if (std::any_of(drains_.begin(), drains_.end(), [&](const auto* one) { return one->queue() == index; }))
        continue;
      auto client = std::make_unique<consumer_client>(clients_, random_.fork(), consumer_client::draining(index));
      drains_.push_back(client.get());
      all_clients_.push_back(std::move(client));
      drains_.back()->start();
    }
    settle([this] { return unsettled(); });
    if (stopped())
      return;
    book_.finish();
    if (options_.own && options_.own->finished)
      options_.own->finished([this](std::string what) { book_.violation(std::move(what)); });
  }

  /// Copies hold the same while there is something in them, before anybody drains the queues.
  void agree() {
    settle([this] {
      auto missing = nodes_.unsettled();
      return missing.empty() ? nodes_.unsettled_copies() : missing;
    });
    if (!stopped())
      book_.settled_down();
  }

  void settle(const std::function<std::string()>& look) {
    const auto begin = time_.now();
    auto progress = begin; // one message at a time over a slow network takes its time
    auto delivered = book_.deliveries();
    sim_ns next_look = begin + 6 * second;
    std::string missing;
    run_until([&] {
      if (time_.now() < next_look)
        return false;
      next_look = time_.now() + second;
      missing = look();
      const bool goes_on = std::exchange(delivered, book_.deliveries()) != book_.deliveries();
      if (goes_on && time_.now() < begin + drain_longest)
        progress = time_.now();
      return missing.empty() || time_.now() > progress + drain_time || stopped();
    });
    if (!missing.empty() && !stopped())
      book_.violation("C12: " + std::to_string(drain_time / second) + " s after the last fault " + missing);
  }

  std::string unsettled() {
    if (auto missing = nodes_.unsettled(); !missing.empty())
      return missing;
    if (!mirrors_.settled())
      return "a policy is not set";
    if (book_.outstanding_confirms() != 0)
      return std::to_string(book_.outstanding_confirms()) + " publishes are not confirmed";
    for (const auto* each : registrars_)
      if (each->busy())
        return "a change of the metadata is not answered";
    for (const auto* each : drains_)
      if (!each->connected() || !each->idle())
        return "queue " + queues_[each->queue()].name + " is not drained";
    if (!book_.all_accounted())
      return "a confirmed message is not accounted for, though all consumers are idle";
    return nodes_.unsettled_copies();
  }

  void finish(double wall_s) {
    book_.report(result_);
    result_.changes = history_.answers();
    trace_.add(nodes_.network().trace());
    result_.trace = trace_.value();
    result_.virtual_s = static_cast<double>(time_.now()) / 1e9;
    result_.wall_s = wall_s;
    result_.faults = faults_.count();
    result_.clients = numbered_clients_.count();
    markers_.insert(book_.markers().begin(), book_.markers().end());
    result_.markers.assign(markers_.begin(), markers_.end());
  }

  const run_options options_;
  random_source random_;
  const queue_plans queues_;
  virtual_time time_;
  trace_hash trace_;
  run_result result_;
  std::set<std::string> markers_;
  ledger book_;
  meta_history history_;
  const drawn_plan plan_;
  sim_cluster nodes_;
  contested_names names_;
  client_world clients_;
  std::vector<std::unique_ptr<model_client>> all_clients_;
  std::vector<registrar*> registrars_;
  std::vector<consumer_client*> readers_; ///< that were started
  std::vector<consumer_client*> drains_;
  mirroring mirrors_;
  cluster_faults faults_;
  numbered numbered_clients_;
};

} // namespace

run_result simulate_cluster(const run_options& options) {
  return cluster_simulation{options}.run();
}

} // namespace broker::sim

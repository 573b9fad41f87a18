#include "run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "cluster_run.hpp"
#include "ledger.hpp"
#include "model_client.hpp"
#include "queue_plan.hpp"
#include "sim_node.hpp"
#include "witnessed_records.hpp"

namespace broker::sim {

namespace {

/// Faults have stopped: everything must be confirmed and drained within this time (C12).
constexpr sim_ns drain_time = 120 * second;
/// Where at-least-once dead letters wait for room in their target: they are tried again once a minute at last, and a
/// thousand wait at once.
constexpr sim_ns drain_time_at_least_once = 1800 * second;
/// Message bytes all queues and sessions of a run may pin (C11): far above what the small limits of node_limits allow.
constexpr size_t memory_bound_bytes = 64u * 1024 * 1024;

class simulation {
public:
  explicit simulation(const run_options& options)
    : options_(options), random_(options.seed), queues_(draw_queues(random_)), book_(time_, queues_),
      mistakes_(options.plant, random_.fork()), disk_(random_.fork()), backlog_(random_.fork()),
      node_(
        time_, random_.fork(), disk_, backlog_, mistakes_, node_limits{},
        [this](const std::string& line) { say(line); }, alone(options)),
      clients_{time_, book_, trace_, queues_, [this](wire_peer& client) { return node_.connect(client); }},
      numbered_faults_(options.only_faults), numbered_clients_(options.only_clients) {}

  run_result run() {
    const auto began = std::chrono::steady_clock::now();
    result_.markers.clear();
    start_node();
    plan_workload();
    plan_faults();
    const auto end = static_cast<sim_ns>(options_.minutes * 60e9);
    run_until([&] { return time_.now() >= end || stopped(); });
    if (!stopped())
      drain();
    finish(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    return result_;
  }

private:
  static cluster_seat alone(const run_options& options) {
    cluster_seat seat;
    seat.own = options.own;
    return seat;
  }
  void say(const std::string& line) {
    if (options_.verbose)
      std::printf("%12.6f %s\n", static_cast<double>(time_.now()) / 1e9, line.c_str());
  }
  bool stopped() const {
    return (options_.until_s > 0 && static_cast<double>(time_.now()) / 1e9 >= options_.until_s)
        || (options_.stop_at_first && !book_.violations().empty());
  }
  void mark(const std::string& name) { markers_.insert(name); }

  // -- workload: each seed draws its own
  // --------------------------------------------------------------------------------
  void plan_workload() {
    for (const auto& queue : queues_.all)
      say("queue " + queue.text(queues_.all));
    const auto publishers = 1 + random_.below(4);
    for (uint64_t index = 0; index < publishers; ++index)
      add_publisher();
    const auto consumers = random_.below(6);
    for (uint64_t index = 0; index < consumers; ++index)
      add_consumer(static_cast<uint32_t>(random_.below(queues_.size())));
    for (uint32_t index = 0; index < queues_.size(); ++index)
      if (queues_[index].options.single_active_consumer)
        for (int one = 0; one < 2; ++one) // for one to wait
          add_consumer(index);
    for (auto& client : all_clients_)
      if (numbered_clients_.next())
        client->start();
  }

  void add_publisher() {
    publisher::plan plan;
    plan.queue = static_cast<uint32_t>(random_.below(queues_.size()));
    const auto& queue = queues_[plan.queue];
    plan.window = static_cast<uint32_t>(log_uniform(random_, 1, 200));
    plan.burst = static_cast<uint32_t>(log_uniform(random_, 1, 50));
    // At most 200 messages a second each: a run must be drained by one consumer per queue within drain_time.
    plan.pause = std::max(log_uniform(random_, 1, 200), uint64_t{plan.burst} * 5) * ms;
    plan.persistent_percent = random_.chance(1, 3) ? static_cast<uint32_t>(random_.below(101)) : 100;
    plan.mandatory_percent = random_.chance(1, 2) ? 3 : 0;
    plan.body_max = log_uniform(random_, 8, 20'000);
    // A refused publish would fail the transaction and close the channel.
    plan.transactional = random_.chance(1, 6) && !queue.refuses();
    if (queue.options.max_priority != 0)
      plan.priority_max = queue.options.max_priority + static_cast<uint32_t>(random_.below(2));
    if (random_.chance(1, 6)) {
      plan.expiration_percent = 1 + static_cast<uint32_t>(random_.below(100));
      plan.expiration_max_ms = log_uniform(random_, 50, 60'000);
    }
    if (queue.delayed_by && !plan.transactional) {
      plan.delay_percent = 1 + static_cast<uint32_t>(random_.below(100));
      plan.delay_max_ms = log_uniform(random_, 10, 20'000);
    }
    all_clients_.push_back(std::make_unique<publisher>(clients_, random_.fork(), plan));
  }

  void add_consumer(uint32_t from) {
    consumer_client::plan plan;
    plan.queue = from;
    const auto& queue = queues_[plan.queue];
    if (!queue.watched)
      return;
    plan.prefetch = random_.chance(1, 6) ? 0 : static_cast<uint16_t>(log_uniform(random_, 1, 300));
    plan.work = log_uniform(random_, 1, 100) * ms;
    plan.requeue_percent = random_.chance(1, 2) ? static_cast<uint32_t>(random_.below(20)) : 0;
    plan.reject_percent =
      random_.chance(1, 2) ? static_cast<uint32_t>(random_.below(queue.dead_letters_to ? 40 : 5)) : 0;
    plan.multiple_percent = static_cast<uint32_t>(random_.below(60));
    plan.polls = random_.chance(1, 5) && !queue.options.single_active_consumer;
    plan.cancel_every = random_.chance(1, 4) ? 5 * second : 0;
    all_clients_.push_back(std::make_unique<consumer_client>(clients_, random_.fork(), plan));
  }

  // -- faults
  // -----------------------------------------------------------------------------------------------------------
  void plan_faults() {
    if (options_.crashes && random_.chance(3, 4))
      every(log_uniform(random_, 5, 60) * second, [this] { crash(); });
    if (options_.crashes && random_.chance(1, 2))
      every(log_uniform(random_, 5, 60) * second, [this] { arm_crash_inside_disk(); });
    if (options_.disk && random_.chance(1, 2))
      every(log_uniform(random_, 10, 60) * second, [this] { arm_disk_error(); });
    if (options_.disk && random_.chance(1, 3))
      every(log_uniform(random_, 15, 60) * second, [this] { damage_and_restart(); });
    if (options_.cuts && random_.chance(2, 3))
      every(log_uniform(random_, 1, 20) * second, [this] { cut_client(); });
    if (options_.stalls && random_.chance(1, 2))
      every(log_uniform(random_, 5, 40) * second, [this] { stall_disk(); });
    if (options_.stalls && random_.chance(1, 2))
      every(log_uniform(random_, 5, 40) * second, [this] { stall_client(); });
  }

  void every(sim_ns mean, std::function<void()> what) {
    time_.after(mean / 4 + random_.below(mean * 3 / 2), [this, mean, what] {
      if (!faults_on_)
        return;
      const auto rest = std::exchange(random_, random_.fork());
      if (numbered_faults_.next())
        what();
      random_ = rest;
      every(mean, what);
    });
  }

  void crash() {
    if (!node_.up())
      return;
    say("FAULT power cut");
    ++result_.crashes;
    mark("crash");
    power_cut();
  }

  void power_cut() {
    trace_.add(time_.now());
    node_.crash();
    crash_disk();
    book_.node_crashed();
    restart_later();
  }

  void crash_disk() {
    constexpr crash_style styles[] = {crash_style::lose_all, crash_style::prefix, crash_style::torn,
                                      crash_style::reordered, crash_style::keep_all};
    const auto style = styles[random_.below(std::size(styles))];
    disk_.crash(style);
    backlog_.crash(style == crash_style::keep_all);
  }

  void restart_later() {
    time_.after(50 * ms + random_.below(3 * second), [this] { start_node(); });
  }

  void start_node() {
    if (node_.up())
      return;
    auto started = node_.start();
    if (started) {
      if (damage_)
        book_.violation("G7: the node starts although " + damage_->path + " is damaged at offset "
                        + std::to_string(damage_->offset));
      damage_.reset();
      return say("node up");
    }
    say("node refuses to start: " + started.error().text);
    if (damage_) {
      mark("damage-refused");
      if (started.error().text.find(damage_->path) == std::string::npos)
        book_.violation("G7: the node refuses to start and does not name " + damage_->path + ": "
                        + started.error().text);
      disk_.flip_bit(damage_->path, damage_->offset); // the operator puts the disk's copy back
      damage_.reset();
    } else if (disk_.steps() < disk_.faults().power_off_at && !disk_trouble_) {
      book_.violation("G7: the node refuses to start although nothing was damaged: " + started.error().text);
    }
    mark("start-failed");
    disk_trouble_ = false;
    crash_disk();
    restart_later();
  }

  void arm_crash_inside_disk() {
    if (!node_.up())
      return;
    say("FAULT power cut inside a disk operation");
    ++result_.crashes;
    mark("crash-inside-disk-operation");
    disk_.faults().power_off_at = disk_.steps() + 1 + random_.below(8);
  }

  void arm_disk_error() {
    if (!node_.up())
      return;
    say("FAULT disk error");
    ++result_.disk_faults;
    disk_trouble_ = true;
    if (random_.chance(1, 2))
      disk_.faults().write_error_at = disk_.steps() + 1 + random_.below(8);
    else
      disk_.faults().sync_error_at = disk_.steps() + 1 + random_.below(8);
  }

  /// Flips a bit of the journal while the power is off, where it must be noticed.
  void damage_and_restart() {
    if (!node_.up())
      return;
    ++result_.disk_faults;
    ++result_.crashes;
    node_.crash();
    crash_disk();
    book_.node_crashed();
    if (const auto records = witnessed_records(disk_, "journal"); !records.empty()) {
      const auto& record = records[random_.below(records.size())];
      damage_ = damage{record.path, record.offset + random_.below(record.bytes)};
      disk_.flip_bit(damage_->path, damage_->offset);
      say("FAULT bit flip in " + damage_->path + " at " + std::to_string(damage_->offset));
    }
    restart_later();
  }

  void cut_client() {
    ++result_.cuts;
    mark("cut");
    auto& client = all_clients_[random_.below(all_clients_.size())];
    say("FAULT connection cut");
    client->cut();
  }

  void stall_disk() {
    say("FAULT slow disk");
    mark("slow-disk");
    node_.set_disk_latency(log_uniform(random_, 10, 2000) * ms, 10 * ms);
    time_.after(log_uniform(random_, 100, 5000) * ms, [this] { node_.set_disk_latency(200 * us, 2 * ms); });
  }

  void stall_client() {
    auto& client = all_clients_[random_.below(all_clients_.size())];
    auto session = client->session();
    if (!session)
      return;
    say("FAULT client does not read");
    mark("client-does-not-read");
    session->set_read_rate(0);
    const auto pause = log_uniform(random_, 100, 5000) * ms;
    client->stalled(time_.now() + pause);
    time_.after(pause, [session] { session->set_read_rate(100'000); });
  }

  // -- the run
  // ----------------------------------------------------------------------------------------------------------
  template<class Condition>
  void run_until(Condition done) {
    sim_ns next_check = time_.now();
    while (!done()) {
      step();
      if (time_.now() >= next_check) {
        next_check = time_.now() + second;
        check_memory();
      }
    }
  }

  void step() {
    if (node_.failed()) {
      mark(disk_.steps() >= disk_.faults().power_off_at ? "died-in-disk-operation" : "ended-after-disk-error");
      disk_trouble_ = false;
      return power_cut();
    }
    const bool due = !time_.empty() && time_.next_at() <= time_.now();
    if (node_.up() && node_.has_job() && (!due || random_.chance(1, 2)))
      return node_.run_job();
    if (due)
      return time_.run_next();
    sim_ns timer = 0;
    const bool has_timer = node_.up() && node_.next_timer(timer);
    if (has_timer && (time_.empty() || timer <= time_.next_at())) {
      time_.advance_to(std::max(timer, time_.now()));
      return node_.run_timer();
    }
    BROKER_ASSERT(!time_.empty(), "the world has stopped");
    time_.run_next();
  }

  void check_memory() {
    if (block::total_bytes() > memory_bound_bytes)
      book_.violation("C11: messages pin " + std::to_string(block::total_bytes()) + " bytes");
  }

  void drain() {
    say("faults stop, queues drain");
    faults_on_ = false;
    disk_.faults() = {};
    disk_trouble_ = false;
    node_.set_disk_latency(200 * us, 2 * ms);
    clients_.draining = true;
    audit();
    std::vector<consumer_client*> drains;
    for (uint32_t index = 0; index < queues_.size(); ++index) {
      auto client = std::make_unique<consumer_client>(clients_, random_.fork(), consumer_client::draining(index));
      drains.push_back(client.get());
      all_clients_.push_back(std::move(client));
      drains.back()->start();
    }
    const auto begin = time_.now();
    const auto longest = patient() ? drain_time_at_least_once : drain_time;
    sim_ns next_look = begin + 6 * second;
    const auto settled = [&] {
      if (time_.now() < next_look)
        return false;
      next_look = time_.now() + second;
      return book_.outstanding_confirms() == 0
          && std::all_of(drains.begin(), drains.end(),
                         [](auto* client) { return client->connected() && client->idle(); })
          && book_.all_accounted();
    };
    bool drained = false;
    run_until([&] { return (drained = settled()) || time_.now() > begin + longest || stopped(); });
    if (!drained && !stopped())
      book_.violation("C12: not everything confirmed and drained " + std::to_string(longest / second)
                      + " s after the last fault");
    if (stopped())
      return; // what is missing may still come
    book_.finish();
    if (options_.own && options_.own->finished)
      options_.own->finished([this](std::string what) { book_.violation(std::move(what)); });
  }

  bool patient() const {
    return std::any_of(queues_.all.begin(), queues_.all.end(), [&](const queue_plan& queue) {
      return queue.options.strategy == dead_letter_strategy::at_least_once && queues_[*queue.dead_letters_to].refuses();
    });
  }

  /// Lengths, before anybody drains: only where an option bounds them, since it takes time.
  void audit() {
    uint64_t longest_ms = 0;
    bool bounded = false;
    for (const auto& queue : queues_.all) {
      bounded = bounded || queue.limited() || queue.options.message_ttl_ms;
      if (const auto ttl = queue.options.message_ttl_ms; ttl && *ttl <= 5000)
        longest_ms = std::max(longest_ms, *ttl);
    }
    if (!bounded)
      return;
    const auto quiet_since = time_.now() + second; // what was on the wire has arrived
    auto client = std::make_unique<auditor>(clients_, random_.fork(), quiet_since);
    auto* looks = client.get();
    all_clients_.push_back(std::move(client));
    const auto expired = quiet_since + longest_ms * ms + 2500 * ms;
    run_until(
      [&] { return (node_.up() && time_.now() > expired) || time_.now() > quiet_since + drain_time || stopped(); });
    const auto up = time_.now(); // perhaps since just now
    run_until([&] { return time_.now() > up + second || stopped(); });
    looks->start();
    const auto begin = time_.now();
    run_until([&] { return looks->done() || time_.now() > begin + 30 * second || stopped(); });
    if (!looks->done() && !stopped())
      book_.violation("C12: queue.declare is not answered");
  }

  void finish(double wall_s) {
    book_.report(result_);
    result_.trace = trace_.value();
    result_.virtual_s = static_cast<double>(time_.now()) / 1e9;
    result_.wall_s = wall_s;
    result_.faults = numbered_faults_.count();
    result_.clients = numbered_clients_.count();
    markers_.insert(book_.markers().begin(), book_.markers().end());
    result_.markers.assign(markers_.begin(), markers_.end());
    if (node_.up())
      node_.crash(); // nothing may outlive the run
  }

  const run_options options_;
  random_source random_;
  const queue_plans queues_;
  virtual_time time_;
  trace_hash trace_;
  ledger book_;
  plant mistakes_;
  sim_disk disk_;
  sim_backlog backlog_;
  sim_node node_;
  client_world clients_;
  std::vector<std::unique_ptr<model_client>> all_clients_;
  numbered numbered_faults_;
  numbered numbered_clients_;
  bool faults_on_ = true;
  struct damage {
    std::string path;
    uint64_t offset;
  };
  std::optional<damage> damage_;
  bool disk_trouble_ = false; ///< an error is armed: a start may fail
  std::set<std::string> markers_;
  run_result result_;
};

} // namespace

run_result simulate(const run_options& options) {
  return options.nodes > 1 ? simulate_cluster(options) : simulation{options}.run();
}

bool choose_faults(const std::string& list, run_options& options) {
  const std::map<std::string, bool*> kinds = {
    {"crash", &options.crashes},        {"disk", &options.disk},    {"cut", &options.cuts},
    {"stall", &options.stalls},         {"link", &options.links},   {"pause", &options.pauses},
    {"partition", &options.partitions}, {"clock", &options.clocks}, {"member", &options.members},
    {"policy", &options.policies},      {"drain", &options.drains}, {"order", &options.orders},
    {"strike", &options.strikes},
  };
  for (const auto& [name, on] : kinds)
    *on = false;
  options.faults = list;
  if (list == "none")
    return true;
  size_t at = 0;
  while (at <= list.size()) {
    const auto comma = std::min(list.find(',', at), list.size());
    const auto found = kinds.find(list.substr(at, comma - at));
    if (found == kinds.end())
      return false;
    *found->second = true;
    at = comma + 1;
  }
  return true;
}

uint32_t draw_nodes(uint64_t seed, uint32_t most) {
  return 1 + static_cast<uint32_t>(random_source{seed}.below(most));
}

static std::string listed(const chosen_numbers& which) {
  std::string text;
  for (const auto each : *which)
    text += (text.empty() ? "" : ",") + std::to_string(each);
  return text.empty() ? "none" : text;
}

static std::string reproduce_line(const run_options& options) {
  return "warren-sim replay --seed " + std::to_string(options.seed) + " --nodes " + std::to_string(options.nodes)
       + " --minutes " + std::to_string(options.minutes) + (options.faults.empty() ? "" : " --faults " + options.faults)
       + (options.plant.empty() ? "" : " --plant " + options.plant)
       + (options.only_faults ? " --only-faults " + listed(options.only_faults) : "")
       + (options.only_clients ? " --only-clients " + listed(options.only_clients) : "");
}

void print_failure(const run_options& options, const run_result& result) {
  for (const auto& line : result.violations)
    std::printf("  %s\n", line.c_str());
  std::printf("reproduce: %s\n", reproduce_line(options).c_str());
}

std::string summary(const run_options& options, const run_result& result) {
  char line[512];
  std::snprintf(
    line, sizeof line,
    "seed %lu  nodes %u  virtual %.1f s  published %lu  confirmed %lu  delivered %lu  duplicates %lu  crashes %lu  "
    "cuts %lu  disk faults %lu  violations %zu  wall %.2f s (%.0fx)",
    options.seed, options.nodes, result.virtual_s, result.published, result.confirmed, result.delivered,
    result.duplicates, result.crashes, result.cuts, result.disk_faults, result.violations.size(), result.wall_s,
    result.wall_s > 0 ? result.virtual_s / result.wall_s : 0.0);
  return line;
}

} // namespace broker::sim

#include "sim_node.hpp"

#include <algorithm>
#include <chrono>

#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/metadata.hpp"
#include "journal_store.hpp"
#include "queue_plants.hpp"
#include "sim_metadata_store.hpp"

namespace broker::sim {

namespace {

constexpr sim_ns tick_interval = 250 * ms;
constexpr sim_ns flush_interval = limits::journal_flush_interval_ms * ms;
constexpr const char* node_name = "rabbit@sim";

struct sim_config : caf::actor_system_config {
  sim_config() {
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

} // namespace

/// One life of the node, from start to crash.
struct sim_node::process {
  sim_config config;
  std::unique_ptr<caf::actor_system> actors = std::make_unique<caf::actor_system>(config);
  std::unique_ptr<journal_store> journal;
  std::unique_ptr<sim_metadata_store> metadata;
  std::vector<recovered_queue> recovered;
  runtime shared;
  session_context sessions;
  std::vector<ref<sim_session>> open;
  bool writer_scheduled = false;
  bool reader_scheduled = false;
  bool helper_scheduled = false;
  bool pressure = false;

  caf::scheduler::test_coordinator& scheduler() {
    return static_cast<caf::scheduler::test_coordinator&>(actors->scheduler());
  }
  /// ~actor_system would run timers for ever (a periodic one keeps it busy): everything is killed and drained first.
  ~process() {
    for (auto& session : open) {
      for (const auto& channel : session->channels())
        caf::anon_send_exit(channel, caf::exit_reason::kill);
      if (auto guard = session->guard())
        caf::anon_send_exit(guard, caf::exit_reason::kill);
      session->die();
    }
    for (const auto& channel : shared.channels_by_id.all())
      caf::anon_send_exit(channel, caf::exit_reason::kill);
    for (const auto& queue : shared.queues_by_id.all())
      caf::anon_send_exit(queue, caf::exit_reason::kill);
    if (shared.metadata)
      caf::anon_send_exit(shared.metadata, caf::exit_reason::kill);
    open.clear();
    shared.metadata = nullptr;
    scheduler().run();
    scheduler().clock().cancel_all();
    shared.queues_by_id.clear();
    shared.channels_by_id.clear();
    shared.connections_by_id.clear();
    scheduler().run();
    actors->await_actors_before_shutdown(false);
    actors.reset();
  }
};

sim_node::sim_node(virtual_time& time, random_source random, sim_disk& disk, sim_backlog& backlog, plant& mistakes,
                   node_limits bounds, std::function<void(const std::string&)> log)
  : time_(time), random_(random), disk_(disk), backlog_(backlog), mistakes_(mistakes), bounds_(bounds),
    log_(std::move(log)) {}

sim_node::~sim_node() = default;

template<class Function>
void sim_node::later(sim_ns delay, Function what) {
  time_.after(delay, [this, life = lives_, what] {
    if (up() && life == lives_ && !failed_)
      what();
  });
}

sim_ns sim_node::disk_delay() {
  return latency_base_ + random_.below(latency_spread_ + 1);
}

void sim_node::set_disk_latency(sim_ns base, sim_ns spread) {
  latency_base_ = base;
  latency_spread_ = spread;
}

void sim_node::fail(const error& why) {
  if (std::exchange(failed_, true))
    return;
  log_("the node ends: " + why.text);
}

// -- start and crash
// ----------------------------------------------------------------------------------------------------

result<void> sim_node::start() {
  BROKER_ASSERT(!up(), "the node runs already");
  failed_ = false;
  ++lives_;
  auto life = std::make_unique<process>();
  auto& shared = life->shared;
  shared.node = node_name;
  shared.metadata_on_own_thread = false;
  shared.now_ms = [this] { return time_.now() / ms; };
  shared.next_seed = [this] { return next_seed_++; };
  shared.queues.note = [this](const std::string& text) { log_(text); };
  shared.queues.wall_ms = [this] { return wall_start_ms + time_.now() / ms; };
  shared.queues.memory_bytes = bounds_.queue_memory_bytes;
  shared.queues.pace_bytes = bounds_.queue_pace_bytes;
  shared.queues.memory_pressure = [limit = bounds_.memory_bytes] { return block::total_bytes() > limit; };
  shared.make_queue = [this](caf::actor_system& system, runtime& node, queue_ptr record,
                             std::shared_ptr<const recovered_queue> found) {
    return spawn_spoiled_queue(system, node, std::move(record), std::move(found), mistakes_);
  };
  life->scheduler().clock().current_time = caf::actor_clock::time_point{std::chrono::nanoseconds{time_.now()}};
  if (auto opened = open_store(*life); !opened)
    return opened;
  if (auto opened = open_metadata(*life); !opened)
    return opened;
  auto& sessions = life->sessions;
  sessions.node = &shared;
  sessions.system = life->actors.get();
  sessions.inflight_bytes = bounds_.inflight_bytes;
  sessions.settings.node = node_name;
  sessions.log = [this](log_line::level, const std::string& text) { log_(text); };
  process_ = std::move(life);
  schedule_tick();
  schedule_writer(); // what was asked of the store while starting
  schedule_helper();
  return {};
}

result<void> sim_node::open_store(process& life) {
  journal_options options;
  options.segment_bytes = bounds_.segment_bytes;
  options.salt_seed = random_.next();
  journal_events events;
  events.fatal = [this](const error& why) { fail(why); };
  events.damaged = [this](const store_damage& what) { log_("damaged: " + what.text); };
  events.note = [this](const std::string& text) { log_(text); };
  events.wake_writer = [this] { schedule_writer(); };
  events.arm_timer = [this] { schedule_flush(); };
  events.wake_reader = [this] { schedule_reader(); };
  events.wake_helper = [this] { schedule_helper(); };
  auto opened = journal_store::open(mistakes_.spoil(disk_), backlog_, options, events);
  if (!opened)
    return opened.error();
  life.journal = std::move(opened->store);
  life.recovered = std::move(opened->queues);
  life.shared.store = &mistakes_.spoil(*life.journal);
  return {};
}

result<void> sim_node::open_metadata(process& life) {
  life.metadata = std::make_unique<sim_metadata_store>(disk_);
  metadata_options options;
  options.host.metadata.node = node_name;
  options.store = life.metadata.get();
  options.start.node = node_name;
  options.start.default_user = {"guest", hash_password("guest", "salt"), {"administrator"}, {}};
  options.start.default_rights = {".*", ".*", ".*"};
  for (auto& each : life.recovered)
    options.recovered.emplace(each.id, std::make_shared<const recovered_queue>(std::move(each)));
  options.fatal = [this](const error& why) { fail(why); };
  options.note = [this](const std::string& text) { log_(text); };
  return start_metadata(*life.actors, life.shared, std::move(options));
}

void sim_node::crash() {
  ++lives_; // no pending event of this life runs any more
  process_.reset();
  failed_ = false;
}

// -- the store's threads, as events
// -------------------------------------------------------------------------------------

void sim_node::schedule_writer() {
  if (!up() || std::exchange(process_->writer_scheduled, true))
    return;
  later(disk_delay(), [this] {
    process_->writer_scheduled = false;
    process_->journal->step_writer(false);
  });
}

void sim_node::schedule_flush() {
  later(flush_interval, [this] {
    process_->journal->step_writer(true);
    if (process_->journal->writer_needs_timer())
      schedule_flush();
  });
}

void sim_node::schedule_reader() {
  if (!up() || std::exchange(process_->reader_scheduled, true))
    return;
  later(disk_delay(), [this] {
    process_->reader_scheduled = false;
    if (process_->journal->step_reader())
      schedule_reader();
  });
}

void sim_node::schedule_helper() {
  if (!up() || std::exchange(process_->helper_scheduled, true))
    return;
  later(disk_delay(), [this] {
    process_->helper_scheduled = false;
    if (process_->journal->step_helper())
      schedule_helper();
  });
}

void sim_node::schedule_tick() {
  later(tick_interval, [this] {
    std::erase_if(process_->open, [](const auto& session) { return session->ended(); });
    for (auto& session : process_->open)
      session->tick();
    tell_pressure();
    schedule_tick();
  });
}

/// As the server's resource monitor does.
void sim_node::tell_pressure() {
  auto& shared = process_->shared;
  const bool pressure = shared.queues.memory_pressure();
  if (pressure && !process_->pressure)
    for (const auto& queue : shared.queues_by_id.all())
      caf::anon_send(queue, queue_pressure_msg{});
  process_->pressure = pressure;
}

// -- running
// ------------------------------------------------------------------------------------------------------------

bool sim_node::has_job() const {
  return up() && !failed_ && process_->scheduler().has_job();
}

void sim_node::run_job() {
  auto& jobs = process_->scheduler().jobs;
  const auto chosen = random_.below(jobs.size());
  std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(chosen),
              jobs.begin() + static_cast<std::ptrdiff_t>(chosen) + 1);
  process_->scheduler().clock().current_time = caf::actor_clock::time_point{std::chrono::nanoseconds{time_.now()}};
  process_->scheduler().try_run_once();
}

bool sim_node::next_timer(sim_ns& at) const {
  if (!up() || failed_)
    return false;
  const auto& schedule = process_->scheduler().clock().schedule();
  if (schedule.empty())
    return false;
  at = static_cast<sim_ns>(schedule.begin()->first.time_since_epoch().count());
  return true;
}

void sim_node::run_timer() {
  process_->scheduler().clock().current_time = caf::actor_clock::time_point{std::chrono::nanoseconds{time_.now()}};
  process_->scheduler().trigger_timeout();
}

ref<sim_session> sim_node::connect(wire_peer& client) {
  if (!up() || failed_)
    return nullptr;
  peer_info peer{"127.0.0.1:" + std::to_string(next_port_++) + " -> 127.0.0.1:5672", true};
  auto session = make_ref<sim_session>(process_->sessions, std::move(peer), time_, random_.fork(), client, mistakes_);
  process_->open.push_back(session);
  return session;
}

} // namespace broker::sim

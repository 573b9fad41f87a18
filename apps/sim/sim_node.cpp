#include "sim_node.hpp"

#include <algorithm>
#include <chrono>

#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/bridge.hpp"
#include "actors/memory_pressure.hpp"
#include "actors/metadata.hpp"
#include "actors/node_links.hpp"
#include "actors/replica_links.hpp"
#include "journal_store.hpp"
#include "link_plants.hpp"
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
  std::unique_ptr<node_links> links; ///< stay until the last actor has gone
  std::unique_ptr<cluster_links> spoiled_links;
  std::unique_ptr<caf::actor_system> actors = std::make_unique<caf::actor_system>(config);
  std::unique_ptr<journal_store> journal;
  std::unique_ptr<sim_metadata_store> metadata;
  std::vector<recovered_queue> recovered;
  std::unique_ptr<copies_watch::eyes> eyes;
  runtime shared;
  session_context sessions;
  std::vector<ref<sim_session>> open;
  bool writer_scheduled = false;
  bool reader_scheduled = false;
  bool helper_scheduled = false;
  bool pressure = false;
  std::vector<caf::actor> own; ///< of guests
  caf::actor metadata_behind;  ///< a planted mistake stands in front of it
  bool ready = false;
  bool forgotten = false;
  sim_network* network = nullptr; ///< attached to, as `shared.node`
  bool silent = false;            ///< nobody hears of the end

  caf::scheduler::test_coordinator& scheduler() {
    return static_cast<caf::scheduler::test_coordinator&>(actors->scheduler());
  }
  /// ~actor_system would run timers for ever (a periodic one keeps it busy): everything is killed and drained first.
  ~process() {
    if (eyes)
      eyes->forget();
    if (network)
      network->detach(shared.node, silent);
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
    for (const auto& replica : shared.replicas_by_id.all())
      caf::anon_send_exit(replica, caf::exit_reason::kill);
    shared.lingering.end();
    for (const auto& guest : std::exchange(own, {}))
      caf::anon_send_exit(guest, caf::exit_reason::kill);
    if (shared.metadata)
      caf::anon_send_exit(shared.metadata, caf::exit_reason::kill);
    if (metadata_behind)
      caf::anon_send_exit(metadata_behind, caf::exit_reason::kill);
    open.clear();
    shared.metadata = metadata_behind = nullptr;
    if (links) {
      stop_bridges(shared);
      stop_replica_links(shared);
      links->end("the node stops", {});
    }
    scheduler().run();
    scheduler().clock().cancel_all();
    shared.queues_by_id.clear();
    shared.replicas_by_id.clear();
    shared.channels_by_id.clear();
    shared.connections_by_id.clear();
    scheduler().run();
    actors->await_actors_before_shutdown(false);
    actors.reset();
  }
};

sim_node::sim_node(virtual_time& time, random_source random, sim_disk& disk, sim_backlog& backlog, plant& mistakes,
                   node_limits bounds, std::function<void(const std::string&)> log, cluster_seat seat)
  : time_(time), random_(random), disk_(disk), backlog_(backlog), mistakes_(mistakes), bounds_(bounds),
    log_(std::move(log)), seat_(std::move(seat)), latency_(seat_.disk) {}

sim_node::~sim_node() = default;

template<class Function>
void sim_node::later(sim_ns delay, Function what) {
  time_.after(delay, [this, life = lives_, what] {
    if (!up() || life != lives_ || failed_)
      return;
    if (paused_)
      missed_.push_back(what);
    else
      what();
  });
}

sim_ns sim_node::disk_delay() {
  return latency_.base + random_.below(latency_.spread + 1);
}

void sim_node::set_disk_latency(sim_ns base, sim_ns spread) {
  latency_ = {base, spread};
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
  shared.node = seat_.network ? seat_.name : node_name;
  shared.metadata_on_own_thread = false;
  shared.replica_sizes = seat_.replica_sizes;
  if (seat_.copies)
    life->eyes = seat_.copies->of_life();
  shared.watch = life->eyes.get();
  shared.now_ms = [this] { return monotonic_ms(); };
  shared.next_seed = [this] { return seat_.network ? random_.next() : next_seed_++; };
  shared.queues.note = [this](const std::string& text) { log_(text); };
  shared.queues.wall_ms = [this] { return wall_start_ms + time_.now() / ms + static_cast<uint64_t>(wall_offset_ms_); };
  shared.queues.memory_bytes = bounds_.queue_memory_bytes;
  shared.queues.pace_bytes = bounds_.queue_pace_bytes;
  shared.queues.memory_pressure = [limit = bounds_.memory_bytes] { return block::total_bytes() > limit; };
  shared.make_queue = [this](caf::actor_system& system, runtime& node, queue_ptr record,
                             std::shared_ptr<const recovered_queue> found) {
    if (seat_.queue_started)
      seat_.queue_started(*record);
    if (seat_.own && seat_.own->make_queue)
      return seat_.own->make_queue(system, node, std::move(record), std::move(found));
    return spawn_spoiled_queue(system, node, std::move(record), std::move(found), mistakes_);
  };
  life->scheduler().clock().current_time = caf::actor_clock::time_point{std::chrono::nanoseconds{time_.now()}};
  if (auto opened = open_store(*life); !opened)
    return opened;
  if (auto opened = open_cluster(*life); !opened)
    return opened;
  if (seat_.own && seat_.own->node_started)
    life->own = seat_.own->node_started(*life->actors, shared);
  if (auto opened = open_metadata(*life); !opened)
    return opened;
  auto& sessions = life->sessions;
  sessions.node = &shared;
  sessions.system = life->actors.get();
  sessions.inflight_bytes = bounds_.inflight_bytes;
  sessions.settings.node = shared.node;
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

result<void> sim_node::open_cluster(process& life) {
  if (!seat_.network)
    return {};
  auto* mine = &life;
  life.network = seat_.network;
  auto& wire =
    seat_.network->attach(seat_.name, [mine](const std::string& other) { return mine->links->admit(other); });
  node_links_settings how;
  how.node = seat_.name;
  how.incarnation = random_.next() | 1;
  how.break_limit_ms = seat_.break_limit_ms;
  how.random = life.shared.next_seed;
  how.now_ms = life.shared.now_ms;
  how.note = [this](const std::string& text) { log_(text); };
  life.links = std::make_unique<node_links>(*life.actors, wire, std::move(how));
  life.spoiled_links = spoil_links(*life.links, *life.actors, mistakes_);
  life.shared.cluster = life.spoiled_links ? life.spoiled_links.get() : life.links.get();
  life.shared.bridges.set_own(seat_.name);
  start_bridges(*life.actors, life.shared);
  start_replica_links(*life.actors, life.shared);
  for (const auto& seed : seat_.seeds)
    life.links->connect(seed, "", 0);
  return {};
}

uint64_t sim_node::monotonic_ms() const {
  const auto now = static_cast<int64_t>(time_.now() / us);
  return static_cast<uint64_t>(now * (1'000'000 + drift_) / 1'000'000 / 1000);
}

result<void> sim_node::open_metadata(process& life) {
  life.metadata = std::make_unique<sim_metadata_store>(seat_.network ? mistakes_.spoil_metadata(disk_) : disk_);
  metadata_options options;
  options.host.metadata.node = life.shared.node;
  options.host.metadata.replication = seat_.replication;
  options.store = life.metadata.get();
  options.start.node = life.shared.node;
  options.start.default_user = {"guest", hash_password("guest", "salt"), {"administrator"}, {}};
  options.start.default_rights = {".*", ".*", ".*"};
  for (auto& each : life.recovered)
    options.recovered.emplace(each.id, std::make_shared<const recovered_queue>(std::move(each)));
  options.fatal = [this](const error& why) { fail(why); };
  options.note = [this](const std::string& text) { log_(text); };
  if (seat_.network) {
    options.host.node_down_ms = seat_.node_down_ms;
    options.host.group.heartbeat_ms = seat_.heartbeat_ms;
    options.host.group.election_min_ms = limits::raft_election_min_ms * seat_.heartbeat_ms / limits::raft_heartbeat_ms;
    options.host.group.election_max_ms = limits::raft_election_max_ms * seat_.heartbeat_ms / limits::raft_heartbeat_ms;
    options.host.group.snapshot_after_entries = seat_.snapshot_entries;
    options.host.group.trailing_entries = std::min(seat_.snapshot_entries, options.host.group.trailing_entries);
    options.flushed = seat_.flushed;
    options.host.applied_at_once = 5;
    options.told_at_once = 3; // a node that starts, or is behind, is told of its queues in several steps
    options.forgotten = [mine = &life] { mine->forgotten = true; };
  }
  options.ready = [this, mine = &life](const result<void>& how) {
    mine->ready = how.ok();
    if (!how)
      log_("the node cannot be part of its cluster: " + how.error().text);
  };
  auto started = start_metadata(*life.actors, life.shared, std::move(options));
  if (started)
    life.metadata_behind = spoil_proposals(*life.actors, life.shared, mistakes_);
  return started;
}

void sim_node::crash(bool silent) {
  ++lives_; // no pending event of this life runs any more
  if (process_)
    process_->silent = silent;
  process_.reset();
  failed_ = false;
  paused_ = false;
  missed_.clear();
}

// -- in a cluster
// ------------------------------------------------------------------------------------------------------------

bool sim_node::serves() const noexcept {
  return up() && !failed_ && process_->ready && !process_->forgotten;
}

bool sim_node::forgotten() const noexcept {
  return up() && process_->forgotten;
}

void sim_node::pause() {
  BROKER_ASSERT(up() && !paused_, "a running process is stopped");
  paused_ = true;
  seat_.network->set_paused(seat_.name, true);
  for (auto& session : process_->open)
    session->freeze(true);
}

void sim_node::resume() {
  if (!up() || !std::exchange(paused_, false))
    return;
  seat_.network->set_paused(seat_.name, false);
  for (const auto& what : std::exchange(missed_, {}))
    time_.after(0, [this, life = lives_, what] {
      if (up() && life == lives_ && !failed_)
        what();
    });
  for (auto& session : process_->open)
    session->freeze(false);
}

void sim_node::propose(command what, std::function<void(command_result)> done) {
  caf::anon_send(process_->shared.metadata, propose_msg{proposal{std::move(what), std::move(done)}});
}

snapshot_ptr sim_node::metadata() const {
  return up() ? process_->shared.snapshots.read() : nullptr;
}

bool sim_node::runs_queue(queue_id id) const {
  return up() && process_->shared.queues_by_id.has(id);
}

std::vector<node_state> sim_node::links() const {
  return up() && process_->links ? process_->links->nodes() : std::vector<node_state>{};
}

runtime& sim_node::shared() {
  return process_->shared;
}

caf::actor_system& sim_node::system() {
  return *process_->actors;
}

void sim_node::start_foreign_queue(const queue_record& record) {
  auto& shared = process_->shared;
  shared.queues_by_id.put(
    record.id, {shared.make_queue(*process_->actors, shared, std::make_shared<const queue_record>(record), nullptr)});
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
    tell_memory_pressure(shared);
  process_->pressure = pressure;
}

// -- running
// ------------------------------------------------------------------------------------------------------------

bool sim_node::has_job() const {
  return up() && !failed_ && !paused_ && busy_until_ <= time_.now() && process_->scheduler().has_job();
}

void sim_node::run_job() {
  auto& jobs = process_->scheduler().jobs;
  const auto chosen = random_.below(jobs.size());
  std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(chosen),
              jobs.begin() + static_cast<std::ptrdiff_t>(chosen) + 1);
  process_->scheduler().clock().current_time = caf::actor_clock::time_point{std::chrono::nanoseconds{time_.now()}};
  process_->scheduler().try_run_once();
  if (job_time_ == 0)
    return;
  const sim_ns taken = random_.below(job_time_ + 1);
  busy_until_ = time_.now() + taken;
  time_.after(taken, [] {}); // the world looks again
}

bool sim_node::next_timer(sim_ns& at) const {
  if (!up() || failed_ || paused_)
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
  if (!up() || failed_ || !process_->ready)
    return nullptr;
  peer_info peer{"127.0.0.1:" + std::to_string(next_port_++) + " -> 127.0.0.1:5672", true};
  auto session = make_ref<sim_session>(process_->sessions, std::move(peer), time_, random_.fork(), client, mistakes_);
  process_->open.push_back(session);
  if (paused_)
    session->freeze(true);
  return session;
}

} // namespace broker::sim

#include "broker_app.hpp"

#include <sys/random.h>

#include <future>
#include <thread>

#include <caf/send.hpp>

#include "actors/bridge.hpp"
#include "actors/queue_replica.hpp"
#include "actors/replica_links.hpp"
#include "cluster_name.hpp"
#include "locate_node.hpp"
#include "member_file.hpp"
#include "version.hpp"

namespace broker {

namespace {

/// Clients have this long to answer connection.close.
constexpr auto goodbye_time = std::chrono::seconds{5};
/// After that they are cut off, which only takes the loops' turn.
constexpr auto cut_time = std::chrono::seconds{1};
/// A member of a cluster waits this long for a majority.
constexpr auto cluster_wait = std::chrono::seconds{300};

size_t loop_count(unsigned configured) {
  if (configured != 0)
    return configured;
  const auto cores = std::thread::hardware_concurrency();
  return cores > 1 ? cores - 1 : 1;
}

uint64_t random_number() {
  uint64_t value = 0;
  BROKER_ASSERT(getrandom(&value, sizeof value, 0) == sizeof value, "no randomness from the kernel");
  return value;
}

uint64_t steady_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

int64_t unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

durability_mode to_mode(durability wanted) {
  switch (wanted) {
  case durability::fsync:
    return durability_mode::fsync;
  case durability::interval:
    return durability_mode::interval;
  default:
    return durability_mode::os;
  }
}

log_level to_level(log_line::level severity) {
  switch (severity) {
  case log_line::level::debug:
    return log_level::debug;
  case log_line::level::info:
    return log_level::info;
  case log_line::level::warning:
    return log_level::warning;
  default:
    return log_level::error;
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

} // namespace

std::string salted_hash(std::string_view password) {
  char salt[4];
  BROKER_ASSERT(getrandom(salt, sizeof salt, 0) == sizeof salt, "no randomness from the kernel");
  return hash_password(password, std::string_view{salt, sizeof salt});
}

broker_app::broker_app(host of) : around(std::move(of)), config(around.config), loops(loop_count(config.loops)) {}

broker_app::~broker_app() {
  end();
}

// -- start
// --------------------------------------------------------------------------------------------------------------

result<void> broker_app::open() {
  set_up();
  // The journal last: a damaged database is found before recovery writes anything.
  for (auto step : {&broker_app::open_databases, &broker_app::open_store})
    if (auto opened = (this->*step)(); !opened)
      return opened;
  actor_config.module_factories.push_back(loop_scheduler::factory(loops));
  actors = std::make_unique<caf::actor_system>(actor_config);
  for (auto step : {&broker_app::open_cluster, &broker_app::open_metadata, &broker_app::open_listeners})
    if (auto opened = (this->*step)(); !opened)
      return opened;
  return {};
}

void broker_app::set_up() {
  shared.node = config.node_name;
  shared.bridges.set_own(config.node_name);
  shared.now_ms = steady_ms;
  shared.next_seed = random_number;
  shared.make_queue = around.extensions.make_queue ? around.extensions.make_queue : spawn_queue;
  shared.consumer_timeout_ms = config.consumer_timeout_ms;
  shared.queue_leader_locator = config.queue_leader_locator;
  shared.queues.wall_ms = unix_ms;
  shared.warn = [this](const std::string& text) { say(log_level::warning, text); };
  shared.queues.note = shared.warn;
  shared.queues.memory_bytes = config.queue_memory_bytes;
  shared.queues.memory_pressure = [limit = config.node_memory_bytes] { return block::total_bytes() > limit; };
}

result<void> broker_app::open_databases() {
  auto opened_files = posix_files::open(config.data_dir.string());
  if (!opened_files)
    return opened_files.error();
  files = std::move(*opened_files);
  auto opened_backlog = leveldb_backlog::open((config.data_dir / "backlog").string());
  if (!opened_backlog)
    return opened_backlog.error();
  backlog = std::move(*opened_backlog);
  auto opened_metadata = leveldb_metadata_store::open(*files, config.data_dir.string(), "metadata");
  if (!opened_metadata)
    return opened_metadata.error();
  metadata_files = std::move(*opened_metadata);
  return {};
}

result<void> broker_app::open_store() {
  journal_options options;
  options.durability = to_mode(config.durability);
  options.salt_seed = random_number();
  store_threads::handlers told;
  told.fatal = around.die;
  told.damaged = [this](const store_damage& what) {
    say(log_level::critical,
        "damaged messages of queue " + std::to_string(what.queue) + " are not served: " + what.text);
  };
  told.note = [this](const std::string& text) { say(log_level::info, text); };
  auto opened = store_threads::start(*files, *backlog, options, told, config.durability_interval_ms);
  if (!opened)
    return opened.error();
  store = std::move(*opened);
  shared.store = &store->store();
  return {};
}

/// Takes the port and makes the links; nodes are let in when there is somebody to talk to (open_metadata).
result<void> broker_app::open_cluster() {
  cluster_wire_settings settings;
  settings.node = config.node_name;
  settings.cookie = config.cookie.reveal();
  settings.host = config.distribution_host;
  settings.port = around.cluster_port;
  settings.backlog = config.tcp_backlog;
  settings.locate = [this](const std::string& other) { return locate_node(other, wire->port()); };
  settings.now_ms = steady_ms;
  settings.note = [this](const std::string& text) { say(log_level::warning, text); };
  wire = std::make_unique<cluster_wire>(std::move(settings), loops);
  if (auto opened = wire->open(); !opened)
    return opened;
  node_links_settings how;
  how.node = config.node_name;
  how.incarnation = random_number() | 1;
  how.break_limit_ms = config.break_limit_ms;
  how.random = random_number;
  how.now_ms = steady_ms;
  how.note = [this](const std::string& text) { say(log_level::notice, text); };
  links = std::make_unique<node_links>(*actors, *wire, std::move(how));
  shared.cluster = links.get();
  conditions.start(*actors);
  say(log_level::info,
      "listening for other nodes on [" + config.distribution_host + "]:" + std::to_string(wire->port()));
  return {};
}

result<void> broker_app::open_metadata() {
  metadata_options options;
  options.host.metadata.node = config.node_name;
  options.host.metadata.loopback_users = config.loopback_users;
  options.host.metadata.default_vhost = config.default_vhost;
  options.host.metadata.replication = true;
  if (!around.extensions.exchange_types.empty()) {
    auto types = make_standard_exchange_types();
    for (const auto& type : around.extensions.exchange_types)
      if (!types->add(type))
        return error{0, "exchange type '" + std::string{type->name()} + "' is registered twice"};
    options.host.metadata.exchange_types = std::move(types);
  }
  options.store = metadata_files.get();
  options.start.node = config.node_name;
  options.start.port = wire->port();
  options.start.incarnation = links->incarnation();
  options.start.default_user = {config.default_user,
                                salted_hash(config.default_password.reveal()),
                                config.default_user_tags,
                                user_record{}.hashing,
                                {}};
  options.start.default_rights = {config.default_configure, config.default_write, config.default_read};
  for (auto& each : store->take_recovered()) {
    const queue_id id = each.id;
    options.recovered.emplace(id, std::make_shared<const recovered_queue>(std::move(each)));
  }
  options.fatal = around.die;
  options.note = [this](const std::string& text) { say(log_level::warning, text); };
  auto ready = std::make_shared<std::promise<result<void>>>();
  auto outcome = ready->get_future();
  options.ready = [ready](result<void> how) { ready->set_value(std::move(how)); };
  options.forgotten = [this] {
    forgotten_ = true;
    if (serving_)
      around.forgotten();
  };
  start_bridges(*actors, shared); // before queues of other nodes are looked for
  start_replica_links(*actors, shared);
  // A node that has joined and not started yet knows nobody but its seed.
  for (const auto& member : read_members(config.data_dir))
    if (member != config.node_name)
      links->connect(member, "", 0);
  if (auto started = start_metadata(*actors, shared, std::move(options)); !started)
    return started;
  wire->start([this](const std::string& name) { return links->admit(name); });
  return wait_for_cluster(std::move(outcome));
}

/// Why a start still waits, for operators.
std::string broker_app::waits_for() const {
  std::string reached;
  std::string missing;
  for (const auto& link : links->nodes()) {
    std::string& list = link.connected ? reached : missing;
    list += (list.empty() ? "" : ", ") + link.node;
    if (!link.connected && !link.last_error.empty())
      list += " (" + link.last_error + ")";
  }
  const auto named = [](const std::string& list) { return list.empty() ? "none" : list; };
  const bool led = shared.leaderless_since_ms == 0;
  return std::string{"still waiting to take part in the cluster: "}
       + (led ? "catching up with the leader of its metadata" : "no node that leads its metadata is heard of")
       + "; nodes reached: " + named(reached) + "; not reached: " + named(missing);
}

/// Of no use before a majority has heard of it (S08); RabbitMQ waits ten times 30 s for its tables. A node alone is
/// ready at once.
result<void> broker_app::wait_for_cluster(std::future<result<void>> ready) {
  constexpr auto step = std::chrono::milliseconds{50};
  constexpr auto patience = std::chrono::seconds{10};
  const auto deadline = std::chrono::steady_clock::now() + cluster_wait;
  auto tell_at = std::chrono::steady_clock::now() + patience;
  if (ready.wait_for(std::chrono::seconds{0}) != std::future_status::ready)
    say(log_level::info, "waiting until a majority of the cluster's nodes has been started");
  while (ready.wait_for(step) != std::future_status::ready) {
    if (forgotten_)
      return error{node::not_a_member, "inconsistent_cluster: Node " + config.node_name
                                         + " thinks it's clustered, but the other nodes have removed it. Reset it "
                                           "before it joins again"};
    if (around.given_up())
      return error{0, "the start was given up: the node is to stop"};
    if (std::chrono::steady_clock::now() > tell_at) {
      say(log_level::warning, waits_for());
      tell_at += patience;
    }
    if (std::chrono::steady_clock::now() > deadline)
      return error{0, "no majority of the cluster's nodes could be reached within "
                        + std::to_string(cluster_wait.count()) + " s"};
  }
  return ready.get();
}

std::vector<std::string> broker_app::members() const {
  std::vector<std::string> names;
  shared.snapshots.read()->for_each_node([&](const node_ptr& each) { names.push_back(each->name); });
  return names;
}

result<void> broker_app::open_listeners() {
  sessions.node = &shared;
  sessions.system = actors.get();
  sessions.pool = &around.blocks;
  sessions.wall_ms = unix_ms;
  sessions.cluster_name = [this] { return cluster_name_of(*shared.snapshots.read()); };
  sessions.log = [this](log_line::level severity, const std::string& text) { say(to_level(severity), text); };
  auto& settings = sessions.settings;
  settings.platform = "Warren " + std::string{warren_version};
  settings.node = config.node_name;
  settings.cluster_name = config.cluster_name.empty() ? config.node_name : config.cluster_name;
  settings.channel_max = config.channel_max;
  settings.frame_max = config.frame_max_bytes;
  settings.heartbeat_s = config.heartbeat_s;
  settings.handshake_timeout_ms = config.handshake_timeout_ms;
  settings.message_max_bytes = config.message_max_bytes;
  settings.mechanisms = joined(config.auth_mechanisms);
  listener = std::make_unique<amqp_listener>(sessions, loops, config.connections_max);
  conditions.watch([this](const std::string& reason) { listener->resource_alarm(reason); });
  for (const auto& where : config.listeners) {
    listener_settings wanted{where.host, where.port, config.tcp_backlog, config.tcp_nodelay};
    if (auto listening = listener->listen(wanted); !listening)
      return listening;
    say(log_level::info, "started TCP listener on [" + where.host + "]:" + std::to_string(where.port));
  }
  return {};
}

void broker_app::serve() {
  serving_ = true;
  listener->start();
}

// -- stop
// ---------------------------------------------------------------------------------------------------------------

void broker_app::wait_for_sessions(std::chrono::milliseconds longest) const {
  const auto deadline = std::chrono::steady_clock::now() + longest;
  while (listener->open_sessions() != 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
}

void broker_app::stop(const error& why) {
  leave_masters();
  listener->stop(why);
  wait_for_sessions(goodbye_time);
  listener->cut();
  wait_for_sessions(cut_time);
  end();
}

void broker_app::stop_cluster() {
  if (!links)
    return;
  const auto said = std::make_shared<std::promise<void>>();
  links->end("the node stops", [said] { said->set_value(); });
  said->get_future().wait(); // the actors' turn, no more
  wire->stop();              // the links refuse everything from now on, and stay until the last actor has gone
}

void broker_app::end() {
  if (actors)
    stop_cluster();
  // Everything acked or published so far is in the store's hands; what is still in mailboxes was never confirmed.
  if (store)
    store->stop();
  if (!actors)
    return;
  for (const auto& queue : shared.queues_by_id.all())
    caf::anon_send_exit(queue, caf::exit_reason::kill);
  for (const auto& replica : shared.replicas_by_id.all())
    caf::anon_send_exit(replica, caf::exit_reason::kill);
  shared.lingering.end();
  stop_bridges(shared);
  stop_replica_links(shared);
  conditions.stop();
  shared.queues_by_id.clear();
  shared.replicas_by_id.clear();
  shared.channels_by_id.clear();
  shared.connections_by_id.clear();
  if (shared.metadata)
    caf::anon_send_exit(shared.metadata, caf::exit_reason::kill);
  actors->await_actors_before_shutdown(false);
  // The loops' actors read the handle until they have ended.
  loops.when_stopped([this] { shared.metadata = nullptr; });
  actors.reset();
  shared.cluster = nullptr;
  links.reset();
}

} // namespace broker

// The app comes and goes while the process stays (features.md S04, S05, S08). All of it on the life thread.
#include <fstream>
#include <future>
#include <iterator>

#include "app_data.hpp"
#include "cluster_name.hpp"
#include "definitions_job.hpp"
#include "member_file.hpp"
#include "node_core.hpp"
#include "node_peers.hpp"
#include "peer_discovery.hpp"

namespace broker {

result<void> node::impl::bring_up() {
  if (app)
    return {};
  state_now = app_state::starting;
  auto started = try_bring_up();
  if (started) {
    state_now = app_state::running;
    say(log_level::info, "Server startup complete; 0 plugins started.");
    return started;
  }
  say(log_level::error, "the broker did not start: " + started.error().text);
  stop_management();
  detach();
  app.reset();
  state_now = app_state::stopped;
  return started;
}

result<void> node::impl::try_bring_up() {
  if (auto wiped = finish_wipe(config.data_dir); !wiped)
    return wiped;
  if (auto formed = form_cluster(); !formed)
    return formed;
  app = make_app();
  if (auto opened = app->open(); !opened)
    return opened;
  cluster_port = app->wire->port();
  attach();
  for (auto step : {&impl::forget_noted, &impl::set_configured_name, &impl::load_definitions})
    if (auto done = (this->*step)(); !done)
      return done;
  note_members();
  if (auto served = start_management(); !served)
    return served;
  app->serve();
  return {};
}

std::unique_ptr<broker_app> node::impl::make_app() {
  return std::make_unique<broker_app>(broker_app::host{
    config, extensions, blocks, [this](log_level level, std::string_view text) { say(level, text); },
    [this](const error& why) { die(why); }, cluster_port, [this] { return given_up(); }, [this] { was_forgotten(); }});
}

/// For the time when the app is stopped.
void node::impl::note_members() {
  if (auto written = write_members(config.data_dir, app->members()); !written)
    say(log_level::warning, written.error().text);
}

void node::impl::bring_down(const error& why) {
  if (!app)
    return;
  state_now = app_state::stopping;
  note_members();
  stop_management();
  detach();
  app->stop(why);
  app.reset();
  state_now = app_state::stopped;
  say(log_level::info, "the broker has stopped");
}

/// From now on tools may use the app; its resources are watched, so that alarms are known before the first client.
void node::impl::attach() {
  on_control([this] {
    started_at = std::chrono::steady_clock::now();
    suspended = maintenance = false; // a start ends it, as RabbitMQ's
    visible = app.get();
    resource_monitor::host around;
    around.disk_free = [running = app.get()] { return running->files->free_bytes(); };
    around.memory_pressure = [limit = config.node_memory_bytes] { return block::total_bytes() > limit; };
    around.alarm = [running = app.get()](const cluster::node_condition& own) {
      running->conditions.set_alarms(own.memory, own.disk);
    };
    around.pressure_began = [running = app.get()] { running->pressure_began(); };
    around.log = [this](log_level level, const std::string& text) { say(level, text); };
    const resource_limits limits{config.memory_watermark_bytes, config.disk_free_limit_bytes};
    resources = std::make_unique<resource_monitor>(control_io, config.node_name, limits,
                                                   (config.data_dir / "ballast").string(), std::move(around));
    resources->start();
  });
}

void node::impl::detach() {
  on_control([this] {
    visible = nullptr;
    resources.reset();
  });
}

result<void> node::impl::load_definitions() {
  if (config.definitions_file.empty())
    return {};
  const std::string name = config.definitions_file.string();
  std::ifstream file{config.definitions_file, std::ios::binary};
  std::string json{std::istreambuf_iterator<char>{file}, {}};
  if (!file)
    return error{0, "definitions file " + name + " cannot be read"};
  std::promise<result<std::vector<std::string>>> imported;
  import_definitions(*this, json, [&](result<std::vector<std::string>> done) { imported.set_value(std::move(done)); });
  const auto skipped = imported.get_future().get();
  if (!skipped)
    return error{0, "definitions file " + name + ": " + skipped.error().text};
  for (const auto& line : *skipped)
    say(log_level::warning, std::string{"definitions file "}.append(name).append(": not imported: ").append(line));
  say(log_level::info, "definitions of " + name + " imported");
  return {};
}

/// A name in the configuration file holds from this start on; one that operators set holds otherwise.
result<void> node::impl::set_configured_name() {
  if (config.cluster_name.empty() || cluster_name_of(*metadata()) == config.cluster_name)
    return {};
  return propose_and_wait(name_cluster(config.cluster_name));
}

result<void> node::impl::propose_and_wait(command what) {
  std::promise<command_result> applied;
  propose(std::move(what), [&](command_result outcome) { applied.set_value(std::move(outcome)); });
  if (const auto outcome = applied.get_future().get(); !outcome.ok())
    return outcome.failure;
  return {};
}

/// What an operator said while the app was stopped (forget_cluster_node --offline). A node that runs after all stays.
result<void> node::impl::forget_noted() {
  constexpr int tries = 50;
  constexpr std::chrono::milliseconds pause{100}; // a connection to a node that is up takes less than all of them
  const auto gone = read_forgotten(config.data_dir);
  for (const auto& name : gone) {
    const auto is_gone = [&](const node_ptr& node) { return !node->up || is_unreachable(name); };
    auto node = metadata()->find_node(name);
    for (int i = 0; i < tries && node && !is_gone(node); ++i) {
      std::this_thread::sleep_for(pause);
      node = metadata()->find_node(name);
    }
    if (!node)
      continue;
    if (node->up && is_gone(node))
      if (auto down = propose_and_wait(node_down{name, node->incarnation}); !down)
        return down;
    if (auto forgotten = propose_and_wait(forget_node{name}); forgotten)
      say(log_level::warning,
          "node " + name + " is removed from the cluster, as was ordered while this one was stopped");
    else
      say(log_level::error, "node " + name + " is not removed from the cluster: " + forgotten.error().text);
  }
  return gone.empty() ? result<void>{} : write_forgotten(config.data_dir, {});
}

void node::impl::start_app(std::function<void(result<void>)> done) {
  life->post([this, done = std::move(done)] { done(bring_up()); });
}

void node::impl::stop_app(std::function<void(result<void>)> done) {
  ++stop_wanted;
  life->post([this, done = std::move(done)] {
    --stop_wanted;
    bring_down(shutdown_reason);
    done({});
  });
}

void node::impl::reset(bool forced, std::function<void(result<void>)> done) {
  life->post([this, forced, done = std::move(done)] {
    if (app)
      return done(error{0, "the app must be stopped before it is reset"});
    if (!forced)
      if (const auto left = leave_cluster(); !left)
        return done(error{0, left.error().text});
    done(wipe_app_data(config.data_dir));
  });
}

/// Of two members neither can decide without the other: when the others alone are no majority, this one takes part in
/// the decision, without clients.
result<void> node::impl::leave_cluster() {
  auto left = membership.leave();
  if (left || left.error().code != cluster_operations::refused)
    return left;
  say(log_level::info, "the other members are no majority: taking part in their decision to let this node go");
  app = make_app();
  auto opened = app->open();
  constexpr int tries = 5; // this node may say that it is up just when it is declared down
  for (int i = 0; opened && !left && i < tries; ++i)
    left = membership.leave();
  app.reset();
  return opened ? left : opened;
}

void node::impl::join_cluster(const std::string& seed,
                              std::function<void(result<cluster_operations::join_outcome>)> done) {
  life->post([this, seed, done = std::move(done)] {
    if (app)
      return done(error{0, "the app must be stopped before it joins a cluster"});
    done(membership.join(seed));
  });
}

void node::impl::force_boot(std::function<void(result<void>)> done) {
  life->post([this, done = std::move(done)] {
    if (app)
      return done(error{0, "the app must be stopped before it is made to start alone"});
    done(membership.go_alone());
  });
}

void node::impl::forget_offline(const std::string& node, std::function<void(result<void>)> done) {
  life->post([this, node, done = std::move(done)] {
    if (app)
      return done(error{0, "the app must be stopped before it forgets a node offline"});
    done(membership.forget_offline(node));
  });
}

void node::impl::ask_members(std::vector<std::string> nodes, control::request what,
                             std::function<void(std::vector<std::pair<std::string, control::response>>)> done) {
  static constexpr std::chrono::milliseconds longest{1'500};
  asking->post([this, nodes = std::move(nodes), what = std::move(what), done = std::move(done)] {
    done(ask_peers(config, nodes, what, longest));
  });
}

result<void> node::impl::form_cluster() {
  std::error_code ignored;
  if (config.discovery.backend == discovery_backend::none
      || std::filesystem::exists(config.data_dir / "metadata", ignored))
    return {};
  for (uint32_t tries = 0; tries < config.discovery.retry_limit && !given_up(); ++tries) {
    if (tries != 0)
      std::this_thread::sleep_for(std::chrono::milliseconds{config.discovery.retry_interval_ms});
    const auto nodes = discover_nodes(config);
    if (!nodes) {
      say(log_level::warning, nodes.error().text);
      continue;
    }
    for (const auto& node : *nodes) {
      if (node == config.node_name)
        continue;
      const auto joined = membership.join(node);
      if (joined) {
        say(log_level::info, "joined the cluster of node " + node);
        return {};
      }
      if (joined.error().code == cluster_operations::refused)
        return joined.error(); // it runs and does not want us: founding a second cluster would be worse than failing
    }
    if (nodes->empty() || nodes->front() == config.node_name) {
      say(log_level::info, "no other node runs: this one founds the cluster");
      return {};
    }
    say(log_level::info, "waiting for a running member of the cluster that node " + nodes->front() + " founds");
  }
  return error{0, "peer discovery: no member of the cluster runs, and this node is not the one that founds it"};
}

/// On a thread of the app.
void node::impl::was_forgotten() {
  say(log_level::error,
      "inconsistent_cluster: this node has been removed from its cluster. Reset it before it joins again");
  life->post([this] { bring_down(shutdown_reason); });
}

} // namespace broker

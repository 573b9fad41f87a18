// The app comes and goes while the process stays (features.md S04, S05, S08). All of it on the life thread.
#include <fstream>
#include <future>
#include <iterator>

#include "app_data.hpp"
#include "cluster_name.hpp"
#include "definitions_job.hpp"
#include "node_core.hpp"

namespace broker {

namespace {

uint64_t unix_s() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

} // namespace

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
  detach();
  app.reset();
  state_now = app_state::stopped;
  return started;
}

result<void> node::impl::try_bring_up() {
  if (auto wiped = finish_wipe(config.data_dir); !wiped)
    return wiped;
  app = std::make_unique<broker_app>(
    broker_app::host{config, extensions, blocks, [this](log_level level, std::string_view text) { say(level, text); },
                     [this](const error& why) { die(why); }, cluster_port});
  if (auto opened = app->open(); !opened)
    return opened;
  cluster_port = app->wire->port();
  attach();
  for (auto step : {&impl::set_configured_name, &impl::load_definitions})
    if (auto done = (this->*step)(); !done)
      return done;
  app->serve();
  return {};
}

void node::impl::bring_down(const error& why) {
  if (!app)
    return;
  state_now = app_state::stopping;
  detach();
  app->stop(why);
  app.reset();
  state_now = app_state::stopped;
  say(log_level::info, "the broker has stopped");
}

/// From now on tools may use the app; its resources are watched, so that alarms are known before the first client.
void node::impl::attach() {
  on_control([this] {
    started_at_unix_s = unix_s();
    started_at = std::chrono::steady_clock::now();
    suspended = maintenance = false; // a start ends it, as RabbitMQ's
    visible = app.get();
    resource_monitor::host around;
    around.disk_free = [running = app.get()] { return running->files->free_bytes(); };
    around.memory_pressure = [limit = config.node_memory_bytes] { return block::total_bytes() > limit; };
    around.alarm = [running = app.get()](const std::string& reason) { running->listener->resource_alarm(reason); };
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
    say(log_level::warning, "definitions file " + name + ": not imported: " + line);
  say(log_level::info, "definitions of " + name + " imported");
  return {};
}

/// A name in the configuration file holds from this start on; one that operators set holds otherwise.
result<void> node::impl::set_configured_name() {
  if (config.cluster_name.empty() || cluster_name_of(*metadata()) == config.cluster_name)
    return {};
  std::promise<command_result> applied;
  propose(name_cluster(config.cluster_name), [&](command_result what) { applied.set_value(std::move(what)); });
  if (const auto what = applied.get_future().get(); !what.ok())
    return what.failure;
  return {};
}

void node::impl::start_app(std::function<void(result<void>)> done) {
  life->post([this, done = std::move(done)] { done(bring_up()); });
}

void node::impl::stop_app(std::function<void(result<void>)> done) {
  life->post([this, done = std::move(done)] {
    bring_down({320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"});
    done({});
  });
}

void node::impl::reset(bool forced, std::function<void(result<void>)> done) {
  static_cast<void>(forced);
  life->post([this, done = std::move(done)] {
    done(app ? error{0, "the app must be stopped before it is reset"} : wipe_app_data(config.data_dir));
  });
}

} // namespace broker

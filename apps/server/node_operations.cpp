// What tools do to a running node, and what they change until its next start.
#include <array>
#include <cctype>
#include <chrono>
#include <deque>
#include <fstream>
#include <iterator>
#include <limits>

#include <openssl/evp.h>

#include "config_values.hpp"
#include "node_core.hpp"

namespace broker {

namespace {

const error not_running{0, "the broker is not running"};
/// Masters move a few at a time; what has not left by then stays until the node stops, when a mirror follows it.
constexpr auto masters_leave = std::chrono::seconds{30};
/// A node that is reached but does not say within this time that it knows of the maintenance is not waited for.
constexpr auto nodes_hear = std::chrono::seconds{5};

} // namespace

void node::impl::close_connections(std::function<bool(const connection_info&)> which, size_t most, const error& why,
                                   std::function<void(size_t)> done) {
  if (broker_app* running = visible)
    return running->close_connections(std::move(which), most, why, std::move(done));
  done(0);
}

void node::impl::suspend_listeners(std::function<void(result<void>)> done) {
  broker_app* running = visible;
  if (running == nullptr)
    return done({}); // a stopped app has no listeners
  suspended = true;
  say(log_level::warning, "Suspending all client connection listeners");
  running->listener->suspend([done = std::move(done)] { done({}); });
}

void node::impl::resume_listeners(std::function<void(result<void>)> done) {
  broker_app* running = visible;
  if (running == nullptr)
    return done(not_running);
  suspended = false;
  say(log_level::warning, "Resuming all client connection listeners");
  running->listener->resume(std::move(done));
}

void node::impl::drain(std::function<void(result<void>)> done) {
  broker_app* running = visible;
  if (running == nullptr)
    return done(not_running);
  maintenance = true;
  running->conditions.set_drained(true);
  say(log_level::warning, "This node is being put into maintenance (drain) mode");
  suspend_listeners([this, running, done = std::move(done)](const result<void>&) {
    const auto everyone = [](const connection_info&) { return true; };
    running->close_connections(
      everyone, std::numeric_limits<size_t>::max(), {320, "CONNECTION_FORCED - Node was put into maintenance mode"},
      [this, running, done](size_t closed) {
        say(log_level::warning, "Closed " + std::to_string(closed) + " local client connections");
        running->hand_over([this, running, done](const result<void>& handed) {
          if (!handed)
            say(log_level::warning, handed.error().text);
          running->await_moved_masters(masters_leave, [this, running, done](size_t left) {
            if (left != 0)
              say(log_level::warning, "The masters of " + std::to_string(left) + " queues have not left this node");
            running->await_aware_nodes(nodes_hear, [this, done] {
              say(log_level::info, "Node is ready to be shut down for maintenance or upgrade");
              done({});
            });
          });
        });
      });
  });
}

void node::impl::revive(std::function<void(result<void>)> done) {
  maintenance = false;
  broker_app* const running = visible;
  if (running != nullptr)
    running->conditions.set_drained(false);
  say(log_level::info, "This node is being revived from maintenance (drain) mode");
  resume_listeners([running, done = std::move(done)](const result<void>& resumed) {
    if (!resumed)
      return done(resumed);
    running->await_aware_nodes(nodes_hear, [done] { done({}); });
  });
}

void node::impl::delete_queue(const queue_ptr& queue, bool if_unused, bool if_empty,
                              std::function<void(result<uint32_t>)> done) {
  if (broker_app* running = visible)
    return running->delete_queue(queue, if_unused, if_empty, std::move(done));
  done(not_running);
}

void node::impl::purge_queue(const queue_ptr& queue, std::function<void(result<uint32_t>)> done) {
  if (broker_app* running = visible)
    return running->purge_queue(queue, std::move(done));
  done(not_running);
}

void node::impl::set_memory_watermark(uint64_t bytes) {
  if (resources)
    resources->set_memory_limit(bytes);
}

void node::impl::set_disk_free_limit(uint64_t bytes) {
  if (resources)
    resources->set_disk_limit(bytes);
}

uint64_t node::impl::total_memory_bytes() const {
  return config_value::total_memory_bytes();
}

void node::impl::force_alarm(resource what, bool on) {
  if (resources)
    what == resource::memory ? resources->force_memory_alarm(on) : resources->force_disk_alarm(on);
}

void node::impl::set_channel_max(uint16_t most) {
  if (broker_app* running = visible)
    running->sessions.channel_max = most;
}

void node::impl::free_loopback_users(bool free) {
  if (broker_app* running = visible)
    running->sessions.loopback_is_free = free;
}

/// RABBITMQ's file and form: [rabbitmq_shovel,rabbitmq_top].
result<std::vector<std::string>> node::impl::enabled_plugins() const {
  const auto path = config.data_dir / "enabled_plugins";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return std::vector<std::string>{};
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file || !text.starts_with('[') || text.find("].") == std::string::npos)
    return error{0, path.string() + " is not a list of plugins"};
  std::vector<std::string> names;
  std::string name;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_')
      name.push_back(c);
    else if (!name.empty())
      names.push_back(std::exchange(name, {}));
  }
  return names;
}

result<void> node::impl::enable_plugins(const std::vector<std::string>& names) {
  const auto path = config.data_dir / "enabled_plugins";
  const auto fresh = config.data_dir / "enabled_plugins.new";
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "[" : ",") + name;
  std::ofstream file{fresh, std::ios::trunc};
  file << (text.empty() ? "[" : text) << "].\n";
  file.close();
  std::error_code failed;
  if (file)
    std::filesystem::rename(fresh, path, failed);
  if (!file || failed)
    return error{0, path.string() + " cannot be written"};
  return {};
}

void node::impl::set_log_level(log_level level) {
  log.set_level(level);
}

void node::impl::reopen_log() {
  log.reopen();
}

control::value_record node::impl::settings() const {
  const auto texts = [](const std::vector<std::string>& list) { return control::value_list(list.begin(), list.end()); };
  control::value_list ports;
  for (const auto& each : config.listeners)
    ports.emplace_back(each.port);
  const broker_app* running = visible;
  const uint16_t channel_max = running == nullptr ? uint16_t{0} : running->sessions.channel_max.load();
  const bool loopback_is_free = running != nullptr && running->sessions.loopback_is_free;
  const resource_limits limits = resources
                                 ? resources->current_limits()
                                 : resource_limits{config.memory_watermark_bytes, config.disk_free_limit_bytes};
  return {
    {"auth_mechanisms", texts(config.auth_mechanisms)},
    {"channel_max", channel_max != 0 ? channel_max : config.channel_max},
    {"connection_max", config.connections_max},
    {"default_permissions", texts({config.default_configure, config.default_write, config.default_read})},
    {"default_user", config.default_user},
    {"default_user_tags", texts(config.default_user_tags)},
    {"default_vhost", config.default_vhost},
    {"disk_free_limit", limits.disk_free_bytes},
    {"frame_max", config.frame_max_bytes},
    {"handshake_timeout", config.handshake_timeout_ms},
    {"heartbeat", config.heartbeat_s},
    {"loopback_users", loopback_is_free ? control::value_list{} : texts(config.loopback_users)},
    {"max_message_size", config.message_max_bytes},
    {"node_memory_limit", config.node_memory_bytes},
    {"queue_memory_limit", config.queue_memory_bytes},
    {"tcp_listeners", std::move(ports)},
    {"vm_memory_high_watermark", control::value_record{{"absolute", limits.memory_bytes}}},
  };
}

std::filesystem::path node::impl::log_file() const {
  if (!config.log.file)
    return {};
  return config.log.folder / (config.log.file_name.empty() ? config.node_name + ".log" : config.log.file_name);
}

result<std::vector<std::string>> node::impl::log_tail(size_t lines) const {
  const auto path = log_file();
  if (path.empty())
    return error{0, "there is no log file: log.file is false"};
  std::ifstream file{path};
  if (!file)
    return error{0, "log file " + path.string() + " cannot be read"};
  // A line is rarely longer than this; older ones are left out rather than reading a large file through.
  constexpr std::streamoff line_bytes = 400;
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  const std::streamoff from = std::max<std::streamoff>(0, size - static_cast<std::streamoff>(lines) * line_bytes);
  file.seekg(from);
  std::deque<std::string> newest;
  std::string line;
  if (from != 0)
    std::getline(file, line); // the rest of a line that begins before
  while (std::getline(file, line)) {
    newest.push_back(std::move(line));
    if (newest.size() > lines)
      newest.pop_front();
  }
  return std::vector<std::string>{newest.begin(), newest.end()};
}

std::string node::impl::cookie_hash() const {
  const std::string_view cookie = config.cookie.reveal();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  const int hashed = EVP_Digest(cookie.data(), cookie.size(), digest.data(), &size, EVP_md5(), nullptr);
  BROKER_ASSERT(hashed == 1, "MD5 is there");
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> text;
  const int length = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
  return std::string{reinterpret_cast<const char*>(text.data()), static_cast<size_t>(length)};
}

} // namespace broker

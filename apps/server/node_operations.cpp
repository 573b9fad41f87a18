// What tools do to a running node, and what they change until its next start.
#include <array>
#include <deque>
#include <fstream>
#include <future>
#include <iterator>

#include <openssl/evp.h>

#include "actors/queue_operator.hpp"
#include "config_values.hpp"
#include "definitions_job.hpp"
#include "node_core.hpp"

namespace broker {

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

void node::impl::close_connections(std::function<bool(const connection_info&)> which, size_t most, error why,
                                   std::function<void(size_t)> done) {
  listener->close_if([which = std::move(which)](session_report report) { return which(to_info(std::move(report))); },
                     most, why, std::move(done));
}

void node::impl::delete_queue(const queue_ptr& queue, bool if_unused, bool if_empty,
                              std::function<void(result<uint32_t>)> done) {
  delete_as_operator(*actors, shared, queue, if_unused, if_empty, std::move(done));
}

void node::impl::purge_queue(const queue_ptr& queue, std::function<void(result<uint32_t>)> done) {
  purge_as_operator(*actors, shared, queue->id, std::move(done));
}

void node::impl::set_memory_watermark(uint64_t bytes) {
  resources->set_memory_limit(bytes);
}

void node::impl::set_disk_free_limit(uint64_t bytes) {
  resources->set_disk_limit(bytes);
}

uint64_t node::impl::total_memory_bytes() const {
  return config_value::total_memory_bytes();
}

void node::impl::force_alarm(resource what, bool on) {
  what == resource::memory ? resources->force_memory_alarm(on) : resources->force_disk_alarm(on);
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
  return {
    {"auth_mechanisms", texts(config.auth_mechanisms)},
    {"channel_max", sessions.channel_max != 0 ? sessions.channel_max.load() : config.channel_max},
    {"connection_max", config.connections_max},
    {"default_permissions", texts({config.default_configure, config.default_write, config.default_read})},
    {"default_user", config.default_user},
    {"default_user_tags", texts(config.default_user_tags)},
    {"default_vhost", config.default_vhost},
    {"disk_free_limit", resources->current_limits().disk_free_bytes},
    {"frame_max", config.frame_max_bytes},
    {"handshake_timeout", config.handshake_timeout_ms},
    {"heartbeat", config.heartbeat_s},
    {"loopback_users", sessions.loopback_is_free ? control::value_list{} : texts(config.loopback_users)},
    {"max_message_size", config.message_max_bytes},
    {"node_memory_limit", config.node_memory_bytes},
    {"queue_memory_limit", config.queue_memory_bytes},
    {"tcp_listeners", std::move(ports)},
    {"vm_memory_high_watermark", control::value_record{{"absolute", resources->current_limits().memory_bytes}}},
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

// What tools see of a node, whether its app runs or not.
#include <sys/resource.h>

#include <filesystem>
#include <string>

#include <boost/asio/post.hpp>

#include "cluster_name.hpp"
#include "node_core.hpp"

namespace broker {

namespace {

uint64_t open_files() {
  std::error_code ignored; // without /proc the figure is 0
  uint64_t count = 0;
  for (auto at = std::filesystem::directory_iterator{"/proc/self/fd", ignored}; at != std::filesystem::end(at); ++at)
    ++count;
  return count;
}

} // namespace

snapshot_ptr node::impl::metadata() const {
  const broker_app* running = visible;
  return running == nullptr ? nothing : running->shared.snapshots.read();
}

void node::impl::propose(command what, std::function<void(command_result)> done) {
  if (broker_app* running = visible)
    return running->propose(std::move(what), std::move(done));
  command_result refused;
  refused.failure.text = "the broker is not running";
  done(std::move(refused));
}

void node::impl::list_queues(std::function<void(std::vector<queue_info>)> done) {
  if (broker_app* running = visible)
    return running->list_queues(std::move(done));
  done({});
}

void node::impl::list_connections(std::function<void(std::vector<connection_info>)> done) {
  if (broker_app* running = visible)
    return running->list_connections(std::move(done));
  done({});
}

void node::impl::list_channels(std::function<void(std::vector<channel_info>)> done) {
  if (broker_app* running = visible)
    return running->list_channels(std::move(done));
  done({});
}

void node::impl::list_consumers(std::function<void(std::vector<consumer_info>)> done) {
  if (broker_app* running = visible)
    return running->list_consumers(std::move(done));
  done({});
}

node_facts node::impl::facts() const {
  node_facts result;
  result.node = config.node_name;
  result.cluster_name = config.cluster_name.empty() ? config.node_name : config.cluster_name;
  result.data_dir = config.data_dir.string();
  result.config_file = config.config_file.string();
  result.log_file = log_file().string();
  result.memory_bytes = resident_bytes();
  result.message_bytes = block::total_bytes();
  result.open_files = open_files();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    result.open_files_max = limit.rlim_cur;
  result.listeners.push_back({"[" + config.control_host + "]", control_port, "control", "CLI tool communication"});
  const broker_app* running = visible;
  if (running == nullptr)
    return result;
  result.uptime_s = static_cast<uint64_t>(
    std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_at).count());
  const auto metadata_now = running->shared.snapshots.read();
  if (auto name = cluster_name_of(*metadata_now); !name.empty())
    result.cluster_name = std::move(name);
  result.maintenance = maintenance;
  result.minority = running->in_minority();
  result.unreachable = running->unreachable();
  metadata_now->for_each_node([&](const node_ptr& each) { result.runs[each->name] = each->run; });
  metadata_now->for_each_vhost([&](const vhost_record&) { ++result.vhosts; });
  result.queues = metadata_now->queue_count(); // without hidden ones
  for (const auto& where : suspended ? std::vector<listener_address>{} : config.listeners)
    result.listeners.insert(result.listeners.end() - 1, {"[" + where.host + "]", where.port, "amqp", "AMQP 0-9-1"});
  result.listeners.insert(result.listeners.end() - 1, {"[" + config.distribution_host + "]", cluster_port, "clustering",
                                                       "inter-node communication"});
  result.alarms = resources->alarms();
  result.other_nodes = running->conditions.others();
  result.memory_watermark_bytes = resources->current_limits().memory_bytes;
  result.disk_free_limit_bytes = resources->current_limits().disk_free_bytes;
  if (auto free = running->files->free_bytes())
    result.disk_free_bytes = *free;
  result.connections = running->listener->open_sessions();
  return result;
}

void node::impl::group_state(std::function<void(group_facts)> done) {
  if (broker_app* running = visible)
    return running->group_state(std::move(done));
  done({});
}

void node::impl::rebalance(std::function<bool(const queue_record&)> which, std::function<void(result<void>)> done) {
  broker_app* const running = visible;
  if (running == nullptr)
    return done(error{0, "the broker is not running"});
  running->rebalance(std::move(which), [this, done = std::move(done)](const result<void>& outcome) {
    boost::asio::post(control_io, [done, outcome] { done(outcome); });
  });
}

std::vector<std::string> node::impl::unreachable() const {
  const broker_app* running = visible;
  return running == nullptr ? std::vector<std::string>{} : running->unreachable();
}

std::string node::impl::hash_password(std::string_view password) const {
  return salted_hash(password);
}

void node::impl::request_stop() {
  std::lock_guard guard{stop_mutex};
  stopping = true;
  stop_asked.notify_all();
}

} // namespace broker

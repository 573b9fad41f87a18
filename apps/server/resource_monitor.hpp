// Looks after memory and disk once a second, more often when the disk is nearly full: sets and clears the node's
// resource alarms (resource_alarms.hpp), keeps the ballast file, and tells queues when memory gets tight. Its system
// calls may wait for a slow disk, so it lives on the control thread, never on a loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "resource_alarms.hpp"

namespace broker {

/// Resident bytes of this process; 0 without /proc.
uint64_t resident_bytes();

/// 64 MiB of the data directory's disk that nobody else can take (guarantees.md G6).
class ballast_file {
public:
  explicit ballast_file(std::string path) : path_(std::move(path)) {}
  /// Error: the disk does not give that room; nothing is left behind.
  result<void> make(uint64_t bytes) const;
  void release() const;

private:
  std::string path_;
};

/// Single-threaded: made, used and destroyed on the thread of `io`.
class resource_monitor {
public:
  struct host {
    std::function<result<uint64_t>()> disk_free;
    std::function<bool()> memory_pressure;
    std::function<void(const cluster::node_condition& own)> alarm;
    std::function<void()> pressure_began;
    std::function<void(log_level, const std::string&)> log;
  };

  resource_monitor(boost::asio::io_context& io, std::string node, resource_limits limits, std::string ballast_path,
                   host around);

  /// Looks at once, so that alarms are known before the first client, then on its timer.
  void start();
  std::vector<std::string> alarms() const { return alarms_.texts(); }
  const resource_limits& current_limits() const { return alarms_.current_limits(); }
  /// Each looks at once: `set_vm_memory_high_watermark 0` blocks publishers before it is answered.
  void set_memory_limit(uint64_t bytes);
  void set_disk_limit(uint64_t bytes);
  void force_memory_alarm(bool on);
  void force_disk_alarm(bool on);

private:
  void look();
  std::optional<uint64_t> disk_free();
  void make_ballast();

  boost::asio::steady_timer timer_;
  const uint64_t ballast_bytes_;
  resource_alarms alarms_;
  const ballast_file ballast_;
  const host host_;
  bool pressure_ = false;
  bool disk_unknown_ = false;    ///< said so in the log
  bool ballast_refused_ = false; ///< the file system does not give it: asked once
  /// Goes with the monitor: a look that is due already must not come after it.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace broker

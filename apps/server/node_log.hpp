// The node's log (features.md O49): lines `2023-02-22 09:27:21.226312+00:00 [info] <0.680.0> text`, UTC, to a file and
// to the console. Written by one background thread; a line costs its caller a copy into a bounded queue. Callers must
// never pass secrets. Control characters are escaped, so that a client's text cannot forge a line.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "config.hpp"

namespace broker {

/// Lines waiting for the writer; a caller waits when it is full rather than lose a line.
inline constexpr size_t log_queue_lines = 8192;

/// Thread-safe.
class node_log {
public:
  /// Source of lines about the node itself; connections use 1000 + their number.
  static constexpr uint64_t node_source = 1;
  static constexpr uint64_t connection_source(uint64_t connection) { return 1000 + connection; }

  node_log();
  /// Writes what is waiting.
  ~node_log();
  node_log(const node_log&) = delete;
  node_log& operator=(const node_log&) = delete;

  /// Opens what `settings` asks for; before it, and after a failure, lines go nowhere. Call after any fork.
  result<void> open(const log_settings& settings);
  /// Would a line of this level be written anywhere? For callers whose text is costly to build.
  bool enabled(log_level level) const;
  /// `source` is the number shown as <0.source.0>.
  void write(log_level level, uint64_t source, std::string_view text);
  /// Lines below it are no longer written, to file and console.
  void set_level(log_level level);
  /// The file is opened again by its name before the next line: for log rotation (SIGHUP).
  void reopen();
  /// Hands everything written so far to the operating system and ends the log: for the last words of a node. Later
  /// lines go nowhere.
  void flush();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace broker

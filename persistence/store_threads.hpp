// The production store's threads: journal writer, reader and helper, each asleep unless woken or timed (hotpath.md: no
// spinning, no commit delay). Owns the store; the message_store interface is the store's own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "journal_store.hpp"

namespace broker {

/// A flag that a thread sleeps on. Thread-safe.
class wake_signal {
public:
  enum class reason { woken, nudged, timeout };
  void wake();
  /// Makes wait() return without work, so that its caller can choose another timeout.
  void nudge();
  /// Waits for wake(), nudge() or, if `milliseconds` is not 0, that long.
  reason wait(uint32_t milliseconds);

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool nudged_ = false;
};

class store_threads {
public:
  struct handlers {
    std::function<void(const error&)> fatal;
    std::function<void(const store_damage&)> damaged;
    std::function<void(const std::string&)> note;
  };

  /// Recovers and starts. `flush_interval_ms` bounds how long a settle waits and, in mode interval, the time between
  /// syncs.
  static result<std::unique_ptr<store_threads>> start(file_system& files, backlog_store& backlog,
                                                      journal_options options, handlers told,
                                                      uint32_t flush_interval_ms = limits::journal_flush_interval_ms);
  /// Stops as stop() does.
  ~store_threads();

  journal_store& store() noexcept { return *store_; }
  /// What recovery found; by queue id.
  std::vector<recovered_queue> take_recovered() { return std::move(recovered_); }
  /// Ends the threads and makes everything durable. Nothing may be asked of the store afterwards.
  void stop();

private:
  explicit store_threads(uint32_t flush_interval_ms) : flush_interval_ms_(flush_interval_ms) {}
  void run_writer();
  void run_reader();
  void run_helper();

  const uint32_t flush_interval_ms_;
  std::unique_ptr<journal_store> store_;
  std::vector<recovered_queue> recovered_;
  wake_signal writer_signal_;
  wake_signal reader_signal_;
  wake_signal helper_signal_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

/// Splits recovered queues by whether `known` (sorted) names them; unknown ones are reported, never removed (G7).
struct recovered_queues {
  std::vector<recovered_queue> known;
  std::vector<recovered_queue> orphans;
};
recovered_queues split_orphans(std::vector<recovered_queue> all, const std::vector<queue_id>& known);

} // namespace broker

// The journal's files: which are free, made ahead of need and reused (hotpath.md rule 7: preallocated, zero-filled).
// Thread-safe: the writer takes, the helper prepares and wipes.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "journal_index.hpp"
#include "ports/file_system.hpp"

namespace broker {

class segment_pool {
public:
  segment_pool(file_system& files, std::string directory, uint64_t segment_bytes, size_t spares)
    : files_(files), directory_(std::move(directory)), segment_bytes_(segment_bytes), spares_wanted_(spares) {}

  /// Opens the file of every name in the directory that is a segment's. Call once, before anything else.
  result<std::vector<segment_ref>> open_existing();
  /// A file free for use: a spare one, or a new one if there is none.
  result<segment_ref> take();
  /// Makes one file ahead of need if spares are short; an error is no harm as long as take() finds a spare. While there
  /// is one, files are not taken every few seconds, and until `end_leisure`, it takes its time: 64 MiB of zeroes at
  /// once keep every sync on the disk waiting for a tenth of a second.
  result<void> prepare();
  bool short_of_spares() const;
  /// The node stops: what is being prepared is not worth waiting for.
  void end_leisure() { leisure_.store(false, std::memory_order_relaxed); }
  /// Erases the head durably, so that nothing in the file counts any more, then keeps it as a spare or removes it.
  result<void> wipe(segment_ref unused);
  /// A file whose head is known to be erased.
  void add_spare(segment_ref unused);

  uint64_t segment_bytes() const noexcept { return segment_bytes_; }

private:
  /// `at_leisure`: while there is a spare, the disk is left to others for most of the time.
  result<segment_ref> create(bool at_leisure);
  bool may_take_time() const;

  file_system& files_;
  const std::string directory_;
  const uint64_t segment_bytes_;
  const size_t spares_wanted_;
  mutable std::mutex mutex_;
  std::vector<segment_ref> spares_;
  std::chrono::steady_clock::time_point last_taken_{};
  bool busy_ = false; ///< the last two files were taken soon after each other
  uint64_t next_name_ = 1;
  std::atomic<bool> leisure_{true};
};

} // namespace broker

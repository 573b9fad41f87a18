// A file_system that loses, tears, flips and fails on demand, from a seed (guarantees.md F3-F5, F8, F9). Each file has
// a volatile image, which the program sees, and a durable one, which is all that a crash leaves. Directory entries
// behave the same: a created, renamed or removed name is durable after sync_directory. Single-threaded and
// deterministic.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "ports/file_system.hpp"

namespace broker::sim {

/// What happens to unsynced writes in a crash.
enum class crash_style {
  lose_all,  ///< nothing unsynced survives
  prefix,    ///< the first k unsynced writes of a file survive
  torn,      ///< as prefix, and of write k + 1 the first bytes
  reordered, ///< any subset of the unsynced sectors survives
  keep_all,  ///< the process died, the machine did not
};

/// One step counter for writes, syncs, and directory operations of all files. A step that fails has no other effect.
struct disk_faults {
  /// The step (counted from 1) at which the power fails: it and every later one does nothing, and returns an error.
  uint64_t power_off_at = UINT64_MAX;
  /// The write, sync or read step that returns an input/output error, once.
  uint64_t write_error_at = UINT64_MAX;
  uint64_t sync_error_at = UINT64_MAX;
  uint64_t read_error_at = UINT64_MAX;
  /// The write (counted alone) that lands at another place of its file, without an error.
  uint64_t misdirected_write_at = UINT64_MAX;
  /// Bytes all files may have together; a write or preallocation beyond fails.
  uint64_t capacity = UINT64_MAX;
};

class sim_disk final : public file_system {
public:
  explicit sim_disk(random_source random) : random_(random) {}

  result<std::unique_ptr<file>> open(std::string_view path, bool create) override;
  result<void> remove(std::string_view path) override;
  result<void> rename(std::string_view from, std::string_view to) override;
  result<void> make_directory(std::string_view path) override;
  result<void> sync_directory(std::string_view path) override;
  result<std::vector<std::string>> list(std::string_view path) override;
  result<uint64_t> free_bytes() override;

  disk_faults& faults() noexcept { return faults_; }
  /// Steps taken since the start or the last crash.
  uint64_t steps() const noexcept { return steps_; }
  uint64_t writes() const noexcept { return writes_; }
  uint64_t syncs() const noexcept { return syncs_; }
  uint64_t reads() const noexcept { return reads_; }

  /// Power loss: open files become useless, the images are what the style leaves, faults and counters start afresh.
  void crash(crash_style style);
  /// Flips one bit of a file, in both images.
  void flip_bit(std::string_view path, uint64_t offset, int bit = 0);
  /// Content of a file as the program sees it.
  std::optional<std::string> content(std::string_view path) const;
  void set_content(std::string_view path, std::string bytes);

private:
  friend class sim_file;
  struct change {
    uint64_t offset = 0;
    std::string bytes;
    std::optional<uint64_t> truncate = std::nullopt; ///< instead of bytes
    uint64_t zeros = 0;                              ///< so many of them instead of bytes, at the end of the file

    uint64_t size() const noexcept { return zeros != 0 ? zeros : bytes.size(); }
  };
  struct inode {
    std::string now;
    std::string durable;
    std::vector<change> unsynced;
  };
  using inode_ref = std::shared_ptr<inode>;

  /// Counts a step; an error once the power is off.
  result<void> step();
  result<void> write(inode& target, change made);
  result<void> sync(inode& target);
  uint64_t used() const;
  void survive(inode& each, crash_style style);
  void survive_reordered(inode& each);
  static void apply(std::string& image, const change& made);

  random_source random_;
  disk_faults faults_;
  uint64_t steps_ = 0;
  uint64_t writes_ = 0;
  uint64_t syncs_ = 0;
  uint64_t reads_ = 0;
  uint64_t generation_ = 0; ///< crashes; files opened before one are useless
  std::map<std::string, inode_ref, std::less<>> names_;
  std::map<std::string, inode_ref, std::less<>> durable_names_;
};

} // namespace broker::sim

// Port: files. The journal and the snapshot files are written against it; production is POSIX
// (persistence/posix_files), simulation is sim_disk, which loses unsynced bytes, tears writes, flips bits and fails on
// demand (guarantees.md F3-F9). Not thread-safe per file: one writer. Paths are relative to the node's data directory,
// '/'-separated.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace broker {

class file {
public:
  virtual ~file() = default;
  /// Writes all parts in order at `offset`, or fails. Short writes are retried inside. Durable only after sync().
  virtual result<void> write(uint64_t offset, std::span<const std::string_view> parts) = 0;
  /// fdatasync. After a failure the node must end (guarantees.md G6): never retry.
  virtual result<void> sync() = 0;
  /// Reads up to into.size() bytes; fewer only at the end of the file.
  virtual result<size_t> read(uint64_t offset, std::span<char> into) const = 0;
  virtual result<uint64_t> size() const = 0;
  /// Extends the file with written zeroes to `size` bytes (preallocation, hotpath.md rule 7) and syncs it. With `pause`
  /// in small pieces, each synced; it is called between them: syncs of other files then wait for one piece at most.
  virtual result<void> preallocate(uint64_t size, const std::function<void()>& pause = nullptr) = 0;
  virtual result<void> truncate(uint64_t size) = 0;
};

class file_system {
public:
  virtual ~file_system() = default;
  /// Opens for reading and writing; creates the file if `create`.
  virtual result<std::unique_ptr<file>> open(std::string_view path, bool create) = 0;
  virtual result<void> remove(std::string_view path) = 0;
  /// Atomic; durable after sync_directory of the target's directory.
  virtual result<void> rename(std::string_view from, std::string_view to) = 0;
  virtual result<void> make_directory(std::string_view path) = 0;
  virtual result<void> sync_directory(std::string_view path) = 0;
  /// Names (not paths) in a directory, sorted. A missing directory is empty.
  virtual result<std::vector<std::string>> list(std::string_view path) = 0;
  /// Free bytes of the volume.
  virtual result<uint64_t> free_bytes() = 0;
};

} // namespace broker

// The file_system port on POSIX: pwritev, fdatasync, written zeroes for preallocation. Every descriptor is
// close-on-exec; directories are 0700 and files 0600 (guarantees.md S15). Errors name the path, the call and errno's
// text. A file may be read by any thread while one thread writes it; everything else is thread-safe.
#pragma once

#include <memory>
#include <string>

#include "ports/file_system.hpp"

namespace broker {

class posix_files final : public file_system {
public:
  /// Opens (creating it, mode 0700) the data directory all paths are relative to.
  static result<std::unique_ptr<posix_files>> open(std::string data_directory);
  ~posix_files() override;

  result<std::unique_ptr<file>> open(std::string_view path, bool create) override;
  result<void> remove(std::string_view path) override;
  result<void> rename(std::string_view from, std::string_view to) override;
  result<void> make_directory(std::string_view path) override;
  result<void> sync_directory(std::string_view path) override;
  result<std::vector<std::string>> list(std::string_view path) override;
  result<uint64_t> free_bytes() override;

  const std::string& directory() const noexcept { return directory_; }

private:
  posix_files(std::string directory, int descriptor) : directory_(std::move(directory)), descriptor_(descriptor) {}

  std::string directory_;
  int descriptor_;
};

} // namespace broker

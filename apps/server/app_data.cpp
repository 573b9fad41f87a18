#include "app_data.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace broker {

namespace {

/// Messages before metadata: what is left after a crash is never a queue's record with half of its messages, because
/// the mark below stops the start until all is gone.
constexpr std::string_view parts[] = {"journal", "backlog", "metadata", "ballast", "cluster_nodes", "forgotten_nodes"};
/// Stands in the data directory while a wipe is under way.
constexpr std::string_view mark = "reset";

result<void> sync_folder(const std::filesystem::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const error why{0, "directory " + folder.string() + " cannot be synced: " + std::strerror(errno)};
  if (fd >= 0)
    close(fd);
  if (!synced)
    return why;
  return {};
}

result<void> make_mark(const std::filesystem::path& data_dir) {
  const auto file = data_dir / mark;
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return error{0, file.string() + " cannot be made: " + std::strerror(errno)};
  close(fd);
  return sync_folder(data_dir);
}

} // namespace

result<void> wipe_app_data(const std::filesystem::path& data_dir) {
  if (auto marked = make_mark(data_dir); !marked)
    return marked;
  return finish_wipe(data_dir);
}

result<void> finish_wipe(const std::filesystem::path& data_dir) {
  std::error_code failed;
  if (!std::filesystem::exists(data_dir / mark, failed))
    return {};
  for (const auto part : parts) {
    std::filesystem::remove_all(data_dir / part, failed);
    if (failed)
      return error{0, (data_dir / part).string() + " cannot be deleted: " + failed.message()};
  }
  if (auto synced = sync_folder(data_dir); !synced)
    return synced;
  std::filesystem::remove(data_dir / mark, failed);
  if (failed)
    return error{0, (data_dir / mark).string() + " cannot be deleted: " + failed.message()};
  return sync_folder(data_dir);
}

} // namespace broker

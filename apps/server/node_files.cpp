#include "node_files.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cookie.hpp"
#include "node_registry.hpp"

namespace broker {

namespace {

error folder_error(const std::filesystem::path& folder, std::string_view what) {
  return {0, "directory " + folder.string() + " " + std::string{what} + ": " + std::strerror(errno)};
}

result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure)
    return error{0, "directory " + folder.string() + " cannot be created: " + failure.message()};
  return {};
}

/// The data are nobody else's business, whatever the umask was.
result<void> make_private_folder(const std::filesystem::path& folder) {
  if (auto made = make_folder(folder); !made)
    return made;
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0)
    return folder_error(folder, "cannot be examined");
  if ((info.st_mode & 077) != 0 && chmod(folder.c_str(), 0700) != 0)
    return folder_error(folder, "cannot be made private (mode 0700)");
  if (access(folder.c_str(), R_OK | W_OK | X_OK) != 0)
    return folder_error(folder, "cannot be used");
  return {};
}

/// The descriptor that holds the lock; survives a fork, goes with the process.
result<int> lock_folder(const std::filesystem::path& folder) {
  const auto file = folder / "lock";
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return error{0, file.string() + " cannot be opened: " + std::strerror(errno)};
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool taken = errno == EWOULDBLOCK;
    const error why{0, taken ? "data directory " + folder.string() + " is in use by another node"
                             : file.string() + " cannot be locked: " + std::strerror(errno)};
    close(fd);
    return why;
  }
  return fd;
}

result<void> write_pid(const std::filesystem::path& file, int pid) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const std::string text = std::to_string(pid) + "\n";
  const bool written = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const error why{0, file.string() + " cannot be written: " + std::strerror(errno)};
  if (fd >= 0)
    close(fd);
  if (!written)
    return why;
  return {};
}

} // namespace

node_files::~node_files() {
  if (owner_ == getpid()) {
    remove_from_registry(node_, owner_);
    unlink(pid_file_.c_str());
  }
  if (lock_ >= 0)
    close(lock_);
}

result<void> node_files::prepare(node_config& config) {
  if (auto made = make_private_folder(config.data_dir); !made)
    return made;
  auto lock = lock_folder(config.data_dir);
  if (!lock)
    return lock.error();
  lock_ = *lock;
  if (config.log.file)
    if (auto made = make_folder(config.log.folder); !made)
      return made;
  if (!config.cookie.empty())
    return {};
  auto cookie = read_or_create_cookie(config.cookie_file);
  if (!cookie)
    return cookie.error();
  config.cookie = *std::move(cookie);
  return {};
}

result<void> node_files::publish(const node_config& config, uint16_t control_port, uint16_t cluster_port) {
  const int pid = getpid();
  pid_file_ = config.data_dir / (config.node_name + ".pid");
  if (auto written = write_pid(pid_file_, pid); !written)
    return written;
  owner_ = pid;
  node_ = config.node_name;
  return add_to_registry(config.node_name,
                         {pid, control_port, pid_file_.string(), config.cookie_file.string(), cluster_port});
}

} // namespace broker

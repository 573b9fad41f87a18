#include "posix_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

namespace broker {
namespace {

error failure(std::string_view what, std::string_view path) {
  const int number = errno;
  return {0, std::string(path) + ": " + std::string(what) + ": " + std::strerror(number)};
}

/// Skips `done` bytes at the front of `parts`; returns the first part that has bytes left.
iovec* advance(iovec* part, iovec* end, size_t done) {
  while (part != end && done >= part->iov_len)
    done -= (part++)->iov_len;
  if (part != end) {
    part->iov_base = static_cast<char*>(part->iov_base) + done;
    part->iov_len -= done;
  }
  return part;
}

class posix_file final : public file {
public:
  posix_file(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~posix_file() override { ::close(descriptor_); }

  result<void> write(uint64_t offset, std::span<const std::string_view> parts) override {
    std::array<iovec, IOV_MAX> vectors;
    while (!parts.empty()) {
      const size_t count = std::min<size_t>(parts.size(), vectors.size());
      size_t total = 0;
      for (size_t i = 0; i < count; ++i) {
        vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
        total += parts[i].size();
      }
      if (auto written = write_all(offset, vectors.data(), vectors.data() + count); !written)
        return written;
      offset += total;
      parts = parts.subspan(count);
    }
    return {};
  }

  result<void> sync() override {
    // Not repeated on EINTR or any other error: a failed sync may have dropped the dirty pages (guarantees.md G6).
    return ::fdatasync(descriptor_) == 0 ? result<void>{} : failure("fdatasync", path_);
  }

  result<size_t> read(uint64_t offset, std::span<char> into) const override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t got =
        ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return failure("read", path_);
      if (got == 0)
        break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  result<uint64_t> size() const override {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0)
      return failure("stat", path_);
    return static_cast<uint64_t>(status.st_size);
  }

  result<void> preallocate(uint64_t wanted, const std::function<void()>& pause) override {
    auto present = size();
    if (!present)
      return present.error();
    if (const int code = ::posix_fallocate(descriptor_, 0, static_cast<off_t>(wanted)); code != 0) {
      errno = code;
      return failure("preallocate", path_);
    }
    // Written zeroes, not just reserved extents: the first sync after a write then changes no file system metadata.
    const std::string zeroes(256 * 1024, '\0');
    for (uint64_t at = *present; at < wanted; at += zeroes.size()) {
      const std::string_view part = std::string_view(zeroes).substr(0, std::min<uint64_t>(zeroes.size(), wanted - at));
      if (auto written = write(at, {&part, 1}); !written)
        return written;
      if (!pause)
        continue;
      if (auto synced = sync(); !synced)
        return synced;
      pause();
    }
    return sync();
  }

  result<void> truncate(uint64_t wanted) override {
    return ::ftruncate(descriptor_, static_cast<off_t>(wanted)) == 0 ? result<void>{} : failure("truncate", path_);
  }

private:
  result<void> write_all(uint64_t offset, iovec* part, iovec* end) {
    part = advance(part, end, 0);
    while (part != end) {
      const ssize_t put = ::pwritev(descriptor_, part, static_cast<int>(end - part), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR)
        continue;
      if (put < 0)
        return failure("write", path_);
      offset += static_cast<uint64_t>(put);
      part = advance(part, end, static_cast<size_t>(put));
    }
    return {};
  }

  int descriptor_;
  std::string path_;
};

} // namespace

result<std::unique_ptr<posix_files>> posix_files::open(std::string data_directory) {
  if (::mkdir(data_directory.c_str(), 0700) != 0 && errno != EEXIST)
    return failure("mkdir", data_directory);
  const int descriptor = ::open(data_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return failure("open", data_directory);
  return std::unique_ptr<posix_files>(new posix_files(std::move(data_directory), descriptor));
}

posix_files::~posix_files() {
  ::close(descriptor_);
}

result<std::unique_ptr<file>> posix_files::open(std::string_view path, bool create) {
  const std::string name(path);
  const int opened = ::openat(descriptor_, name.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
  if (opened < 0)
    return failure("open", name);
  return std::unique_ptr<file>(new posix_file(opened, name));
}

result<void> posix_files::remove(std::string_view path) {
  return ::unlinkat(descriptor_, std::string(path).c_str(), 0) == 0 ? result<void>{} : failure("remove", path);
}

result<void> posix_files::rename(std::string_view from, std::string_view to) {
  const int code = ::renameat(descriptor_, std::string(from).c_str(), descriptor_, std::string(to).c_str());
  return code == 0 ? result<void>{} : failure("rename", from);
}

result<void> posix_files::make_directory(std::string_view path) {
  if (::mkdirat(descriptor_, std::string(path).c_str(), 0700) != 0 && errno != EEXIST)
    return failure("mkdir", path);
  return {};
}

result<void> posix_files::sync_directory(std::string_view path) {
  const std::string name = path.empty() ? "." : std::string(path);
  const int opened = ::openat(descriptor_, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0)
    return failure("open", name);
  const bool synced = ::fsync(opened) == 0;
  auto outcome = synced ? result<void>{} : failure("fsync", name);
  ::close(opened);
  return outcome;
}

result<std::vector<std::string>> posix_files::list(std::string_view path) {
  const std::string name = path.empty() ? "." : std::string(path);
  const int opened = ::openat(descriptor_, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0 && errno == ENOENT)
    return std::vector<std::string>{};
  if (opened < 0)
    return failure("open", name);
  DIR* stream = ::fdopendir(opened);
  if (stream == nullptr) {
    auto problem = failure("list", name);
    ::close(opened);
    return problem;
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream))
    if (const std::string_view found = entry->d_name; found != "." && found != "..")
      names.emplace_back(found);
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

result<uint64_t> posix_files::free_bytes() {
  struct statvfs status;
  if (::fstatvfs(descriptor_, &status) != 0)
    return failure("statvfs", directory_);
  return uint64_t{status.f_bavail} * status.f_frsize;
}

} // namespace broker

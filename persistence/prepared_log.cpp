#include "prepared_log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/crc32c.hpp"

namespace broker {

namespace {

using leveldb::Slice;
using leveldb::Status;

// -- format -----------------------------------------------------------------------------------------------------------

constexpr uint64_t log_block_bytes = 32 * 1024;
constexpr uint64_t log_header_bytes = 7; // crc, length, type
constexpr uint64_t sector_bytes = 512;
enum fragment : uint8_t { zero = 0, full = 1, first = 2, middle = 3, last = 4 };

uint32_t octet(std::string_view bytes, uint64_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

/// A piece of an entry: header and payload.
struct log_piece {
  uint64_t size = 0; ///< 0: no whole one
  uint8_t type = fragment::zero;
};

/// LevelDB stores a crc in a disguise, since logs may hold logs.
uint32_t disguised(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

uint64_t claimed_size(std::string_view file, uint64_t at) {
  return log_header_bytes + octet(file, at + 4) + (octet(file, at + 5) << 8);
}

log_piece piece_at(std::string_view file, uint64_t at) {
  const uint64_t room = std::min(log_block_bytes - at % log_block_bytes, file.size() - at);
  if (room < log_header_bytes)
    return {};
  const uint64_t size = claimed_size(file, at);
  const auto type = static_cast<uint8_t>(octet(file, at + 6));
  if (type < fragment::full || type > fragment::last || size > room)
    return {};
  const uint32_t crc =
    octet(file, at) | octet(file, at + 1) << 8 | octet(file, at + 2) << 16 | octet(file, at + 3) << 24;
  if (disguised(crc32c(file.substr(at + 6, size - 6))) != crc)
    return {};
  return {size, type};
}

/// Another write begins in there.
bool begins_entry(std::string_view file, uint64_t from, uint64_t to) {
  for (uint64_t at = from; at < to; ++at)
    if (const auto type = piece_at(file, at).type; type == fragment::full || type == fragment::first)
      return true;
  return false;
}

/// Some sector has nothing but zeroes between `from` and `to`.
bool misses_sector(std::string_view file, uint64_t from, uint64_t to) {
  for (uint64_t at = from; at < to;) {
    const uint64_t end = std::min<uint64_t>((at / sector_bytes + 1) * sector_bytes, file.size());
    if (file.substr(at, end - at).find_first_not_of('\0') == std::string_view::npos)
      return true;
    at = end;
  }
  return false;
}

// -- files ------------------------------------------------------------------------------------------------------------

Status io_error(const std::string& name) {
  return Status::IOError(name, std::strerror(errno));
}

class prepared_file final : public leveldb::WritableFile {
public:
  prepared_file(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) { prepare(); }
  ~prepared_file() override {
    if (descriptor_ >= 0)
      Close();
  }

  Status Append(const Slice& data) override {
    buffer_.append(data.data(), data.size());
    return buffer_.size() < log_block_bytes ? Status::OK() : Flush();
  }

  Status Flush() override {
    while (size_ + buffer_.size() > prepared_)
      prepare();
    while (!buffer_.empty()) {
      const ssize_t written = ::pwrite(descriptor_, buffer_.data(), buffer_.size(), static_cast<off_t>(size_));
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return io_error(name_);
      buffer_.erase(0, static_cast<size_t>(written));
      size_ += static_cast<uint64_t>(written);
    }
    return Status::OK();
  }

  Status Sync() override {
    if (auto flushed = Flush(); !flushed.ok())
      return flushed;
    return ::fdatasync(descriptor_) == 0 ? Status::OK() : io_error(name_);
  }

  Status Close() override {
    Status done = Flush();
    if (done.ok() && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0)
      done = io_error(name_);
    if (::close(std::exchange(descriptor_, -1)) != 0 && done.ok())
      done = io_error(name_);
    return done;
  }

private:
  /// File systems that cannot are written to as ever.
  void prepare() {
    (void)::fallocate(descriptor_, 0, static_cast<off_t>(prepared_), static_cast<off_t>(prepared_log_step_bytes));
    prepared_ += prepared_log_step_bytes;
  }

  int descriptor_;
  const std::string name_;
  std::string buffer_; ///< below a block, and empty after each entry
  uint64_t size_ = 0;  ///< written
  uint64_t prepared_ = 0;
};

/// A log that was not closed, up to its end.
class ended_log final : public leveldb::SequentialFile {
public:
  explicit ended_log(std::string content) : content_(std::move(content)) {}
  Status Read(size_t count, Slice* result, char*) override {
    count = std::min(count, content_.size() - at_);
    *result = Slice{content_.data() + at_, count};
    at_ += count;
    return Status::OK();
  }
  Status Skip(uint64_t count) override {
    at_ += std::min<uint64_t>(count, content_.size() - at_);
    return Status::OK();
  }

private:
  const std::string content_;
  size_t at_ = 0;
};

class prepared_log_env final : public leveldb::EnvWrapper {
public:
  prepared_log_env() : EnvWrapper(leveldb::Env::Default()) {}

  Status NewWritableFile(const std::string& name, leveldb::WritableFile** out) override {
    if (!name.ends_with(".log"))
      return target()->NewWritableFile(name, out);
    *out = nullptr;
    const int descriptor = ::open(name.c_str(), O_TRUNC | O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0)
      return io_error(name);
    *out = new prepared_file{descriptor, name};
    return Status::OK();
  }

  Status NewSequentialFile(const std::string& name, leveldb::SequentialFile** out) override {
    if (!name.ends_with(".log"))
      return target()->NewSequentialFile(name, out);
    *out = nullptr;
    std::string content;
    if (auto read = leveldb::ReadFileToString(target(), name, &content); !read.ok())
      return read;
    content.resize(end_of_log(content));
    *out = new ended_log{std::move(content)};
    return Status::OK();
  }
};

} // namespace

uint64_t end_of_log(std::string_view file) {
  uint64_t whole = 0; // entries end there
  uint64_t at = 0;
  while (at < file.size()) {
    const uint64_t room = log_block_bytes - at % log_block_bytes;
    if (room < log_header_bytes) {
      at += room; // filled with zeroes
      continue;
    }
    const log_piece piece = piece_at(file, at);
    if (piece.size == 0)
      break;
    at += piece.size;
    if (piece.type == fragment::full || piece.type == fragment::last)
      whole = at;
  }
  const uint64_t written = file.find_last_not_of('\0') + 1; // 0: nothing
  if (at >= file.size() || file.size() - at < log_header_bytes)
    return file.size();
  if (written <= at)
    return whole;
  const uint64_t claimed = std::min<uint64_t>(at + claimed_size(file, at), file.size());
  const uint64_t end = std::max(written, claimed);
  return misses_sector(file, at, end) && !begins_entry(file, at + 1, written) ? whole : file.size();
}

std::unique_ptr<leveldb::Env> make_prepared_log_env() {
  return std::make_unique<prepared_log_env>();
}

} // namespace broker

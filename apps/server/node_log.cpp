#include "node_log.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.hpp"

namespace broker {

namespace {

constexpr std::string_view level_names[] = {"debug", "info", "notice", "warning", "error", "critical"};

/// The writer sleeps so long when it has written everything. Whoever logs then finds it awake, and need not wake it for
/// every line: a system call and a thread switch on the loops (a client's connect alone writes three lines).
constexpr auto idle_nap = std::chrono::milliseconds{2};

/// spdlog has no `notice`: our six levels take its six numbers, and the text names the level itself.
spdlog::level::level_enum spdlog_level(log_level level) {
  return static_cast<spdlog::level::level_enum>(static_cast<int>(level));
}

/// Appends lines with one write each: nothing is lost when the process dies. Reopens on demand.
class descriptor_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
  /// "" writes to standard output.
  explicit descriptor_sink(std::string path) : path_(std::move(path)) { open_file(); }
  ~descriptor_sink() override { close_file(); }

  bool usable() const { return fd_ >= 0; }
  void reopen() { reopen_ = true; }
  /// `queue` is where the lines come from; it outlives the last line.
  void nap_when_idle(spdlog::details::thread_pool& queue) { queue_ = &queue; }

protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    if (reopen_.exchange(false) && !path_.empty()) {
      close_file();
      open_file();
    }
    spdlog::memory_buf_t text;
    formatter_->format(line, text);
    const char* at = text.data();
    size_t left = text.size();
    while (left > 0 && fd_ >= 0) {
      const ssize_t count = ::write(fd_, at, left);
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        break; // a full disk must not stop the broker; the next line tries again
      at += count;
      left -= static_cast<size_t>(count);
    }
    if (queue_ && queue_->queue_size() == 0)
      std::this_thread::sleep_for(idle_nap);
  }
  void flush_() override {}

private:
  void open_file() {
    fd_ = path_.empty() ? STDOUT_FILENO : ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  }
  void close_file() {
    if (!path_.empty() && fd_ >= 0)
      ::close(fd_);
    fd_ = -1;
  }

  std::string path_;
  int fd_ = -1;
  std::atomic<bool> reopen_{false};
  spdlog::details::thread_pool* queue_ = nullptr;
};

void append_escaped(std::string& line, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f)
      line.push_back(c);
    else if (c == '\n')
      line += "\\n";
    else if (c == '\t')
      line += "\\t";
    else
      line += "\\x" + to_hex({&c, 1});
  }
}

} // namespace

struct node_log::impl {
  std::shared_ptr<spdlog::details::thread_pool> writer;
  std::shared_ptr<descriptor_sink> file;
  std::shared_ptr<spdlog::async_logger> lines;
};

node_log::node_log() : impl_(std::make_unique<impl>()) {}

node_log::~node_log() {
  flush();
}

result<void> node_log::open(const log_settings& settings) {
  std::vector<spdlog::sink_ptr> sinks;
  log_level least = log_level::none;
  if (settings.file && settings.file_level != log_level::none) {
    const auto path = settings.folder / settings.file_name;
    auto sink = std::make_shared<descriptor_sink>(path.string());
    if (!sink->usable())
      return error{0, "log file " + path.string() + " cannot be opened: " + std::strerror(errno)};
    sink->set_level(spdlog_level(settings.file_level));
    least = settings.file_level;
    impl_->file = sink;
    sinks.push_back(sink);
  }
  if (settings.console && settings.console_level != log_level::none) {
    auto sink = std::make_shared<descriptor_sink>(std::string{});
    sink->set_level(spdlog_level(settings.console_level));
    least = std::min(least, settings.console_level);
    sinks.push_back(sink);
  }
  impl_->writer = std::make_shared<spdlog::details::thread_pool>(log_queue_lines, 1);
  if (!sinks.empty())
    static_cast<descriptor_sink&>(*sinks.front()).nap_when_idle(*impl_->writer);
  impl_->lines = std::make_shared<spdlog::async_logger>("node", sinks.begin(), sinks.end(), impl_->writer,
                                                        spdlog::async_overflow_policy::block);
  impl_->lines->set_formatter(
    std::make_unique<spdlog::pattern_formatter>("%Y-%m-%d %H:%M:%S.%f+00:00 %v", spdlog::pattern_time_type::utc));
  impl_->lines->set_level(spdlog_level(least));
  return {};
}

bool node_log::enabled(log_level level) const {
  return impl_->lines && level != log_level::none && impl_->lines->should_log(spdlog_level(level));
}

void node_log::write(log_level level, uint64_t source, std::string_view text) {
  if (!enabled(level))
    return;
  std::string line;
  line.reserve(text.size() + 32);
  line += '[';
  line += level_names[static_cast<size_t>(level)];
  line += "] <0." + std::to_string(source) + ".0> ";
  append_escaped(line, text);
  impl_->lines->log(spdlog_level(level), spdlog::string_view_t{line.data(), line.size()});
}

void node_log::set_level(log_level level) {
  if (!impl_->lines)
    return;
  const auto least = level == log_level::none ? spdlog::level::off : spdlog_level(level);
  for (const auto& sink : impl_->lines->sinks()) // atomic, as is the logger's own
    sink->set_level(least);
  impl_->lines->set_level(least);
}

void node_log::flush() {
  impl_->lines.reset();
  impl_->writer.reset(); // joins after the queue is empty
}

void node_log::reopen() {
  if (impl_->file)
    impl_->file->reopen();
}

} // namespace broker

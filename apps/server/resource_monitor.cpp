#include "resource_monitor.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

namespace broker {

uint64_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

result<void> ballast_file::make(uint64_t bytes) const {
  const int file = open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool made = file >= 0 && fallocate(file, 0, 0, static_cast<off_t>(bytes)) == 0;
  const int why = errno;
  if (file >= 0)
    close(file);
  if (made)
    return {};
  release();
  return error{0, "no ballast file " + path_ + ": " + std::strerror(why)};
}

void ballast_file::release() const {
  unlink(path_.c_str()); // one that does not exist holds no room
}

resource_monitor::resource_monitor(boost::asio::io_context& io, std::string node, resource_limits limits,
                                   std::string ballast_path, host around)
  : timer_(io), ballast_bytes_(limits.ballast_bytes), alarms_(std::move(node), limits),
    ballast_(std::move(ballast_path)), host_(std::move(around)) {}

void resource_monitor::start() {
  ballast_.release(); // of an earlier run: it would not count as free
  look();
}

void resource_monitor::look() {
  const auto step = alarms_.sampled({resident_bytes(), disk_free()});
  if (step.release_ballast)
    ballast_.release();
  if (step.make_ballast && !ballast_refused_)
    make_ballast();
  for (const auto& line : step.log)
    host_.log(line.level, line.text);
  if (step.changed)
    host_.alarm(alarms_.now());
  const bool pressure = host_.memory_pressure();
  if (pressure && !pressure_)
    host_.pressure_began();
  pressure_ = pressure;
  timer_.expires_after(std::chrono::milliseconds{step.look_again_ms});
  timer_.async_wait([this, alive = std::weak_ptr{alive_}](boost::system::error_code cancelled) {
    if (!cancelled && !alive.expired())
      look();
  });
}

void resource_monitor::set_memory_limit(uint64_t bytes) {
  alarms_.set_memory_limit(bytes);
  look();
}

void resource_monitor::set_disk_limit(uint64_t bytes) {
  alarms_.set_disk_limit(bytes);
  look();
}

void resource_monitor::force_memory_alarm(bool on) {
  alarms_.force_memory(on);
  look();
}

void resource_monitor::force_disk_alarm(bool on) {
  alarms_.force_disk(on);
  look();
}

std::optional<uint64_t> resource_monitor::disk_free() {
  const auto free = host_.disk_free();
  if (!free && !disk_unknown_)
    host_.log(log_level::error, "free disk space is not known: " + free.error().text);
  disk_unknown_ = !free;
  return free ? std::optional<uint64_t>{*free} : std::nullopt;
}

void resource_monitor::make_ballast() {
  if (auto made = ballast_.make(ballast_bytes_); made)
    return alarms_.ballast_made();
  else
    host_.log(log_level::warning, made.error().text);
  ballast_refused_ = true;
}

} // namespace broker

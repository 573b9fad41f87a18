// What the example programs share around their point: two arguments and the wait for the end.
#pragma once

#include <csignal>
#include <cstdint>
#include <cstdlib>

namespace examples {

/// SIGINT and SIGTERM, to be waited for. Construct it before any thread exists: all of them inherit that these signals
/// are left to wait().
class end_signals {
public:
  end_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  void wait() const {
    int which = 0;
    sigwait(&set_, &which);
  }

private:
  sigset_t set_;
};

/// 0 when `text` is no port.
inline uint16_t parse_port(const char* text) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  return *text != '\0' && *end == '\0' && value >= 1 && value <= 65535 ? static_cast<uint16_t>(value) : uint16_t{0};
}

} // namespace examples

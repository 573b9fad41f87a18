#include "daemon.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace broker {

namespace {

constexpr int wake_signal = SIGUSR1;

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, wake_signal})
    sigaddset(&set, number);
  return set;
}

void leave_terminal() {
  const int null = open("/dev/null", O_RDWR);
  if (null < 0)
    return;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    dup2(null, fd);
  if (null > STDERR_FILENO)
    close(null);
}

} // namespace

result<void> detach_process() {
  pid_t child = fork();
  if (child > 0)
    _exit(0);
  if (child == 0 && setsid() >= 0) {
    child = fork(); // not a session leader: it can never get a terminal again
    if (child > 0)
      _exit(0);
  }
  if (child < 0)
    return error{0, std::string{"cannot run in the background: "} + std::strerror(errno)};
  leave_terminal();
  return {};
}

signal_watch::signal_watch() {
  const sigset_t set = watched_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void signal_watch::start(std::function<void()> stop, std::function<void()> reopen_log) {
  thread_ = std::thread{[stop = std::move(stop), reopen_log = std::move(reopen_log)] {
    const sigset_t set = watched_signals();
    for (int number = 0; number != wake_signal;) {
      if (sigwait(&set, &number) != 0)
        continue;
      if (number == SIGHUP)
        reopen_log();
      else if (number != wake_signal)
        stop();
    }
  }};
}

signal_watch::~signal_watch() {
  if (!thread_.joinable())
    return;
  pthread_kill(thread_.native_handle(), wake_signal);
  thread_.join();
}

} // namespace broker

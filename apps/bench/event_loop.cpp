#include "event_loop.hpp"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "failure.hpp"

namespace broker::bench {

event_loop::event_loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_.get() < 0)
    throw failure{"cannot create an epoll instance"};
  // The default slack of 50 µs would show up in every latency of a paced run.
  prctl(PR_SET_TIMERSLACK, 1);
}

void event_loop::watch(int fd, event_handler& handler, bool writable) {
  epoll_event event{};
  event.events = EPOLLIN | (writable ? EPOLLOUT : 0u);
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0)
    return;
  if (errno != ENOENT || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    throw failure{"cannot watch a socket"};
}

void event_loop::forget(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void event_loop::run_once(time_ns timeout) {
  std::array<epoll_event, 64> events;
  const timespec wait{static_cast<time_t>(timeout / ns_per_second), static_cast<long>(timeout % ns_per_second)};
  const int ready = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &wait, nullptr);
  if (ready < 0 && errno != EINTR)
    throw failure{"waiting for events failed"};
  for (int i = 0; i < ready; ++i) {
    auto* handler = static_cast<event_handler*>(events[static_cast<size_t>(i)].data.ptr);
    if (events[static_cast<size_t>(i)].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
      handler->on_readable(now_ns());
    if (events[static_cast<size_t>(i)].events & EPOLLOUT)
      handler->on_writable(now_ns());
  }
}

} // namespace broker::bench

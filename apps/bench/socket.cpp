#include "socket.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failure.hpp"

namespace broker::bench {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw failure{what + ": " + std::strerror(errno)};
}

struct address_list {
  addrinfo* first = nullptr;

  address_list(const std::string& host, uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &first);
    if (error != 0)
      throw failure{"cannot resolve " + host + ": " + gai_strerror(error)};
  }

  address_list(const address_list&) = delete;
  address_list& operator=(const address_list&) = delete;

  ~address_list() { freeaddrinfo(first); }
};

} // namespace

descriptor::~descriptor() {
  if (fd_ >= 0)
    close(fd_);
}

connected_pair connect_over_loopback() {
  const descriptor listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  if (bind(listener.get(), generic, length) != 0 || listen(listener.get(), 1) != 0
      || getsockname(listener.get(), generic, &length) != 0)
    fail("cannot listen on the loopback interface");
  connected_pair result{descriptor{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, descriptor{}};
  if (connect(result.near.get(), generic, length) != 0)
    fail("cannot connect over the loopback interface");
  result.far = descriptor{accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  if (result.far.get() < 0)
    fail("cannot accept over the loopback interface");
  return result;
}

client_socket client_socket::connect(const std::string& host, uint16_t port) {
  const address_list addresses{host, port};
  for (const addrinfo* at = addresses.first; at != nullptr; at = at->ai_next) {
    descriptor fd{socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol)};
    if (fd.get() < 0)
      fail("cannot create a socket");
    if (::connect(fd.get(), at->ai_addr, at->ai_addrlen) == 0)
      return client_socket{std::move(fd)};
  }
  fail("cannot connect to " + host + " port " + std::to_string(port));
}

client_socket::client_socket(descriptor fd) : fd_(std::move(fd)), input_(new char[receive_capacity]) {
  const int on = 1;
  if (setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
    fail("cannot set TCP_NODELAY");
  const int flags = fcntl(fd_.get(), F_GETFL);
  if (flags < 0 || fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK) != 0)
    fail("cannot make the socket non-blocking");
}

size_t client_socket::receive() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ != 0) {
    std::memmove(input_.get(), input_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == receive_capacity)
    throw failure{"the broker sent a frame larger than negotiated"};
  const ssize_t size = read(fd_.get(), input_.get() + end_, receive_capacity - end_);
  if (size == 0)
    throw failure{"the broker closed the TCP connection"};
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR)
      return 0;
    fail("lost the connection");
  }
  end_ += static_cast<size_t>(size);
  return static_cast<size_t>(size);
}

bool client_socket::flush() {
  while (flushed_ < output_.size()) {
    const ssize_t size = send(fd_.get(), output_.data() + flushed_, output_.size() - flushed_, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR)
        continue;
      if (errno == EAGAIN)
        return false;
      fail("lost the connection");
    }
    flushed_ += static_cast<size_t>(size);
  }
  output_.clear();
  flushed_ = 0;
  return true;
}

size_t client_socket::write_direct(const char* data, size_t size) {
  const ssize_t written = send(fd_.get(), data, size, MSG_NOSIGNAL);
  if (written >= 0)
    return static_cast<size_t>(written);
  if (errno == EAGAIN || errno == EINTR)
    return 0;
  fail("lost the connection");
}

void client_socket::await_input(time_ns deadline) {
  for (;;) {
    const time_ns now = now_ns();
    if (now >= deadline)
      throw failure{"the broker does not answer"};
    pollfd waiting{fd_.get(), POLLIN, 0};
    const int wait_ms = static_cast<int>(std::min<time_ns>((deadline - now) / 1'000'000 + 1, 1000));
    if (poll(&waiting, 1, wait_ms) > 0 && receive() > 0)
      return;
  }
}

} // namespace broker::bench

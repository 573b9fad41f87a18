#include "control_client.hpp"

#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "control_auth.hpp"

namespace broker::control {

namespace {

struct free_addresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using address_list = std::unique_ptr<addrinfo, free_addresses>;

result<address_list> resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0)
    return error{0, host + ": " + gai_strerror(code)};
  return address_list{found};
}

bool is_number(const std::string& host) {
  in6_addr any{};
  return inet_pton(AF_INET, host.c_str(), &any) == 1 || inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

/// A resolver may wait far longer than we do, and cannot be told to stop: then its thread is left to itself.
result<address_list> resolve_until(const std::string& host, uint16_t port, control_client::clock::time_point deadline) {
  if (is_number(host))
    return resolve(host, port);
  auto answer = std::make_shared<std::promise<result<address_list>>>();
  auto got = answer->get_future();
  std::thread{[answer, host, port] { answer->set_value(resolve(host, port)); }}.detach();
  if (got.wait_until(deadline) != std::future_status::ready)
    return error{0, host + ": its name was not resolved in time"};
  return got.get();
}

} // namespace

control_client::~control_client() {
  if (socket_ >= 0)
    close(socket_);
}

error control_client::fail(failure_kind kind, std::string text) {
  failure_ = kind;
  return {0, std::move(text)};
}

bool control_client::wait(short events) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - clock::now()).count();
    if (left <= 0)
      return false;
    pollfd watched{socket_, events, 0};
    const int ready = poll(&watched, 1, static_cast<int>(std::min<long>(left, 60'000)));
    if (ready > 0)
      return true;
    if (ready < 0 && errno != EINTR)
      return false;
  }
}

result<void> control_client::connect(const std::string& host, uint16_t port) {
  BROKER_ASSERT(socket_ < 0, "one client makes one connection");
  auto addresses = resolve_until(host, port, deadline_);
  if (!addresses)
    return fail(failure_kind::unreachable, addresses.error().text);
  int code = ECONNREFUSED;
  for (const addrinfo* each = addresses->get(); each != nullptr; each = each->ai_next) {
    socket_ = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0)
      continue;
    code = ::connect(socket_, each->ai_addr, each->ai_addrlen) == 0 ? 0 : errno;
    if (code == EINPROGRESS) {
      socklen_t size = sizeof code;
      code = wait(POLLOUT) ? 0 : ETIMEDOUT;
      if (code == 0)
        getsockopt(socket_, SOL_SOCKET, SO_ERROR, &code, &size);
    }
    if (code == 0) {
      const int on = 1;
      setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return {};
    }
    close(std::exchange(socket_, -1));
  }
  return fail(failure_kind::unreachable, std::strerror(code));
}

result<void> control_client::authenticate(std::string_view cookie, std::string_view own, std::string_view node) {
  if (cookie.empty())
    return fail(failure_kind::refused, "there is no cookie to authenticate with");
  client_handshake handshake{cookie, std::string{own}, fresh_nonce()};
  if (auto sent = send_frame(handshake.hello()); !sent)
    return sent;
  auto challenge = receive_frame(handshake_frame_max_bytes);
  if (!challenge)
    return challenge.error();
  auto proof = handshake.answer(*challenge);
  if (!proof)
    return fail(failure_kind::refused, proof.error().text);
  if (handshake.server_name() != node)
    return fail(failure_kind::refused, "the node at this port is " + handshake.server_name());
  if (auto sent = send_frame(*proof); !sent)
    return sent;
  auto theirs = receive_frame(handshake_frame_max_bytes);
  if (!theirs)
    return theirs.error();
  if (auto known = handshake.finish(*theirs); !known)
    return fail(failure_kind::refused, known.error().text);
  auto frames = handshake.frames();
  if (!frames)
    return fail(failure_kind::refused, frames.error().text);
  frames_ = *std::move(frames);
  return {};
}

result<response> control_client::call(const request& what) {
  if (!request_fits(what))
    return fail(failure_kind::refused, "the request is larger than 1 MiB, or its file than 20 MB");
  for (const std::string& part : encode_request(what))
    if (auto sent = send_frame(part); !sent)
      return sent.error();
  response answer;
  for (;;) {
    auto part = receive_frame(frame_max_bytes + seal_bytes);
    if (!part)
      return part.error();
    auto more = decode_response(*part, answer);
    if (!more)
      return fail(failure_kind::lost, more.error().text);
    if (!*more)
      return answer;
  }
}

result<void> control_client::send_frame(std::string_view payload) {
  const std::string sealed = frames_ ? frames_->seal(payload) : std::string{payload};
  std::string frame(sizeof(uint32_t), '\0');
  store_u32(frame.data(), static_cast<uint32_t>(sealed.size()));
  frame += sealed;
  std::string_view left = frame;
  while (!left.empty()) {
    const ssize_t count = send(socket_, left.data(), left.size(), MSG_NOSIGNAL);
    if (count > 0)
      left.remove_prefix(static_cast<size_t>(count));
    else if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!wait(POLLOUT))
        return fail(failure_kind::timed_out, "no answer in time");
    } else
      return fail(failure_kind::lost, std::strerror(errno));
  }
  return {};
}

result<std::string> control_client::receive_frame(size_t most) {
  char header[sizeof(uint32_t)];
  if (auto got = receive_exactly(header, sizeof header); !got)
    return got.error();
  const size_t size = load_u32(header);
  if (size > most)
    return fail(failure_kind::refused, "the other end does not speak this control protocol");
  std::string payload(size, '\0');
  if (auto got = receive_exactly(payload.data(), size); !got)
    return got.error();
  if (!frames_)
    return payload;
  auto plain = frames_->open(payload);
  if (!plain)
    return fail(failure_kind::lost, plain.error().text);
  return plain;
}

result<void> control_client::receive_exactly(char* at, size_t count) {
  while (count > 0) {
    const ssize_t got = recv(socket_, at, count, 0);
    if (got > 0) {
      at += got;
      count -= static_cast<size_t>(got);
    } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!wait(POLLIN))
        return fail(failure_kind::timed_out, "no answer in time");
    } else
      return fail(failure_kind::lost, got == 0 ? "the node closed the connection" : std::strerror(errno));
  }
  return {};
}

} // namespace broker::control

// One TCP connection of a load generator: non-blocking once connected, one buffer each way.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "clock.hpp"

namespace broker::bench {

/// An owned file descriptor.
class descriptor {
public:
  explicit descriptor(int fd = -1) : fd_(fd) {}

  descriptor(descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }

  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  ~descriptor();

  int get() const { return fd_; }

private:
  int fd_;
};

struct connected_pair {
  descriptor near, far;
};

/// Both ends of a TCP connection over the loopback interface, as a client and a broker have them. @throws failure.
connected_pair connect_over_loopback();

/// Not thread-safe. All calls throw `failure` when the peer is gone.
class client_socket {
public:
  /// Octets received but not consumed at most; also the largest frame this program accepts, with room to spare.
  static constexpr size_t receive_capacity = 512u << 10;

  /// Connects (waiting for the kernel's handshake only) and turns Nagle's algorithm off.
  static client_socket connect(const std::string& host, uint16_t port);

  /// Takes over a connected socket.
  explicit client_socket(descriptor fd);

  int fd() const { return fd_.get(); }

  /// One read of what has arrived. @returns the octets read, 0 when there is nothing now.
  size_t receive();

  std::string_view received() const { return {input_.get() + begin_, end_ - begin_}; }

  void consume(size_t size) { begin_ += size; }

  /// Frames to be sent by the next `flush`.
  std::string& output() { return output_; }

  /// Writes as much of `output()` as the kernel takes. @returns whether it took all.
  bool flush();

  bool has_output() const { return !output_.empty(); }

  /// One write past the output buffer, which must be empty. @returns the octets taken, 0 when the kernel takes none
  /// now.
  size_t write_direct(const char* data, size_t size);

  /// Waits until something arrives and receives it, or until `deadline`. @throws failure on time-out.
  void await_input(time_ns deadline);

private:
  descriptor fd_;
  std::unique_ptr<char[]> input_;
  size_t begin_ = 0;
  size_t end_ = 0;
  std::string output_;
  size_t flushed_ = 0;
};

} // namespace broker::bench

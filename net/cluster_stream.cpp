#include "net/cluster_stream.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <boost/asio/post.hpp>
#include <netinet/tcp.h>
#include <openssl/err.h>

namespace broker {

using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

/// One batch for the peer's actor.
constexpr size_t batch_bytes = 256 * 1024;
/// The kernel takes no more beyond what is on its way: what waits here can be overtaken by heartbeats and by services
/// that have little to say, what waits there cannot. Its own limit grows to 4 MiB, two seconds of a slow cable.
constexpr int unsent_max_bytes = 128 * 1024;
/// A stream that is being closed has this long to send the last of it and to hear the other side's end.
constexpr auto linger = std::chrono::milliseconds{1'000};

/// Read into and copied out of by every stream of the wire's thread.
char* read_buffer() {
  thread_local const std::unique_ptr<std::array<char, batch_bytes>> buffer{new std::array<char, batch_bytes>};
  return buffer->data();
}

} // namespace

cluster_stream::cluster_stream(loop& home, uint64_t id, std::string address)
  : home_(home), id_(id), address_(std::move(address)), socket_(home.io()), deadline_(home.io()) {}

cluster_stream::~cluster_stream() = default;

template<class What>
void cluster_stream::at_home(What what) {
  if (home_.is_current())
    return what();
  boost::asio::post(home_.io(), [self = shared_from_this(), what = std::move(what)]() mutable { what(); });
}

// -- handshake
// ---------------------------------------------------------------------------------------------------------

void cluster_stream::handshake(SSL_CTX& context, bool dialled, handshake_done done) {
  done_ = std::move(done);
  error_code ignored;
  socket_.set_option(tcp::no_delay{true}, ignored);
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max_bytes, sizeof unsent_max_bytes);
  socket_.non_blocking(true, ignored); // native_non_blocking() would let Asio's own reads wait, and with them all links
  tls_.reset(SSL_new(&context));
  deadline_.expires_after(wire_handshake_timeout);
  deadline_.async_wait([self = shared_from_this()](error_code failure) {
    if (!failure && self->stage_ == stage::handshake)
      self->end_handshake({"", "the handshake did not end within 5 s", false});
  });
  boost::asio::post(socket_.get_executor(), [self = shared_from_this(), dialled] {
    if (!self->tls_ || SSL_set_fd(self->tls_.get(), self->socket_.native_handle()) != 1)
      return self->end_handshake({"", "TLS cannot be started", false});
    self->step_handshake(dialled);
  });
}

void cluster_stream::step_handshake(bool dialled) {
  if (stage_ != stage::handshake)
    return;
  ERR_clear_error();
  const int returned = dialled ? SSL_connect(tls_.get()) : SSL_accept(tls_.get());
  if (returned == 1) {
    auto node = certified_node(tls_.get());
    const bool named = !node.empty();
    return end_handshake({std::move(node), named ? "" : "its certificate names no node", false});
  }
  const int what = SSL_get_error(tls_.get(), returned);
  if (what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_WRITE)
    return end_handshake(why_failed(returned));
  socket_.async_wait(what == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write,
                     [self = shared_from_this(), dialled](error_code failure) {
                       if (!failure)
                         self->step_handshake(dialled);
                     });
}

void cluster_stream::end_handshake(outcome how) {
  const auto done = std::exchange(done_, nullptr);
  deadline_.cancel();
  if (!how.error.empty())
    abort();
  if (done)
    done(shared_from_this(), std::move(how));
}

cluster_stream::outcome cluster_stream::why_failed(int returned) {
  const int system_error = errno;
  outcome result;
  for (unsigned long code = 0; (code = ERR_get_error()) != 0;) {
    result.other_cookie = result.other_cookie || means_other_cookie(code);
    if (const char* reason = ERR_reason_error_string(code); reason != nullptr && result.error.empty())
      result.error = reason;
  }
  const int what = SSL_get_error(tls_.get(), returned);
  if (result.other_cookie)
    result.error = "the cookies of the two nodes differ (" + result.error + ")";
  else if (result.error.empty() && what == SSL_ERROR_SYSCALL && returned < 0 && system_error != 0)
    result.error = std::strerror(system_error);
  else if (result.error.empty() || what == SSL_ERROR_ZERO_RETURN)
    result.error = "the connection was closed";
  return result;
}

// -- in
// ----------------------------------------------------------------------------------------------------------------

void cluster_stream::deliver_to(caf::actor peer) {
  peer_ = std::move(peer);
  stage_ = stage::up;
  read();
}

void cluster_stream::read() {
  if (stage_ != stage::up || waiting_readable_)
    return;
  // What the peer has not taken stays in the kernel, which stops the other side.
  if (untaken_ >= wire_untaken_max_bytes)
    return;
  char* const buffer = read_buffer();
  size_t have = 0;
  while (have < batch_bytes) {
    ERR_clear_error();
    const int returned = SSL_read(tls_.get(), buffer + have, static_cast<int>(batch_bytes - have));
    if (returned > 0) {
      have += static_cast<size_t>(returned);
      continue;
    }
    const int what = SSL_get_error(tls_.get(), returned);
    if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
      break;
    const auto why = why_failed(returned).error;
    if (have > 0)
      deliver(have);
    return broken(why);
  }
  if (have > 0)
    deliver(have);
  if (have < batch_bytes)
    return wait_readable();
  // More may lie in OpenSSL's buffer, where no wait would see it. Others first.
  waiting_readable_ = true;
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->waiting_readable_ = false;
    self->read();
  });
}

void cluster_stream::deliver(size_t bytes) {
  untaken_ += bytes;
  caf::anon_send(peer_, wire_data_msg{wire_data{id_, std::string{read_buffer(), bytes}}});
}

void cluster_stream::wait_readable() {
  waiting_readable_ = true;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code failure) {
    self->waiting_readable_ = false;
    if (failure)
      return self->broken(failure.message());
    self->stage_ == stage::closing ? self->discard_until_end() : self->read();
  });
}

void cluster_stream::taken(size_t bytes) {
  at_home([this, bytes] {
    const bool stopped = untaken_ >= wire_untaken_max_bytes;
    untaken_ -= bytes;
    if (stopped)
      read();
  });
}

// -- out
// ---------------------------------------------------------------------------------------------------------------

void cluster_stream::write(byte_buffer bytes) {
  at_home([this, owned = std::move(bytes)]() mutable {
    if (stage_ != stage::up)
      return;
    unwritten_.push_back(std::move(owned));
    flush();
  });
}

void cluster_stream::flush() {
  if (waiting_writable_ || (stage_ != stage::up && stage_ != stage::closing))
    return;
  while (!unwritten_.empty()) {
    const auto& first = unwritten_.front();
    ERR_clear_error();
    const int returned = SSL_write(tls_.get(), first.data() + written_, static_cast<int>(first.size() - written_));
    if (returned <= 0) {
      const int what = SSL_get_error(tls_.get(), returned);
      if (what == SSL_ERROR_WANT_WRITE || what == SSL_ERROR_WANT_READ)
        return wait_writable();
      return broken(why_failed(returned).error);
    }
    written_ += static_cast<size_t>(returned);
    if (written_ < first.size())
      continue;
    if (stage_ == stage::up)
      caf::anon_send(peer_, wire_written_msg{id_, first.size()});
    unwritten_.pop_front();
    written_ = 0;
  }
  if (stage_ == stage::closing)
    finish_closing();
}

void cluster_stream::wait_writable() {
  waiting_writable_ = true;
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code failure) {
    self->waiting_writable_ = false;
    if (failure)
      return self->broken(failure.message());
    self->flush();
  });
}

// -- end
// ---------------------------------------------------------------------------------------------------------------

void cluster_stream::close(std::string last) {
  at_home([this, last = std::move(last)] {
    if (stage_ != stage::up)
      return abort();
    stage_ = stage::closing;
    peer_ = nullptr;
    if (!last.empty()) {
      byte_buffer bytes;
      bytes.put(last);
      unwritten_.push_back(std::move(bytes));
    }
    deadline_.expires_after(linger);
    deadline_.async_wait([self = shared_from_this()](error_code failure) {
      if (!failure)
        self->abort();
    });
    flush();
  });
}

/// Everything is written: say so, and read the other side's rest, or our last bytes would be lost in a reset.
void cluster_stream::finish_closing() {
  ERR_clear_error();
  SSL_shutdown(tls_.get());
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  discard_until_end();
}

void cluster_stream::discard_until_end() {
  if (stage_ != stage::closing || waiting_readable_)
    return;
  for (int rounds = 0; rounds < 16; ++rounds) {
    error_code failure;
    socket_.read_some(boost::asio::buffer(read_buffer(), batch_bytes), failure);
    if (failure == boost::asio::error::would_block)
      break;
    if (failure)
      return abort();
  }
  wait_readable();
}

void cluster_stream::broken(const std::string& why) {
  if (stage_ == stage::up && peer_)
    caf::anon_send(peer_, wire_broken_msg{id_, why});
  abort();
}

void cluster_stream::abort() {
  stage_ = stage::closed;
  peer_ = nullptr;
  unwritten_.clear();
  deadline_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

} // namespace broker

#include "net/session.hpp"

#include <sys/socket.h>

#include <cerrno>

#include <boost/asio/post.hpp>

namespace broker {

using boost::asio::ip::tcp;

namespace {

/// After our FIN a peer may take this long to close its side.
constexpr uint64_t linger_ms = 1'000;

} // namespace

session::session(session_context& context, loop& home, session_registry& registry, tcp::socket socket, peer_info peer)
  : session_core(context, std::move(peer)), loop_(home), registry_(registry), socket_(std::move(socket)) {}

session::~session() {
  for (parcel_node* node = foreign_.load(); node != nullptr;)
    delete std::exchange(node, node->next);
}

template<class Function>
void session::on_loop(Function work) {
  if (loop_.is_current())
    work();
  else
    boost::asio::post(loop_.io(), [self = ref<session>{this}, work = std::move(work)]() mutable { work(); });
}

void session::start() {
  registry_.add(*this);
  wait_readable();
}

// -- reading
// ------------------------------------------------------------------------------------------------------------

void session::wait_readable() {
  if (ended() || reading_)
    return;
  if (!lingering_ && !may_read()) {
    machine().reading(false, now_ms());
    return;
  }
  reading_ = true;
  socket_.async_wait(tcp::socket::wait_read, [self = ref<session>{this}](boost::system::error_code failure) {
    self->reading_ = false;
    if (!failure)
      self->on_readable();
  });
}

/// False: TCP pushes back on the client until credit() or a flush resumes.
bool session::may_read() {
  if (!machine().wants_reading())
    return false;
  if (!over_credit())
    return true;
  stopped_reading_ = true;
  slowed_down();
  return !over_credit() && stopped_reading_.exchange(false);
}

void session::resume_reading() {
  if (ended() || reading_)
    return;
  machine().reading(true, now_ms());
  wait_readable();
}

void session::on_readable() {
  if (ended())
    return;
  if (lingering_ || closing_)
    return discard_input();
  auto space = machine().read_space();
  const ssize_t count = ::recv(socket_.native_handle(), space.data(), space.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return wait_readable();
  if (count <= 0) {
    peer_closed();
    return end();
  }
  received(static_cast<size_t>(count));
  wait_readable();
}

void session::discard_input() {
  char waste[16 * 1024];
  const ssize_t count = ::recv(socket_.native_handle(), waste, sizeof waste, MSG_DONTWAIT);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
    return end();
  wait_readable();
}

void session::credit(size_t bytes) noexcept {
  if (take_credit(bytes) && stopped_reading_.load() && stopped_reading_.exchange(false))
    boost::asio::post(loop_.io(), [self = ref<session>{this}] { self->resume_reading(); });
}

// -- what others ask, from any thread
// -----------------------------------------------------------------------------------

void session::push(std::vector<outgoing> items) {
  if (loop_.is_current())
    return take(std::move(items));
  auto* node = new parcel_node{std::move(items), foreign_.load(std::memory_order_relaxed)};
  while (!foreign_.compare_exchange_weak(node->next, node, std::memory_order_acq_rel)) {
  }
  if (node->next == nullptr)
    boost::asio::post(loop_.io(), [self = ref<session>{this}] { self->drain_foreign(); });
}

void session::drain_foreign() {
  parcel_node* newest = foreign_.exchange(nullptr, std::memory_order_acq_rel);
  parcel_node* oldest = nullptr;
  while (newest != nullptr) {
    auto* next = newest->next;
    newest->next = std::exchange(oldest, newest);
    newest = next;
  }
  while (oldest != nullptr) {
    take(std::move(oldest->items));
    delete std::exchange(oldest, oldest->next);
  }
}

void session::torn_down() {
  on_loop([this] { finish_teardown(); });
}

void session::resource_alarm(std::string reason) {
  on_loop([this, reason = std::move(reason)] {
    if (ended())
      return;
    machine().resource_alarm(reason);
    output_ready();
  });
}

void session::refuse_unheard() {
  if (!ended() && !closing_ && !logged_in())
    end();
}

void session::close(error why) {
  on_loop([this, why = std::move(why)] { close_machine(why); });
}

void session::cut() {
  if (ended())
    return;
  peer_closed();
  end();
}

void session::tick(uint64_t now_ms) {
  if (ended())
    return;
  if (close_at_ms_ == 0)
    tick_machine(now_ms);
  else if (now_ms >= close_at_ms_)
    end();
}

// -- writing
// ------------------------------------------------------------------------------------------------------------

void session::output_ready() {
  if (while_dirty_ || flushing_ || ended())
    return;
  while_dirty_ = ref<session>{this};
  loop_.flush_later(*this);
}

void session::close_when_written(uint32_t after_ms) {
  if (std::exchange(closing_, true))
    return;
  close_after_ms_ = after_ms;
}

void session::flush() {
  auto keep = std::exchange(while_dirty_, nullptr);
  if (ended() || writing_ || lingering_)
    return;
  flushing_ = true;
  write_output();
  flushing_ = false;
  if (!ended() && !reading_ && !over_credit() && machine().wants_reading())
    resume_reading(); // the replies it left unread have gone out
}

void session::write_output() {
  for (;;) {
    const auto chunk = machine().output();
    if (chunk.empty())
      return output_written();
    const ssize_t count = ::send(socket_.native_handle(), chunk.data(), chunk.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && errno == EAGAIN)
      return wait_writable();
    if (count < 0) {
      peer_closed();
      return end();
    }
    wrote(static_cast<size_t>(count));
  }
}

void session::wait_writable() {
  writing_ = true;
  socket_.async_wait(tcp::socket::wait_write, [self = ref<session>{this}](boost::system::error_code failure) {
    self->writing_ = false;
    if (!failure)
      self->flush();
  });
}

void session::output_written() {
  if (!closing_ || close_at_ms_ != 0)
    return;
  if (close_after_ms_ != 0) {
    close_at_ms_ = now_ms() + close_after_ms_;
    return;
  }
  lingering_ = true;
  close_at_ms_ = now_ms() + linger_ms;
  boost::system::error_code ignored; // the peer may be gone already; then the next read says so
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  wait_readable();
}

void session::end() {
  if (ended())
    return;
  drop();
  registry_.remove(*this);
  boost::system::error_code ignored; // nothing can be done about a failing close
  socket_.close(ignored);
}

} // namespace broker

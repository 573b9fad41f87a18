// The only source that includes Boost.Beast.
#include "net/http/http_server.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <unordered_set>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace broker::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

const std::string* request::find(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name)
      return &value;
  return nullptr;
}

namespace {

/// Read ahead of what the parser has taken.
constexpr size_t read_ahead_bytes = 64 * 1024;
/// A client that was refused in the middle of its body may go on sending this long, and this much, so that the answer
/// is not lost to a reset.
constexpr std::chrono::seconds drain_time{2};
constexpr size_t drain_max_bytes = 4 * 1024 * 1024;
/// What the client of a stream may say at a time; nobody listens.
constexpr size_t stray_read_bytes = 512;
/// How long to wait before accepting again when the process has no file descriptors left.
constexpr std::chrono::milliseconds accept_pause{100};

/// Nice value of the server's thread (setpriority); own choice.
constexpr int courtesy = 5;

class session;

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

/// Whoever looks must not take the processor from messages: beside threads that work this one gets a tenth of their
/// time, and never interrupts them in order to begin at once. On an idle machine it makes no difference. A system that
/// refuses loses nothing else.
void stand_back() {
  pthread_setname_np(pthread_self(), "http");
  const sched_param none{};
  pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), courtesy);
}

bool is_local(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  return address.is_loopback();
}

std::string text_of(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

std::string network_of(const asio::ip::address& address) {
  if (!address.is_v6() || address.to_v6().is_v4_mapped())
    return text_of(address);
  auto octets = address.to_v6().to_bytes();
  std::fill(octets.begin() + 8, octets.end(), static_cast<unsigned char>(0));
  return asio::ip::address_v6{octets}.to_string() + "/64";
}

response plain(unsigned status, std::string_view text) {
  response answer;
  answer.status = status;
  answer.headers = {{"content-type", "application/json"}};
  answer.body = R"({"error":")" + std::string{text} + R"(","reason":")" + std::string{text} + R"("})";
  answer.close = true;
  return answer;
}

/// What sessions share; used on the server's thread only, but for `io`.
struct shared_state {
  explicit shared_state(server_limits chosen) : limits(chosen) {}
  const server_limits limits;
  asio::io_context io{1};
  std::atomic<bool> stopped{false};
  std::unordered_set<std::shared_ptr<session>> sessions;
  std::map<std::string, size_t> by_address;
};

/// Weak, so that work that comes too late keeps nothing alive.
std::function<void(std::function<void()>)> post_to(const std::shared_ptr<shared_state>& state) {
  return [weak = std::weak_ptr{state}](std::function<void()> work) {
    if (const auto alive = weak.lock(); alive && !alive->stopped)
      asio::post(alive->io, std::move(work));
  };
}

class session : public response_stream, public std::enable_shared_from_this<session> {
public:
  session(tcp::socket socket, const asio::ip::address& peer, std::shared_ptr<shared_state> state,
          const endpoint& serves)
    : socket_(std::move(socket)), timer_(socket_.get_executor()), peer_(text_of(peer)), network_(network_of(peer)),
      local_(is_local(peer)), state_(std::move(state)), serves_(serves),
      buffer_(state_->limits.header_max_bytes + read_ahead_bytes) {}

  void start() {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    wait_for_request();
  }

  void close() {
    if (std::exchange(closed_, true))
      return;
    error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
    const auto self = shared_from_this();
    if (auto known = state_->by_address.find(peer_); known != state_->by_address.end() && --known->second == 0)
      state_->by_address.erase(known);
    state_->sessions.erase(self);
  }

  // -- response_stream --
  void send(std::string_view more) override {
    if (closed_ || ending_)
      return;
    if (waiting_.size() + more.size() > state_->limits.stream_waiting_max_bytes)
      return close();
    waiting_ += more;
    send_waiting();
  }

  size_t waiting() const override { return waiting_.size() + sending_.size(); }

  void end() override {
    if (closed_ || std::exchange(ending_, true))
      return;
    if (waiting() == 0)
      end_stream();
  }

private:
  using string_parser = beast::http::request_parser<beast::http::string_body>;

  void wait_for_request() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(state_->limits.header_max_bytes));
    // Decided when the headers are known. Not `none`, which refuses every body (boost 1.74).
    parser_->body_limit(std::numeric_limits<uint64_t>::max());
    if (buffer_.size() != 0)
      return read_header();
    arm(state_->limits.idle_timeout);
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code failed) {
      failed ? self->close() : self->read_header();
    });
  }

  void read_header() {
    arm(state_->limits.header_timeout);
    beast::http::async_read_header(socket_, buffer_, *parser_, [self = shared_from_this()](error_code failed, size_t) {
      self->header_read(failed);
    });
  }

  void header_read(error_code failed) {
    if (closed_)
      return;
    if (failed == beast::http::error::header_limit || failed == beast::http::error::buffer_overflow)
      return refuse(plain(431, "headers_too_large"));
    if (failed == beast::http::error::end_of_stream || (failed && failed.category() != parse_category()))
      return close();
    if (failed)
      return refuse(plain(400, "bad_request"));
    take_head();
    auto admitted = serves_.admit(request_);
    if (auto* refusal = std::get_if<response>(&admitted)) {
      refusal->close |= has_body(); // which nobody reads
      return answer(std::move(*refusal));
    }
    const size_t most = std::get<size_t>(admitted);
    if (const auto announced = parser_->content_length(); announced && *announced > most)
      return refuse(plain(413, "body_too_large"));
    parser_->body_limit(most);
    const auto expectation = parser_->get()[beast::http::field::expect];
    expectation.empty() ? read_body() : say_continue();
  }

  static const boost::system::error_category& parse_category() {
    static const error_code any = beast::http::error::bad_method;
    return any.category();
  }

  bool has_body() const {
    const auto announced = parser_->content_length();
    return parser_->chunked() || (announced && *announced != 0);
  }

  void take_head() {
    const auto& from = parser_->get();
    request_ = {};
    request_.method = std::string{from.method_string()};
    request_.target = std::string{from.target()};
    request_.peer = peer_;
    request_.network = network_;
    request_.loopback = local_;
    for (const auto& field : from) {
      std::string name{field.name_string()};
      for (char& c : name)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      request_.headers.emplace_back(std::move(name), std::string{field.value()});
    }
    keep_alive_ = from.keep_alive();
    head_only_ = from.method() == beast::http::verb::head;
  }

  void say_continue() {
    static constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(line), [self = shared_from_this()](error_code failed, size_t) {
      failed ? self->close() : self->read_body();
    });
  }

  void read_body() {
    arm(state_->limits.body_timeout);
    beast::http::async_read(socket_, buffer_, *parser_,
                            [self = shared_from_this()](error_code failed, size_t) { self->body_read(failed); });
  }

  void body_read(error_code failed) {
    if (closed_)
      return;
    if (failed == beast::http::error::body_limit)
      return refuse(plain(413, "body_too_large"));
    if (failed)
      return failed.category() == parse_category() && failed != beast::http::error::partial_message
             ? refuse(plain(400, "bad_request"))
             : close();
    request_.body = std::move(parser_->get().body());
    rest(); // the handler may take its time
    serves_.handle(std::move(request_), [weak = weak_from_this(), post = post_to(state_)](response with) {
      post([weak, with = std::move(with)]() mutable {
        if (auto self = weak.lock(); self && !self->closed_)
          self->answer(std::move(with));
      });
    });
  }

  void refuse(response with) {
    with.close = true;
    answer(std::move(with));
  }

  void answer(response with) {
    if (with.stream && !head_only_)
      return begin_stream(with);
    keep_alive_ = keep_alive_ && !with.close;
    out_.emplace();
    out_->result(with.status);
    out_->version(11);
    out_->keep_alive(keep_alive_);
    out_->set(beast::http::field::server, "Warren");
    out_->set(beast::http::field::date, http_date());
    for (const auto& [name, value] : with.headers)
      out_->insert(name, value);
    out_->body() = std::move(with.body);
    const bool bodiless = with.status == 204 || with.status == 304;
    if (!bodiless)
      out_->content_length(out_->body().size());
    if (head_only_ || bodiless)
      out_->body().clear();
    arm(state_->limits.write_timeout);
    beast::http::async_write(socket_, *out_, [self = shared_from_this()](error_code failed, size_t) {
      if (self->closed_)
        return;
      self->out_.reset();
      if (failed)
        return self->close();
      self->keep_alive_ ? self->wait_for_request() : self->drain();
    });
  }

  /// Its end is the end of the connection, so that it needs no length.
  void begin_stream(const response& with) {
    std::string head = "HTTP/1.1 " + std::to_string(with.status) + ' '
                     + std::string{beast::http::obsolete_reason(static_cast<beast::http::status>(with.status))}
                     + "\r\nServer: Warren\r\nConnection: close\r\nDate: " + http_date() + "\r\n";
    for (const auto& [name, value] : with.headers)
      head.append(name).append(": ").append(value).append("\r\n");
    send(head + "\r\n" + with.body);
    notice_end();
    if (!closed_)
      with.stream(weak_from_this());
  }

  void send_waiting() {
    if (!sending_.empty() || waiting_.empty())
      return;
    sending_ = std::exchange(waiting_, {});
    arm(state_->limits.stream_timeout);
    asio::async_write(socket_, asio::buffer(sending_), [self = shared_from_this()](error_code failed, size_t) {
      if (self->closed_)
        return;
      if (failed)
        return self->close();
      self->rest();
      self->sending_.clear();
      self->ending_ && self->waiting_.empty() ? self->end_stream() : self->send_waiting();
    });
  }

  /// The client of a stream has nothing more to say: what comes is its end.
  void notice_end() {
    if (closed_)
      return;
    buffer_.clear();
    socket_.async_read_some(buffer_.prepare(stray_read_bytes),
                            [self = shared_from_this()](error_code failed, size_t count) {
                              self->drained_ += count;
                              failed || self->drained_ > drain_max_bytes ? self->close() : self->notice_end();
                            });
  }

  /// notice_end() goes on until the client has closed too.
  void end_stream() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    arm(drain_time);
  }

  void drain() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    arm(drain_time);
    drain_more();
  }

  void drain_more() {
    socket_.async_read_some(buffer_.prepare(read_ahead_bytes / 4),
                            [self = shared_from_this()](error_code failed, size_t count) {
                              self->drained_ += count;
                              if (failed || self->closed_ || self->drained_ > drain_max_bytes)
                                return self->close();
                              self->drain_more();
                            });
  }

  /// Closes unless arm() or rest() is called again before. The timer is set anew only where it would come too late, so
  /// that a client that asks again and again has it set once in a few seconds, not at every step of every request.
  void arm(std::chrono::milliseconds after) {
    due_ = std::chrono::steady_clock::now() + after;
    if (!timing_ || timer_.expiry() > due_)
      wait_until_due();
  }

  void rest() { due_ = std::chrono::steady_clock::time_point::max(); }

  void wait_until_due() {
    timing_ = true;
    timer_.expires_at(due_);
    timer_.async_wait([weak = weak_from_this()](error_code cancelled) {
      if (auto self = weak.lock(); self && !cancelled)
        self->time_is_over();
    });
  }

  void time_is_over() {
    timing_ = false;
    if (std::chrono::steady_clock::now() >= due_)
      close();
    else if (due_ != std::chrono::steady_clock::time_point::max())
      wait_until_due();
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  bool timing_ = false;                       ///< `timer_` runs
  std::chrono::steady_clock::time_point due_; ///< when the present step must be over
  const std::string peer_;
  const std::string network_;
  const bool local_;
  const std::shared_ptr<shared_state> state_;
  const endpoint& serves_; ///< the server's, which ends every session before itself
  beast::flat_buffer buffer_;
  std::optional<string_parser> parser_;
  std::optional<beast::http::response<beast::http::string_body>> out_;
  request request_;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool closed_ = false;
  size_t drained_ = 0;
  // -- of a stream --
  std::string sending_; ///< until it is written
  std::string waiting_;
  bool ending_ = false;
};

/// One listening port.
struct port_listener {
  port_listener(asio::io_context& io, endpoint what) : acceptor(io), pause(io), serves(std::move(what)) {}
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  const endpoint serves;
};

} // namespace

struct server::impl : std::enable_shared_from_this<impl> {
  explicit impl(server_limits limits) : state(std::make_shared<shared_state>(limits)) {}

  result<uint16_t> listen(const std::string& host, uint16_t port, endpoint what) {
    auto added = std::make_unique<port_listener>(state->io, std::move(what));
    auto& acceptor = added->acceptor;
    error_code failed;
    const auto address = asio::ip::make_address(host, failed);
    const tcp::endpoint where{address, port};
    if (!failed)
      acceptor.open(where.protocol(), failed);
    if (!failed)
      acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed && address.is_v6())
      acceptor.set_option(asio::ip::v6_only{false}, failed);
    if (!failed)
      acceptor.bind(where, failed);
    if (!failed)
      acceptor.listen(128, failed);
    if (failed)
      return error{0, host + " port " + std::to_string(port) + ": " + failed.message()};
    const uint16_t bound = acceptor.local_endpoint(failed).port();
    listeners.push_back(std::move(added));
    return bound;
  }

  void accept(port_listener& from) {
    from.acceptor.async_accept([this, self = shared_from_this(), &from](error_code failed, tcp::socket socket) {
      if (stopping || failed == asio::error::operation_aborted)
        return;
      if (!failed) {
        admit(from, std::move(socket));
        return accept(from);
      }
      from.pause.expires_after(accept_pause);
      from.pause.async_wait([this, self, &from](error_code cancelled) {
        if (!cancelled && !stopping)
          accept(from);
      });
    });
  }

  void admit(port_listener& from, tcp::socket socket) {
    error_code failed;
    const auto peer = socket.remote_endpoint(failed).address();
    if (failed || state->sessions.size() >= state->limits.connections_max)
      return;
    size_t& open = state->by_address[text_of(peer)];
    if (open >= state->limits.connections_per_address_max)
      return;
    ++open;
    auto added = std::make_shared<session>(std::move(socket), peer, state, from.serves);
    state->sessions.insert(added);
    added->start();
  }

  void tick(const std::shared_ptr<asio::steady_timer>& timer, std::chrono::milliseconds interval,
            std::function<bool()> then) {
    timers.insert(timer);
    timer->expires_after(interval);
    timer->async_wait([this, self = shared_from_this(), timer, interval, then = std::move(then)](error_code cancelled) {
      if (cancelled || stopping)
        return;
      if (then())
        tick(timer, interval, then);
      else
        timers.erase(timer);
    });
  }

  void close_all() {
    stopping = true;
    state->stopped = true;
    for (auto& each : listeners) {
      error_code ignored;
      each->acceptor.close(ignored);
      each->pause.cancel();
    }
    const auto open = state->sessions;
    for (const auto& each : open)
      each->close();
    for (auto& each : timers)
      each->cancel();
    work.reset();
    state->io.stop();
  }

  const std::shared_ptr<shared_state> state;
  std::vector<std::unique_ptr<port_listener>> listeners;
  std::set<std::shared_ptr<asio::steady_timer>> timers;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::thread thread;
  bool stopping = false; ///< on the server's thread
};

server::server(server_limits limits) : impl_(std::make_shared<impl>(limits)) {}

server::~server() {
  stop();
}

result<uint16_t> server::listen(const std::string& host, uint16_t port, endpoint what) {
  return impl_->listen(host, port, std::move(what));
}

void server::start() {
  impl_->work.emplace(impl_->state->io.get_executor());
  for (auto& each : impl_->listeners)
    impl_->accept(*each);
  impl_->thread = std::thread([io = impl_->state] {
    stand_back();
    io->io.run();
  });
}

void server::stop() {
  if (!impl_->thread.joinable())
    return;
  asio::post(impl_->state->io, [self = impl_] { self->close_all(); });
  impl_->thread.join();
  // What was cut off hears of it, so that nothing in the queue keeps its session, and with it the queue, alive.
  impl_->state->io.restart();
  impl_->state->io.poll();
}

std::function<void(std::function<void()>)> server::poster() const {
  return post_to(impl_->state);
}

void server::every(std::chrono::milliseconds interval, std::function<void()> work) {
  while_wanted(interval, [work = std::move(work)] {
    work();
    return true;
  });
}

void server::while_wanted(std::chrono::milliseconds interval, std::function<bool()> work) {
  impl_->tick(std::make_shared<asio::steady_timer>(impl_->state->io), interval, std::move(work));
}

} // namespace broker::http

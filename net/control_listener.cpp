#include "control_listener.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "base/bytes.hpp"
#include "control_auth.hpp"

namespace broker::control {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

class session;

/// What the sessions share with their listener. Outlives it for as long as a session does.
/// How long a stopping endpoint waits for an answer to be written.
constexpr std::chrono::seconds goodbye_time{2};

struct shared_state {
  listener_settings settings;
  handler answer;
  std::function<void(std::string_view)> refused;
  std::unordered_set<std::shared_ptr<session>> sessions; ///< never iterated for effects that depend on order
};

/// One tool. Kept alive by shared_state::sessions and by its pending operations.
class session : public std::enable_shared_from_this<session> {
public:
  session(tcp::socket socket, bool local, std::shared_ptr<shared_state> state)
    : local_(local), socket_(std::move(socket)), timer_(socket_.get_executor()), state_(std::move(state)),
      handshake_(state_->settings.cookie, state_->settings.node, fresh_nonce()) {}

  void start() {
    arm(state_->settings.handshake_timeout);
    read_frame(handshake_frame_max_bytes, [this](std::string_view hello) { greet(hello); });
  }

  bool stranger() const { return !local_ && !authenticated_; }

  /// The endpoint stops: an answer that is under way is still written, within `goodbye_time`.
  void finish() {
    if (!answering_)
      return close();
    keep_ = shared_from_this();
    arm(goodbye_time);
  }

  void close() {
    const auto self = std::exchange(keep_, nullptr);
    error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
    state_->sessions.erase(shared_from_this());
  }

private:
  using frame_handler = std::function<void(std::string_view)>;

  void greet(std::string_view hello) {
    auto challenge = handshake_.challenge(hello);
    if (!challenge)
      return refuse(challenge.error().text);
    write_frame(*std::move(challenge),
                [this] { read_frame(handshake_frame_max_bytes, [this](std::string_view proof) { check(proof); }); });
  }

  void check(std::string_view proof) {
    auto ours = handshake_.finish(proof);
    if (!ours) {
      state_->refused(ours.error().text);
      return write_frame({}, [this] { close(); }); // an empty proof tells an honest tool why, and nothing else
    }
    auto frames = handshake_.frames();
    if (!frames)
      return refuse(frames.error().text);
    authenticated_ = true;
    write_frame(*std::move(ours), [this, frames = *std::move(frames)] {
      frames_ = frames;
      next_request();
    });
  }

  void next_request() {
    request_ = {};
    next_part();
  }

  void next_part() {
    arm(state_->settings.idle_timeout);
    read_frame(frame_max_bytes + seal_bytes, [this](std::string_view bytes) { take_part(bytes); });
  }

  void take_part(std::string_view bytes) {
    const auto more = decode_request(bytes, request_);
    if (!more)
      return close();
    *more ? next_part() : serve();
  }

  /// The handler may take its time (await_startup): no timer runs meanwhile.
  void serve() {
    timer_.cancel();
    answering_ = true;
    state_->answer(std::move(request_), [weak = weak_from_this(), executor = socket_.get_executor()](response with) {
      asio::post(executor, [weak, with = std::move(with)] {
        if (auto self = weak.lock())
          self->write_parts(std::make_shared<std::vector<std::string>>(encode_response(with)), 0);
      });
    });
  }

  void write_parts(const std::shared_ptr<std::vector<std::string>>& parts, size_t next) {
    if (next == parts->size()) {
      answering_ = false;
      return keep_ ? close() : next_request();
    }
    if (!keep_)
      arm(state_->settings.idle_timeout);
    const std::string part = std::move((*parts)[next]);
    write_frame(part, [this, parts, next] { write_parts(parts, next + 1); });
  }

  void read_frame(size_t most, frame_handler then) {
    auto self = shared_from_this();
    asio::async_read(socket_, asio::buffer(header_),
                     [this, self, most, then = std::move(then)](error_code failed, size_t) mutable {
                       if (failed)
                         return refuse("connection lost");
                       const size_t size = load_u32(header_.data());
                       if (size > most)
                         return refuse("frame too large");
                       read_payload(size, std::move(then));
                     });
  }

  void read_payload(size_t size, frame_handler then) {
    payload_.resize(size);
    auto self = shared_from_this();
    asio::async_read(socket_, asio::buffer(payload_), [this, self, then = std::move(then)](error_code failed, size_t) {
      if (failed)
        return refuse("connection lost");
      if (frames_) {
        auto plain = frames_->open(payload_);
        if (!plain) {
          state_->refused(plain.error().text);
          return close();
        }
        payload_ = *std::move(plain);
      }
      then(payload_);
    });
  }

  void write_frame(const std::string& payload, std::function<void()> then) {
    BROKER_ASSERT(payload.size() <= frame_max_bytes, "an answer is split into frames");
    const std::string sealed = frames_ ? frames_->seal(payload) : payload;
    output_.resize(sizeof(uint32_t));
    store_u32(output_.data(), static_cast<uint32_t>(sealed.size()));
    output_ += sealed;
    auto self = shared_from_this();
    asio::async_write(socket_, asio::buffer(output_), [this, self, then = std::move(then)](error_code failed, size_t) {
      if (failed)
        return close();
      then();
    });
  }

  void refuse(std::string_view why) {
    if (!authenticated_ && socket_.is_open())
      state_->refused(why);
    close();
  }

  void arm(std::chrono::milliseconds after) {
    timer_.expires_after(after);
    timer_.async_wait([weak = weak_from_this()](error_code cancelled) {
      if (auto self = weak.lock(); self && !cancelled)
        self->refuse("time-out");
    });
  }

  const bool local_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  std::shared_ptr<shared_state> state_;
  server_handshake handshake_;
  bool authenticated_ = false;
  std::optional<sealed_frames> frames_; ///< once both have proved the cookie
  bool answering_ = false;              ///< a request is being served or its answer written
  std::shared_ptr<session> keep_;       ///< while the endpoint waits for this answer to leave
  std::array<char, sizeof(uint32_t)> header_{};
  std::string payload_;
  std::string output_;
  request request_; ///< as far as it has come
};

bool is_local(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  return address.is_loopback();
}

} // namespace

struct listener::impl : std::enable_shared_from_this<impl> {
  impl(asio::io_context& io, listener_settings settings, handler answer, std::function<void(std::string_view)> refused)
    : acceptor(io), pause(io), state(std::make_shared<shared_state>(
                                 shared_state{std::move(settings), std::move(answer), std::move(refused), {}})) {}

  result<void> listen() {
    error_code failed;
    const auto address = asio::ip::make_address(state->settings.host, failed);
    const tcp::endpoint endpoint{address, state->settings.port};
    if (!failed)
      acceptor.open(endpoint.protocol(), failed);
    if (!failed)
      acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed && address.is_v6())
      acceptor.set_option(asio::ip::v6_only{false}, failed);
    if (!failed)
      acceptor.bind(endpoint, failed);
    if (!failed)
      acceptor.listen(static_cast<int>(state->settings.connections_max), failed);
    if (failed)
      return error{0, "control endpoint " + state->settings.host + ":" + std::to_string(state->settings.port) + ": "
                        + failed.message()};
    accept();
    return {};
  }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code failed, tcp::socket socket) {
      if (!self->acceptor.is_open())
        return;
      if (failed)
        return self->accept_later(); // out of descriptors: do not spin
      self->admit(std::move(socket));
      self->accept();
    });
  }

  void accept_later() {
    pause.expires_after(std::chrono::milliseconds{100});
    pause.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled && self->acceptor.is_open())
        self->accept();
    });
  }

  void admit(tcp::socket socket) {
    if (state->sessions.size() >= state->settings.connections_max)
      return state->refused("too many control connections");
    error_code ignored;
    const bool local = is_local(socket.remote_endpoint(ignored).address());
    const auto strangers =
      std::count_if(state->sessions.begin(), state->sessions.end(), [](const auto& each) { return each->stranger(); });
    if (!local && static_cast<size_t>(strangers) >= state->settings.strangers_max)
      return state->refused("too many control connections from elsewhere that have not logged in");
    socket.set_option(tcp::no_delay(true), ignored);
    auto added = std::make_shared<session>(std::move(socket), local, state);
    state->sessions.insert(added);
    added->start();
  }

  void stop() {
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    const auto open = std::move(state->sessions);
    state->sessions.clear();
    for (const auto& each : open)
      each->finish();
  }

  tcp::acceptor acceptor;
  asio::steady_timer pause;
  std::shared_ptr<shared_state> state;
};

listener::listener(asio::io_context& io, listener_settings settings, handler answer,
                   std::function<void(std::string_view)> refused)
  : impl_(std::make_shared<impl>(io, std::move(settings), std::move(answer), std::move(refused))) {}

listener::~listener() {
  stop();
}

result<void> listener::listen() {
  return impl_->listen();
}

uint16_t listener::port() const {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

void listener::stop() {
  impl_->stop();
}

} // namespace broker::control

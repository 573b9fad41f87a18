#include "net/amqp_listener.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include "base/limits.hpp"

namespace broker {

using boost::asio::ip::tcp;

namespace {

/// Granularity of heartbeats and time-outs.
constexpr auto tick_interval = std::chrono::milliseconds{250};
/// The log hears of a full node this often at most.
constexpr uint64_t full_note_ms = 60'000;

/// IPv4 clients of an IPv6 socket have mapped addresses.
boost::asio::ip::address plain_address(const tcp::endpoint& where) {
  auto address = where.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  return address;
}

std::string endpoint_text(const tcp::endpoint& where) {
  return plain_address(where).to_string() + ":" + std::to_string(where.port());
}

/// What one client can be told by: its IPv4 address, or the /64 network that one IPv6 customer owns.
std::string network_text(const boost::asio::ip::address& address) {
  if (!address.is_v6())
    return address.to_string();
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + bytes.size() / 2, bytes.end(), 0);
  return boost::asio::ip::address_v6{bytes}.to_string() + "/64";
}

peer_info describe(const tcp::endpoint& remote, const tcp::endpoint& local) {
  const auto address = plain_address(remote);
  return {endpoint_text(remote) + " -> " + endpoint_text(local), address.is_loopback(), network_text(address)};
}

} // namespace

/// The sessions of one loop; used on that loop's thread only.
class amqp_listener::shard final : public session_registry {
public:
  shard(loop& home, runtime& node, std::atomic<size_t>& open)
    : loop_(home), node_(node), open_(open), timer_(home.io()) {}

  void add(session& who) override {
    sessions_.insert(&who);
    if (sessions_.size() == 1)
      tick_later();
    if (!alarm_.empty())
      who.resource_alarm(alarm_);
  }
  void remove(session& who) override {
    if (sessions_.erase(&who) == 0)
      return;
    --open_;
    if (sessions_.empty())
      timer_.cancel();
  }

  void stop_ticking() {
    ticks_ = false;
    timer_.cancel();
  }
  void resource_alarm(const std::string& reason) {
    alarm_ = reason;
    for (auto& each : all())
      each->resource_alarm(reason);
  }

  /// Owning copies: a session may end while it is visited.
  std::vector<ref<session>> all() const {
    std::vector<ref<session>> result;
    result.reserve(sessions_.size());
    for (auto* each : sessions_)
      result.emplace_back(each);
    return result;
  }
  loop& home() { return loop_; }

private:
  /// Without sessions there is nothing to look after.
  void tick_later() {
    if (!ticks_)
      return;
    timer_.expires_after(tick_interval);
    timer_.async_wait([this](boost::system::error_code failure) {
      if (failure)
        return;
      const auto now = node_.now_ms();
      for (auto& each : all())
        each->tick(now);
      if (!sessions_.empty())
        tick_later();
    });
  }

  loop& loop_;
  runtime& node_;
  std::atomic<size_t>& open_;
  boost::asio::steady_timer timer_;
  bool ticks_ = true;
  std::unordered_set<session*> sessions_;
  std::string alarm_; ///< reason of the resource alarm that is on
};

struct amqp_listener::acceptor {
  explicit acceptor(boost::asio::io_context& io) : socket(io), pause(io) {}
  tcp::acceptor socket;
  boost::asio::steady_timer pause;
  listener_settings settings;
};

amqp_listener::amqp_listener(session_context& context, loop_group& loops, size_t connections_max)
  : context_(context), loops_(loops), connections_max_(connections_max) {
  context_.login_refused = [this](const std::string& network) { login_refused(network); };
  for (size_t index = 0; index < loops.size(); ++index)
    shards_.push_back(std::make_unique<shard>(loops.at(index), *context.node, open_sessions_));
}

amqp_listener::~amqp_listener() = default;

result<void> amqp_listener::listen(const listener_settings& settings) {
  auto next = std::make_unique<acceptor>(loops_.at(0).io());
  next->settings = settings;
  if (auto bound = bind(*next); !bound)
    return bound;
  acceptors_.push_back(std::move(next));
  return {};
}

result<void> amqp_listener::bind(acceptor& which) {
  const auto& settings = which.settings;
  const auto where = settings.address + ":" + std::to_string(settings.port);
  boost::system::error_code failure;
  const auto address = boost::asio::ip::make_address(settings.address, failure);
  if (failure)
    return error{0, "cannot listen on " + where + ": not an address"};
  const tcp::endpoint endpoint{address, settings.port};
  auto& socket = which.socket;
  socket.open(endpoint.protocol(), failure);
  if (!failure)
    socket.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure && address.is_v6())
    socket.set_option(boost::asio::ip::v6_only{false}, failure);
  if (!failure)
    socket.bind(endpoint, failure);
  if (!failure)
    socket.listen(settings.backlog, failure);
  if (!failure)
    return {};
  boost::system::error_code ignored;
  socket.close(ignored);
  return error{0, "cannot listen on " + where + ": " + failure.message()};
}

void amqp_listener::start() {
  for (auto& each : acceptors_)
    boost::asio::post(loops_.at(0).io(), [this, &from = *each] { accept(from); });
}

void amqp_listener::accept(acceptor& from) {
  if (!from.socket.is_open())
    return; // suspended, or stopped
  if (open_sessions_ >= connections_max_) {
    say_full();
    return wait_for_room(from);
  }
  const size_t target = open_sessions_ % loops_.size();
  from.socket.async_accept(loops_.at(target).io(),
                           [this, &from, target](boost::system::error_code failure, tcp::socket socket) {
                             if (failure == boost::asio::error::operation_aborted)
                               return;
                             if (failure) // out of descriptors: let the backlog wait
                               return wait_for_room(from);
                             admit(from, target, std::move(socket));
                           });
}

void amqp_listener::say_full() {
  const auto now = context_.node->now_ms();
  if (said_full_ms_ != 0 && now < said_full_ms_ + full_note_ms)
    return;
  said_full_ms_ = now;
  context_.log(log_line::level::warning, "connection limit reached (" + std::to_string(connections_max_)
                                           + "): new connections wait until others close");
}

void amqp_listener::wait_for_room(acceptor& from) {
  from.pause.expires_after(std::chrono::milliseconds{limits::accept_pause_ms});
  from.pause.async_wait([this, &from](boost::system::error_code cancelled) {
    if (!cancelled)
      accept(from);
  });
}

void amqp_listener::admit(acceptor& from, size_t target, tcp::socket socket) {
  boost::system::error_code gone; // a peer that left already is found by the first read
  auto peer = describe(socket.remote_endpoint(gone), socket.local_endpoint(gone));
  if (guard_.refuses(peer.network, context_.node->now_ms())) {
    socket.close(gone);
    return accept(from);
  }
  socket.non_blocking(true, gone);
  socket.set_option(tcp::no_delay(from.settings.nodelay), gone);
  ++open_sessions_;
  auto& owner = *shards_[target];
  ref<session> fresh{new session{context_, owner.home(), owner, std::move(socket), std::move(peer)}};
  if (owner.home().is_current())
    fresh->start();
  else
    boost::asio::post(owner.home().io(), [fresh] { fresh->start(); });
  accept(from);
}

/// Connections made before the last failure must not go on guessing.
void amqp_listener::login_refused(const std::string& network) {
  if (!guard_.failed(network, context_.node->now_ms()))
    return;
  context_.log(log_line::level::warning, std::to_string(limits::login_failures_per_minute_max) + " failed logins from "
                                           + network + " within a minute: its connections are refused for "
                                           + std::to_string(limits::login_refusal_ms / 1000) + " s");
  for (auto& each : shards_)
    boost::asio::post(each->home().io(), [&local = *each, network] {
      for (auto& open : local.all())
        if (open->peer().network == network)
          open->refuse_unheard();
    });
}

void amqp_listener::resource_alarm(const std::string& reason) {
  for (auto& each : shards_)
    boost::asio::post(each->home().io(), [&local = *each, reason] { local.resource_alarm(reason); });
}

void amqp_listener::close_acceptors() {
  for (auto& each : acceptors_) {
    boost::system::error_code ignored; // closing a listening socket cannot meaningfully fail
    each->socket.close(ignored);
    each->pause.cancel();
  }
}

void amqp_listener::suspend(std::function<void()> done) {
  boost::asio::post(loops_.at(0).io(), [this, done = std::move(done)] {
    close_acceptors();
    done();
  });
}

void amqp_listener::resume(std::function<void(result<void>)> done) {
  boost::asio::post(loops_.at(0).io(), [this, done = std::move(done)] {
    for (auto& each : acceptors_) {
      if (each->socket.is_open())
        continue;
      if (auto bound = bind(*each); !bound)
        return done(bound);
      accept(*each);
    }
    done({});
  });
}

void amqp_listener::stop(const error& why) {
  boost::asio::post(loops_.at(0).io(), [this] { close_acceptors(); });
  for (auto& each : shards_)
    boost::asio::post(each->home().io(), [&local = *each, why] {
      for (auto& open : local.all())
        open->close(why);
    });
}

void amqp_listener::cut() {
  for (auto& each : shards_)
    boost::asio::post(each->home().io(), [&local = *each] {
      local.stop_ticking();
      for (auto& open : local.all())
        open->cut();
    });
}

/// Runs `visit` on every loop, in turn with its sessions, then `done` once with what they gathered.
template<class Item>
void amqp_listener::gather(std::function<void(session&, std::vector<Item>&)> visit,
                           std::function<void(std::vector<Item>)> done) {
  struct gathering {
    std::mutex mutex;
    std::vector<Item> items;
    size_t missing;
  };
  auto state = std::make_shared<gathering>();
  state->missing = shards_.size();
  for (auto& each : shards_)
    boost::asio::post(each->home().io(), [&local = *each, state, visit, done] {
      std::unique_lock guard{state->mutex};
      for (auto& open : local.all())
        if (!open->ended())
          visit(*open, state->items);
      if (--state->missing != 0)
        return;
      guard.unlock();
      done(std::move(state->items));
    });
}

void amqp_listener::report(std::function<void(std::vector<session_report>)> done) {
  gather<session_report>([](session& open, auto& reports) { reports.push_back(open.report()); }, std::move(done));
}

void amqp_listener::channels(std::function<void(std::vector<caf::actor>)> done) {
  gather<caf::actor>(
    [](session& open, auto& all) {
      for (auto& each : open.channels())
        all.push_back(std::move(each));
    },
    std::move(done));
}

void amqp_listener::close_if(std::function<bool(session_report)> which, size_t most, const error& why,
                             std::function<void(size_t)> done) {
  auto room = std::make_shared<std::atomic<int64_t>>(
    static_cast<int64_t>(std::min<size_t>(most, std::numeric_limits<int64_t>::max())));
  gather<connection_id>(
    [which = std::move(which), room, why](session& open, auto& closed) {
      if (!which(open.report()) || --*room < 0)
        return;
      closed.push_back(open.id());
      open.close(why);
    },
    [done = std::move(done)](const std::vector<connection_id>& closed) { done(closed.size()); });
}

} // namespace broker

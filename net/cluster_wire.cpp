#include "net/cluster_wire.hpp"

#include <csignal>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <pthread.h>

namespace broker {

using boost::system::error_code;

namespace {

/// For a connection to be made, before the handshake's own time begins. Long enough for one SYN that is lost and sent
/// again after a second; the kernel would wait twice as long for the next one, and a new attempt begins sooner.
constexpr auto connect_timeout = std::chrono::milliseconds{1'500};
/// What stop() waits for streams that are being closed.
constexpr auto goodbye_time = std::chrono::milliseconds{1'500};
constexpr auto goodbye_check = std::chrono::milliseconds{10};
/// One system call takes this much from the kernel.
constexpr size_t read_ahead_bytes = 64 * 1024;
constexpr uint64_t failures_window_ms = 1'000;
constexpr size_t failure_addresses_max = 1024;

std::string plain(boost::asio::ip::address address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  return address.to_string();
}

std::string text_of(const boost::asio::ip::tcp::endpoint& where) {
  return plain(where.address()) + ":" + std::to_string(where.port());
}

login_guard::rules failure_rules() {
  return {wire_failures_per_second_max, failures_window_ms, failure_addresses_max};
}

} // namespace

cluster_wire::cluster_wire(cluster_wire_settings settings, loop_group& loops)
  : settings_(std::move(settings)), loops_(loops), io_(loops.links().io()), guard_(failure_rules()) {}

cluster_wire::~cluster_wire() {
  stop();
}

result<void> cluster_wire::open() {
  auto context = make_cluster_context(settings_.cookie, settings_.node);
  if (!context)
    return context.error();
  tls_ = *std::move(context);
  SSL_CTX_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(tls_.get(), 1);
  SSL_CTX_set_default_read_buffer_len(tls_.get(), read_ahead_bytes);
  const auto where = settings_.host + ":" + std::to_string(settings_.port);
  error_code failure;
  const auto address = boost::asio::ip::make_address(settings_.host, failure);
  if (failure)
    return error{0, "cannot listen for nodes on " + where + ": not an address"};
  const tcp::endpoint endpoint{address, settings_.port};
  acceptor_.open(endpoint.protocol(), failure);
  if (!failure)
    acceptor_.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure && address.is_v6())
    acceptor_.set_option(boost::asio::ip::v6_only{false}, failure);
  if (!failure)
    acceptor_.bind(endpoint, failure);
  if (!failure)
    acceptor_.listen(settings_.backlog, failure);
  if (failure)
    return error{0, "cannot listen for nodes on " + where + ": " + failure.message()};
  port_ = acceptor_.local_endpoint().port();
  boost::asio::post(io_, [] {
    // OpenSSL writes to sockets without MSG_NOSIGNAL.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  });
  loops_.links().start();
  open_ = true;
  return {};
}

void cluster_wire::start(std::function<caf::actor(const std::string&)> admit) {
  admit_ = std::move(admit);
  boost::asio::post(io_, [this] { accept(); });
}

void cluster_wire::stop() {
  if (!std::exchange(open_, false))
    return;
  stopped_ = true;
  boost::asio::post(io_, [this] { begin_stop(); });
  closed_.get_future().wait();
  loops_.stop_links();
  admit_ = nullptr;
}

void cluster_wire::begin_stop() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  resolver_.cancel();
  for (auto& [id, each] : std::exchange(handshakes_, {}))
    each.first->abort();
  finish_stop(std::chrono::steady_clock::now() + goodbye_time);
}

void cluster_wire::finish_stop(std::chrono::steady_clock::time_point deadline) {
  std::erase_if(streams_, [](const auto& each) { return each.second.expired(); });
  if (!streams_.empty() && std::chrono::steady_clock::now() < deadline) {
    pause_.expires_after(goodbye_check);
    return pause_.async_wait([this, deadline](error_code) { finish_stop(deadline); });
  }
  for (const auto& [id, weak] : streams_)
    if (const auto stream = weak.lock())
      stream->abort();
  closed_.set_value();
}

void cluster_wire::note(const std::string& key, const std::string& line) {
  if (!limiter_.admits(key, settings_.now_ms()))
    return;
  const uint64_t left_out = limiter_.take_left_out();
  settings_.note(left_out == 0 ? line : line + " (" + std::to_string(left_out) + " lines of this kind were left out)");
}

void cluster_wire::remember(const stream_ptr& stream) {
  if (streams_.size() >= wire_connections_max)
    std::erase_if(streams_, [](const auto& each) { return each.second.expired(); });
  streams_[stream->id()] = stream;
}

// -- in
// ----------------------------------------------------------------------------------------------------------------

void cluster_wire::accept() {
  acceptor_.async_accept([this](error_code failure, tcp::socket socket) {
    if (failure == boost::asio::error::operation_aborted || stopping_)
      return;
    if (failure)
      return pause_accepting(); // out of descriptors: let the backlog wait
    error_code unknown;
    const auto from = socket.remote_endpoint(unknown);
    if (!unknown)
      greet(std::move(socket), from);
    accept();
  });
}

void cluster_wire::pause_accepting() {
  note("accept", "cannot accept connections of nodes for lack of descriptors or memory");
  pause_.expires_after(std::chrono::milliseconds{limits::accept_pause_ms});
  pause_.async_wait([this](error_code failure) {
    if (!failure)
      accept();
  });
}

void cluster_wire::greet(tcp::socket socket, const tcp::endpoint& from) {
  const auto network = plain(from.address());
  const auto waiting = handshakes_of_.find(network);
  if (guard_.refuses(network, settings_.now_ms())
      || (waiting != handshakes_of_.end() && waiting->second >= wire_handshakes_per_address_max))
    return; // closed unheard
  if (handshakes_.size() >= wire_handshakes_max)
    drop_oldest_handshake();
  const auto stream = std::make_shared<cluster_stream>(loops_.links(), next_id_++, text_of(from));
  stream->socket() = std::move(socket);
  handshakes_.emplace(stream->id(), std::pair{stream, network});
  ++handshakes_of_[network];
  stream->handshake(*tls_, false, [this, network](const stream_ptr& who, const cluster_stream::outcome& how) {
    if (handshakes_.erase(who->id()) == 0)
      return;
    if (--handshakes_of_[network] == 0)
      handshakes_of_.erase(network);
    greeted(who, network, how);
  });
}

void cluster_wire::drop_oldest_handshake() {
  const auto oldest = handshakes_.begin();
  const auto [stream, network] = oldest->second;
  handshakes_.erase(oldest);
  if (--handshakes_of_[network] == 0)
    handshakes_of_.erase(network);
  stream->abort();
}

void cluster_wire::greeted(const stream_ptr& stream, const std::string& network, const cluster_stream::outcome& how) {
  if (!how.error.empty()) {
    guard_.failed(network, settings_.now_ms());
    return note(network + how.error, "connection of a node from " + stream->address() + " refused: " + how.error);
  }
  const auto peer = stopping_ ? nullptr : admit_(how.node);
  if (!peer) {
    stream->abort();
    const auto why = how.node == settings_.node ? "it has the name of this node" : "there are too many nodes";
    return note(network + why, "connection of node " + how.node + " from " + stream->address() + " refused: " + why);
  }
  remember(stream);
  caf::anon_send(peer, wire_connected_msg{wire_connected{stream, false}});
  stream->deliver_to(peer);
}

// -- out
// ---------------------------------------------------------------------------------------------------------------

void cluster_wire::dial(const std::string& node, const std::string& host, uint16_t port, caf::actor answer) {
  if (stopped_)
    return caf::anon_send(answer, wire_dial_failed_msg{"the node stops"});
  boost::asio::post(io_, [this, node, host, port, answer = std::move(answer)] {
    if (stopping_)
      return caf::anon_send(answer, wire_dial_failed_msg{"the node stops"});
    resolve(node, host, port, answer);
  });
}

void cluster_wire::resolve(const std::string& node, const std::string& host, uint16_t port, const caf::actor& answer) {
  auto [at_host, at_port] = settings_.locate(node);
  if (!host.empty())
    at_host = host;
  if (port != 0)
    at_port = port;
  const auto where = at_host + ":" + std::to_string(at_port);
  resolver_.async_resolve(
    at_host, std::to_string(at_port),
    [this, node, where, answer](error_code failure, const tcp::resolver::results_type& found) {
      if (failure)
        return caf::anon_send(answer, wire_dial_failed_msg{"cannot resolve " + where + ": " + failure.message()});
      const auto stream = std::make_shared<cluster_stream>(loops_.links(), next_id_++, where);
      const auto timer = std::make_shared<boost::asio::steady_timer>(io_, connect_timeout);
      timer->async_wait([stream](error_code over) {
        if (!over)
          stream->abort();
      });
      boost::asio::async_connect(
        stream->socket(), found, [this, node, where, answer, stream, timer](error_code refused, const tcp::endpoint&) {
          timer->cancel();
          if (refused)
            return caf::anon_send(
              answer, wire_dial_failed_msg{
                        "cannot connect to " + where + ": "
                          + (refused == boost::asio::error::operation_aborted ? "no answer" : refused.message()),
                        refused == boost::asio::error::connection_refused});
          stream->handshake(*tls_, true, [this, node, answer](const stream_ptr& who, cluster_stream::outcome how) {
            dialled(who, node, answer, std::move(how));
          });
        });
    });
}

void cluster_wire::dialled(const stream_ptr& stream, const std::string& node, const caf::actor& answer,
                           cluster_stream::outcome how) {
  if (how.error.empty() && how.node != node)
    how.error = "there is the node " + how.node;
  if (how.error.empty() && stopping_)
    how.error = "the node stops";
  if (!how.error.empty()) {
    stream->abort();
    return caf::anon_send(answer, wire_dial_failed_msg{"connection to " + stream->address() + " failed: " + how.error});
  }
  remember(stream);
  caf::anon_send(answer, wire_connected_msg{wire_connected{stream, true}});
  stream->deliver_to(answer);
}

} // namespace broker

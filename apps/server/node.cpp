#include "node.hpp"

#include <unistd.h>

#include <future>

#include <boost/asio/post.hpp>

#include "control_verbs.hpp"
#include "metadata/metadata_state.hpp"
#include "node_core.hpp"

namespace broker {

namespace {

/// BSD's EX_IOERR: what a node ends with after a failed write (guarantees.md G6).
constexpr int exit_io_error = 74;
/// Unused read blocks kept: 16 MiB.
constexpr size_t spare_blocks = 64;

} // namespace

node::impl::impl(node_config settings, node_log& lines, node_extensions added)
  : config(std::move(settings)), extensions(std::move(added)), log(lines), nothing(metadata_state{{}}.snapshot()),
    blocks(spare_blocks) {}

node::impl::~impl() {
  shut_down();
}

void node::impl::die(const error& why) {
  const auto text = "disk write failed, the node ends: " + why.text;
  say(log_level::critical, text);
  std::fprintf(stderr, "warren-server: %s\n", text.c_str());
  log.flush();
  _exit(exit_io_error);
}

result<void> node::impl::open() {
  control::listener_settings settings;
  settings.node = config.node_name;
  settings.cookie = config.cookie.reveal();
  settings.host = config.control_host;
  settings.port = config.control_port;
  control =
    std::make_unique<control::listener>(control_io, settings, control_verbs(*this), [this](std::string_view why) {
      say(log_level::warning, "control connection refused: " + std::string{why});
    });
  if (auto listening = control->listen(); !listening) {
    control.reset();
    return listening;
  }
  control_port = control->port();
  control_work.emplace(control_io.get_executor());
  control_thread = std::thread([this] { control_io.run(); });
  life = std::make_unique<order_thread>("life");
  asking = std::make_unique<order_thread>("ask-members");
  return {};
}

void node::impl::on_control(const std::function<void()>& work) {
  std::promise<void> done;
  boost::asio::post(control_io, [&] {
    work();
    done.set_value();
  });
  done.get_future().get();
}

void node::impl::shut_down() {
  if (!life)
    return;
  ++stop_wanted;
  life->run([this] { bring_down(shutdown_reason); });
  life->stop();
  asking->stop();
  boost::asio::post(control_io, [this] {
    control->stop();
    control_work.reset();
  });
  control_thread.join();
  control.reset();
  life.reset();
}

node::node(node_config config, node_log& log, node_extensions extensions)
  : impl_(std::make_unique<impl>(std::move(config), log, std::move(extensions))) {}

node::~node() = default;

result<void> node::open() {
  return impl_->open();
}

result<void> node::start() {
  if (!impl_->life)
    if (auto opened = impl_->open(); !opened)
      return opened;
  result<void> started;
  impl_->life->run([&] { started = impl_->bring_up(); });
  return started;
}

uint16_t node::control_port() const {
  return impl_->control_port;
}

uint16_t node::cluster_port() const {
  return impl_->cluster_port;
}

void node::request_stop() {
  impl_->request_stop();
}

void node::join() {
  {
    std::unique_lock guard{impl_->stop_mutex};
    impl_->stop_asked.wait(guard, [&] { return impl_->stopping; });
  }
  impl_->shut_down();
}

} // namespace broker

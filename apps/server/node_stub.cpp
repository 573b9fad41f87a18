// Links warren-server until the node exists: it listens nowhere and only waits for its stop.
#include "node.hpp"

#include <condition_variable>
#include <mutex>

namespace broker {

struct node::impl {
  node_config config;
  std::mutex lock;
  std::condition_variable changed;
  bool stop = false;
};

node::node(node_config config, node_log&) : impl_(std::make_unique<impl>()) {
  impl_->config = std::move(config);
}
node::~node() = default;
result<void> node::start() {
  return {};
}
uint16_t node::control_port() const {
  return impl_->config.control_port;
}
void node::request_stop() {
  std::lock_guard guard{impl_->lock};
  impl_->stop = true;
  impl_->changed.notify_all();
}
void node::join() {
  std::unique_lock guard{impl_->lock};
  impl_->changed.wait(guard, [&] { return impl_->stop; });
}

} // namespace broker

#include "embedded_node.hpp"

#include "start_options.hpp"

namespace examples {

namespace {

/// The environment takes no part; /etc/warren/warren.conf does, where there is one.
broker::result<broker::node_config> settings(const std::string& folder, uint16_t port) {
  broker::start_options options;
  options.data_dir = folder;
  options.node_name = "embedded-" + std::to_string(port);
  auto config = broker::load_node_config(options, [](const char*) { return std::string{}; });
  if (!config)
    return config;
  config->listeners = {{"127.0.0.1", port, "embedded"}};
  config->control_host = "127.0.0.1";
  config->control_port = 0;
  config->distribution_host = "127.0.0.1";
  config->distribution_port = 0;
  config->cookie_file = config->data_dir / "cookie";
  return config;
}

} // namespace

broker::result<std::unique_ptr<embedded_node>> embedded_node::start(const std::string& folder, uint16_t port,
                                                                    broker::node_extensions extensions) {
  auto config = settings(folder, port);
  if (!config)
    return config.error();
  std::unique_ptr<embedded_node> made{new embedded_node};
  if (auto prepared = made->files_.prepare(*config); !prepared)
    return prepared.error();
  if (auto opened = made->log_.open(config->log); !opened)
    return opened.error();
  auto node = std::make_unique<broker::node>(*std::move(config), made->log_, std::move(extensions));
  if (auto started = node->start(); !started)
    return started.error();
  made->node_ = std::move(node);
  return made;
}

embedded_node::~embedded_node() {
  if (!node_)
    return; // it never started
  node_->request_stop();
  node_->join();
}

} // namespace examples

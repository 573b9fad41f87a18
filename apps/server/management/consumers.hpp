// Consumers of all nodes, each with the name of its channel.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "management/service.hpp"

namespace broker::management {

struct consumer_row {
  std::string vhost;
  std::string queue;
  std::string tag;
  std::string channel_name;
  std::string json; ///< as /api/consumers shows it
};

void with_consumers(service& at, std::function<void(const std::vector<consumer_row>&)> then);
/// Of one queue.
void with_consumers(service& at, const queue_ptr& queue, std::function<void(const std::vector<consumer_row>&)> then);

} // namespace broker::management

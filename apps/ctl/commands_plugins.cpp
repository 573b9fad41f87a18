// rabbitmq-plugins (features.md O07).
#include "command.hpp"

namespace broker::ctl {

std::vector<command> plugin_commands() {
  return {};
}

} // namespace broker::ctl

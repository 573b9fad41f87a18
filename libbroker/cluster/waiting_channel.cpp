#include "cluster/waiting_channel.hpp"

#include <variant>

#include "base/overloaded.hpp"

namespace broker::bridging {

channel_ref waiting_channel(const queue_request& what) {
  return std::visit(overloaded{
                      [](const publish_request& one) { return one.confirm ? one.channel : channel_ref{}; },
                      [](const consume_request& one) { return one.who->channel; },
                      [](const cancel_request& one) { return one.who->channel; },
                      [](const get_request& one) { return one.channel; },
                      [](const purge_request& one) { return one.channel; },
                      [](const status_request& one) { return one.channel; },
                      [](const delete_request& one) { return one.channel; },
                      [](const settle_request&) { return channel_ref{}; },
                      [](const channel_gone&) { return channel_ref{}; },
                      [](const consumer_ready&) { return channel_ref{}; },
                    },
                    what);
}

} // namespace broker::bridging

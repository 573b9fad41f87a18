#include "actors/memory_pressure.hpp"

#include <caf/send.hpp>

#include "actors/messages.hpp"

namespace broker {

void tell_memory_pressure(const runtime& node) {
  for (const auto& queue : node.queues_by_id.all())
    caf::anon_send(queue, queue_pressure_msg{});
  for (const auto& [id, replica] : node.replicas_by_id.entries())
    if (node.queues_by_id.find(id) != replica) // a mirror: the directory of queues has masters
      caf::anon_send(replica, queue_pressure_msg{});
}

} // namespace broker

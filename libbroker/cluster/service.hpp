// Who on a node a frame is for. The numbers travel between nodes: never reuse one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace broker {

enum class cluster_service : uint8_t { metadata = 1, queues = 2, control = 3, replication = 4 };
inline constexpr size_t cluster_services = 4;

/// 0..cluster_services-1.
constexpr size_t index_of(cluster_service service) {
  return static_cast<size_t>(service) - 1;
}
constexpr cluster_service service_at(size_t index) {
  return static_cast<cluster_service>(index + 1);
}

} // namespace broker

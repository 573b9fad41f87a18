// Limits of the links between nodes (architecture.md D8, D13; guarantees.md S7, G9). Units last in the name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cluster/service.hpp"

namespace broker::link_limits {

/// What a node speaks. A peer with another one is refused by name.
inline constexpr uint16_t protocol_version = 1;

/// Largest frame on the wire (D8: a larger one would block heartbeats).
inline constexpr size_t frame_max_bytes = 1024 * 1024;
/// Largest frame before the peer has said who it is.
inline constexpr size_t hello_max_bytes = 4096;
/// Payloads are cut into parts of this size: what a small frame of another service waits for at most.
inline constexpr size_t part_bytes = 128 * 1024;
/// Largest payload of one send: RabbitMQ's hard cap of a message body, with its headers.
inline constexpr uint64_t payload_max_bytes = 544ull * 1024 * 1024;
/// Added to each payload's size in the window: what a queue entry costs.
inline constexpr size_t payload_overhead_bytes = 64;

/// Accepted and not yet handled by the other side's service, per node: 16 MiB in all, so that a service that stands
/// still leaves the others their share. A payload above its service's window travels alone.
inline constexpr std::array<size_t, cluster_services> window_bytes = {
  2 * 1024 * 1024, // metadata
  6 * 1024 * 1024, // queues
  2 * 1024 * 1024, // control
  6 * 1024 * 1024, // replication
};

/// A datagram with its header fits one frame.
inline constexpr size_t datagram_max_bytes = frame_max_bytes - 64;
/// Datagrams that wait for the connection, and received ones that wait for their service; the oldest go first.
inline constexpr size_t datagrams_waiting_bytes = 4 * 1024 * 1024;

/// Something is sent at least this often.
inline constexpr uint64_t heartbeat_ms = 500;
/// Silence after which the connection is given up and made anew (D7).
inline constexpr uint64_t suspect_ms = 2'000;
/// Without a connection for this long the session is over.
inline constexpr uint64_t break_limit_ms = 60'000;
/// Refused by its machine for this long, a node has ended, and its session with it: nothing listens there any more.
/// (Own choice: two attempts. Masters of mirrored queues wait for it; a listener that closes for a moment is a defect.)
inline constexpr uint64_t refused_limit_ms = 150;
/// From connecting to the end of the greeting.
inline constexpr uint64_t greeting_ms = 5'000;
/// News about what was received and handled wait this long for a frame that goes the same way.
inline constexpr uint64_t ack_delay_ms = 100;

/// One connection that we made and others the peer made: greeting at the same time.
inline constexpr size_t greeting_connections = 3;

inline constexpr size_t node_name_max_bytes = 255;

} // namespace broker::link_limits

#include "cluster/link.hpp"
#include "cluster/plant.hpp"

namespace broker::cluster {

namespace {

/// A service writes this much before the next one has its turn: one part, or many small frames.
constexpr size_t turn_bytes = link_limits::part_bytes / 2;

} // namespace

bool node_link::untold() const {
  for (const auto& each : in_)
    if (each.untold())
      return true;
  return false;
}

bool node_link::has_output(uint64_t id) const {
  const auto* to = find(id);
  if (to == nullptr)
    return false;
  if (!to->out.empty())
    return true;
  if (to->where != stage::up)
    return false;
  if (ack_now_ || !datagrams_.empty())
    return true;
  for (const auto& each : out_)
    if (each.pending())
      return true;
  return false;
}

void node_link::produce(uint64_t id, size_t most, byte_buffer& out, uint64_t now_ms) {
  auto* to = find(id);
  if (to == nullptr)
    return;
  const size_t start = out.size();
  out.put(to->out.view());
  to->out.release();
  if (to->where == stage::up) {
    // News of what we have travel with whatever goes, at little cost.
    if (ack_now_ || (untold() && has_output(id)))
      write_acks(out);
    ack_now_ = false;
    write_datagrams(start + most, out);
    write_parts(start + most, out);
  }
  if (out.size() != start)
    to->last_sent_ms = now_ms;
}

void node_link::write_acks(byte_buffer& out) {
  ack_frame ack;
  for (size_t i = 0; i < cluster_services; ++i) {
    ack.services[i] = in_[i].progress();
    in_[i].told();
  }
  encode(ack, out);
}

void node_link::send_datagram(cluster_service service, std::string&& bytes) {
  BROKER_ASSERT(bytes.size() <= link_limits::datagram_max_bytes, "a datagram above its limit");
  const auto* to = find(active_);
  if (to == nullptr || to->where != stage::up)
    return;
  datagram_bytes_ += bytes.size() + link_limits::payload_overhead_bytes;
  datagrams_.push_back({service, std::move(bytes)});
  while (datagram_bytes_ > link_limits::datagrams_waiting_bytes) {
    datagram_bytes_ -= datagrams_.front().bytes.size() + link_limits::payload_overhead_bytes;
    datagrams_.pop_front();
  }
}

void node_link::write_datagrams(size_t end, byte_buffer& out) {
  while (!datagrams_.empty() && out.size() < end) {
    const auto& first = datagrams_.front();
    encode(datagram_frame{first.service, first.bytes}, out);
    datagram_bytes_ -= first.bytes.size() + link_limits::payload_overhead_bytes;
    datagrams_.pop_front();
  }
}

void node_link::write_parts(size_t end, byte_buffer& out) {
  size_t without = 0; // services in a row with nothing to write
  while (out.size() < end && without < cluster_services) {
    auto& box = out_[turn_];
    const size_t until = out.size() + turn_bytes;
    without = box.pending() ? 0 : without + 1;
    while (box.pending() && (out.size() < until || planted(plant::one_service_first)) && out.size() < end)
      box.write_part(out);
    turn_ = (turn_ + 1) % cluster_services;
    if (planted(plant::one_service_first) && without == 0)
      turn_ = 0;
  }
}

} // namespace broker::cluster

#include "cluster/link_frame.hpp"

#include <algorithm>

namespace broker::cluster {

namespace {

constexpr std::string_view magic = "WRNL";
constexpr uint8_t first_part = 1;
constexpr uint8_t last_part = 2;

void put_name(std::string_view name, byte_buffer& out) {
  BROKER_ASSERT(name.size() <= link_limits::node_name_max_bytes, "a name longer than a node's can be");
  out.put_u8(static_cast<uint8_t>(name.size()));
  out.put(name);
}

void put(const hello_frame& hello, byte_buffer& out) {
  out.put(magic);
  out.put_u16(hello.version);
  put_name(hello.node, out);
  put_name(hello.target, out);
  put_name(hello.cluster, out);
  for (const uint64_t number : {hello.incarnation, hello.attempt, hello.session.own, hello.session.peer, hello.offer})
    out.put_u64(number);
  for (size_t i = 0; i < cluster_services; ++i) {
    out.put_u64(hello.received[i]);
    out.put_u64(hello.window[i]);
  }
}
void put(const ready_frame&, byte_buffer&) {}
void put(const refuse_frame& refuse, byte_buffer& out) {
  out.put_u8(refuse.benign ? 1 : 0);
  out.put(refuse.reason);
}
void put(const data_frame& data, byte_buffer& out) {
  out.put_u8(static_cast<uint8_t>(data.service));
  out.put_u8(static_cast<uint8_t>((data.first ? first_part : 0) | (data.last ? last_part : 0)));
  out.put_u64(data.seq);
  if (data.first)
    out.put_u64(data.total);
  out.put(data.bytes);
}
void put(const ack_frame& ack, byte_buffer& out) {
  for (const auto& each : ack.services) {
    out.put_u64(each.received);
    out.put_u64(each.handled);
  }
}
void put(const datagram_frame& datagram, byte_buffer& out) {
  out.put_u8(static_cast<uint8_t>(datagram.service));
  out.put(datagram.bytes);
}
void put(const heartbeat_frame&, byte_buffer&) {}
void put(const bye_frame& bye, byte_buffer& out) {
  out.put(bye.reason);
}

/// Reads from the front; `good` turns false for ever at the first read beyond the end.
struct reader {
  std::string_view rest;
  bool good = true;

  std::string_view take(size_t count) {
    if (rest.size() < count) {
      good = false;
      rest = {};
      return {};
    }
    const auto taken = rest.substr(0, count);
    rest.remove_prefix(count);
    return taken;
  }
  uint8_t u8() {
    const auto bytes = take(1);
    return good ? static_cast<uint8_t>(bytes[0]) : 0;
  }
  uint16_t u16() {
    const auto bytes = take(2);
    return good ? load_u16(bytes.data()) : 0;
  }
  uint64_t u64() {
    const auto bytes = take(8);
    return good ? load_u64(bytes.data()) : 0;
  }
  std::string name() { return std::string{take(u8())}; }
  std::string_view all() { return std::exchange(rest, {}); }
};

error wrong(std::string text) {
  return error{0, std::move(text)};
}

bool known(uint8_t service) {
  return service >= 1 && service <= cluster_services;
}

result<link_frame> read_hello(reader& in) {
  if (in.take(magic.size()) != magic)
    return wrong("a hello that is not of this protocol");
  hello_frame hello;
  hello.version = in.u16();
  if (in.good && hello.version != link_limits::protocol_version)
    return link_frame{std::move(hello)};
  hello.node = in.name();
  hello.target = in.name();
  hello.cluster = in.name();
  for (uint64_t* number : {&hello.incarnation, &hello.attempt, &hello.session.own, &hello.session.peer, &hello.offer})
    *number = in.u64();
  for (size_t i = 0; i < cluster_services; ++i) {
    hello.received[i] = in.u64();
    hello.window[i] = in.u64();
  }
  if (!in.good || !in.rest.empty())
    return wrong("a hello of the wrong length");
  if (hello.node.empty() || hello.incarnation == 0 || hello.attempt == 0 || hello.offer == 0)
    return wrong("a hello without name, incarnation, attempt or offer");
  if ((hello.session.own == 0) != (hello.session.peer == 0))
    return wrong("a hello with half a session");
  return link_frame{std::move(hello)};
}

result<link_frame> read_data(reader& in) {
  data_frame data;
  const uint8_t service = in.u8();
  const uint8_t flags = in.u8();
  data.seq = in.u64();
  data.first = (flags & first_part) != 0;
  data.last = (flags & last_part) != 0;
  if (data.first)
    data.total = in.u64();
  data.bytes = in.all();
  if (!in.good)
    return wrong("a data frame cut short");
  if (!known(service))
    return wrong("a data frame for the unknown service " + std::to_string(service));
  if (flags > (first_part | last_part) || data.seq == 0 || data.bytes.empty())
    return wrong("a data frame with flags " + std::to_string(flags) + ", seq " + std::to_string(data.seq) + " and "
                 + std::to_string(data.bytes.size()) + " bytes");
  if (data.first
      && (data.total > link_limits::payload_max_bytes || data.total < data.bytes.size()
          || (data.last != (data.total == data.bytes.size()))))
    return wrong("a payload of " + std::to_string(data.total) + " bytes whose first part has "
                 + std::to_string(data.bytes.size()));
  data.service = static_cast<cluster_service>(service);
  return link_frame{data};
}

result<link_frame> read_ack(reader& in) {
  ack_frame ack;
  for (auto& each : ack.services) {
    each.received = in.u64();
    each.handled = in.u64();
  }
  if (!in.good || !in.rest.empty())
    return wrong("an ack of the wrong length");
  return link_frame{ack};
}

result<link_frame> read_datagram(reader& in) {
  const uint8_t service = in.u8();
  if (!in.good || !known(service))
    return wrong("a datagram for the unknown service " + std::to_string(service));
  return link_frame{datagram_frame{static_cast<cluster_service>(service), in.all()}};
}

result<link_frame> read_refuse(reader& in) {
  refuse_frame refuse;
  refuse.benign = in.u8() != 0;
  refuse.reason = in.all();
  if (!in.good)
    return wrong("a refusal cut short");
  return link_frame{refuse};
}

template<class Frame>
result<link_frame> read_empty(const reader& in, std::string_view name) {
  if (!in.rest.empty())
    return wrong("a " + std::string{name} + " with a body");
  return link_frame{Frame{}};
}

} // namespace

void encode(const link_frame& frame, byte_buffer& out) {
  const size_t start = out.size();
  out.put_u32(0);
  out.put_u8(static_cast<uint8_t>(frame.index() + 1));
  std::visit([&](const auto& body) { put(body, out); }, frame);
  const size_t size = out.size() - start - 4;
  BROKER_ASSERT(size <= link_limits::frame_max_bytes, "a frame above the limit");
  store_u32(out.data() + start, static_cast<uint32_t>(size));
}

result<link_frame> decode(std::string_view frame) {
  reader in{frame};
  const uint8_t type = in.u8();
  switch (static_cast<frame_type>(type)) {
  case frame_type::hello:
    return read_hello(in);
  case frame_type::ready:
    return read_empty<ready_frame>(in, "ready");
  case frame_type::refuse:
    return read_refuse(in);
  case frame_type::data:
    return read_data(in);
  case frame_type::ack:
    return read_ack(in);
  case frame_type::datagram:
    return read_datagram(in);
  case frame_type::heartbeat:
    return read_empty<heartbeat_frame>(in, "heartbeat");
  case frame_type::bye:
    return link_frame{bye_frame{in.all()}};
  }
  return wrong("a frame of the unknown type " + std::to_string(type));
}

bool frame_splitter::keep(std::string_view& bytes, size_t wanted) {
  if (kept_.size() < wanted) {
    const size_t count = std::min(wanted - kept_.size(), bytes.size());
    kept_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
  }
  return kept_.size() >= wanted;
}

error frame_splitter::wrong_size(size_t size, size_t most) {
  return wrong("a frame of " + std::to_string(size) + " bytes, the most is " + std::to_string(most));
}

} // namespace broker::cluster

// Every method of AMQP 0-9-1 with RabbitMQ's extensions (features.md W12-W19; AMQP 0-9-1 XML section "Domains" and
// "Classes"). One struct per method; `fields` names them in wire order, so that decoding, encoding, comparing and
// printing are each written once (method.cpp). `bit` fields that follow each other share octets (section 4.2.5.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "amqp/field_table.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace broker::amqp {

/// class-id in the upper, method-id in the lower half: how a method is named on the wire.
constexpr uint32_t method_code(uint16_t class_id, uint16_t method_id) noexcept {
  return static_cast<uint32_t>(class_id) << 16 | method_id;
}

// How a field is written on the wire: tags passed to a visitor by `fields`.
struct as_u8 {};
struct as_u16 {};
struct as_u32 {};
struct as_u64 {};
struct as_bit {};
struct as_shortstr {};
struct as_longstr {};
struct as_table {};

// -- class connection (10) ----------------------------------------------------------------------------------

namespace connection_class {

struct start {
  static constexpr uint32_t code = method_code(10, 10);
  static constexpr std::string_view name = "connection.start";
  uint8_t version_major = 0;
  uint8_t version_minor = 9;
  field_table server_properties;
  std::string mechanisms;
  std::string locales;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u8{}, self.version_major);
    visit(as_u8{}, self.version_minor);
    visit(as_table{}, self.server_properties);
    visit(as_longstr{}, self.mechanisms);
    visit(as_longstr{}, self.locales);
  }
  friend bool operator==(const start&, const start&) = default;
};

struct start_ok {
  static constexpr uint32_t code = method_code(10, 11);
  static constexpr std::string_view name = "connection.start-ok";
  field_table client_properties;
  std::string mechanism;
  std::string response;
  std::string locale;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_table{}, self.client_properties);
    visit(as_shortstr{}, self.mechanism);
    visit(as_longstr{}, self.response);
    visit(as_shortstr{}, self.locale);
  }
  friend bool operator==(const start_ok&, const start_ok&) = default;
};

struct secure {
  static constexpr uint32_t code = method_code(10, 20);
  static constexpr std::string_view name = "connection.secure";
  std::string challenge;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_longstr{}, self.challenge);
  }
  friend bool operator==(const secure&, const secure&) = default;
};

struct secure_ok {
  static constexpr uint32_t code = method_code(10, 21);
  static constexpr std::string_view name = "connection.secure-ok";
  std::string response;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_longstr{}, self.response);
  }
  friend bool operator==(const secure_ok&, const secure_ok&) = default;
};

struct tune {
  static constexpr uint32_t code = method_code(10, 30);
  static constexpr std::string_view name = "connection.tune";
  uint16_t channel_max = 0;
  uint32_t frame_max = 0;
  uint16_t heartbeat = 0;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.channel_max);
    visit(as_u32{}, self.frame_max);
    visit(as_u16{}, self.heartbeat);
  }
  friend bool operator==(const tune&, const tune&) = default;
};

struct tune_ok {
  static constexpr uint32_t code = method_code(10, 31);
  static constexpr std::string_view name = "connection.tune-ok";
  uint16_t channel_max = 0;
  uint32_t frame_max = 0;
  uint16_t heartbeat = 0;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.channel_max);
    visit(as_u32{}, self.frame_max);
    visit(as_u16{}, self.heartbeat);
  }
  friend bool operator==(const tune_ok&, const tune_ok&) = default;
};

struct open {
  static constexpr uint32_t code = method_code(10, 40);
  static constexpr std::string_view name = "connection.open";
  std::string virtual_host;
  std::string reserved_1;
  bool reserved_2 = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.virtual_host);
    visit(as_shortstr{}, self.reserved_1);
    visit(as_bit{}, self.reserved_2);
  }
  friend bool operator==(const open&, const open&) = default;
};

struct open_ok {
  static constexpr uint32_t code = method_code(10, 41);
  static constexpr std::string_view name = "connection.open-ok";
  std::string reserved_1;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.reserved_1);
  }
  friend bool operator==(const open_ok&, const open_ok&) = default;
};

struct close {
  static constexpr uint32_t code = method_code(10, 50);
  static constexpr std::string_view name = "connection.close";
  uint16_t reply_code = 0;
  std::string reply_text;
  uint16_t class_id = 0;
  uint16_t method_id = 0;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.reply_code);
    visit(as_shortstr{}, self.reply_text);
    visit(as_u16{}, self.class_id);
    visit(as_u16{}, self.method_id);
  }
  friend bool operator==(const close&, const close&) = default;
};

struct close_ok {
  static constexpr uint32_t code = method_code(10, 51);
  static constexpr std::string_view name = "connection.close-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const close_ok&, const close_ok&) = default;
};

struct blocked {
  static constexpr uint32_t code = method_code(10, 60);
  static constexpr std::string_view name = "connection.blocked";
  std::string reason;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.reason);
  }
  friend bool operator==(const blocked&, const blocked&) = default;
};

struct unblocked {
  static constexpr uint32_t code = method_code(10, 61);
  static constexpr std::string_view name = "connection.unblocked";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const unblocked&, const unblocked&) = default;
};

struct update_secret {
  static constexpr uint32_t code = method_code(10, 70);
  static constexpr std::string_view name = "connection.update-secret";
  std::string new_secret;
  std::string reason;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_longstr{}, self.new_secret);
    visit(as_shortstr{}, self.reason);
  }
  friend bool operator==(const update_secret&, const update_secret&) = default;
};

struct update_secret_ok {
  static constexpr uint32_t code = method_code(10, 71);
  static constexpr std::string_view name = "connection.update-secret-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const update_secret_ok&, const update_secret_ok&) = default;
};

} // namespace connection_class

// -- class channel (20) -------------------------------------------------------------------------------------

namespace channel_class {

struct open {
  static constexpr uint32_t code = method_code(20, 10);
  static constexpr std::string_view name = "channel.open";
  std::string reserved_1;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.reserved_1);
  }
  friend bool operator==(const open&, const open&) = default;
};

struct open_ok {
  static constexpr uint32_t code = method_code(20, 11);
  static constexpr std::string_view name = "channel.open-ok";
  std::string reserved_1;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_longstr{}, self.reserved_1);
  }
  friend bool operator==(const open_ok&, const open_ok&) = default;
};

struct flow {
  static constexpr uint32_t code = method_code(20, 20);
  static constexpr std::string_view name = "channel.flow";
  bool active = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_bit{}, self.active);
  }
  friend bool operator==(const flow&, const flow&) = default;
};

struct flow_ok {
  static constexpr uint32_t code = method_code(20, 21);
  static constexpr std::string_view name = "channel.flow-ok";
  bool active = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_bit{}, self.active);
  }
  friend bool operator==(const flow_ok&, const flow_ok&) = default;
};

struct close {
  static constexpr uint32_t code = method_code(20, 40);
  static constexpr std::string_view name = "channel.close";
  uint16_t reply_code = 0;
  std::string reply_text;
  uint16_t class_id = 0;
  uint16_t method_id = 0;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.reply_code);
    visit(as_shortstr{}, self.reply_text);
    visit(as_u16{}, self.class_id);
    visit(as_u16{}, self.method_id);
  }
  friend bool operator==(const close&, const close&) = default;
};

struct close_ok {
  static constexpr uint32_t code = method_code(20, 41);
  static constexpr std::string_view name = "channel.close-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const close_ok&, const close_ok&) = default;
};

} // namespace channel_class

// -- class access (30) --------------------------------------------------------------------------------------

namespace access_class {

struct request {
  static constexpr uint32_t code = method_code(30, 10);
  static constexpr std::string_view name = "access.request";
  std::string realm;
  bool exclusive = false;
  bool passive = false;
  bool active = false;
  bool write = false;
  bool read = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.realm);
    visit(as_bit{}, self.exclusive);
    visit(as_bit{}, self.passive);
    visit(as_bit{}, self.active);
    visit(as_bit{}, self.write);
    visit(as_bit{}, self.read);
  }
  friend bool operator==(const request&, const request&) = default;
};

struct request_ok {
  static constexpr uint32_t code = method_code(30, 11);
  static constexpr std::string_view name = "access.request-ok";
  uint16_t ticket = 1;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
  }
  friend bool operator==(const request_ok&, const request_ok&) = default;
};

} // namespace access_class

// -- class exchange (40) ------------------------------------------------------------------------------------

namespace exchange_class {

struct declare {
  static constexpr uint32_t code = method_code(40, 10);
  static constexpr std::string_view name = "exchange.declare";
  uint16_t ticket = 0;
  std::string exchange;
  std::string type;
  bool passive = false;
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  bool no_wait = false;
  field_table arguments;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.exchange);
    visit(as_shortstr{}, self.type);
    visit(as_bit{}, self.passive);
    visit(as_bit{}, self.durable);
    visit(as_bit{}, self.auto_delete);
    visit(as_bit{}, self.internal);
    visit(as_bit{}, self.no_wait);
    visit(as_table{}, self.arguments);
  }
  friend bool operator==(const declare&, const declare&) = default;
};

struct declare_ok {
  static constexpr uint32_t code = method_code(40, 11);
  static constexpr std::string_view name = "exchange.declare-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const declare_ok&, const declare_ok&) = default;
};

struct delete_ {
  static constexpr uint32_t code = method_code(40, 20);
  static constexpr std::string_view name = "exchange.delete";
  uint16_t ticket = 0;
  std::string exchange;
  bool if_unused = false;
  bool no_wait = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.exchange);
    visit(as_bit{}, self.if_unused);
    visit(as_bit{}, self.no_wait);
  }
  friend bool operator==(const delete_&, const delete_&) = default;
};

struct delete_ok {
  static constexpr uint32_t code = method_code(40, 21);
  static constexpr std::string_view name = "exchange.delete-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const delete_ok&, const delete_ok&) = default;
};

struct bind {
  static constexpr uint32_t code = method_code(40, 30);
  static constexpr std::string_view name = "exchange.bind";
  uint16_t ticket = 0;
  std::string destination;
  std::string source;
  std::string routing_key;
  bool no_wait = false;
  field_table arguments;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.destination);
    visit(as_shortstr{}, self.source);
    visit(as_shortstr{}, self.routing_key);
    visit(as_bit{}, self.no_wait);
    visit(as_table{}, self.arguments);
  }
  friend bool operator==(const bind&, const bind&) = default;
};

struct bind_ok {
  static constexpr uint32_t code = method_code(40, 31);
  static constexpr std::string_view name = "exchange.bind-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const bind_ok&, const bind_ok&) = default;
};

struct unbind {
  static constexpr uint32_t code = method_code(40, 40);
  static constexpr std::string_view name = "exchange.unbind";
  uint16_t ticket = 0;
  std::string destination;
  std::string source;
  std::string routing_key;
  bool no_wait = false;
  field_table arguments;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.destination);
    visit(as_shortstr{}, self.source);
    visit(as_shortstr{}, self.routing_key);
    visit(as_bit{}, self.no_wait);
    visit(as_table{}, self.arguments);
  }
  friend bool operator==(const unbind&, const unbind&) = default;
};

struct unbind_ok {
  static constexpr uint32_t code = method_code(40, 51);
  static constexpr std::string_view name = "exchange.unbind-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const unbind_ok&, const unbind_ok&) = default;
};

} // namespace exchange_class

// -- class queue (50) ---------------------------------------------------------------------------------------

namespace queue_class {

struct declare {
  static constexpr uint32_t code = method_code(50, 10);
  static constexpr std::string_view name = "queue.declare";
  uint16_t ticket = 0;
  std::string queue;
  bool passive = false;
  bool durable = false;
  bool exclusive = false;
  bool auto_delete = false;
  bool no_wait = false;
  field_table arguments;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.queue);
    visit(as_bit{}, self.passive);
    visit(as_bit{}, self.durable);
    visit(as_bit{}, self.exclusive);
    visit(as_bit{}, self.auto_delete);
    visit(as_bit{}, self.no_wait);
    visit(as_table{}, self.arguments);
  }
  friend bool operator==(const declare&, const declare&) = default;
};

struct declare_ok {
  static constexpr uint32_t code = method_code(50, 11);
  static constexpr std::string_view name = "queue.declare-ok";
  std::string queue;
  uint32_t message_count = 0;
  uint32_t consumer_count = 0;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.queue);
    visit(as_u32{}, self.message_count);
    visit(as_u32{}, self.consumer_count);
  }
  friend bool operator==(const declare_ok&, const declare_ok&) = default;
};

struct bind {
  static constexpr uint32_t code = method_code(50, 20);
  static constexpr std::string_view name = "queue.bind";
  uint16_t ticket = 0;
  std::string queue;
  std::string exchange;
  std::string routing_key;
  bool no_wait = false;
  field_table arguments;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.queue);
    visit(as_shortstr{}, self.exchange);
    visit(as_shortstr{}, self.routing_key);
    visit(as_bit{}, self.no_wait);
    visit(as_table{}, self.arguments);
  }
  friend bool operator==(const bind&, const bind&) = default;
};

struct bind_ok {
  static constexpr uint32_t code = method_code(50, 21);
  static constexpr std::string_view name = "queue.bind-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const bind_ok&, const bind_ok&) = default;
};

struct purge {
  static constexpr uint32_t code = method_code(50, 30);
  static constexpr std::string_view name = "queue.purge";
  uint16_t ticket = 0;
  std::string queue;
  bool no_wait = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.queue);
    visit(as_bit{}, self.no_wait);
  }
  friend bool operator==(const purge&, const purge&) = default;
};

struct purge_ok {
  static constexpr uint32_t code = method_code(50, 31);
  static constexpr std::string_view name = "queue.purge-ok";
  uint32_t message_count = 0;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u32{}, self.message_count);
  }
  friend bool operator==(const purge_ok&, const purge_ok&) = default;
};

struct delete_ {
  static constexpr uint32_t code = method_code(50, 40);
  static constexpr std::string_view name = "queue.delete";
  uint16_t ticket = 0;
  std::string queue;
  bool if_unused = false;
  bool if_empty = false;
  bool no_wait = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.queue);
    visit(as_bit{}, self.if_unused);
    visit(as_bit{}, self.if_empty);
    visit(as_bit{}, self.no_wait);
  }
  friend bool operator==(const delete_&, const delete_&) = default;
};

struct delete_ok {
  static constexpr uint32_t code = method_code(50, 41);
  static constexpr std::string_view name = "queue.delete-ok";
  uint32_t message_count = 0;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u32{}, self.message_count);
  }
  friend bool operator==(const delete_ok&, const delete_ok&) = default;
};

struct unbind {
  static constexpr uint32_t code = method_code(50, 50);
  static constexpr std::string_view name = "queue.unbind";
  uint16_t ticket = 0;
  std::string queue;
  std::string exchange;
  std::string routing_key;
  field_table arguments;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.queue);
    visit(as_shortstr{}, self.exchange);
    visit(as_shortstr{}, self.routing_key);
    visit(as_table{}, self.arguments);
  }
  friend bool operator==(const unbind&, const unbind&) = default;
};

struct unbind_ok {
  static constexpr uint32_t code = method_code(50, 51);
  static constexpr std::string_view name = "queue.unbind-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const unbind_ok&, const unbind_ok&) = default;
};

} // namespace queue_class

// -- class basic (60) ---------------------------------------------------------------------------------------

namespace basic_class {

struct qos {
  static constexpr uint32_t code = method_code(60, 10);
  static constexpr std::string_view name = "basic.qos";
  uint32_t prefetch_size = 0;
  uint16_t prefetch_count = 0;
  bool global = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u32{}, self.prefetch_size);
    visit(as_u16{}, self.prefetch_count);
    visit(as_bit{}, self.global);
  }
  friend bool operator==(const qos&, const qos&) = default;
};

struct qos_ok {
  static constexpr uint32_t code = method_code(60, 11);
  static constexpr std::string_view name = "basic.qos-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const qos_ok&, const qos_ok&) = default;
};

struct consume {
  static constexpr uint32_t code = method_code(60, 20);
  static constexpr std::string_view name = "basic.consume";
  uint16_t ticket = 0;
  std::string queue;
  std::string consumer_tag;
  bool no_local = false;
  bool no_ack = false;
  bool exclusive = false;
  bool no_wait = false;
  field_table arguments;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.queue);
    visit(as_shortstr{}, self.consumer_tag);
    visit(as_bit{}, self.no_local);
    visit(as_bit{}, self.no_ack);
    visit(as_bit{}, self.exclusive);
    visit(as_bit{}, self.no_wait);
    visit(as_table{}, self.arguments);
  }
  friend bool operator==(const consume&, const consume&) = default;
};

struct consume_ok {
  static constexpr uint32_t code = method_code(60, 21);
  static constexpr std::string_view name = "basic.consume-ok";
  std::string consumer_tag;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.consumer_tag);
  }
  friend bool operator==(const consume_ok&, const consume_ok&) = default;
};

struct cancel {
  static constexpr uint32_t code = method_code(60, 30);
  static constexpr std::string_view name = "basic.cancel";
  std::string consumer_tag;
  bool no_wait = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.consumer_tag);
    visit(as_bit{}, self.no_wait);
  }
  friend bool operator==(const cancel&, const cancel&) = default;
};

struct cancel_ok {
  static constexpr uint32_t code = method_code(60, 31);
  static constexpr std::string_view name = "basic.cancel-ok";
  std::string consumer_tag;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.consumer_tag);
  }
  friend bool operator==(const cancel_ok&, const cancel_ok&) = default;
};

struct publish {
  static constexpr uint32_t code = method_code(60, 40);
  static constexpr std::string_view name = "basic.publish";
  uint16_t ticket = 0;
  std::string exchange;
  std::string routing_key;
  bool mandatory = false;
  bool immediate = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.exchange);
    visit(as_shortstr{}, self.routing_key);
    visit(as_bit{}, self.mandatory);
    visit(as_bit{}, self.immediate);
  }
  friend bool operator==(const publish&, const publish&) = default;
};

struct return_ {
  static constexpr uint32_t code = method_code(60, 50);
  static constexpr std::string_view name = "basic.return";
  uint16_t reply_code = 0;
  std::string reply_text;
  std::string exchange;
  std::string routing_key;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.reply_code);
    visit(as_shortstr{}, self.reply_text);
    visit(as_shortstr{}, self.exchange);
    visit(as_shortstr{}, self.routing_key);
  }
  friend bool operator==(const return_&, const return_&) = default;
};

struct deliver {
  static constexpr uint32_t code = method_code(60, 60);
  static constexpr std::string_view name = "basic.deliver";
  std::string consumer_tag;
  uint64_t delivery_tag = 0;
  bool redelivered = false;
  std::string exchange;
  std::string routing_key;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.consumer_tag);
    visit(as_u64{}, self.delivery_tag);
    visit(as_bit{}, self.redelivered);
    visit(as_shortstr{}, self.exchange);
    visit(as_shortstr{}, self.routing_key);
  }
  friend bool operator==(const deliver&, const deliver&) = default;
};

struct get {
  static constexpr uint32_t code = method_code(60, 70);
  static constexpr std::string_view name = "basic.get";
  uint16_t ticket = 0;
  std::string queue;
  bool no_ack = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u16{}, self.ticket);
    visit(as_shortstr{}, self.queue);
    visit(as_bit{}, self.no_ack);
  }
  friend bool operator==(const get&, const get&) = default;
};

struct get_ok {
  static constexpr uint32_t code = method_code(60, 71);
  static constexpr std::string_view name = "basic.get-ok";
  uint64_t delivery_tag = 0;
  bool redelivered = false;
  std::string exchange;
  std::string routing_key;
  uint32_t message_count = 0;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u64{}, self.delivery_tag);
    visit(as_bit{}, self.redelivered);
    visit(as_shortstr{}, self.exchange);
    visit(as_shortstr{}, self.routing_key);
    visit(as_u32{}, self.message_count);
  }
  friend bool operator==(const get_ok&, const get_ok&) = default;
};

struct get_empty {
  static constexpr uint32_t code = method_code(60, 72);
  static constexpr std::string_view name = "basic.get-empty";
  std::string reserved_1;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_shortstr{}, self.reserved_1);
  }
  friend bool operator==(const get_empty&, const get_empty&) = default;
};

struct ack {
  static constexpr uint32_t code = method_code(60, 80);
  static constexpr std::string_view name = "basic.ack";
  uint64_t delivery_tag = 0;
  bool multiple = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u64{}, self.delivery_tag);
    visit(as_bit{}, self.multiple);
  }
  friend bool operator==(const ack&, const ack&) = default;
};

struct reject {
  static constexpr uint32_t code = method_code(60, 90);
  static constexpr std::string_view name = "basic.reject";
  uint64_t delivery_tag = 0;
  bool requeue = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u64{}, self.delivery_tag);
    visit(as_bit{}, self.requeue);
  }
  friend bool operator==(const reject&, const reject&) = default;
};

struct recover_async {
  static constexpr uint32_t code = method_code(60, 100);
  static constexpr std::string_view name = "basic.recover-async";
  bool requeue = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_bit{}, self.requeue);
  }
  friend bool operator==(const recover_async&, const recover_async&) = default;
};

struct recover {
  static constexpr uint32_t code = method_code(60, 110);
  static constexpr std::string_view name = "basic.recover";
  bool requeue = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_bit{}, self.requeue);
  }
  friend bool operator==(const recover&, const recover&) = default;
};

struct recover_ok {
  static constexpr uint32_t code = method_code(60, 111);
  static constexpr std::string_view name = "basic.recover-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const recover_ok&, const recover_ok&) = default;
};

struct nack {
  static constexpr uint32_t code = method_code(60, 120);
  static constexpr std::string_view name = "basic.nack";
  uint64_t delivery_tag = 0;
  bool multiple = false;
  bool requeue = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_u64{}, self.delivery_tag);
    visit(as_bit{}, self.multiple);
    visit(as_bit{}, self.requeue);
  }
  friend bool operator==(const nack&, const nack&) = default;
};

} // namespace basic_class

// -- class confirm (85) -------------------------------------------------------------------------------------

namespace confirm_class {

struct select {
  static constexpr uint32_t code = method_code(85, 10);
  static constexpr std::string_view name = "confirm.select";
  bool no_wait = false;

  template<class Visitor, class Self>
  static void fields(Visitor& visit, Self& self) {
    visit(as_bit{}, self.no_wait);
  }
  friend bool operator==(const select&, const select&) = default;
};

struct select_ok {
  static constexpr uint32_t code = method_code(85, 11);
  static constexpr std::string_view name = "confirm.select-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const select_ok&, const select_ok&) = default;
};

} // namespace confirm_class

// -- class tx (90) ------------------------------------------------------------------------------------------

namespace tx_class {

struct select {
  static constexpr uint32_t code = method_code(90, 10);
  static constexpr std::string_view name = "tx.select";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const select&, const select&) = default;
};

struct select_ok {
  static constexpr uint32_t code = method_code(90, 11);
  static constexpr std::string_view name = "tx.select-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const select_ok&, const select_ok&) = default;
};

struct commit {
  static constexpr uint32_t code = method_code(90, 20);
  static constexpr std::string_view name = "tx.commit";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const commit&, const commit&) = default;
};

struct commit_ok {
  static constexpr uint32_t code = method_code(90, 21);
  static constexpr std::string_view name = "tx.commit-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const commit_ok&, const commit_ok&) = default;
};

struct rollback {
  static constexpr uint32_t code = method_code(90, 30);
  static constexpr std::string_view name = "tx.rollback";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const rollback&, const rollback&) = default;
};

struct rollback_ok {
  static constexpr uint32_t code = method_code(90, 31);
  static constexpr std::string_view name = "tx.rollback-ok";

  template<class Visitor, class Self>
  static void fields(Visitor&, Self&) {}
  friend bool operator==(const rollback_ok&, const rollback_ok&) = default;
};

} // namespace tx_class

/// Any method.
using method = std::variant<
  connection_class::start, connection_class::start_ok, connection_class::secure, connection_class::secure_ok,
  connection_class::tune, connection_class::tune_ok, connection_class::open, connection_class::open_ok,
  connection_class::close, connection_class::close_ok, connection_class::blocked, connection_class::unblocked,
  connection_class::update_secret, connection_class::update_secret_ok, channel_class::open, channel_class::open_ok,
  channel_class::flow, channel_class::flow_ok, channel_class::close, channel_class::close_ok, access_class::request,
  access_class::request_ok, exchange_class::declare, exchange_class::declare_ok, exchange_class::delete_,
  exchange_class::delete_ok, exchange_class::bind, exchange_class::bind_ok, exchange_class::unbind,
  exchange_class::unbind_ok, queue_class::declare, queue_class::declare_ok, queue_class::bind, queue_class::bind_ok,
  queue_class::purge, queue_class::purge_ok, queue_class::delete_, queue_class::delete_ok, queue_class::unbind,
  queue_class::unbind_ok, basic_class::qos, basic_class::qos_ok, basic_class::consume, basic_class::consume_ok,
  basic_class::cancel, basic_class::cancel_ok, basic_class::publish, basic_class::return_, basic_class::deliver,
  basic_class::get, basic_class::get_ok, basic_class::get_empty, basic_class::ack, basic_class::reject,
  basic_class::recover_async, basic_class::recover, basic_class::recover_ok, basic_class::nack, confirm_class::select,
  confirm_class::select_ok, tx_class::select, tx_class::select_ok, tx_class::commit, tx_class::commit_ok,
  tx_class::rollback, tx_class::rollback_ok>;

/// Decodes the payload of a method frame that follows the four octets of class and method id.
/// Errors carry the reply code RabbitMQ gives (wire-reactions.md): 503 unknown class or method, 501 truncated or
/// trailing bytes and invalid UTF-8 in names, 502 undecodable table. Never reads outside `arguments`; allocates no more
/// than a small multiple of its size.
result<method> decode_method(uint32_t code, std::string_view arguments);

/// Appends a whole method frame (type 1, AMQP 0-9-1 section 4.2.3) on `channel` to `out`.
void encode_method(byte_buffer& out, channel_number channel, const method& what);

/// "queue.declare" and the like; for logs and error texts.
std::string_view method_name(const method& what);
/// The same for a method_code; "none" if there is no such method.
std::string_view method_name(uint32_t code);
/// method_code of `what`.
uint32_t method_code_of(const method& what);

} // namespace broker::amqp

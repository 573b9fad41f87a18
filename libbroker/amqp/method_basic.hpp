// The methods of class basic (60); see amqp/method.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"
#include "amqp/method_fields.hpp"

namespace broker::amqp {

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

} // namespace broker::amqp

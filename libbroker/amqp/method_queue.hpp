// The methods of class queue (50); see amqp/method.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"
#include "amqp/method_fields.hpp"

namespace broker::amqp {

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

} // namespace broker::amqp

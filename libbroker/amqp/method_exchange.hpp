// The methods of class exchange (40); see amqp/method.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"
#include "amqp/method_fields.hpp"

namespace broker::amqp {

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

} // namespace broker::amqp

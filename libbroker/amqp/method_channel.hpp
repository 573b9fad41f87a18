// The methods of the classes channel (20) and access (30); see amqp/method.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "amqp/method_fields.hpp"

namespace broker::amqp {

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

} // namespace broker::amqp

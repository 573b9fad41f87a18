// The methods of class connection (10); see amqp/method.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"
#include "amqp/method_fields.hpp"

namespace broker::amqp {

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

} // namespace broker::amqp

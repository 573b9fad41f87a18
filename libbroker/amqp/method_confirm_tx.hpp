// The methods of the classes confirm (85) and tx (90); see amqp/method.hpp.
#pragma once

#include <cstdint>
#include <string_view>

#include "amqp/method_fields.hpp"

namespace broker::amqp {

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

} // namespace broker::amqp

// A value or an error: how every module boundary of the broker reports failure. No exceptions cross modules.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "base/assert.hpp"

namespace broker {

/// What went wrong, in the words a client or operator will read.
struct error {
  /// AMQP reply code (AMQP 0-9-1 section 1.2; features.md W21-W33) where the error reaches a client, else 0.
  uint16_t code = 0;
  /// Full text; for AMQP errors the reply-text exactly as RabbitMQ writes it, e.g.
  /// "NOT_FOUND - no queue 'q' in vhost '/'".
  std::string text;

  friend bool operator==(const error&, const error&) = default;
};

/// Holds a T or an error. Reading the side that is not there aborts.
template<class T>
class [[nodiscard]] result {
public:
  result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  result(broker::error what) : content_(std::in_place_index<1>, std::move(what)) {}

  bool ok() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T& value() & {
    BROKER_ASSERT(ok(), "value of a failed result");
    return std::get<0>(content_);
  }
  const T& value() const& {
    BROKER_ASSERT(ok(), "value of a failed result");
    return std::get<0>(content_);
  }
  const broker::error& error() const {
    BROKER_ASSERT(!ok(), "error of a successful result");
    return std::get<1>(content_);
  }

private:
  std::variant<T, broker::error> content_;
};

/// Success without a value, or an error.
template<>
class [[nodiscard]] result<void> {
public:
  result() = default;
  result(broker::error what) : error_(std::move(what)), failed_(true) {}

  bool ok() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return ok(); }
  const broker::error& error() const {
    BROKER_ASSERT(failed_, "error of a successful result");
    return error_;
  }

private:
  broker::error error_;
  bool failed_ = false;
};

} // namespace broker

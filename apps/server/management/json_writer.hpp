// Writes JSON straight into a text: what lists of ten thousand objects are made with. Texts that are no UTF-8 come out
// with U+FFFD for what is none.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"

namespace broker::management {

class json_writer {
public:
  void begin_object() { open('{'); }
  void end_object() { out_.push_back('}'); }
  void begin_array() { open('['); }
  void end_array() { out_.push_back(']'); }
  void key(std::string_view name);
  /// A key that is known to need no escapes: one that stands in the source. In two parts, for `name_details`.
  void plain_key(std::string_view name, std::string_view rest = {});

  void value(std::string_view text);
  void value(const char* text) { value(std::string_view{text}); }
  void value(const std::string& text) { value(std::string_view{text}); }
  void value(bool truth) { raw(truth ? "true" : "false"); }
  void value(double number);
  template<std::integral Integer>
  requires(!std::same_as<Integer, bool>) void value(Integer number) {
    char digits[24];
    raw({digits, std::to_chars(digits, digits + sizeof digits, number).ptr});
  }
  void null() { raw("null"); }
  /// An AMQP table as RabbitMQ shows it: values only, types are lost.
  void value(const amqp::field_table& table);
  /// Ready JSON.
  void raw(std::string_view json) {
    separate();
    out_ += json;
  }

  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }
  size_t size() const { return out_.size(); }
  /// Room for so many bytes in all, so that a long list is not copied while it grows.
  void reserve(size_t bytes) { out_.reserve(bytes); }
  void cut(size_t to) { out_.resize(to); }

private:
  void separate();
  void open(char bracket) {
    separate();
    out_.push_back(bracket);
  }
  std::string out_;
};

/// The fields of one object, of which only some may be wanted (columns=, sort=): others are not even computed. Names
/// stand in the source; those that somebody has chosen go through json_writer::key.
class object_writer {
public:
  /// `wanted` empty: all fields.
  object_writer(json_writer& out, std::span<const std::string> wanted) : out_(out), wanted_(wanted) {
    out_.begin_object();
  }
  ~object_writer() { out_.end_object(); }
  object_writer(const object_writer&) = delete;
  object_writer& operator=(const object_writer&) = delete;

  bool wants(std::string_view name) const { return wanted_.empty() || is_among_wanted(name, {}); }
  template<class Value>
  void add(std::string_view name, const Value& value) {
    if (!wants(name))
      return;
    out_.plain_key(name);
    out_.value(value);
  }
  void add_null(std::string_view name) {
    if (!wants(name))
      return;
    out_.plain_key(name);
    out_.null();
  }
  void add_raw(std::string_view name, std::string_view json) {
    if (!wants(name))
      return;
    out_.plain_key(name);
    out_.raw(json);
  }
  /// "" becomes null.
  void add_name(std::string_view name, std::string_view value) { value.empty() ? add_null(name) : add(name, value); }
  /// `name` and `name`_details with the rate.
  template<class Value>
  void add_rated(std::string_view name, const Value& value, double rate) {
    add(name, value);
    if (!wants_details(name))
      return;
    out_.plain_key(name, "_details");
    out_.begin_object();
    out_.plain_key("rate");
    out_.value(rate);
    out_.end_object();
  }
  json_writer& out() { return out_; }

private:
  bool wants_details(std::string_view name) const { return wanted_.empty() || is_among_wanted(name, "_details"); }
  bool is_among_wanted(std::string_view name, std::string_view rest) const;

  json_writer& out_;
  std::span<const std::string> wanted_;
};

} // namespace broker::management

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
#include "management/sample_log.hpp"

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

/// By field.
using named_samples = std::vector<std::pair<std::string, sample_list>>;

/// {"rate":..} and, unless `samples` is null, "samples" with their "avg" and "avg_rate".
void write_details(json_writer& out, double rate, const sample_list* samples);

/// The fields of one object, of which only some may be wanted (columns=, sort=): others are not even computed. Names
/// stand in the source; those that somebody has chosen go through json_writer::key.
class object_writer {
public:
  /// `wanted` empty: all fields. `samples` of rated fields may be null, and outlive the writer.
  object_writer(json_writer& out, std::span<const std::string> wanted, const named_samples* samples = nullptr)
    : out_(out), wanted_(wanted), samples_(samples) {
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
  /// `name` and `name`_details with the rate, and with samples if there are any of that name.
  template<class Value>
  void add_rated(std::string_view name, const Value& value, double rate) {
    add(name, value);
    if (!wants_details(name))
      return;
    out_.plain_key(name, "_details");
    write_details(out_, rate, samples_of(name));
  }
  json_writer& out() { return out_; }
  const named_samples* samples() const { return samples_; }
  void show_samples(const named_samples* samples) { samples_ = samples; }

private:
  bool wants_details(std::string_view name) const { return wanted_.empty() || is_among_wanted(name, "_details"); }
  bool is_among_wanted(std::string_view name, std::string_view rest) const;
  const sample_list* samples_of(std::string_view name) const;

  json_writer& out_;
  std::span<const std::string> wanted_;
  const named_samples* samples_;
};

} // namespace broker::management

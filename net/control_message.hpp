// Requests and answers of the control endpoint as plain values, and their bytes (proto/control.proto).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"

namespace broker::control {

/// Largest frame payload in either direction, in bytes. Answers and attachments are split to fit; what else a request
/// holds is never larger.
inline constexpr size_t frame_max_bytes = 1024 * 1024;
/// Largest file that a request may bring (import_definitions), in bytes.
inline constexpr size_t attachment_max_bytes = limits::definitions_bytes_max;
/// Nesting of lists and records.
inline constexpr int value_depth_max = 8;

struct request {
  std::string verb;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> options;
  std::vector<std::string> columns;
  std::string attachment = {}; ///< a file's content
};

struct value;
struct typed_field;
using value_list = std::vector<value>;
using value_record = std::vector<std::pair<std::string, value>>;
/// An AMQP field table, which tools show with its types.
using value_table = std::vector<typed_field>;

/// One cell. std::monostate: the object has no such thing (shown as nothing).
struct value {
  std::variant<std::monostate, std::string, int64_t, double, bool, value_list, value_record, value_table> content;

  value() = default;
  value(std::string text);
  value(std::string_view text);
  value(const char* text);
  value(bool truth);
  value(double real);
  value(value_list list);
  value(value_record record);
  value(value_table table);
  template<class Integer>
  requires std::is_integral_v<Integer> value(Integer number);

  friend bool operator==(const value&, const value&) = default;
};

struct typed_field {
  std::string name;
  std::string type; ///< "longstr", "signedint", ...
  value content;
  friend bool operator==(const typed_field&, const typed_field&) = default;
};

// Here, where the last of its alternatives is complete.
inline value::value(std::string text) : content(std::move(text)) {}
inline value::value(std::string_view text) : content(std::string{text}) {}
inline value::value(const char* text) : content(std::string{text}) {}
inline value::value(bool truth) : content(truth) {}
inline value::value(double real) : content(real) {}
inline value::value(value_list list) : content(std::move(list)) {}
inline value::value(value_record record) : content(std::move(record)) {}
inline value::value(value_table table) : content(std::move(table)) {}
template<class Integer>
requires std::is_integral_v<Integer> value::value(Integer number) : content(static_cast<int64_t>(number)) {}

using row = std::vector<value>;

struct response {
  int exit_code = 0; ///< features.md O12
  std::string error; ///< for people; RabbitMQ's words
  std::vector<std::string> columns;
  std::vector<row> rows;   ///< each as long as columns
  bool bare_error = false; ///< `error` is shown without the heading "Error:"
};

/// Answers a request by calling back exactly once, from any thread.
using reply = std::function<void(response)>;
using handler = std::function<void(request, reply)>;

/// One payload per frame. All but the attachment must fit the first: see request_fits.
std::vector<std::string> encode_request(const request& what);
bool request_fits(const request& what);
/// Adds one payload to `into`. Returns whether more follow.
result<bool> decode_request(std::string_view bytes, request& into);

/// One payload per frame, each at most frame_max_bytes. A row that alone is larger turns the answer into an error.
std::vector<std::string> encode_response(const response& what);
/// Adds one payload to `into`. Returns whether more follow.
result<bool> decode_response(std::string_view bytes, response& into);

} // namespace broker::control

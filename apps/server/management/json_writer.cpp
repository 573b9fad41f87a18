#include "management/json_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "amqp/utf8.hpp"
#include "model/json_table.hpp"

namespace broker::management {

namespace {

bool plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; });
}

void escape(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  const bool whole = amqp::is_utf8(text);
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (octet < 0x20)
      out += {'\\', 'u', '0', '0', digits[octet >> 4], digits[octet & 15]};
    else if (octet >= 0x80 && !whole)
      out += "\xEF\xBF\xBD";
    else
      out.push_back(c);
  }
}

} // namespace

void json_writer::separate() {
  if (out_.empty())
    return;
  const char last = out_.back();
  if (last != '{' && last != '[' && last != ':')
    out_.push_back(',');
}

void json_writer::key(std::string_view name) {
  value(name);
  out_.push_back(':');
}

void json_writer::value(std::string_view text) {
  separate();
  out_.push_back('"');
  if (plain(text))
    out_ += text;
  else
    escape(out_, text);
  out_.push_back('"');
}

/// Always with a fraction or an exponent, as RabbitMQ's floats.
void json_writer::value(double number) {
  if (!std::isfinite(number))
    return null();
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  const std::string_view digits{text, static_cast<size_t>(end - text)};
  raw(digits);
  if (digits.find_first_of(".e") == std::string_view::npos)
    out_ += ".0";
}

void json_writer::value(const amqp::field_table& table) {
  if (table.empty())
    return raw("{}");
  raw(table_to_json(table).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

bool object_writer::wants(std::string_view name) const {
  return wanted_.empty() || std::find(wanted_.begin(), wanted_.end(), name) != wanted_.end();
}

} // namespace broker::management

#include "management/json_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "amqp/utf8.hpp"
#include "base/hex.hpp"
#include "model/json_table.hpp"

namespace broker::management {

namespace {

/// No octet that JSON wants escaped or that is not ASCII. Without a branch per octet: texts are short and plain.
bool plain(std::string_view text) {
  bool odd = false;
  for (const char each : text) {
    const auto octet = static_cast<unsigned char>(each);
    odd |= octet < 0x20 || octet >= 0x80 || octet == '"' || octet == '\\';
  }
  return !odd;
}

void escape(std::string& out, std::string_view text) {
  const bool whole = amqp::is_utf8(text);
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (octet < 0x20)
      out += "\\u00" + to_hex({&c, 1});
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

void json_writer::plain_key(std::string_view name, std::string_view rest) {
  separate();
  const size_t before = out_.size();
  out_.resize(before + name.size() + rest.size() + 3);
  char* at = out_.data() + before;
  *at++ = '"';
  at = std::copy(name.begin(), name.end(), at);
  at = std::copy(rest.begin(), rest.end(), at);
  *at++ = '"';
  *at = ':';
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

bool object_writer::is_among_wanted(std::string_view name, std::string_view rest) const {
  return std::any_of(wanted_.begin(), wanted_.end(), [&](const std::string& each) {
    return each.size() == name.size() + rest.size() && each.starts_with(name) && each.ends_with(rest);
  });
}

const sample_list* object_writer::samples_of(std::string_view name) const {
  if (samples_ != nullptr)
    for (const auto& [field, list] : *samples_)
      if (field == name)
        return &list;
  return nullptr;
}

void write_details(json_writer& out, double rate, const sample_list* samples) {
  object_writer details{out, {}};
  details.add("rate", rate);
  if (samples == nullptr)
    return;
  out.plain_key("samples");
  out.begin_array();
  double sum = 0;
  uint64_t at_s = samples->newest_s;
  for (const uint64_t each : samples->values) {
    object_writer one{out, {}};
    one.add("sample", each);
    one.add("timestamp", at_s * 1'000);
    at_s -= samples->step_s;
    sum += static_cast<double>(each);
  }
  out.end_array();
  if (samples->values.size() < 2)
    return;
  const auto count = static_cast<double>(samples->values.size());
  const auto rise = static_cast<double>(samples->values.front()) - static_cast<double>(samples->values.back());
  details.add("avg_rate", rise / ((count - 1) * static_cast<double>(samples->step_s)));
  details.add("avg", sum / count);
}

} // namespace broker::management

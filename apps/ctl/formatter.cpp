#include "formatter.hpp"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/overloaded.hpp"

namespace broker::ctl {

namespace {

using control::value;
using json = nlohmann::ordered_json; // columns keep the order they were asked for

/// A tab or line break inside a cell would shift the others.
std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\t')
      safe += "\\t";
    else if (c == '\n')
      safe += "\\n";
    else if (c == '\r')
      safe += "\\r";
    else
      safe.push_back(c);
  }
  return safe;
}

std::string real_text(double real) {
  return json(real).dump();
}

json to_json(const value& cell) {
  return std::visit(overloaded{[](std::monostate) { return json(""); },
                               [](const std::string& text) { return json(text); },
                               [](int64_t number) { return json(number); }, [](double real) { return json(real); },
                               [](bool truth) { return json(truth); },
                               [](const control::value_list& list) {
                                 json array = json::array();
                                 for (const auto& item : list)
                                   array.push_back(to_json(item));
                                 return array;
                               },
                               [](const control::value_record& record) {
                                 json object = json::object();
                                 for (const auto& [name, field] : record)
                                   object[name] = to_json(field);
                                 return object;
                               },
                               [](const control::value_table& table) {
                                 json array = json::array();
                                 for (const auto& field : table)
                                   array.push_back({field.name, field.type, to_json(field.content)});
                                 return array;
                               }},
                    cell.content);
}

/// Names may hold any bytes; JSON only UTF-8.
std::string dump(const json& what) {
  return what.dump(-1, ' ', false, json::error_handler_t::replace);
}

json row_object(const control::response& answer, const control::row& cells) {
  json object = json::object();
  for (size_t i = 0; i < cells.size(); ++i)
    object[answer.columns[i]] = to_json(cells[i]);
  return object;
}

std::string csv_cell(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text)
    quoted += c == '"' ? std::string{"\"\""} : std::string{c};
  return quoted + "\"";
}

/// Inside a field table texts are quoted.
std::string term_text(const value& cell) {
  if (const auto* text = std::get_if<std::string>(&cell.content))
    return "\"" + escaped(*text) + "\"";
  return plain_text(cell);
}

/// Lists without brackets: the frame shows where a cell ends.
std::string pretty_text(const value& cell) {
  const std::string text = plain_text(cell);
  const bool listed = text.size() >= 2 && !std::holds_alternative<std::string>(cell.content) && text.front() == '[';
  return listed ? text.substr(1, text.size() - 2) : text;
}

template<class Range, class Text>
std::string join(const Range& range, std::string_view separator, Text text) {
  std::string joined;
  bool first = true;
  for (const auto& each : range) {
    if (!first)
      joined += separator;
    first = false;
    joined += text(each);
  }
  return joined;
}

std::string format_json(const control::response& answer) {
  if (answer.rows.empty())
    return "[\n]\n";
  return "[\n" + join(answer.rows, "\n,", [&](const control::row& cells) { return dump(row_object(answer, cells)); })
       + "\n]\n";
}

std::string format_csv(const control::response& answer, bool headers) {
  if (answer.rows.empty())
    return {};
  std::string text;
  if (headers)
    text = join(answer.columns, ",", csv_cell) + "\n";
  for (const auto& cells : answer.rows)
    text += join(cells, ",", [](const value& cell) { return csv_cell(plain_text(cell)); }) + "\n";
  return text;
}

std::string format_table(const control::response& answer, bool headers) {
  if (answer.rows.empty())
    return {};
  std::string text;
  if (headers)
    text = join(answer.columns, "\t", [](const std::string& name) { return name; }) + "\n";
  for (const auto& cells : answer.rows)
    text += join(cells, "\t", plain_text) + "\n";
  return text;
}

/// Characters of UTF-8 text, each taken as one column wide.
size_t width_of(const std::string& text) {
  size_t width = 0;
  for (const char c : text)
    width += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return width;
}

/// A line of the frame, in the terminal's line-drawing characters as RabbitMQ's tools draw it.
std::string frame_line(const std::vector<size_t>& widths, char left, char middle, char right) {
  std::string line = "\033(0";
  for (size_t i = 0; i < widths.size(); ++i)
    line += std::string(1, i == 0 ? left : middle) + std::string(widths[i] + 2, 'q');
  return line + right + "\033(B\n";
}

std::string format_pretty_table(const control::response& answer, bool headers) {
  constexpr std::string_view bar = "\033(0x\033(B";
  std::vector<std::vector<std::string>> lines;
  if (headers)
    lines.push_back(answer.columns);
  for (const auto& cells : answer.rows) {
    auto& line = lines.emplace_back();
    for (const auto& cell : cells)
      line.push_back(pretty_text(cell));
  }
  std::vector<size_t> widths(answer.columns.size());
  for (const auto& line : lines)
    for (size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], width_of(line[i]));
  std::string text;
  for (const auto& line : lines) {
    text += text.empty() ? frame_line(widths, 'l', 'w', 'k') : frame_line(widths, 't', 'n', 'u');
    for (size_t i = 0; i < line.size(); ++i)
      text += std::string{bar} + " " + line[i] + std::string(widths[i] - width_of(line[i]) + 1, ' ');
    text += std::string{bar} + "\n";
  }
  return text + frame_line(widths, 'm', 'v', 'j');
}

} // namespace

std::string plain_text(const value& cell) {
  return std::visit(
    overloaded{[](std::monostate) { return std::string{}; }, [](const std::string& text) { return escaped(text); },
               [](int64_t number) { return std::to_string(number); }, [](double real) { return real_text(real); },
               [](bool truth) { return std::string{truth ? "true" : "false"}; },
               [](const control::value_list& list) { return "[" + join(list, ", ", plain_text) + "]"; },
               [](const control::value_record& record) {
                 return "["
                      + join(record, ", ",
                             [](const auto& field) {
                               return "{" + escaped(field.first) + ", " + plain_text(field.second) + "}";
                             })
                      + "]";
               },
               [](const control::value_table& table) {
                 return "["
                      + join(table, ",",
                             [](const control::typed_field& field) {
                               return "{\"" + escaped(field.name) + "\"," + term_text(field.content) + "}";
                             })
                      + "]";
               }},
    cell.content);
}

std::string json_text(const value& cell) {
  return dump(to_json(cell));
}

std::string format_rows(const control::response& answer, layout format, bool headers) {
  switch (format) {
  case layout::json:
    return format_json(answer);
  case layout::csv:
    return format_csv(answer, headers);
  case layout::pretty_table:
    return answer.rows.empty() ? std::string{} : format_pretty_table(answer, headers);
  case layout::standard:
  case layout::table:
    break;
  }
  return format_table(answer, headers);
}

std::string format_record(const control::response& answer) {
  return answer.rows.empty() ? "{}\n" : dump(row_object(answer, answer.rows.front())) + "\n";
}

} // namespace broker::ctl

// Answers that are neither a table nor silence.
#include <algorithm>

#include "formatter.hpp"
#include "perform.hpp"

namespace broker::ctl {

namespace {

using control::value;

/// A configuration value as an Erlang term.
std::string term(const value& cell) {
  if (const auto* text = std::get_if<std::string>(&cell.content))
    return "<<\"" + *text + "\">>";
  if (const auto* list = std::get_if<control::value_list>(&cell.content)) {
    std::string text;
    for (const auto& each : *list)
      text += (text.empty() ? "" : ",") + term(each);
    return "[" + text + "]";
  }
  return plain_text(cell);
}

} // namespace

std::string value_page(const invocation&, const control::response& answer) {
  return answer.rows.empty() ? "" : plain_text(answer.rows[0][0]) + "\n";
}

std::string limits_page(const invocation& call, const control::response& answer) {
  if (!call.has("global"))
    return value_page(call, answer);
  const std::string text = format_rows(answer, call.format, !call.silent && !call.no_table_headers);
  return text.empty() ? "\n" : text;
}

std::string environment_page(const invocation&, const control::response& answer) {
  std::string page;
  for (size_t i = 0; i < answer.columns.size(); ++i)
    page += (page.empty() ? "[{rabbit,\n     [" : ",\n      ")
          + ("{" + answer.columns[i] + "," + term(answer.rows[0][i]) + "}");
  return page + "]}]\n";
}

} // namespace broker::ctl

#include "control_verb.hpp"

#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "model/field_text.hpp"

namespace broker {

using control::response;

response failure(int exit_code, std::string text) {
  response answer;
  answer.exit_code = exit_code;
  answer.error = std::move(text);
  return answer;
}

response no_such_vhost(const std::string& vhost) {
  response answer = failure(exit_with::data, "Virtual host '" + vhost + "' does not exist");
  answer.bare_error = true;
  return answer;
}

response table(std::vector<std::string> columns) {
  response answer;
  answer.columns = std::move(columns);
  return answer;
}

response one_value(control::value what) {
  response answer = table({"value"});
  answer.rows.push_back({std::move(what)});
  return answer;
}

std::function<void(result<void>)> answer_order(control::reply done) {
  return [done = std::move(done)](const result<void>& outcome) {
    if (outcome)
      return done({});
    const int code = outcome.error().code != 0 ? outcome.error().code : exit_with::unavailable;
    done(failure(code, outcome.error().text));
  };
}

void propose_and_answer(node_view& node, command what, int exit_code, control::reply done) {
  node.propose(std::move(what), [exit_code, done = std::move(done)](const command_result& applied) {
    done(applied.ok() ? response{} : failure(exit_code, applied.failure.text));
  });
}

std::string vhost_of(const control::request& what) {
  return option_of(what, "vhost").value_or("/");
}

std::optional<std::string> option_of(const control::request& what, std::string_view name) {
  const auto found = what.options.find(std::string{name});
  return found == what.options.end() ? std::nullopt : std::optional{found->second};
}

std::string pattern_problem(const std::string& pattern, char quote) {
  re2::RE2::Options quiet;
  quiet.set_log_errors(false);
  const re2::RE2 compiled{pattern, quiet};
  if (compiled.ok())
    return {};
  const std::string why = compiled.error_code() == re2::RE2::ErrorMissingBracket
                          ? "missing terminating ] for character class"
                          : compiled.error();
  return "{:invalid_regexp, " + (quote + pattern + quote) + ", {'" + why + "', " + std::to_string(pattern.size())
       + "}}";
}

std::string limits_text(const limit_table& limits) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, value] : limits)
    object[name] = value;
  return object.dump();
}

result<limit_table> parse_limits(const std::string& text, std::string_view kind,
                                 std::span<const std::string_view> known) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object())
    return error{0, "JSON decoding error. Reason: badarg"};
  limit_table limits;
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return error{0, "Unrecognised terms [{<<\"" + name + "\">>," + value.dump() + "}] in " + std::string{kind}};
    if (!value.is_number_integer())
      return error{0, name + " should be a number, actually was "
                        + (value.is_string() ? "<<" + value.dump() + ">>" : value.dump())};
    limits[name] = value.get<int64_t>();
  }
  return limits;
}

namespace {

control::value to_value(const amqp::field_value& field, int depth);

control::value table_value(const amqp::field_table& fields, int depth) {
  control::value_table result;
  for (const auto& [name, field] : fields.entries)
    result.push_back({name, std::string{field_type_name(field)}, to_value(field, depth + 1)});
  return result;
}

/// Beyond the depth that answers may have, a value is shown as its text.
control::value to_value(const amqp::field_value& field, int depth) {
  int64_t number = 0;
  if (field.as_integer(number))
    return number;
  if (const auto* text = field.as_string())
    return *text;
  if (const auto* truth = std::get_if<bool>(&field.value))
    return *truth;
  if (const auto* real = std::get_if<double>(&field.value))
    return *real;
  if (const auto* real = std::get_if<float>(&field.value))
    return static_cast<double>(*real);
  const bool deep = depth + 2 > control::value_depth_max;
  if (const auto* fields = std::get_if<amqp::field_table>(&field.value); fields != nullptr && !deep)
    return table_value(*fields, depth);
  if (const auto* array = std::get_if<amqp::field_array>(&field.value); array != nullptr && !deep) {
    control::value_list list;
    for (const auto& each : array->values)
      list.push_back(to_value(each, depth + 1));
    return list;
  }
  return field_text(field);
}

} // namespace

control::value to_value(const amqp::field_table& fields) {
  return table_value(fields, 0);
}

} // namespace broker

#include "control_message.hpp"

#include <algorithm>

#include "base/overloaded.hpp"
#include "proto/control.pb.h"

namespace broker::control {

namespace {

/// Room for the message's own fields beside its rows.
constexpr size_t part_slack_bytes = 1024;
constexpr int exit_software = 70;

void to_proto(const value& from, proto::ControlValue& to) {
  std::visit(overloaded{[](std::monostate) {}, [&](const std::string& text) { to.set_text(text); },
                        [&](int64_t number) { to.set_integer(number); }, [&](double real) { to.set_real(real); },
                        [&](bool truth) { to.set_truth(truth); },
                        [&](const value_list& list) {
                          auto& items = *to.mutable_list();
                          for (const auto& item : list)
                            to_proto(item, *items.add_items());
                        },
                        [&](const value_record& record) {
                          auto& fields = *to.mutable_record();
                          for (const auto& [name, field] : record) {
                            auto& added = *fields.add_fields();
                            added.set_name(name);
                            to_proto(field, *added.mutable_value());
                          }
                        },
                        [&](const value_table& table) {
                          auto& fields = *to.mutable_table();
                          for (const auto& field : table) {
                            auto& added = *fields.add_fields();
                            added.set_name(field.name);
                            added.set_type(field.type);
                            to_proto(field.content, *added.mutable_value());
                          }
                        }},
             from.content);
}

/// False when nested too deep.
bool from_proto(const proto::ControlValue& from, value& to, int depth) {
  if (depth > value_depth_max)
    return false;
  switch (from.kind_case()) {
  case proto::ControlValue::kText:
    to = from.text();
    return true;
  case proto::ControlValue::kInteger:
    to = from.integer();
    return true;
  case proto::ControlValue::kReal:
    to = from.real();
    return true;
  case proto::ControlValue::kTruth:
    to = from.truth();
    return true;
  case proto::ControlValue::kList: {
    value_list list(static_cast<size_t>(from.list().items_size()));
    for (size_t i = 0; i < list.size(); ++i)
      if (!from_proto(from.list().items(static_cast<int>(i)), list[i], depth + 1))
        return false;
    to = std::move(list);
    return true;
  }
  case proto::ControlValue::kRecord: {
    value_record record(static_cast<size_t>(from.record().fields_size()));
    for (size_t i = 0; i < record.size(); ++i) {
      const auto& field = from.record().fields(static_cast<int>(i));
      record[i].first = field.name();
      if (!from_proto(field.value(), record[i].second, depth + 1))
        return false;
    }
    to = std::move(record);
    return true;
  }
  case proto::ControlValue::kTable: {
    value_table table(static_cast<size_t>(from.table().fields_size()));
    for (size_t i = 0; i < table.size(); ++i) {
      const auto& field = from.table().fields(static_cast<int>(i));
      table[i].name = field.name();
      table[i].type = field.type();
      if (!from_proto(field.value(), table[i].content, depth + 1))
        return false;
    }
    to = std::move(table);
    return true;
  }
  case proto::ControlValue::KIND_NOT_SET:
    to = value{};
    return true;
  }
  return false;
}

proto::ControlRow to_proto(const row& cells) {
  proto::ControlRow encoded;
  for (const auto& cell : cells)
    to_proto(cell, *encoded.add_values());
  return encoded;
}

std::string failure_part(const std::string& text) {
  proto::ControlResponse part;
  part.set_exit_code(exit_software);
  part.set_error(text.substr(0, frame_max_bytes - part_slack_bytes));
  return part.SerializeAsString();
}

} // namespace

namespace {

proto::ControlRequest head_of(const request& what) {
  proto::ControlRequest message;
  message.set_verb(what.verb);
  for (const auto& argument : what.arguments)
    message.add_arguments(argument);
  for (const auto& [name, text] : what.options)
    (*message.mutable_options())[name] = text;
  for (const auto& column : what.columns)
    message.add_columns(column);
  return message;
}

} // namespace

bool request_fits(const request& what) {
  return head_of(what).ByteSizeLong() <= frame_max_bytes - part_slack_bytes
      && what.attachment.size() <= attachment_max_bytes;
}

std::vector<std::string> encode_request(const request& what) {
  std::vector<std::string> parts;
  proto::ControlRequest message = head_of(what);
  constexpr size_t part_bytes = frame_max_bytes - part_slack_bytes;
  for (std::string_view left = what.attachment; !left.empty();) {
    message.set_more(true);
    parts.push_back(message.SerializeAsString());
    message.Clear();
    message.set_attachment(std::string{left.substr(0, part_bytes)});
    left.remove_prefix(std::min(part_bytes, left.size()));
  }
  parts.push_back(message.SerializeAsString());
  return parts;
}

result<bool> decode_request(std::string_view bytes, request& into) {
  proto::ControlRequest message;
  if (bytes.size() > frame_max_bytes || !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return error{0, "malformed control request"};
  if (into.attachment.size() + message.attachment().size() > attachment_max_bytes)
    return error{0, "the control request is too large"};
  into.attachment += message.attachment();
  if (message.verb().empty())
    return message.more();
  into.verb = message.verb();
  into.arguments.assign(message.arguments().begin(), message.arguments().end());
  for (const auto& [name, text] : message.options())
    into.options.emplace(name, text);
  into.columns.assign(message.columns().begin(), message.columns().end());
  return message.more();
}

std::vector<std::string> encode_response(const response& what) {
  std::vector<std::string> parts;
  proto::ControlResponse part;
  part.set_exit_code(what.exit_code);
  part.set_error(what.error);
  part.set_bare_error(what.bare_error);
  for (const auto& column : what.columns)
    part.add_columns(column);
  size_t size = part.ByteSizeLong();
  if (size > frame_max_bytes - part_slack_bytes)
    return {failure_part("the answer's heading is too long")};
  for (const row& cells : what.rows) {
    BROKER_ASSERT(cells.size() == what.columns.size(), "a row has one value per column");
    auto encoded = to_proto(cells);
    const size_t row_size = encoded.ByteSizeLong() + 8; // its tag and length
    if (row_size > frame_max_bytes - part_slack_bytes)
      return {failure_part("one row of the answer is larger than a frame")};
    if (size + row_size > frame_max_bytes - part_slack_bytes) {
      part.set_more(true);
      parts.push_back(part.SerializeAsString());
      part.Clear();
      size = 0;
    }
    *part.add_rows() = std::move(encoded);
    size += row_size;
  }
  parts.push_back(part.SerializeAsString());
  return parts;
}

result<bool> decode_response(std::string_view bytes, response& into) {
  proto::ControlResponse part;
  if (bytes.size() > frame_max_bytes || !part.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return error{0, "malformed control response"};
  if (part.exit_code() != 0)
    into.exit_code = part.exit_code();
  into.error += part.error();
  into.bare_error |= part.bare_error();
  into.columns.insert(into.columns.end(), part.columns().begin(), part.columns().end());
  for (const auto& from : part.rows()) {
    row cells(static_cast<size_t>(from.values_size()));
    if (cells.size() != into.columns.size())
      return error{0, "malformed control response: a row without its columns"};
    for (size_t i = 0; i < cells.size(); ++i)
      if (!from_proto(from.values(static_cast<int>(i)), cells[i], 0))
        return error{0, "malformed control response: nested too deep"};
    into.rows.push_back(std::move(cells));
  }
  return part.more();
}

} // namespace broker::control

#include "management/message_fields.hpp"

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "amqp/frame.hpp"
#include "amqp/utf8.hpp"
#include "base/limits.hpp"
#include "model/json_table.hpp"
#include "model/message_copy.hpp"

namespace broker::management {

using nlohmann::json;

std::string to_base64(std::string_view text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty())
    return std::string{};
  if (text.size() % 4 != 0)
    return {};
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0)
    return {};
  out.resize(static_cast<size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0));
  return out;
}

namespace {

template<class Properties, class Visit>
void visit_texts(Properties& all, Visit visit) {
  visit("content_type", all.content_type);
  visit("content_encoding", all.content_encoding);
  visit("correlation_id", all.correlation_id);
  visit("reply_to", all.reply_to);
  visit("expiration", all.expiration);
  visit("message_id", all.message_id);
  visit("type", all.type);
  visit("user_id", all.user_id);
  visit("app_id", all.app_id);
  visit("cluster_id", all.cluster_id);
}

} // namespace

result<amqp::properties> read_properties(const json& from) {
  amqp::properties all;
  if (from.is_array() && from.empty()) // rabbitmqadmin's way to say "none"
    return all;
  if (!from.is_object())
    return error{0, "properties are no object"};
  std::string wrong;
  visit_texts(all, [&](const char* name, std::optional<std::string>& member) {
    const auto found = from.find(name);
    if (found == from.end() || found->is_null())
      return;
    if (found->is_string() && found->get_ref<const std::string&>().size() <= limits::name_max_bytes)
      member = found->get<std::string>();
    else if (found->is_number_integer())
      member = found->dump();
    else
      wrong = std::string{name} + " is no text of at most 255 bytes";
  });
  const auto number = [&](const char* name, uint64_t most) -> std::optional<uint64_t> {
    const auto found = from.find(name);
    if (found == from.end() || found->is_null())
      return {};
    if (found->is_number_unsigned() && found->get<uint64_t>() <= most)
      return found->get<uint64_t>();
    wrong = std::string{name} + " is no number from 0 to " + std::to_string(most);
    return {};
  };
  if (const auto mode = number("delivery_mode", 255))
    all.delivery_mode = static_cast<uint8_t>(*mode);
  if (const auto priority = number("priority", 255))
    all.priority = static_cast<uint8_t>(*priority);
  all.timestamp = number("timestamp", UINT64_MAX);
  if (const auto headers = from.find("headers"); headers != from.end() && !headers->is_null()) {
    auto table = table_from_json(*headers);
    if (!table)
      return error{0, "headers: " + table.error().text};
    all.headers = *std::move(table);
  }
  if (!wrong.empty())
    return error{0, wrong};
  return all;
}

void write_properties(json_writer& to, const amqp::properties& from) {
  if (from == amqp::properties{})
    return to.raw("[]"); // as RabbitMQ
  object_writer out{to, {}};
  visit_texts(from, [&](const char* name, const std::optional<std::string>& member) {
    if (member)
      out.add(name, *member);
  });
  if (from.delivery_mode)
    out.add("delivery_mode", *from.delivery_mode);
  if (from.priority)
    out.add("priority", *from.priority);
  if (from.timestamp)
    out.add("timestamp", *from.timestamp);
  if (from.headers)
    out.add("headers", *from.headers);
}

std::string body_of(const message& what) {
  std::string body;
  std::string_view frames = body_frames_of(what);
  while (frames.size() >= amqp::frame_overhead_bytes) {
    const auto prefix = amqp::load_frame_prefix(frames.data());
    body += frames.substr(amqp::frame_prefix_bytes, prefix.payload_size);
    frames.remove_prefix(static_cast<size_t>(prefix.frame_size()));
  }
  return body;
}

void write_payload(object_writer& to, std::string_view body, bool base64) {
  const bool text = !base64 && amqp::is_utf8(body);
  to.add("payload", text ? std::string{body} : to_base64(body));
  to.add("payload_encoding", text ? "string" : "base64");
}

} // namespace broker::management

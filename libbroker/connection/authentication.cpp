#include "connection/authentication.hpp"

#include <algorithm>

#include <openssl/crypto.h>

#include "base/bytes.hpp"

namespace broker {

namespace {

constexpr std::string_view plain = "PLAIN";

/// authorization-id NUL user NUL password; the authorization-id is ignored, as RabbitMQ does.
std::optional<credentials> read_plain(std::string_view response) {
  const size_t first = response.find('\0');
  if (first == std::string_view::npos)
    return {};
  const size_t second = response.find('\0', first + 1);
  if (second == std::string_view::npos)
    return {};
  credentials out;
  out.user = response.substr(first + 1, second - first - 1);
  out.password = response.substr(second + 1);
  return out;
}

/// A field table without its length, with the entries LOGIN and PASSWORD.
std::optional<credentials> read_amqplain(std::string_view response) {
  std::string bytes(sizeof(uint32_t), '\0');
  store_u32(bytes.data(), static_cast<uint32_t>(response.size()));
  bytes += response;
  auto table = amqp::decode_table(bytes);
  wipe(bytes);
  if (!table)
    return {};
  const amqp::field_value* login = table->find("LOGIN");
  const amqp::field_value* password = table->find("PASSWORD");
  if (!login || !login->as_string() || !password || !password->as_string())
    return {};
  credentials out;
  out.user = *login->as_string();
  out.password = *password->as_string();
  for (auto& entry : table->entries)
    if (auto* text = std::get_if<amqp::longstr>(&entry.second.value))
      wipe(text->bytes);
  return out;
}

} // namespace

credentials::~credentials() {
  wipe(password);
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
}

amqp::field_table server_properties(const connection_settings& settings) {
  amqp::field_table capabilities;
  for (const std::string_view name : {"publisher_confirms", "exchange_exchange_bindings", "basic.nack",
                                      "consumer_cancel_notify", "connection.blocked", "consumer_priorities",
                                      "authentication_failure_close", "per_consumer_qos", "direct_reply_to"})
    capabilities.set(name, {true});
  amqp::field_table properties;
  properties.set("capabilities", {std::move(capabilities)});
  properties.set("cluster_name", {amqp::longstr{settings.cluster_name}});
  properties.set("copyright", {amqp::longstr{settings.copyright}});
  properties.set("information", {amqp::longstr{settings.information}});
  properties.set("platform", {amqp::longstr{settings.platform}});
  properties.set("product", {amqp::longstr{settings.product}});
  properties.set("version", {amqp::longstr{settings.version}});
  return properties;
}

bool is_offered(std::string_view offered, std::string_view mechanism) {
  while (!offered.empty()) {
    const size_t end = std::min(offered.find(' '), offered.size());
    if (offered.substr(0, end) == mechanism)
      return true;
    offered.remove_prefix(std::min(end + 1, offered.size()));
  }
  return false;
}

std::optional<credentials> read_credentials(std::string_view mechanism, std::string_view response) {
  return mechanism == plain ? read_plain(response) : read_amqplain(response);
}

bool has_capability(const amqp::field_table& client_properties, std::string_view name) {
  const amqp::field_value* capabilities = client_properties.find("capabilities");
  const auto* table = capabilities ? std::get_if<amqp::field_table>(&capabilities->value) : nullptr;
  const amqp::field_value* value = table ? table->find(name) : nullptr;
  const bool* set = value ? std::get_if<bool>(&value->value) : nullptr;
  return set && *set;
}

} // namespace broker

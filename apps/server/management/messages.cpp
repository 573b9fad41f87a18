// Publishing to an exchange and looking into a queue over HTTP (features.md O15, O16): for a handful of messages.
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "actors/operator_channel.hpp"
#include "amqp/frame.hpp"
#include "amqp/utf8.hpp"
#include "base/limits.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "model/json_table.hpp"
#include "model/message_copy.hpp"

namespace broker::management {

namespace messages_part {
namespace {

using nlohmann::json;

/// Messages of one answer; more are fetched by asking again.
constexpr uint64_t get_max = 10'000;
/// Payload bytes of one answer.
constexpr size_t get_bytes_max = 64 * 1024 * 1024;

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

// -- properties --

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

/// Error: in words for a 400.
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

// -- publishing --

/// Nothing, and 400, when the request is no message.
std::optional<operator_channel::outgoing_message> message_of(const call_ptr& from) {
  const auto given = object_of(from, {"properties", "routing_key", "payload", "payload_encoding"});
  if (!given)
    return {};
  const json& key = (*given)["routing_key"];
  const json& payload = (*given)["payload"];
  const json& encoding = (*given)["payload_encoding"];
  operator_channel::outgoing_message what;
  const auto wrong = [&](std::string_view reason) {
    bad_request(from, reason);
    return std::nullopt;
  };
  if (!key.is_string() || !payload.is_string())
    return wrong("routing_key and payload must be strings");
  what.exchange = from->name(1) == "amq.default" ? "" : from->name(1);
  what.routing_key = key.get<std::string>();
  if (what.routing_key.size() > limits::name_max_bytes || what.exchange.size() > limits::name_max_bytes)
    return wrong("routing keys and names have at most 255 bytes");
  auto properties = read_properties((*given)["properties"]);
  if (!properties)
    return wrong(properties.error().text);
  what.properties = *std::move(properties);
  const auto refuse = [&](const char* why, const json& about) {
    fail_json(from, 400, "bad_request", json{why, about}.dump(-1, ' ', false, json::error_handler_t::replace));
    return std::nullopt;
  };
  if (encoding == "string") {
    what.body = payload.get<std::string>();
  } else if (encoding == "base64") {
    auto decoded = from_base64(payload.get_ref<const std::string&>());
    if (!decoded)
      return refuse("not_base64", payload);
    what.body = *std::move(decoded);
  } else {
    return refuse("unsupported_encoding", encoding);
  }
  return what;
}

void answer_publish(const call_ptr& to, const result<operator_channel::answer>& done) {
  if (!done)
    return done.error().code == 403 ? fail(to, done.error())
                                    : bad_request(to, std::to_string(done.error().code) + " " + done.error().text);
  if (std::holds_alternative<amqp::basic_class::nack>(done->what))
    return fail(to, 503, "service_unavailable", "a queue refused the message");
  answer(to, 200, std::string{done->unroutable ? R"({"routed":false})" : R"({"routed":true})"});
}

void publish(const call_ptr& to) {
  auto what = message_of(to);
  if (!what)
    return;
  with_channel(to, to->name(0), [to, what = *std::move(what)](const ref<operator_channel>& channel) {
    channel->publish(what, [to, channel](const result<operator_channel::answer>& done) {
      channel->close();
      answer_publish(to, done);
    });
  });
}

// -- getting --

/// One POST .../get under way: fetches message after message, then settles them all.
struct fetching {
  call_ptr to;
  ref<operator_channel> channel;
  std::string queue;
  uint64_t left = 1;
  bool automatic = false; ///< ack_requeue_false: taken for good
  bool requeue = true;
  bool base64 = false;
  std::optional<size_t> truncate;
  json_writer out;
  size_t bytes = 0;
  std::vector<uint64_t> tags;
};

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

void add_message(fetching& what, const operator_channel::answer& got) {
  const auto& head = std::get<amqp::basic_class::get_ok>(got.what);
  const message& content = got.content.batch->messages[got.content.where.lo];
  std::string body = body_of(content);
  object_writer one{what.out, {}};
  one.add("payload_bytes", body.size());
  one.add("redelivered", head.redelivered);
  one.add("exchange", head.exchange);
  one.add("routing_key", head.routing_key);
  one.add("message_count", head.message_count);
  what.out.key("properties");
  const auto properties = amqp::decode_properties(content.property_bytes());
  write_properties(what.out, properties ? *properties : amqp::properties{});
  if (what.truncate && body.size() > *what.truncate)
    body.resize(*what.truncate);
  const bool text = !what.base64 && amqp::is_utf8(body);
  one.add("payload", text ? body : to_base64(body));
  one.add("payload_encoding", text ? "string" : "base64");
  what.bytes += body.size();
  what.tags.push_back(head.delivery_tag);
}

void finish(const std::shared_ptr<fetching>& what) {
  what->out.end_array();
  if (!what->automatic)
    for (const uint64_t tag : what->tags)
      what->channel->tell(amqp::basic_class::reject{tag, what->requeue});
  what->channel->close();
  answer(what->to, 200, what->out.take());
}

void fetch_next(const std::shared_ptr<fetching>& what) {
  if (what->left == 0 || what->bytes > get_bytes_max)
    return finish(what);
  --what->left;
  amqp::basic_class::get ask;
  ask.queue = what->queue;
  ask.no_ack = what->automatic;
  what->channel->call(ask, [what](const result<operator_channel::answer>& got) {
    if (!got) {
      what->channel->close();
      return got.error().code == 404 ? fail(what->to, 404, "not_found", got.error().text) : fail(what->to, got.error());
    }
    if (!std::holds_alternative<amqp::basic_class::get_ok>(got->what))
      return finish(what);
    add_message(*what, *got);
    fetch_next(what);
  });
}

/// Nothing, and 400, when the request makes no sense.
std::shared_ptr<fetching> fetching_of(const call_ptr& to) {
  const auto given = object_of(to, {"count", "ackmode", "encoding"});
  if (!given)
    return nullptr;
  auto what = std::make_shared<fetching>();
  what->to = to;
  what->queue = to->name(1);
  const json& count = (*given)["count"];
  uint64_t wanted = 0;
  if (count.is_number_unsigned())
    wanted = count.get<uint64_t>();
  else if (count.is_string())
    wanted = std::strtoull(count.get_ref<const std::string&>().c_str(), nullptr, 10);
  else
    return bad_request(to, "count is no number"), nullptr;
  what->left = std::min(wanted, get_max);
  const json& mode = (*given)["ackmode"];
  if (mode == "ack_requeue_false")
    what->automatic = true;
  else if (mode == "reject_requeue_false")
    what->requeue = false;
  else if (mode != "ack_requeue_true" && mode != "reject_requeue_true")
    return bad_request(to, "Unsupported ackmode. Please use ack_requeue_true, ack_requeue_false, reject_requeue_true "
                           "or reject_requeue_false."),
           nullptr;
  const json& encoding = (*given)["encoding"];
  if (encoding == "base64")
    what->base64 = true;
  else if (encoding != "auto")
    return bad_request(to, "Unsupported encoding. Please use auto or base64."), nullptr;
  if (const auto cut = given->find("truncate"); cut != given->end() && cut->is_number_unsigned())
    what->truncate = cut->get<size_t>();
  return what;
}

void get(const call_ptr& to) {
  auto what = fetching_of(to);
  if (!what)
    return;
  with_channel(to, to->name(0), [what](const ref<operator_channel>& channel) {
    what->channel = channel;
    what->out.begin_array();
    fetch_next(what);
  });
}

} // namespace
} // namespace messages_part

std::span<const route> message_routes() {
  using namespace messages_part;
  static constexpr route all[] = {
    {"POST", "exchanges/*/*/publish", rule::vhost, publish, true},
    {"POST", "queues/*/*/get", rule::vhost, get},
  };
  return all;
}

} // namespace broker::management

// Publishing to an exchange and looking into a queue over HTTP (features.md O15, O16): for a handful of messages.
#include <nlohmann/json.hpp>

#include "actors/operator_channel.hpp"
#include "base/limits.hpp"
#include "management/json_writer.hpp"
#include "management/message_fields.hpp"
#include "management/router.hpp"
#include "management/service.hpp"

namespace broker::management {

namespace messages_part {
namespace {

using nlohmann::json;

/// Messages of one answer; more are fetched by asking again.
constexpr uint64_t get_max = 10'000;
/// Payload bytes of one answer.
constexpr size_t get_bytes_max = 64 * 1024 * 1024;

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
  write_payload(one, body, what.base64);
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

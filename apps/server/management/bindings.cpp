// Bindings (features.md O16), the default exchange's included.
#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "actors/operator_channel.hpp"
#include "base/limits.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "model/json_table.hpp"

namespace broker::management {

namespace bindings_part {
namespace {

struct binding_row {
  std::string vhost;
  binding_record binding;
  std::string key; ///< "properties_key"
};

/// Which binding of a pair it is: the routing key, escaped once, and for arguments a few letters of a hash. "~" stands
/// for an empty key without arguments.
std::string properties_key(const binding_record& of) {
  if (of.routing_key.empty() && of.arguments.empty())
    return "~";
  std::string key = http::encode(of.routing_key);
  if (of.arguments.empty())
    return key;
  const std::string text = table_to_json(of.arguments).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  BROKER_ASSERT(EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr) == 1, "SHA-256 is there");
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string hash;
  for (size_t i = 0; i < 8; ++i)
    hash.push_back(letters[digest[i] & 63]);
  return key + "~" + hash;
}

void write_binding(object_writer& to, const binding_row& from) {
  const auto& binding = from.binding;
  to.add("source", binding.source);
  to.add("vhost", from.vhost);
  to.add("destination", binding.destination);
  to.add("destination_type", binding.to_exchange ? "exchange" : "queue");
  to.add("routing_key", binding.routing_key);
  to.add("arguments", binding.arguments);
  to.add("properties_key", from.key);
}

using binding_filter = std::function<bool(std::string_view vhost, const binding_record&)>;

std::vector<binding_row> rows_of(const call& from, const binding_filter& wanted) {
  std::vector<binding_row> rows;
  const auto take = [&](std::string_view vhost, const binding_record& each) {
    if (wanted(vhost, each))
      rows.push_back({std::string{vhost}, each, properties_key(each)});
  };
  from.metadata->for_each_queue([&](const queue_ptr& each) {
    take(each->vhost, {"", each->name, false, each->name, {}});
  });
  from.metadata->for_each_binding([&](std::string_view vhost, const binding_record& each) {
    if (!each.source.empty())
      take(vhost, each);
  });
  return rows;
}

void list(const call_ptr& to, const binding_filter& wanted) {
  const auto rows = rows_of(*to, wanted);
  list_source source;
  source.size = rows.size();
  source.name = [&](size_t i) { return std::string_view{rows[i].binding.source}; };
  source.write = [&](size_t i, object_writer& out) { write_binding(out, rows[i]); };
  answer_list(to, source);
}

std::string plain_name(const std::string& name) {
  return name == "amq.default" ? "" : name;
}

void all_bindings(const call_ptr& to) {
  list(to, [&](std::string_view vhost, const binding_record&) { return sees_vhost(*to, vhost); });
}

void bindings_of_vhost(const call_ptr& to) {
  list(to, [&](std::string_view vhost, const binding_record&) { return vhost == to->name(0); });
}

void bindings_of_queue(const call_ptr& to) {
  if (!to->metadata->find_queue(to->name(0), to->name(1)))
    return not_found(to);
  list(to, [&](std::string_view vhost, const binding_record& each) {
    return vhost == to->name(0) && !each.to_exchange && each.destination == to->name(1);
  });
}

void bindings_from(const call_ptr& to) {
  const auto name = plain_name(to->name(1));
  if (!to->metadata->find_exchange(to->name(0), name))
    return not_found(to);
  list(to,
       [&](std::string_view vhost, const binding_record& each) { return vhost == to->name(0) && each.source == name; });
}

void bindings_into(const call_ptr& to) {
  const auto name = plain_name(to->name(1));
  if (!to->metadata->find_exchange(to->name(0), name))
    return not_found(to);
  list(to, [&](std::string_view vhost, const binding_record& each) {
    return vhost == to->name(0) && each.to_exchange && each.destination == name;
  });
}

/// vhosts/e/SOURCE/{q,e}/DESTINATION; false, and 404, when one of them is not there.
bool ends_exist(const call_ptr& to, bool to_exchange) {
  const auto& metadata = *to->metadata;
  const bool there = metadata.find_exchange(to->name(0), plain_name(to->name(1))) != nullptr
                  && (to_exchange ? metadata.find_exchange(to->name(0), plain_name(to->name(2))) != nullptr
                                  : metadata.find_queue(to->name(0), to->name(2)) != nullptr);
  if (!there)
    not_found(to);
  return there;
}

template<bool ToExchange>
bool is_between(const call& from, std::string_view vhost, const binding_record& each) {
  return vhost == from.name(0) && each.source == plain_name(from.name(1)) && each.to_exchange == ToExchange
      && each.destination == (ToExchange ? plain_name(from.name(2)) : from.name(2));
}

template<bool ToExchange>
void bindings_between(const call_ptr& to) {
  if (ends_exist(to, ToExchange))
    list(to,
         [&](std::string_view vhost, const binding_record& each) { return is_between<ToExchange>(*to, vhost, each); });
}

template<bool ToExchange>
std::optional<binding_row> find_binding(const call& from) {
  for (auto& each : rows_of(from, [&](std::string_view vhost, const binding_record&one) {
         return is_between<ToExchange>(from, vhost, one);
       }))
    if (each.key == from.name(3) || http::decode(each.key) == from.name(3))
      return std::move(each);
  return {};
}

template<bool ToExchange>
void one_binding(const call_ptr& to) {
  const auto found = find_binding<ToExchange>(*to);
  if (!found)
    return not_found(to);
  answer_object(to, [&](object_writer& out) { write_binding(out, *found); });
}

void answer_bound(const call_ptr& to, const binding_record& made, const result<operator_channel::answer>& done) {
  if (!done)
    return fail(to, done.error());
  answer(to, 201, {{"location", http::encode(made.destination) + "/" + http::encode(properties_key(made))}});
}

template<bool ToExchange>
void bind_them(const call_ptr& to) {
  const auto given = object_of(to);
  if (!given)
    return;
  binding_record made;
  made.source = plain_name(to->name(1));
  made.destination = ToExchange ? plain_name(to->name(2)) : to->name(2);
  made.to_exchange = ToExchange;
  if (const auto key = given->find("routing_key"); key != given->end()) {
    if (!key->is_string())
      return bad_request(to, "routing_key is not a string");
    made.routing_key = key->get<std::string>();
  }
  if (std::max({made.source.size(), made.destination.size(), made.routing_key.size()}) > limits::name_max_bytes)
    return bad_request(to, "names and routing keys have at most 255 bytes");
  if (given->contains("arguments")) {
    auto arguments = table_from_json((*given)["arguments"]);
    if (!arguments)
      return bad_request(to, "arguments are no table: " + arguments.error().text);
    made.arguments = *std::move(arguments);
  }
  with_channel(to, to->name(0), [to, made](const ref<operator_channel>& channel) {
    amqp::method what;
    if (ToExchange)
      what = amqp::exchange_class::bind{0, made.destination, made.source, made.routing_key, false, made.arguments};
    else
      what = amqp::queue_class::bind{0, made.destination, made.source, made.routing_key, false, made.arguments};
    channel->call(std::move(what), [to, channel, made](const result<operator_channel::answer>& done) {
      channel->close();
      answer_bound(to, made, done);
    });
  });
}

template<bool ToExchange>
void unbind_them(const call_ptr& to) {
  const auto found = find_binding<ToExchange>(*to);
  if (!found)
    return not_found(to);
  with_channel(to, to->name(0), [to, gone = found->binding](const ref<operator_channel>& channel) {
    amqp::method what;
    if (ToExchange)
      what = amqp::exchange_class::unbind{0, gone.destination, gone.source, gone.routing_key, false, gone.arguments};
    else
      what = amqp::queue_class::unbind{0, gone.destination, gone.source, gone.routing_key, gone.arguments};
    channel->call(std::move(what), [to, channel](const result<operator_channel::answer>& done) {
      channel->close();
      done ? answer(to, 204) : fail(to, done.error());
    });
  });
}

} // namespace
} // namespace bindings_part

std::span<const route> binding_routes() {
  using namespace bindings_part;
  static constexpr route all[] = {
    {"GET", "bindings", rule::management, all_bindings},
    {"GET", "bindings/*", rule::vhost, bindings_of_vhost},
    {"GET", "queues/*/*/bindings", rule::vhost, bindings_of_queue},
    {"GET", "exchanges/*/*/bindings/source", rule::vhost, bindings_from},
    {"GET", "exchanges/*/*/bindings/destination", rule::vhost, bindings_into},
    {"GET", "bindings/*/e/*/q/*", rule::vhost, bindings_between<false>},
    {"POST", "bindings/*/e/*/q/*", rule::vhost, bind_them<false>},
    {"GET", "bindings/*/e/*/e/*", rule::vhost, bindings_between<true>},
    {"POST", "bindings/*/e/*/e/*", rule::vhost, bind_them<true>},
    {"GET", "bindings/*/e/*/q/*/*", rule::vhost, one_binding<false>},
    {"DELETE", "bindings/*/e/*/q/*/*", rule::vhost, unbind_them<false>},
    {"GET", "bindings/*/e/*/e/*/*", rule::vhost, one_binding<true>},
    {"DELETE", "bindings/*/e/*/e/*/*", rule::vhost, unbind_them<true>},
  };
  return all;
}

} // namespace broker::management

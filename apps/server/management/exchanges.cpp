// Exchanges (features.md O16).
#include <nlohmann/json.hpp>

#include "actors/operator_channel.hpp"
#include "base/limits.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "management/shown_samples.hpp"
#include "model/json_table.hpp"

namespace broker::management {

namespace exchanges_part {
namespace {

constexpr std::string_view default_alias = "amq.default"; ///< of the exchange without a name, in paths

std::string exchange_name(const call& from) {
  return from.name(1) == default_alias ? "" : from.name(1);
}

void write_exchange(object_writer& to, const exchange_record& from, const exchange_map& figures) {
  to.add("arguments", from.arguments);
  to.add("auto_delete", from.auto_delete);
  to.add("durable", from.durable);
  to.add("internal", from.internal);
  to.add("name", from.name);
  if (!from.policy.empty())
    to.add("policy", from.policy);
  to.add("type", from.type);
  to.add("user_who_performed_action", from.name.empty() || from.name.starts_with("amq.") ? "rmq-internal" : "");
  to.add("vhost", from.vhost);
  write_exchange_stats(to, figures, from.vhost, from.name);
}

/// Goes on with what was published to exchanges, if the answer is to show it: names alone ask no other node.
void with_figures(const call_ptr& to, std::function<void(exchange_map_ptr)> then) {
  const auto columns = to->target.value("columns");
  const auto sort = to->target.value("sort");
  const auto* disabled = to->target.find("disable_stats");
  const bool shown =
    !columns || columns->find("message_stats") != std::string::npos || (sort && sort->starts_with("message_stats"));
  if (!shown || (disabled != nullptr && *disabled == "true"))
    return then(std::make_shared<const exchange_map>());
  to->in_service.exchanges(std::move(then));
}

using exchange_rows = std::shared_ptr<const std::vector<exchange_ptr>>;

sampled_key key_of(const exchange_record& exchange) {
  return {"", key_of_exchange(exchange.vhost, exchange.name)};
}

list_source source_of(const exchange_rows& rows, const exchange_map_ptr& figures, const shown_samples_ptr& samples) {
  list_source source;
  source.size = rows->size();
  source.name = [rows](size_t i) { return std::string_view{(*rows)[i]->name}; };
  source.name_is_member = true;
  source.write = [rows, figures, samples](size_t i, object_writer& out) {
    out.show_samples(find(samples, i));
    write_exchange(out, *(*rows)[i], *figures);
  };
  return source;
}

void list(const call_ptr& to, const std::function<bool(const exchange_record&)>& wanted) {
  if (answer_again(to))
    return;
  const auto rows = std::make_shared<std::vector<exchange_ptr>>();
  to->metadata->for_each_exchange([&](const exchange_ptr& each) {
    if (wanted(*each))
      rows->push_back(each);
  });
  with_figures(to, [to, rows](const exchange_map_ptr& figures) {
    with_shown_samples(
      to, sampled_kind::exchange, source_of(rows, figures, nullptr), [&](size_t i) { return key_of(*(*rows)[i]); },
      [to, rows, figures](const shown_samples_ptr& samples) {
        answer_list(to, source_of(rows, figures, samples),
                    figures->empty() ? 0 : to->in_service.exchanges_good_until());
      });
  });
}

void all_exchanges(const call_ptr& to) {
  vhost_sight sight{*to};
  list(to, [&](const exchange_record& each) { return sight.sees(each.vhost); });
}

void exchanges_of_vhost(const call_ptr& to) {
  list(to, [&](const exchange_record& each) { return each.vhost == to->name(0); });
}

void one_exchange(const call_ptr& to) {
  const auto found = to->metadata->find_exchange(to->name(0), exchange_name(*to));
  if (!found)
    return not_found(to);
  with_figures(to, [to, found](const exchange_map_ptr& figures) {
    with_samples_of(to, sampled_kind::exchange, key_of(*found), [to, found, figures](const auto& samples) {
      answer_object(to, [&](object_writer& out) {
        out.show_samples(find(samples, 0));
        write_exchange(out, *found, *figures);
        out.add_raw("incoming", "[]");
        out.add_raw("outgoing", "[]");
      });
    });
  });
}

void declare(const call_ptr& to) {
  const auto given = object_of(to, {"type"});
  if (!given)
    return;
  if (!(*given)["type"].is_string() || to->name(1).size() > limits::name_max_bytes)
    return bad_request(to, "type is not a string, or the name is longer than 255 bytes");
  amqp::exchange_class::declare what;
  what.exchange = exchange_name(*to);
  what.type = (*given)["type"].get<std::string>();
  if (what.type.size() > limits::name_max_bytes)
    return bad_request(to, "type has more than 255 bytes");
  const std::pair<const char*, bool*> switches[] = {
    {"durable", &what.durable}, {"auto_delete", &what.auto_delete}, {"internal", &what.internal}};
  for (const auto& [name, member] : switches) {
    const auto value = truth_of(to, *given, name, false);
    if (!value)
      return;
    *member = *value;
  }
  if (given->contains("arguments")) {
    auto arguments = table_from_json((*given)["arguments"]);
    if (!arguments)
      return bad_request(to, "arguments are no table: " + arguments.error().text);
    what.arguments = *std::move(arguments);
  }
  const bool existed = to->metadata->find_exchange(to->name(0), what.exchange) != nullptr;
  with_channel(to, to->name(0), [to, what, existed](const ref<operator_channel>& channel) {
    channel->call(what, [to, channel, existed](const result<operator_channel::answer>& done) {
      channel->close();
      done ? answer(to, existed ? 204 : 201) : fail(to, done.error());
    });
  });
}

void remove(const call_ptr& to) {
  amqp::exchange_class::delete_ what;
  what.exchange = exchange_name(*to);
  if (!to->metadata->find_exchange(to->name(0), what.exchange))
    return not_found(to);
  const auto* unused = to->target.find("if-unused");
  what.if_unused = unused != nullptr && *unused == "true";
  with_channel(to, to->name(0), [to, what](const ref<operator_channel>& channel) {
    channel->call(what, [to, channel](const result<operator_channel::answer>& done) {
      channel->close();
      done ? answer(to, 204) : fail(to, done.error());
    });
  });
}

} // namespace
} // namespace exchanges_part

std::span<const route> exchange_routes() {
  using namespace exchanges_part;
  static constexpr route all[] = {
    {"GET", "exchanges", rule::management, all_exchanges}, {"GET", "exchanges/*", rule::vhost, exchanges_of_vhost},
    {"GET", "exchanges/*/*", rule::vhost, one_exchange},   {"PUT", "exchanges/*/*", rule::vhost, declare},
    {"DELETE", "exchanges/*/*", rule::vhost, remove},
  };
  return all;
}

} // namespace broker::management

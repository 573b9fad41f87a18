// Queues (features.md O15): lists with what their nodes say of them, and declaring, deleting, purging.
#include <nlohmann/json.hpp>

#include "actors/operator_channel.hpp"
#include "base/limits.hpp"
#include "management/consumers.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "management/shown_samples.hpp"
#include "management/stats_fields.hpp"
#include "model/effective_policy.hpp"
#include "model/json_table.hpp"
#include "replication/placement.hpp"

namespace broker::management {

namespace queues_part {
namespace {

using nlohmann::json;

/// Policies by vhost and name, and what a pair of them means: the same few for thousands of queues.
class effective_policies {
public:
  explicit effective_policies(const metadata_snapshot& metadata) {
    for (const bool operators : {false, true})
      metadata.for_each_policy(operators, [&](const policy_record& each) {
        policies_[operators].emplace(std::pair{each.vhost, each.name}, each);
      });
  }

  const std::string& of(const queue_record& queue) {
    auto& known = texts_[{queue.vhost, queue.policy, queue.operator_policy}];
    if (known.empty())
      known = effective_definition(find(0, queue.vhost, queue.policy), find(1, queue.vhost, queue.operator_policy));
    return known;
  }

private:
  const policy_record* find(size_t kind, const std::string& vhost, const std::string& name) const {
    const auto found = policies_[kind].find({vhost, name});
    return found == policies_[kind].end() ? nullptr : &found->second;
  }

  std::map<std::pair<std::string, std::string>, policy_record> policies_[2];
  std::map<std::tuple<std::string, std::string, std::string>, std::string> texts_;
};

std::string_view type_of(const queue_record& queue) {
  return queue.options && queue.options->type == queue_type::quorum ? "quorum" : "classic";
}

/// What the metadata know: all there is with disable_stats.
void write_record(object_writer& to, const queue_record& queue) {
  to.add("arguments", queue.arguments);
  to.add("auto_delete", queue.auto_delete);
  to.add("durable", queue.durable);
  to.add("exclusive", queue.exclusive);
  to.add("name", queue.name);
  to.add("node", queue.node);
  to.add("type", type_of(queue));
  to.add("vhost", queue.vhost);
}

void write_names(object_writer& to, std::string_view field, const std::vector<std::string>& names) {
  to.add_raw(field, json(names).dump());
}

/// Who holds copies: mirrors of a classic queue, members of a quorum queue.
void write_copies(object_writer& to, const queue_record& queue, const metadata_snapshot& metadata) {
  if (!queue.placement)
    return;
  std::vector<std::string> others, in_sync, all, up;
  const auto add = [&](replication::node_id id) {
    const auto node = metadata.find_node(id);
    if (!node)
      return;
    all.push_back(node->name);
    if (node->up)
      up.push_back(node->name);
    if (node->name == queue.node || !node->up)
      return;
    others.push_back(node->name);
    if (queue.placement->in_sync(id, node->session))
      in_sync.push_back(node->name);
  };
  for (const auto id : queue.placement->nodes)
    add(id);
  if (type_of(queue) == "quorum") {
    to.add("leader", queue.node);
    write_names(to, "members", all);
    write_names(to, "online", up);
  } else {
    write_names(to, "slave_nodes", others);
    write_names(to, "synchronised_slave_nodes", in_sync);
  }
}

void write_totals(object_writer& to, const queue_info& from) {
  to.add("messages", from.ready + from.unacknowledged);
  to.add("messages_ready", from.ready);
  to.add("messages_unacknowledged", from.unacknowledged);
}

void write_counts(object_writer& to, const queue_info& from) {
  const auto& details = from.details;
  const auto rate = [&](counted what) { return from.messages.rates[static_cast<size_t>(what)]; };
  const double out =
    rate(counted::deliver) + rate(counted::deliver_no_ack) + rate(counted::get) + rate(counted::get_no_ack);
  const double done = rate(counted::ack) + rate(counted::deliver_no_ack) + rate(counted::get_no_ack);
  const uint64_t in_memory = details.ready_in_memory + details.unacknowledged_in_memory;
  const uint64_t messages = from.ready + from.unacknowledged;
  const uint64_t bytes = from.ready_bytes + from.unacknowledged_bytes;
  to.add_rated("messages", messages, rate(counted::publish) - done);
  to.add_rated("messages_ready", from.ready, rate(counted::publish) - out);
  to.add_rated("messages_unacknowledged", from.unacknowledged, out - done);
  to.add("messages_paged_out", messages - std::min(in_memory, messages));
  to.add("messages_persistent", from.persistent);
  to.add("messages_ram", in_memory);
  to.add("messages_ready_ram", details.ready_in_memory);
  to.add("messages_unacknowledged_ram", details.unacknowledged_in_memory);
  to.add("message_bytes", bytes);
  to.add("message_bytes_paged_out", bytes - std::min(details.bytes_in_memory, bytes));
  to.add("message_bytes_persistent", details.bytes_persistent);
  to.add("message_bytes_ram", details.bytes_in_memory);
  to.add("message_bytes_ready", from.ready_bytes);
  to.add("message_bytes_unacknowledged", from.unacknowledged_bytes);
}

/// `queue` is the newest record: policies may have changed since the report was made.
void write_queue(object_writer& to, const queue_info& from, const queue_record& queue, effective_policies& policies,
                 const metadata_snapshot& metadata) {
  write_record(to, queue);
  to.add_name("policy", queue.policy);
  to.add_name("operator_policy", queue.operator_policy);
  if (to.wants("effective_policy_definition"))
    to.add_raw("effective_policy_definition", policies.of(queue));
  write_copies(to, queue, metadata);
  to.add("state", from.state());
  if (from.down && from.copied)
    write_totals(to, from);
  if (from.down)
    return;
  const auto& details = from.details;
  const double capacity = details.consumer_capacity.value_or(0);
  to.add("consumer_capacity", capacity);
  to.add("consumer_utilisation", capacity);
  to.add("consumers", from.consumers);
  const bool single = queue.options && queue.options->single_active_consumer;
  const std::string tag = details.exclusive_consumer ? details.exclusive_consumer->tag : "";
  to.add_name("exclusive_consumer_tag", single ? "" : tag);
  to.add_name("single_active_consumer_tag", single ? tag : "");
  details.head_timestamp_s ? to.add("head_message_timestamp", *details.head_timestamp_s)
                           : to.add_null("head_message_timestamp");
  to.add("memory", from.memory_bytes);
  to.add_null("recoverable_slaves");
  to.add_rated("reductions", 0, 0.0);
  to.add_raw("garbage_collection",
             R"({"fullsweep_after":0,"max_heap_size":0,"min_bin_vheap_size":0,"min_heap_size":0,"minor_gcs":0})");
  write_counts(to, from);
  write_message_stats(to, from.messages, counts_of::queue);
}

bool is_set(const call& from, std::string_view name) {
  const auto* value = from.target.find(name);
  return value != nullptr && *value == "true";
}

using queue_filter = std::function<bool(const queue_record&)>;

/// Without asking any queue.
void answer_records(const call_ptr& to, const queue_filter& wanted) {
  std::vector<queue_ptr> rows;
  to->metadata->for_each_queue([&](const queue_ptr& each) {
    if (wanted(*each))
      rows.push_back(each);
  });
  list_source source;
  source.size = rows.size();
  source.name = [&](size_t i) { return std::string_view{rows[i]->name}; };
  source.name_is_member = true;
  source.write = [&](size_t i, object_writer& out) {
    write_record(out, *rows[i]);
    if (!rows[i]->policy.empty())
      out.add("policy", rows[i]->policy);
    out.add("state", "live");
  };
  answer_list(to, source);
}

/// Those of `all` that are wanted, as a list shows them.
struct queue_rows {
  queue_infos all;
  std::vector<const queue_info*> wanted;
};

sampled_key key_of(const queue_record& queue) {
  return {queue.node, key_of_queue(queue.id)};
}

/// `rows`, `policies` and `metadata` outlive it.
list_source source_of(const call_ptr& to, const queue_rows& rows, const shown_samples_ptr& samples,
                      effective_policies& policies, const metadata_snapshot& metadata) {
  list_source source;
  source.size = rows.wanted.size();
  source.name = [&](size_t i) { return std::string_view{rows.wanted[i]->queue->name}; };
  source.name_is_member = true;
  source.write = [&, samples, totals_only = is_set(*to, "disable_stats")](size_t i, object_writer& out) {
    const auto& info = *rows.wanted[i];
    const auto& queue = info.queue;
    const auto newest = metadata.find_queue(queue->vhost, queue->name);
    const auto& record = newest && newest->id == queue->id ? *newest : *queue;
    out.show_samples(find(samples, i));
    if (!totals_only)
      return write_queue(out, info, record, policies, metadata);
    write_record(out, record);
    if (!record.policy.empty())
      out.add("policy", record.policy);
    out.add("state", info.state());
    write_totals(out, info);
  };
  return source;
}

void answer_infos(const call_ptr& to, const queue_infos& all, const queue_filter& wanted) {
  const auto rows = std::make_shared<queue_rows>(queue_rows{all, {}});
  for (const auto& each : *all)
    if (wanted(*each.queue))
      rows->wanted.push_back(&each);
  const auto metadata = to->in_service.around.node.metadata();
  const auto policies = std::make_shared<effective_policies>(*metadata);
  with_shown_samples(
    to, sampled_kind::queue, source_of(to, *rows, nullptr, *policies, *metadata),
    [&](size_t i) { return key_of(*rows->wanted[i]->queue); },
    [to, rows, policies, metadata](const shown_samples_ptr& samples) {
      answer_list(to, source_of(to, *rows, samples, *policies, *metadata), to->in_service.queues_good_until());
    });
}

void list(const call_ptr& to, queue_filter wanted) {
  if (is_set(*to, "disable_stats") && !is_set(*to, "enable_queue_totals"))
    return answer_records(to, wanted);
  if (answer_again(to))
    return;
  to->in_service.queues([to, wanted = std::move(wanted)](const queue_infos& all) { answer_infos(to, all, wanted); });
}

queue_filter visible_to(const call_ptr& to) {
  return [to, sight = std::make_shared<vhost_sight>(*to)](const queue_record& each) { return sight->sees(each.vhost); };
}

void all_queues(const call_ptr& to) {
  list(to, visible_to(to));
}

void queues_of_vhost(const call_ptr& to) {
  list(to, [vhost = to->name(0)](const queue_record& each) { return each.vhost == vhost; });
}

void write_detail(object_writer& out, const call_ptr& to, const queue_info& info,
                  const std::vector<consumer_row>& consumers, const named_samples* samples) {
  out.show_samples(samples);
  effective_policies policies{*to->metadata};
  write_queue(out, info, *info.queue, policies, *to->metadata);
  if (out.wants("consumer_details")) {
    out.out().key("consumer_details");
    out.out().begin_array();
    for (const auto& each : consumers)
      out.out().raw(each.json);
    out.out().end_array();
  }
  out.add_raw("deliveries", "[]");
  out.add_raw("incoming", "[]");
}

void one_queue(const call_ptr& to) {
  const auto queue = to->metadata->find_queue(to->name(0), to->name(1));
  if (!queue)
    return not_found(to);
  if (is_set(*to, "disable_stats"))
    return answer_object(to, [&](object_writer& out) {
      write_record(out, *queue);
      out.add("state", "live");
    });
  to->in_service.around.ask_queue(queue, [to, queue](std::vector<queue_info> infos) {
    to->post([to, queue, infos = std::move(infos)] {
      if (infos.empty())
        return not_found(to);
      with_samples_of(to, sampled_kind::queue, key_of(*queue), [to, queue, info = infos.front()](const auto& samples) {
        with_consumers(to->in_service, queue, [to, info, samples](const std::vector<consumer_row>& consumers) {
          answer_object(to, [&](object_writer& out) { write_detail(out, to, info, consumers, find(samples, 0)); });
        });
      });
    });
  });
}

void declare(const call_ptr& to) {
  const auto given = object_of(to);
  if (!given)
    return;
  const auto durable = truth_of(to, *given, "durable", false);
  if (!durable)
    return;
  const auto auto_delete = truth_of(to, *given, "auto_delete", false);
  if (!auto_delete)
    return;
  amqp::queue_class::declare what;
  what.queue = to->name(1);
  what.durable = *durable;
  what.auto_delete = *auto_delete;
  if (given->contains("arguments")) {
    auto arguments = table_from_json((*given)["arguments"]);
    if (!arguments)
      return bad_request(to, "arguments are no table: " + arguments.error().text);
    what.arguments = *std::move(arguments);
  }
  if (what.queue.size() > limits::name_max_bytes)
    return bad_request(to, "queue names have at most 255 bytes");
  const bool existed = to->metadata->find_queue(to->name(0), to->name(1)) != nullptr;
  with_channel(to, to->name(0), [to, what, existed](const ref<operator_channel>& channel) {
    channel->call(what, [to, channel, existed](const result<operator_channel::answer>& done) {
      channel->close();
      done ? answer(to, existed ? 204 : 201) : fail(to, done.error());
    });
  });
}

/// Answers 404 when the queue is not there, which RabbitMQ looks at before it asks.
template<class Method>
void call_on_queue(const call_ptr& to, Method what) {
  if (!to->metadata->find_queue(to->name(0), to->name(1)))
    return not_found(to);
  with_channel(to, to->name(0), [to, what = std::move(what)](const ref<operator_channel>& channel) {
    channel->call(what, [to, channel](const result<operator_channel::answer>& done) {
      channel->close();
      done ? answer(to, 204) : fail(to, done.error());
    });
  });
}

void remove(const call_ptr& to) {
  amqp::queue_class::delete_ what;
  what.queue = to->name(1);
  what.if_unused = is_set(*to, "if-unused");
  what.if_empty = is_set(*to, "if-empty");
  call_on_queue(to, what);
}

void purge(const call_ptr& to) {
  amqp::queue_class::purge what;
  what.queue = to->name(1);
  call_on_queue(to, what);
}

void act(const call_ptr& to) {
  const auto given = object_of(to, {"action"});
  if (!given)
    return;
  if (!to->metadata->find_queue(to->name(0), to->name(1)))
    return not_found(to);
  const auto& action = (*given)["action"];
  // Copies are always brought up to date by themselves: there is nothing to begin or to stop.
  if (action == "sync" || action == "cancel_sync")
    return answer(to, 204);
  fail_json(to, 400, "bad_request", json{"unknown", action}.dump(-1, ' ', false, json::error_handler_t::replace));
}

} // namespace
} // namespace queues_part

std::span<const route> queue_routes() {
  using namespace queues_part;
  static constexpr route all[] = {
    {"GET", "queues", rule::management, all_queues},
    {"GET", "queues/*", rule::vhost, queues_of_vhost},
    {"GET", "queues/*/*", rule::vhost, one_queue},
    {"PUT", "queues/*/*", rule::vhost, declare},
    {"DELETE", "queues/*/*", rule::vhost, remove},
    {"DELETE", "queues/*/*/contents", rule::vhost, purge},
    {"POST", "queues/*/*/actions", rule::administrator, act},
  };
  return all;
}

} // namespace broker::management

// What operators want to know of one queue and RabbitMQ does not tell: what waits in it, without taking it (features.md
// U13), and what holds it up.
#include <charconv>

#include <nlohmann/json.hpp>

#include "control_replicas.hpp"
#include "management/listing.hpp"
#include "management/looking.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "queue/queue_look.hpp"

namespace broker::management {

namespace insight_part {
namespace {

using nlohmann::json;

uint64_t number_in(const call& from, std::string_view name, uint64_t otherwise, uint64_t most) {
  uint64_t value = otherwise;
  if (const auto text = from.target.value(name))
    std::from_chars(text->data(), text->data() + text->size(), value);
  return std::min(value, most);
}

/// Whoever may read a queue may look into it.
bool may_read(const call& from, const queue_record& queue) {
  return from.metadata->authorise(from.by.who, queue.vhost, resource_kind::queue, queue.name, access::read).ok();
}

void messages(const call_ptr& to) {
  const auto queue = to->metadata->find_queue(to->name(0), to->name(1));
  if (!queue)
    return not_found(to);
  if (!may_read(*to, *queue))
    return fail(to, 401, "not_authorised", "Access refused.");
  look_question what;
  what.skip = number_in(*to, "offset", 0, UINT64_MAX / 2);
  what.count = static_cast<uint32_t>(number_in(*to, "count", 20, look_order::count_max));
  what.truncate = number_in(*to, "truncate", 50'000, 64 * 1024);
  what.contains = to->target.value("contains").value_or("");
  look_into(to->in_service, queue, what, [to](const std::shared_ptr<look_result>& found) {
    if (!found)
      return fail(to, 503, "service_unavailable", "the queue's master does not answer, or too many look into it");
    json_writer out;
    {
      object_writer all{out, {}};
      all.add("ready", found->ready);
      all.add("looked_at", found->looked_at);
      out.key("messages");
      out.begin_array();
      for (const auto& each : found->messages)
        out.raw(each);
      out.end_array();
    }
    answer(to, 200, out.take());
  });
}

// -- what holds it up --

struct cause {
  std::string_view what;     ///< master, copies, alarm, disk, mirror, pace, consumer, network
  std::string_view severity; ///< note, warn, bad
  std::string title;
  std::string text;
};

std::string counted_text(uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + ' ' + std::string{count == 1 ? one : many};
}

/// Messages that wait for copies or the disk are normal; more than this is a delay that people notice.
constexpr uint64_t waiting_worth_telling = 1'000;

/// One node's alarm blocks the publishers of all.
void add_alarms(std::vector<cause>& to, const node_facts& now) {
  std::vector<std::string> alarms = now.alarms;
  for (const auto& [node, what] : now.other_nodes)
    for (auto& text : cluster::alarm_texts(node, what))
      alarms.push_back(std::move(text));
  for (const auto& each : alarms)
    to.push_back({"alarm", "bad", "Publishers are blocked.", each + "."});
}

void add_copies(std::vector<cause>& to, const queue_record& queue, const metadata_snapshot& metadata) {
  const auto who = replicas_of(queue, metadata);
  if (who.in_sync.size() < who.min_in_sync)
    to.push_back({"copies", "bad", "Too few copies.",
                  std::to_string(who.in_sync.size()) + " in sync, " + std::to_string(who.min_in_sync)
                    + " are needed: publishes are not confirmed until another one has caught up."});
}

void add_publishers(std::vector<cause>& to, const json& flow) {
  const auto is = [&](const char* name) { return flow.value(name, false); };
  const auto count = [&](const char* name) { return flow.value(name, uint64_t{0}); };
  if (is("paused"))
    to.push_back({"master", "bad", "The master pauses.",
                  "It is cut off from the cluster and hands nothing out, since another node may be the master."});
  if (is("by_store"))
    to.push_back({"disk", "warn", "The disk.",
                  "More waits to be written than the node allows: publishers get no credit until it has caught up."});
  if (is("by_pace"))
    to.push_back({"pace", "warn", "Consumers lag.",
                  "Consumers take messages more slowly than they come: publishers are held back for moments, so that "
                  "the backlog stays in memory."});
  if (is("withheld") && !is("by_store") && !is("by_pace"))
    to.push_back({"pace", "note", "Publishers were held back", "a moment ago, and are let go again."});
  if (count("uncommitted") >= waiting_worth_telling)
    to.push_back({"mirror", "warn", "Copies.",
                  std::to_string(count("uncommitted")) + " messages wait until the mirrors and the disk have them."});
  if (count("unconfirmed") >= waiting_worth_telling)
    to.push_back({"disk", "note", "The disk.",
                  std::to_string(count("unconfirmed")) + " publishes wait for the disk to be confirmed."});
}

void add_consumers(std::vector<cause>& to, const json& flow) {
  const auto count = [&](const char* name) { return flow.value(name, uint64_t{0}); };
  const uint64_t ready = count("ready"), full = count("at_prefetch"), starved = count("starved");
  const uint64_t all = count("awake") + full + starved;
  if (ready == 0)
    return; // consumers have all there is
  if (all == 0 && count("waiting") == 0)
    to.push_back({"consumer", "note", "Nobody consumes.", counted_text(ready, "message waits.", "messages wait.")});
  if (full > 0)
    to.push_back({"consumer", count("awake") == 0 ? "warn" : "note", "Acknowledgements.",
                  counted_text(full, "consumer has", "consumers have")
                    + " as many unacknowledged messages as the prefetch allows: faster consumers, more of them, or a "
                      "larger prefetch would help."});
  if (starved > 0)
    to.push_back({"network", "warn", "Slow readers.",
                  counted_text(starved, "consumer does", "consumers do")
                    + " not read what was sent: the connection or the client is slow."});
}

void answer_causes(const call_ptr& to, const std::vector<cause>& causes, const json& flow) {
  json_writer out;
  {
    object_writer all{out, {}};
    out.key("causes");
    out.begin_array();
    for (const auto& each : causes) {
      object_writer one{out, {}};
      one.add("what", each.what);
      one.add("severity", each.severity);
      one.add("title", each.title);
      one.add("text", each.text);
    }
    out.end_array();
    all.add_raw("figures", flow.is_object() ? flow.dump() : "null");
  }
  answer(to, 200, out.take());
}

void flow(const call_ptr& to) {
  const auto queue = to->metadata->find_queue(to->name(0), to->name(1));
  if (!queue)
    return not_found(to);
  ask_flow(to->in_service, queue, [to, queue](const std::string& text) {
    to->in_service.facts([to, queue, text](const node_facts& now) {
      const json figures = text.empty() ? json{} : json::parse(text, nullptr, false);
      std::vector<cause> causes;
      if (!figures.is_object())
        causes.push_back({"master", "bad", "No master.",
                          "Nobody hands out its messages or takes new ones: " + queue->node + " does not answer."});
      add_alarms(causes, now);
      add_copies(causes, *queue, *to->metadata);
      if (figures.is_object()) {
        add_publishers(causes, figures);
        add_consumers(causes, figures);
      }
      answer_causes(to, causes, figures);
    });
  });
}

} // namespace
} // namespace insight_part

std::span<const route> insight_routes() {
  using namespace insight_part;
  static constexpr route all[] = {
    {"GET", "queues/*/*/messages", rule::vhost, messages},
    {"GET", "queues/*/*/flow", rule::vhost, flow},
  };
  return all;
}

} // namespace broker::management

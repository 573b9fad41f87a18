// GET /api/nodes (features.md O14): every member of the cluster, those that are down by name.
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "management/shown_samples.hpp"

namespace broker::management {

namespace nodes_part {
namespace {

using members = std::shared_ptr<const std::map<std::string, std::string>>;

void nodes(const call_ptr& to) {
  if (answer_again(to))
    return;
  const auto asked = asked_ranges(to);
  if (!asked)
    return;
  const auto range = asked->node_stats;
  to->in_service.nodes(range, [to, range](const members& all) {
    std::vector<const std::pair<const std::string, std::string>*> rows;
    for (const auto& each : *all)
      rows.push_back(&each);
    list_source source;
    source.size = rows.size();
    source.text = [&](size_t i) { return std::string_view{rows[i]->second}; };
    source.name = [&](size_t i) { return std::string_view{rows[i]->first}; };
    answer_list(to, source, to->in_service.nodes_good_until(range));
  });
}

void one_node(const call_ptr& to) {
  const auto asked = asked_ranges(to);
  if (!asked)
    return;
  to->in_service.nodes(asked->node_stats, [to](const members& all) {
    const auto found = all->find(to->name(0));
    found == all->end() ? not_found(to) : answer_object(to, found->second);
  });
}

/// What is known of this node's memory: the process as a whole, and the part that messages have. Of other nodes only
/// the process is known.
void memory(const call_ptr& to) {
  const auto own = to->in_service.around.node.name();
  if (to->name(0) != own)
    return to->metadata->find_node(to->name(0)) ? answer(to, 200, std::string{R"({"memory":"not_available"})"})
                                                : not_found(to);
  to->in_service.facts([to](const node_facts& now) {
    answer_object(to, [&](object_writer& out) {
      if (!out.wants("memory"))
        return;
      out.out().key("memory");
      object_writer parts{out.out(), {}};
      parts.add("binary", now.message_bytes);
      parts.add("other_system", now.memory_bytes - std::min(now.message_bytes, now.memory_bytes));
      parts.add("strategy", "rss");
      out.out().key("total");
      object_writer total{out.out(), {}};
      total.add("erlang", now.memory_bytes);
      total.add("rss", now.memory_bytes);
      total.add("allocated", now.memory_bytes);
    });
  });
}

void login_attempts(const call_ptr& to) {
  if (to->name(0) != to->in_service.around.node.name())
    return not_found(to);
  json_writer out;
  out.begin_array();
  {
    object_writer http{out, {}};
    http.add("protocol", "http");
    http.add("auth_attempts", to->in_service.logins);
    http.add("auth_attempts_failed", to->in_service.logins_failed);
    http.add("auth_attempts_succeeded", to->in_service.logins - to->in_service.logins_failed);
  }
  out.end_array();
  answer(to, 200, out.take());
}

} // namespace
} // namespace nodes_part

std::span<const route> node_routes() {
  using namespace nodes_part;
  static constexpr route all[] = {
    {"GET", "nodes", rule::monitoring, nodes},
    {"GET", "nodes/*", rule::monitoring, one_node},
    {"GET", "nodes/*/memory", rule::monitoring, memory},
    {"GET", "auth/attempts/*", rule::monitoring, login_attempts},
  };
  return all;
}

} // namespace broker::management

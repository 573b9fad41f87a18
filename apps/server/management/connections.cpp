// Connections, channels and consumers of all nodes (features.md O16).
#include <charconv>

#include "actors/operator_channel.hpp"
#include "management/consumers.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "management/shown_samples.hpp"

namespace broker::management {

namespace connections_part {
namespace {

/// Everybody sees their own; who monitors sees all.
bool may_see(const call& from, const object_row& row) {
  return from.by.monitoring || row.user == from.by.who.user;
}

/// A channel is called after its connection, "... (3)".
sampled_key key_of(sampled_kind kind, const object_row& row) {
  if (kind == sampled_kind::connection)
    return {row.node, key_of_connection(row.connection)};
  channel_number number = 0;
  const char* digits = row.name.c_str() + std::min(row.name.rfind('('), row.name.size() - 1) + 1;
  std::from_chars(digits, row.name.c_str() + row.name.size(), number);
  return {row.node, key_of_channel(row.connection, number)};
}

/// What of `all` is wanted, as a list shows it.
struct shown_rows {
  object_rows all;
  std::vector<const object_row*> wanted;
  std::map<size_t, std::string> sampled; ///< those with samples

  std::string_view text(size_t i) const {
    const auto found = sampled.find(i);
    return found == sampled.end() ? wanted[i]->json : found->second;
  }
};

/// `rows` outlives it.
list_source source_of(const shown_rows& rows) {
  list_source source;
  source.size = rows.wanted.size();
  source.text = [&](size_t i) { return rows.text(i); };
  source.name = [&](size_t i) { return std::string_view{rows.wanted[i]->name}; };
  return source;
}

void answer_rows(const call_ptr& to, sampled_kind kind, const object_rows& all,
                 const std::function<bool(const object_row&)>& wanted, uint64_t good_until_ms = 0) {
  const auto rows = std::make_shared<shown_rows>();
  rows->all = all;
  for (const auto& each : *all)
    if (may_see(*to, each) && wanted(each))
      rows->wanted.push_back(&each);
  with_shown_samples(
    to, kind, source_of(*rows), [&](size_t i) { return key_of(kind, *rows->wanted[i]); },
    [to, rows, good_until_ms](const shown_samples_ptr& samples) {
      if (samples)
        for (const auto& [i, list] : *samples)
          rows->sampled.emplace(i, with_samples(rows->wanted[i]->json, list));
      answer_list(to, source_of(*rows), good_until_ms);
    });
}

/// Goes on with the object of `row`, with the samples that are asked for.
void with_object(const call_ptr& to, sampled_kind kind, const object_row& row, std::function<void(std::string)> then) {
  with_samples_of(to, kind, key_of(kind, row),
                  [json = row.json, then = std::move(then)](const shown_samples_ptr& samples) {
                    const auto* found = find(samples, 0);
                    then(found == nullptr ? json : with_samples(json, *found));
                  });
}

bool anything(const object_row&) {
  return true;
}

void connections(const call_ptr& to) {
  if (answer_again(to))
    return;
  to->in_service.connections([to](const object_rows& all) {
    answer_rows(to, sampled_kind::connection, all, anything, to->in_service.connections_good_until());
  });
}

void connections_of_vhost(const call_ptr& to) {
  to->in_service.connections([to](const object_rows& all) {
    answer_rows(to, sampled_kind::connection, all, [&](const auto& row) { return row.vhost == to->name(0); });
  });
}

void connections_of_user(const call_ptr& to) {
  to->in_service.connections([to](const object_rows& all) {
    answer_rows(to, sampled_kind::connection, all, [&](const auto& row) { return row.user == to->name(0); });
  });
}

/// The row of that name; null, and the call is answered, when there is none or it is another user's.
const object_row* find(const call_ptr& to, const object_rows& all) {
  for (const auto& each : *all)
    if (each.name == to->name(0)) {
      if (may_see(*to, each))
        return &each;
      fail(to, 401, "not_authorised", "User not authorised to access object");
      return nullptr;
    }
  not_found(to);
  return nullptr;
}

void connection(const call_ptr& to) {
  to->in_service.connections([to](const object_rows& all) {
    if (const auto* row = find(to, all))
      with_object(to, sampled_kind::connection, *row, [to](const std::string& object) { answer_object(to, object); });
  });
}

void channels_of_connection(const call_ptr& to) {
  to->in_service.connections([to](const object_rows& all) {
    const auto* row = find(to, all);
    if (row == nullptr)
      return;
    to->in_service.channels([to, row = *row](const object_rows& channels) {
      answer_rows(to, sampled_kind::channel, channels,
                  [&](const auto& each) { return each.connection == row.connection && each.node == row.node; });
    });
  });
}

std::string close_reason(const call& from) {
  const auto* given = from.in.find("x-reason");
  return "CONNECTION_FORCED - "
       + (given != nullptr && given->size() <= 200 ? *given : std::string{"Closed via management plugin"});
}

/// Error: the connection belongs to another node, which does not answer.
void close(const call_ptr& to, const std::vector<object_row>& rows) {
  auto& at = to->in_service;
  const std::string reason = close_reason(*to);
  std::map<std::string, std::vector<std::string>> by_node;
  for (const auto& row : rows)
    by_node[row.node].push_back(row.name);
  for (auto& [node, names] : by_node) {
    if (node != at.around.node.name()) {
      control::request order;
      order.verb = "management_report";
      order.arguments = {"close_connections", reason};
      order.arguments.insert(order.arguments.end(), names.begin(), names.end());
      at.around.node.ask_members({node}, order, [](const auto&) {});
      continue;
    }
    at.around.node.close_connections(
      [names = names](const connection_info& one) {
        return std::find(names.begin(), names.end(), one.name) != names.end();
      },
      names.size(), {320, reason}, [](size_t) {});
  }
  answer(to, 204);
}

void close_connection(const call_ptr& to) {
  to->in_service.connections([to](const object_rows& all) {
    if (const auto* row = find(to, all))
      close(to, {*row});
  });
}

void close_connections_of_user(const call_ptr& to) {
  to->in_service.connections([to](const object_rows& all) {
    std::vector<object_row> rows;
    for (const auto& each : *all)
      if (each.user == to->name(0))
        rows.push_back(each);
    close(to, rows);
  });
}

void channels(const call_ptr& to) {
  if (answer_again(to))
    return;
  to->in_service.channels([to](const object_rows& all) {
    answer_rows(to, sampled_kind::channel, all, anything, to->in_service.channels_good_until());
  });
}

void channels_of_vhost(const call_ptr& to) {
  to->in_service.channels([to](const object_rows& all) {
    answer_rows(to, sampled_kind::channel, all, [&](const auto& row) { return row.vhost == to->name(0); });
  });
}

/// `object` with what this channel consumes.
void answer_channel(const call_ptr& to, const std::string& name, const std::string& object) {
  with_consumers(to->in_service, [to, name, object](const std::vector<consumer_row>& consumers) {
    json_writer out;
    out.begin_array();
    for (const auto& each : consumers)
      if (each.channel_name == name)
        out.raw(each.json);
    out.end_array();
    const std::string more = R"(,"consumer_details":)" + out.text() + R"(,"deliveries":[],"publishes":[]})";
    answer_object(to, object.substr(0, object.size() - 1) + more);
  });
}

void channel(const call_ptr& to) {
  to->in_service.channels([to](const object_rows& all) {
    if (const auto* row = find(to, all))
      with_object(to, sampled_kind::channel, *row,
                  [to, name = row->name](const std::string& object) { answer_channel(to, name, object); });
  });
}

void answer_consumers(const call_ptr& to, const std::string* vhost) {
  with_consumers(to->in_service, [to, only = vhost == nullptr ? std::string{} : *vhost,
                                  all = vhost == nullptr](const std::vector<consumer_row>& consumers) {
    std::vector<const consumer_row*> rows;
    for (const auto& each : consumers)
      if (sees_vhost(*to, each.vhost) && (all || each.vhost == only))
        rows.push_back(&each);
    list_source source;
    source.size = rows.size();
    source.text = [&](size_t i) { return std::string_view{rows[i]->json}; };
    source.name = [&](size_t i) { return std::string_view{rows[i]->tag}; };
    answer_list(to, source);
  });
}

void consumers(const call_ptr& to) {
  answer_consumers(to, nullptr);
}

void consumers_of_vhost(const call_ptr& to) {
  answer_consumers(to, &to->name(0));
}

} // namespace
} // namespace connections_part

std::span<const route> connection_routes() {
  using namespace connections_part;
  static constexpr route all[] = {
    {"GET", "connections", rule::management, connections},
    {"GET", "connections/username/*", rule::management, connections_of_user},
    {"DELETE", "connections/username/*", rule::administrator, close_connections_of_user},
    {"GET", "connections/*", rule::management, connection},
    {"DELETE", "connections/*", rule::management, close_connection},
    {"GET", "connections/*/channels", rule::management, channels_of_connection},
    {"GET", "vhosts/*/connections", rule::vhost, connections_of_vhost},
    {"GET", "channels", rule::management, channels},
    {"GET", "channels/*", rule::management, channel},
    {"GET", "vhosts/*/channels", rule::vhost, channels_of_vhost},
    {"GET", "consumers", rule::management, consumers},
    {"GET", "consumers/*", rule::management, consumers_of_vhost},
  };
  return all;
}

} // namespace broker::management

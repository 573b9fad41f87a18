#include "management/consumers.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>

#include "management/json_writer.hpp"

namespace broker::management {

namespace {

/// Where a consumer's channel is: its connection's name has the addresses in it.
void write_channel(object_writer& out, const consumer_info& from, const object_row* connection,
                   const std::string& channel_name, const std::string& node) {
  out.out().key("channel_details");
  object_writer details{out.out(), {}};
  if (connection == nullptr)
    return; // it has come or gone meanwhile
  const std::string peer = connection->name.substr(0, connection->name.find(" -> "));
  const size_t colon = peer.rfind(':');
  details.add("connection_name", connection->name);
  details.add("name", channel_name);
  details.add("node", node);
  details.add("number", from.channel);
  details.add("peer_host", peer.substr(0, colon));
  details.add("peer_port", colon == std::string::npos ? 0L : std::strtol(peer.c_str() + colon + 1, nullptr, 10));
  details.add("user", connection->user);
}

using connection_index = std::map<std::pair<std::string_view, uint64_t>, const object_row*>;

consumer_row to_row(const consumer_info& from, const connection_index& connections) {
  const std::string& node = from.node.empty() ? from.queue->node : from.node;
  const auto found = connections.find({node, from.connection});
  const object_row* connection = found == connections.end() ? nullptr : found->second;
  consumer_row row;
  row.vhost = from.queue->vhost;
  row.queue = from.queue->name;
  row.tag = from.tag;
  if (connection != nullptr)
    row.channel_name = connection->name + " (" + std::to_string(from.channel) + ")";
  json_writer out;
  {
    object_writer fields{out, {}};
    fields.add("arguments", from.arguments);
    fields.add("ack_required", from.ack_required);
    fields.add("active", from.active);
    fields.add("activity_status", from.activity_status);
    write_channel(fields, from, connection, row.channel_name, node);
    fields.add("consumer_tag", from.tag);
    fields.add("exclusive", from.exclusive);
    fields.add("prefetch_count", from.prefetch);
    out.key("queue");
    object_writer queue{out, {}};
    queue.add("name", from.queue->name);
    queue.add("vhost", from.queue->vhost);
  }
  row.json = out.take();
  return row;
}

/// Joins what queues and connections say, on the service's thread.
std::function<void(std::vector<consumer_info>)> joined(service& at,
                                                       std::function<void(const std::vector<consumer_row>&)> then) {
  return [&at, post = at.post, then = std::move(then)](std::vector<consumer_info> consumers) {
    post([&at, consumers = std::move(consumers), then] {
      at.connections([consumers, then](const object_rows& connections) {
        connection_index index;
        for (const auto& each : *connections)
          index.emplace(std::pair{std::string_view{each.node}, each.connection}, &each);
        std::vector<consumer_row> rows;
        rows.reserve(consumers.size());
        for (const auto& each : consumers)
          rows.push_back(to_row(each, index));
        std::sort(rows.begin(), rows.end(), [](const consumer_row& a, const consumer_row& b) {
          return std::tie(a.vhost, a.queue, a.tag) < std::tie(b.vhost, b.queue, b.tag);
        });
        then(rows);
      });
    });
  };
}

} // namespace

void with_consumers(service& at, std::function<void(const std::vector<consumer_row>&)> then) {
  at.around.node.list_consumers(joined(at, std::move(then)));
}

void with_consumers(service& at, const queue_ptr& queue, std::function<void(const std::vector<consumer_row>&)> then) {
  at.around.ask_consumers(queue, joined(at, std::move(then)));
}

} // namespace broker::management

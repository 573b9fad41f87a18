#include "channel/route_cache.hpp"

#include <functional>

#include "amqp/reply.hpp"
#include "channel/names.hpp"
#include "channel/reply_texts.hpp"

namespace broker {
namespace {

/// Queues whose records are remembered.
constexpr size_t records_max = 1024;

size_t hash_of(std::string_view exchange, std::string_view routing_key) {
  const std::hash<std::string_view> hash;
  return hash(exchange) * 31 + hash(routing_key);
}

} // namespace

result<const route*> route_cache::find(const metadata_snapshot& metadata, const message& what) {
  if (nodes_ && nodes_->version() != nodes_version_) {
    nodes_version_ = nodes_->version();
    slots_.clear();
  }
  // The version is kept one up so that 0 can mean an empty slot.
  const uint64_t version = metadata.version() + 1;
  slot& cached = slot_of(version, what.exchange(), what.routing_key());
  if (cached.version == version && cached.routing_key == what.routing_key() && cached.exchange == what.exchange())
    return &cached.where;
  cached.version = 0;
  if (auto filled = fill(metadata, what, cached); !filled)
    return filled.error();
  cached.version = version;
  return &cached.where;
}

/// Its record as it is now if it is replicated: routing may find the record it had when it was bound.
queue_ptr route_cache::copied_record(const metadata_snapshot& metadata, const queue_record& found) {
  if (records_version_ != metadata.version() || records_.size() >= records_max) {
    records_version_ = metadata.version();
    records_.clear();
  }
  const auto [at, fresh] = records_.try_emplace(found.id);
  if (fresh)
    if (auto now = metadata.find_queue(found.vhost, found.name); now && now->id == found.id && now->placement)
      at->second = std::move(now);
  return at->second;
}

routed_by route_cache::route_one(const metadata_snapshot& metadata, const exchange_record& from, const message& what,
                                 std::vector<queue_id>& to, std::vector<queue_ptr>& copied) {
  found_.clear();
  const routed_by by = metadata.route(from, what, found_);
  to.clear();
  copied.clear();
  const bool look = nodes_ && nodes_->any_down();
  for (const auto& queue : found_) {
    if (auto record = copies_ ? copied_record(metadata, *queue) : nullptr)
      copied.push_back(std::move(record));
    else if (look && nodes_->is_down(queue->node))
      continue;
    to.push_back(queue->id);
  }
  found_.clear();
  return by;
}

route_cache::slot& route_cache::slot_of(uint64_t version, std::string_view exchange, std::string_view routing_key) {
  if (slots_.empty())
    slots_.resize(1);
  const size_t hash = hash_of(exchange, routing_key);
  slot* found = &slots_[hash & (slots_.size() - 1)];
  const bool taken = found->version == version && (found->routing_key != routing_key || found->exchange != exchange);
  if (taken && slots_.size() < slots_max) {
    std::vector<slot> bigger(slots_.size() * 4);
    for (slot& old : slots_)
      if (old.version == version)
        bigger[hash_of(old.exchange, old.routing_key) & (bigger.size() - 1)] = std::move(old);
    slots_ = std::move(bigger);
    found = &slots_[hash & (slots_.size() - 1)];
  }
  return *found;
}

/// A channel has one counter for an exchange, however many keys it publishes with.
void route_cache::find_counter(std::string_view exchange, route& into) {
  if (board_ == nullptr || (into.counter && into.counter->is_for(exchange)))
    return;
  for (const slot& each : slots_)
    if (each.where.counter && each.where.counter->is_for(exchange)) {
      into.counter = each.where.counter;
      return;
    }
  into.counter = board_->open(vhost_, exchange);
}

result<void> route_cache::fill(const metadata_snapshot& metadata, const message& what, slot& into) {
  const std::string_view name = what.exchange();
  // RabbitMQ's name of the default exchange where permissions are concerned.
  const auto allowed =
    metadata.authorise(user_, vhost_, resource_kind::exchange, name.empty() ? "amq.default" : name, access::write);
  if (!allowed)
    return allowed.error();
  auto exchange = metadata.find_exchange(vhost_, name);
  if (!exchange)
    return no_such_exchange(vhost_, name);
  if (exchange->internal)
    return amqp::access_refused("cannot publish to internal " + exchange_title(vhost_, name));
  if (const auto topic = metadata.authorise_topic(user_, *exchange, access::write, what.routing_key()); !topic)
    return topic.error();
  into.exchange.assign(name);
  into.routing_key.assign(what.routing_key());
  // What the cache answers is for messages without headers, whoever asked first.
  message plain = what;
  plain.flags = static_cast<uint16_t>(plain.flags & ~message::has_headers);
  into.where.by = route_one(metadata, *exchange, plain, into.where.queues, into.where.copied);
  into.where.traced = metadata.tracing(vhost_) && name != trace_exchange;
  find_counter(name, into.where);
  into.where.exchange = std::move(exchange);
  return {};
}

} // namespace broker

#include "amqp/reply.hpp"
#include "metadata/equivalence.hpp"
#include "metadata/state_impl.hpp"
#include "model/queue_arguments.hpp"

namespace broker {
namespace {

/// vhost limit max-queues (O32); negative means none.
result<void> check_room(const vhost_tables& vhost, const std::string& queue) {
  const auto limit = vhost.record->limits.find("max-queues");
  if (limit == vhost.record->limits.end() || limit->second < 0
      || vhost.queues.size() < static_cast<uint64_t>(limit->second))
    return {};
  return amqp::precondition_failed("cannot declare queue '" + queue + "': queue limit in vhost '" + vhost.name() + "' ("
                                   + std::to_string(limit->second) + ") is reached");
}

result<void> check_new(const vhost_tables& vhost, const queue_record& wanted) {
  if (auto known = check_queue_arguments(wanted.arguments, wanted.vhost, wanted.name); !known)
    return known;
  if (auto room = check_room(vhost, wanted.name); !room)
    return room;
  return check_queue_properties(wanted);
}

} // namespace

command_result metadata_state::impl::apply(const declare_queue& what, changes_t& changes) {
  const vhost_tables* vhost = now.find_vhost(what.queue.vhost);
  if (!vhost)
    return no_such_vhost(what.queue.vhost);
  command_result out;
  if (const queue_ptr* existing = vhost->queues.find(what.queue.name)) {
    if (auto equal = check_equivalent(**existing, what.queue); !equal)
      return refused(equal.error());
    out.queue = *existing;
    return out;
  }
  if (auto sound = check_new(*vhost, what.queue); !sound)
    return refused(sound.error());
  auto record = std::make_shared<queue_record>(what.queue);
  record->id = next_queue++;
  if (!record->exclusive)
    record->owner = 0;
  derive(*vhost, *record);
  record->placement = nullptr;
  record->copies = 0;
  place_copies(*record, true);
  insert_queue(*own_vhost(record->vhost), record);
  changes.push_back({metadata_change::kind::queue_created, record, {}});
  out.created = true;
  out.queue = std::move(record);
  return out;
}

command_result metadata_state::impl::apply(const delete_queue& what, changes_t& changes) {
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  const queue_ptr* found = vhost ? vhost->queues.find(what.name) : nullptr;
  if (!found || (what.id != 0 && (*found)->id != what.id))
    return {};
  const queue_ptr queue = *found;
  remove_queue(*own_vhost(what.vhost), queue, true, changes);
  return {};
}

command_result metadata_state::impl::apply(const delete_exclusive_queues& what, changes_t& changes) {
  std::set<std::pair<std::string, std::string>> doomed;
  if (what.owner == 0) {
    for (const auto& [owner, queues] : exclusive_queues)
      doomed.insert(queues.begin(), queues.end());
  } else if (const auto own = exclusive_queues.find(what.owner); own != exclusive_queues.end()) {
    doomed = own->second;
  }
  for (const auto& [vhost_name, name] : doomed) {
    vhost_tables* vhost = own_vhost(vhost_name);
    const queue_ptr queue = *vhost->queues.find(name);
    remove_queue(*vhost, queue, true, changes);
  }
  return {};
}

void metadata_state::impl::insert_queue(vhost_tables& vhost, queue_ptr queue) {
  if (queue->exclusive)
    exclusive_queues[queue->owner].insert({queue->vhost, queue->name});
  count_copies(*queue, true);
  const bool added = vhost.queues.put(std::move(queue));
  BROKER_ASSERT(added, "a queue is inserted once");
}

void metadata_state::impl::remove_queue(vhost_tables& vhost, const queue_ptr& queue, bool cascade, changes_t& changes) {
  std::set<std::string> sources = remove_bindings_to(vhost, false, queue->name);
  const bool removed = vhost.queues.erase(queue->name);
  BROKER_ASSERT(removed, "the queue has been found before");
  count_copies(*queue, false);
  if (queue->exclusive) {
    const auto own = exclusive_queues.find(queue->owner);
    BROKER_ASSERT(own != exclusive_queues.end(), "every exclusive queue is indexed by its owner");
    own->second.erase({queue->vhost, queue->name});
    if (own->second.empty())
      exclusive_queues.erase(own);
  }
  changes.push_back({metadata_change::kind::queue_deleted, queue, {}});
  if (cascade)
    delete_unused_exchanges(vhost, std::move(sources), changes);
}

} // namespace broker

#include "metadata/placement_news.hpp"

#include <algorithm>
#include <utility>

#include "metadata/placements.hpp"

namespace broker {

namespace {

using replication::member;
using replication::node_table;
using replication::placement;

std::string name_of(replication::node_id node, const metadata_snapshot& in) {
  const node_ptr found = in.find_node(uint64_t{node});
  return found ? found->name : "a node that was removed";
}

std::string names_of_members(const placement& queue, const metadata_snapshot& in) {
  std::string names;
  for (const member& one : queue.isr)
    names += (names.empty() ? "" : ", ") + name_of(one.node, in);
  return names;
}

/// Why a master may have taken it out (T12): the metadata has only the outcome.
std::string reason(const member& gone, const placement& now, const metadata_snapshot& in) {
  const node_table nodes = node_table_of(now, in);
  if (!nodes.find(gone.node))
    return "its node was removed from the cluster";
  if (!now.places(gone.node))
    return "it is to hold no copy any more";
  if (!nodes.live(gone.node))
    return "its node is down";
  if (!nodes.current(gone))
    return "its node was down";
  return "it did not keep up";
}

bool confirms(const placement& queue) {
  return queue.isr.size() >= queue.min_in_sync;
}

class teller {
public:
  teller(const queue_record& of, const metadata_snapshot& now)
    : now_(now), queue_("queue '" + of.name + "' in vhost '" + of.vhost + "'") {}

  void masters(const placement& before, const placement& after) {
    if (before.mastership == after.mastership)
      return;
    const std::string next = name_of(after.master, now_), last = name_of(before.master, now_);
    say(false, (next == last ? next + " is its master again" : next + " is its master now, in the place of " + last)
                 + ", mastership " + std::to_string(after.mastership) + "; in sync: " + names_of_members(after, now_));
  }
  void members(const placement& before, const placement& after) {
    for (const member& one : before.isr)
      if (!after.listed(one.node))
        say(false, "the copy on " + name_of(one.node, now_) + " left the in-sync set: " + reason(one, after, now_)
                     + "; in sync: " + names_of_members(after, now_));
    for (const member& one : after.isr)
      if (!before.lists(one) && one.node != after.master)
        say(false, "the copy on " + name_of(one.node, now_) + " is in sync; in sync: " + names_of_members(after, now_));
  }
  void confirming(const placement& before, const placement& after) {
    const std::string count =
      std::to_string(after.isr.size()) + " of at least " + std::to_string(after.min_in_sync) + " copies in sync";
    if (confirms(before) && !confirms(after))
      say(true, "publishes are not confirmed: " + count);
    else if (!confirms(before) && confirms(after))
      say(false, "publishes are confirmed: " + count);
  }
  void without_master(const placement& queue) {
    say(true, "it has no master: none of its copies in sync is up: " + names_of_members(queue, now_));
  }

  std::vector<placement_news> take() { return std::move(all_); }

private:
  void say(bool warning, const std::string& text) { all_.push_back({warning, queue_ + ": " + text}); }

  const metadata_snapshot& now_;
  const std::string queue_;
  std::vector<placement_news> all_;
};

} // namespace

std::vector<placement_news> news_of(const queue_record& before, const queue_record& after,
                                    const metadata_snapshot& now) {
  if (!before.placement || !after.placement || *before.placement == *after.placement)
    return {};
  teller tells{after, now};
  tells.masters(*before.placement, *after.placement);
  tells.members(*before.placement, *after.placement);
  tells.confirming(*before.placement, *after.placement);
  return tells.take();
}

std::vector<placement_news> news_of_lost_masters(const metadata_snapshot& before, const metadata_snapshot& now,
                                                 size_t part, size_t parts) {
  node_tables nodes_before{before}, nodes{now};
  std::vector<placement_news> all;
  now.visit_queues(part, parts, [&](const queue_ptr& one) {
    const placement* queue = one->placement.get();
    if (!queue || replication::anyone_in_sync_alive(*queue, nodes.of(*queue))
        || !replication::anyone_in_sync_alive(*queue, nodes_before.of(*queue)))
      return;
    teller tells{*one, now};
    tells.without_master(*queue);
    for (placement_news& each : tells.take())
      all.push_back(std::move(each));
  });
  return all;
}

std::vector<placement_news> news_limit::pass(std::vector<placement_news> all, uint64_t now_ms) {
  std::vector<placement_news> out;
  if (const uint64_t second = now_ms / 1000; second != second_) {
    if (owes())
      out.push_back({std::exchange(warning_, false),
                     std::to_string(std::exchange(left_out_, 0)) + " more lines about copies of queues were left out"});
    second_ = second;
    said_ = 0;
  }
  for (placement_news& each : all) {
    if (said_ < per_second_) {
      ++said_;
      out.push_back(std::move(each));
      continue;
    }
    ++left_out_;
    warning_ = warning_ || each.warning;
  }
  return out;
}

} // namespace broker

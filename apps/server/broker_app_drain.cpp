// Masters that leave a drained node (features.md O10, U05): the queue supervisor has them moved, this waits for it.
#include <algorithm>
#include <future>
#include <memory>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "broker_app.hpp"
#include "control_replicas.hpp"

namespace broker {

namespace {

/// Queues that could have their master elsewhere.
size_t movable_masters(const metadata_snapshot& metadata, const std::string& node,
                       const std::vector<std::string>& targets) {
  size_t count = 0;
  metadata.for_each_queue([&](const queue_ptr& queue) {
    if (!queue->placement || queue->node != node)
      return;
    const queue_replicas replicas = replicas_of(*queue, metadata);
    count += std::any_of(replicas.in_sync.begin(), replicas.in_sync.end(), [&](const std::string& each) {
      return std::find(targets.begin(), targets.end(), each) != targets.end();
    });
  });
  return count;
}

/// Nodes that can be reached and are not drained themselves.
std::vector<std::string> targets_of(const runtime& node) {
  std::vector<std::string> names = node.bridges.reachable();
  const auto drained = node.bridges.drained();
  std::erase_if(names, [&](const std::string& each) { return drained.contains(each); });
  return names;
}

/// Looks again and again.
struct look_loop {
  boost::asio::steady_timer timer;
  std::function<size_t()> left;
  std::chrono::steady_clock::time_point until;
  std::function<void(size_t)> done;
};

void look_until_none(const std::shared_ptr<look_loop>& at) {
  constexpr auto pause = std::chrono::milliseconds{50};
  const size_t left = at->left();
  if (left == 0 || std::chrono::steady_clock::now() >= at->until)
    return at->done(left);
  at->timer.expires_after(pause);
  at->timer.async_wait([at](const boost::system::error_code& ended) {
    if (!ended)
      look_until_none(at);
  });
}

} // namespace

/// Like a drained node, but clients are still here, and nobody is waited for who takes long: what stays is promoted
/// elsewhere when this node has gone. A leader of the metadata that holds no masters goes first, too: until there is
/// another one nobody takes this node's copies out of the in-sync sets, and their queues confirm nothing.
void broker_app::leave_masters() {
  constexpr auto longest = std::chrono::seconds{3};
  if (!actors || !links || in_minority())
    return;
  const bool holds_masters = movable_masters(*shared.snapshots.read(), config.node_name, targets_of(shared)) != 0;
  if (holds_masters)
    conditions.set_drained(true);
  if (shared.metadata && !targets_of(shared).empty()) {
    const auto handed = std::make_shared<std::promise<void>>();
    hand_over([handed](const result<void>&) { handed->set_value(); }); // who leads the metadata is to stay
    handed->get_future().wait_for(longest);
  }
  if (!holds_masters)
    return;
  const auto moved = std::make_shared<std::promise<size_t>>();
  await_moved_masters(longest, [moved](size_t left) { moved->set_value(left); });
  if (const size_t left = moved->get_future().get(); left != 0)
    around.say(log_level::warning, "The masters of " + std::to_string(left) + " queues have not left this node");
}

void broker_app::await_moved_masters(std::chrono::seconds longest, std::function<void(size_t)> done) {
  const auto left = [this] { return movable_masters(*shared.snapshots.read(), config.node_name, targets_of(shared)); };
  await_none(left, longest, std::move(done));
}

void broker_app::await_aware_nodes(std::chrono::seconds longest, std::function<void()> done) {
  await_none([this] { return conditions.unaware(); }, longest, [done = std::move(done)](size_t) { done(); });
}

void broker_app::await_none(std::function<size_t()> left, std::chrono::seconds longest,
                            std::function<void(size_t)> done) {
  boost::asio::post(loops.at(0).io(), [this, left = std::move(left), longest, done = std::move(done)] {
    const auto until = std::chrono::steady_clock::now() + longest;
    look_until_none(std::make_shared<look_loop>(boost::asio::steady_timer{loops.at(0).io()}, left, until, done));
  });
}

} // namespace broker

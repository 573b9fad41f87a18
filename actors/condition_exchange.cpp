#include "actors/condition_exchange.hpp"

#include <set>

#include "actors/cluster.hpp"

namespace broker {

namespace {

/// A node's condition may arrive before the metadata that tells of the node; one that is no member may stay connected.
constexpr auto look_again = std::chrono::seconds{1};

struct condition_look_msg {};

} // namespace

/// The actor's end of the exchange.
struct condition_service {
  static caf::behavior behave(caf::event_based_actor* self, condition_exchange* to);
};

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::condition_look_msg)

namespace broker {

caf::behavior condition_service::behave(caf::event_based_actor* self, condition_exchange* to) {
  die_on_exceptions(self);
  const auto looking = std::make_shared<bool>(false);
  const auto hear = [=](const std::function<void(cluster::node_conditions&)>& change) {
    to->hear(change);
    if (to->has_stranger() && !std::exchange(*looking, true))
      self->delayed_send(self, look_again, condition_look_msg{});
  };
  return {
    [=](node_frame_msg& what) { hear([&](auto& state) { state.received(what.content.from, what.content.bytes); }); },
    [=](const node_up_msg& up) { hear([&](auto& state) { state.reached(up.node, up.fresh); }); },
    [=](const node_suspect_msg& suspect) { hear([&](auto& state) { state.unreachable(suspect.node); }); },
    [=](const node_lost_msg& lost) { hear([&](auto& state) { state.lost(lost.node); }); },
    [=](const node_room_msg&) { hear([](auto&) {}); },
    [=](condition_look_msg) {
      *looking = false;
      hear([](auto&) {});
    },
    [](node_datagram_msg&) {}, // none are sent
  };
}

void condition_exchange::start(caf::actor_system& system) {
  actor_ = system.spawn(condition_service::behave, this);
  node_.cluster->serve(cluster_service::control, actor_);
}

void condition_exchange::stop() {
  if (actor_)
    caf::anon_send_exit(std::exchange(actor_, nullptr), caf::exit_reason::kill);
}

void condition_exchange::watch(std::function<void(const std::string&)> block) {
  const std::lock_guard hold{mutex_};
  const std::string before = blocked_;
  block_ = std::move(block);
  apply(); // who is a member may not have been known before
  if (blocked_ == before && !blocked_.empty())
    block_(blocked_);
}

void condition_exchange::set_alarms(bool memory, bool disk) {
  hear([&](auto& state) { state.set_own({memory, disk, state.own().drained}); });
}

void condition_exchange::set_drained(bool drained) {
  hear([&](auto& state) { state.set_own({state.own().memory, state.own().disk, drained}); });
}

condition_exchange::by_node condition_exchange::others() const {
  const std::lock_guard hold{mutex_};
  return of_members();
}

size_t condition_exchange::unaware() const {
  const std::lock_guard hold{mutex_};
  return state_.unaware();
}

void condition_exchange::hear(const std::function<void(cluster::node_conditions&)>& change) {
  const std::lock_guard hold{mutex_};
  change(state_);
  apply();
  tell(); // answers, too: it is in effect
}

bool condition_exchange::has_stranger() const {
  const std::lock_guard hold{mutex_};
  return of_members().size() < state_.others().size();
}

condition_exchange::by_node condition_exchange::of_members() const {
  auto all = state_.others();
  if (all.empty())
    return all;
  const auto metadata = node_.snapshots.read();
  std::erase_if(all, [&](const auto& each) { return !metadata || !metadata->find_node(each.first); });
  return all;
}

// Under the lock, so that what a node is told last is what is so.
void condition_exchange::tell() {
  if (node_.cluster == nullptr)
    return;
  for (const auto& node : state_.untold())
    if (node_.cluster->send(node, cluster_service::control, state_.frame()))
      state_.told(node); // else node_room_msg, or the session's end, follows
  for (const auto& node : state_.unanswered())
    if (node_.cluster->send(node, cluster_service::control, state_.answer()))
      state_.answered(node);
}

void condition_exchange::apply() {
  cluster::node_condition sum = state_.own();
  std::set<std::string, std::less<>> drained;
  for (const auto& [node, each] : of_members()) {
    sum.memory |= each.memory;
    sum.disk |= each.disk;
    if (each.drained)
      drained.insert(node);
  }
  if (state_.own().drained)
    drained.insert(node_.node);
  node_.bridges.set_drained(std::move(drained));
  auto reason = cluster::blocked_reason(sum);
  if (reason == blocked_)
    return;
  blocked_ = std::move(reason);
  if (block_)
    block_(blocked_);
}

} // namespace broker

#include "actors/replica_links.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex> // layers: replicas of every loop send; held for a few moves, for one copy of small parts
#include <set>

#include "actors/cluster.hpp"
#include "base/bytes.hpp"
#include "replication/wire.hpp"

namespace broker {

namespace {

/// What a frame is filled up to with parts; a larger part goes alone.
constexpr size_t frame_bytes = 256 * 1024;
/// In front of each part in a frame: its size.
constexpr size_t part_prefix_bytes = 4;
/// What may wait here for one node; one message more goes in, since replicas ask before they pull.
constexpr size_t waiting_max_bytes = 8 * 1024 * 1024;
/// Mail for replicas that are about to be there: this node may apply a declare later than the sender.
constexpr size_t early_mail_max = 1024;
constexpr uint64_t early_mail_ms = 1'000;
constexpr auto early_mail_look = std::chrono::milliseconds{10};

struct hub_flush_msg {};
struct hub_look_msg {};

} // namespace

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::hub_flush_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::hub_look_msg)

namespace broker {

namespace {

/// What is on its way to one node. Replicas put in at one end, the actor takes out at the other.
struct lane {
  std::mutex mutex;
  std::deque<std::string> frames; ///< the last one is filled up
  std::set<queue_id> wanting;     ///< have been refused
  std::atomic<uint64_t> session{0};
  std::atomic<size_t> waiting{0}; ///< bytes in frames; changed with the lock held

  bool has_room() const { return session != 0 && waiting < waiting_max_bytes; }
  /// With the lock held.
  void clear() {
    frames.clear();
    waiting = 0;
    wanting.clear();
  }
  void add(std::string part) {
    waiting += part.size();
    if (!frames.empty() && frames.back().size() + part.size() <= frame_bytes)
      frames.back() += part;
    else
      frames.push_back(std::move(part));
  }
};

std::string flat(const replication::wire_part& part) {
  std::string bytes;
  bytes.reserve(part_prefix_bytes + part.size);
  bytes.resize(part_prefix_bytes);
  store_u32(bytes.data(), static_cast<uint32_t>(part.size));
  bytes += part.head;
  for (const std::string_view each : part.slices)
    bytes += each;
  return bytes;
}

/// The end that replicas see.
class replica_hub final : public replica_links {
public:
  explicit replica_hub(runtime& node) : node_(node) {}

  bool room(replication::node_id to, queue_id queue) override {
    const auto way = lane_to(to);
    if (!way)
      return false; // its replicas are told of nodes that come
    if (way->has_room())
      return true;
    const std::lock_guard hold{way->mutex};
    if (way->has_room())
      return true;
    if (way->session != 0) // else everybody is told when there is one
      way->wanting.insert(queue);
    return false;
  }

  void send(replication::node_id to, const replication::envelope& message) override {
    const auto way = lane_to(to);
    if (!way || way->session == 0)
      return;
    const auto encoded = replication::encode(message);
    std::vector<std::string> parts;
    for (const auto& each : replication::split(message.queue, encoded))
      parts.push_back(flat(each));
    {
      // All parts at once: whoever puts them together has one message at a time from each node.
      const std::lock_guard hold{way->mutex};
      if (way->session == 0)
        return;
      for (std::string& each : parts)
        way->add(std::move(each));
    }
    if (!flush_scheduled_.exchange(true))
      tell(hub_flush_msg{});
  }

  // -- for the actor --
  void attach(caf::actor who) {
    const std::lock_guard hold{mutex_};
    actor_ = std::move(who);
  }
  caf::actor detach() {
    const std::lock_guard hold{mutex_};
    return std::exchange(actor_, nullptr);
  }
  void flush_begins() { flush_scheduled_ = false; }
  std::shared_ptr<lane> lane_of(const std::string& name) {
    const std::lock_guard hold{mutex_};
    auto& way = lanes_[name];
    if (!way)
      way = std::make_shared<lane>();
    return way;
  }
  /// Whoever holds it finds it without a session.
  void drop_lane(const std::string& name) {
    const std::lock_guard hold{mutex_};
    lanes_.erase(name);
  }
  std::map<std::string, std::shared_ptr<lane>> lanes() const {
    const std::lock_guard hold{mutex_};
    return lanes_;
  }

private:
  template<class Message>
  void tell(Message what) {
    const std::lock_guard hold{mutex_};
    if (actor_)
      caf::anon_send(actor_, what);
  }
  std::shared_ptr<lane> lane_to(replication::node_id to) {
    const auto metadata = node_.snapshots.read();
    const auto record = metadata ? metadata->find_node(uint64_t{to}) : nullptr;
    return record ? lane_of(record->name) : nullptr;
  }

  runtime& node_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<lane>> lanes_; ///< of members, and of nodes that have a session
  caf::actor actor_;
  std::atomic<bool> flush_scheduled_{false};
};

// -- the actor --------------------------------------------------------------------------------------------------------

/// Of one other node.
struct arrivals {
  replication::part_assembler assembler; ///< of the message whose parts arrive
  queue_id queue = 0;                    ///< whose it is
  bool blocked = false;                  ///< the link has refused: node_room_msg or node_up_msg follows
  bool ended = false;                    ///< by us: what else comes of this session counts no more
};

struct early_mail {
  uint64_t until = 0;
  std::deque<replica_mail> mails;
};

struct hub_shell {
  static inline const char* name = "replica_links";

  runtime* node = nullptr;
  std::shared_ptr<replica_hub> hub;
  std::map<std::string, arrivals> nodes;
  std::map<queue_id, early_mail> early;
  size_t early_mails = 0;
};
using hub_actor = caf::stateful_actor<hub_shell>;

replication::node_id number_of(const runtime& node, const std::string& name) {
  const auto metadata = node.snapshots.read();
  const auto record = metadata ? metadata->find_node(name) : nullptr;
  return record ? static_cast<replication::node_id>(record->id) : 0;
}

/// Hands the link what waits, until it refuses. Only this actor takes out, so the lock need not be held meanwhile.
void flush(hub_shell& shell, const std::string& name, lane& way) {
  std::set<queue_id> free;
  {
    std::unique_lock hold{way.mutex};
    auto& blocked = shell.nodes[name].blocked;
    while (!blocked && !way.frames.empty()) {
      std::string frame = std::move(way.frames.front());
      way.frames.pop_front();
      const uint64_t session = way.session;
      const size_t size = frame.size();
      hold.unlock();
      blocked = !shell.node->cluster->send(name, cluster_service::replication, std::move(frame), session);
      hold.lock();
      if (blocked)
        way.frames.push_front(std::move(frame)); // NOLINT(bugprone-use-after-move): a send that refuses takes nothing
      else
        way.waiting -= size;
    }
    if (way.waiting < waiting_max_bytes / 2)
      free.swap(way.wanting);
  }
  if (free.empty())
    return;
  const auto number = number_of(*shell.node, name);
  for (const queue_id queue : free)
    if (const auto who = shell.node->replicas_by_id.find(queue))
      caf::anon_send(who, replica_room_msg{number});
}

/// Early mail of a session that is over: what came after it is gone.
void forget_early(hub_shell& shell, replication::node_id from) {
  for (auto& [queue, kept] : shell.early)
    shell.early_mails -= std::erase_if(kept.mails, [&](const replica_mail& each) { return each.from == from; });
}

void session_begins(hub_shell& shell, const node_up_msg& up) {
  const auto way = shell.hub->lane_of(up.node);
  {
    const std::lock_guard hold{way->mutex};
    way->clear();
    way->session = up.session;
  }
  shell.nodes[up.node] = {};
  const auto number = number_of(*shell.node, up.node);
  if (number == 0)
    return; // not known to be a member yet: nobody has anything for it
  forget_early(shell, number);
  for (const caf::actor& each : shell.node->replicas_by_id.all())
    caf::anon_send(each, replica_room_msg{number});
}

void session_ends(hub_shell& shell, const node_lost_msg& lost) {
  const auto way = shell.hub->lane_of(lost.node);
  {
    const std::lock_guard hold{way->mutex};
    if (way->session != lost.session)
      return; // of one that has ended here before
    way->clear();
    way->session = 0;
  }
  shell.hub->drop_lane(lost.node);
  shell.nodes.erase(lost.node);
}

/// It sent what no node sends: both sides begin anew.
void end_session(hub_shell& shell, const std::string& name, const std::string& why) {
  if (shell.node->warn)
    shell.node->warn("session with node '" + name + "' ended: it sent a " + why);
  session_ends(shell, {name, shell.hub->lane_of(name)->session, why});
  shell.nodes[name].ended = true;
  shell.node->cluster->forget(name);
  shell.node->cluster->connect(name);
}

/// Has this node not applied yet that there is such a queue?
bool is_coming(const runtime& node, queue_id queue) {
  const auto metadata = node.snapshots.read();
  return !metadata || queue >= metadata->next_queue_id();
}

void keep_for_later(hub_actor* self, replica_mail mail) {
  auto& shell = self->state;
  if (shell.early_mails >= early_mail_max)
    return; // its sender asks again
  if (shell.early_mails++ == 0)
    self->delayed_send(self, early_mail_look, hub_look_msg{});
  auto& kept = shell.early[mail.message.queue];
  if (kept.mails.empty())
    kept.until = shell.node->now_ms() + early_mail_ms;
  mail.lease = nullptr; // others must not wait for it
  kept.mails.push_back(std::move(mail));
}

void deliver(hub_actor* self, replica_mail mail) {
  auto& shell = self->state;
  const queue_id queue = mail.message.queue;
  if (shell.early.contains(queue))
    return keep_for_later(self, std::move(mail)); // in order
  if (const auto who = shell.node->replicas_by_id.find(queue))
    self->send(who, replica_mail_msg{std::move(mail)});
  else if (is_coming(*shell.node, queue))
    keep_for_later(self, std::move(mail));
}

/// Gives up what has come too early once its queue is there, or will not be.
void look_at_early(hub_actor* self) {
  auto& shell = self->state;
  const uint64_t now = shell.node->now_ms();
  for (auto at = shell.early.begin(); at != shell.early.end();) {
    const auto who = shell.node->replicas_by_id.find(at->first);
    if (!who && is_coming(*shell.node, at->first) && now < at->second.until) {
      ++at;
      continue;
    }
    shell.early_mails -= at->second.mails.size();
    for (replica_mail& each : at->second.mails)
      if (who)
        self->send(who, replica_mail_msg{std::move(each)});
    at = shell.early.erase(at);
  }
  if (shell.early_mails != 0)
    self->delayed_send(self, early_mail_look, hub_look_msg{});
}

/// Error: not a part, or not a message.
result<void> take_part(hub_actor* self, const std::string& from, replication::node_id number, std::string_view part,
                       const std::shared_ptr<void>& lease) {
  const auto queue = replication::part_assembler::queue_of(part);
  if (!queue)
    return queue.error();
  arrivals& state = self->state.nodes[from];
  if (state.queue != *queue)
    state.assembler.reset();
  state.queue = *queue;
  auto whole = state.assembler.take(part);
  if (!whole)
    return whole.error();
  if (!whole->home || number == 0)
    return {};
  auto message = replication::decode(whole->bytes, whole->home);
  if (!message)
    return message.error();
  if (message->queue != *queue)
    return error{0, "replication message for another queue than its parts"};
  deliver(self, {number, std::move(*message), lease});
  return {};
}

void take_frame(hub_actor* self, node_frame& frame) {
  auto& shell = self->state;
  if (shell.nodes[frame.from].ended)
    return;
  const auto number = number_of(*shell.node, frame.from);
  const auto lease = std::make_shared<frame_lease>(std::move(frame.lease));
  std::string_view rest = frame.bytes;
  while (!rest.empty()) {
    const size_t size = rest.size() < part_prefix_bytes ? SIZE_MAX : load_u32(rest.data());
    if (size > rest.size() - std::min(rest.size(), part_prefix_bytes))
      return end_session(shell, frame.from, "malformed replication frame");
    rest.remove_prefix(part_prefix_bytes);
    if (auto taken = take_part(self, frame.from, number, rest.substr(0, size), lease); !taken)
      return end_session(shell, frame.from, taken.error().text);
    rest.remove_prefix(size);
  }
}

caf::behavior replica_links_behavior(hub_actor* self, runtime* node, std::shared_ptr<replica_hub> hub) {
  die_on_exceptions(self);
  self->state.node = node;
  self->state.hub = std::move(hub);
  const auto flush_to = [self](const std::string& name) {
    self->state.nodes[name].blocked = false;
    flush(self->state, name, *self->state.hub->lane_of(name));
  };
  return {
    [self](hub_flush_msg) {
      self->state.hub->flush_begins();
      for (const auto& [name, way] : self->state.hub->lanes())
        flush(self->state, name, *way);
    },
    [self](node_frame_msg& frame) { take_frame(self, frame.content); },
    [self, flush_to](const node_up_msg& up) {
      if (up.fresh)
        session_begins(self->state, up);
      flush_to(up.node);
    },
    [](const node_suspect_msg&) {}, // nothing is lost yet
    [self](const node_lost_msg& lost) { session_ends(self->state, lost); },
    [flush_to](const node_room_msg& room) { flush_to(room.node); },
    [self](hub_look_msg) { look_at_early(self); },
    [](node_datagram_msg&) {}, // none are sent
  };
}

} // namespace

void start_replica_links(caf::actor_system& system, runtime& node) {
  BROKER_ASSERT(node.cluster != nullptr && !node.replicas, "started once, in a cluster");
  auto hub = std::make_shared<replica_hub>(node);
  auto actor = system.spawn(replica_links_behavior, &node, hub);
  hub->attach(actor);
  node.cluster->serve(cluster_service::replication, std::move(actor));
  node.replicas = std::move(hub);
}

void stop_replica_links(runtime& node) {
  if (!node.replicas)
    return;
  for (const auto& [name, way] : static_cast<replica_hub&>(*node.replicas).lanes()) {
    const std::lock_guard hold{way->mutex};
    way->session = 0;
    way->clear();
  }
  if (const auto actor = static_cast<replica_hub&>(*node.replicas).detach())
    caf::anon_send_exit(actor, caf::exit_reason::kill);
}

} // namespace broker

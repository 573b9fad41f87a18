#include "link_plants.hpp"

#include <chrono>
#include <map>

#include "actors/messages.hpp"
#include "actors/runtime.hpp"
#include "metadata/metadata_state.hpp"
#include "metadata/peer_message.hpp"
#include "raft/message.hpp"

namespace broker::sim {

namespace {

/// How often an occasional mistake happens: one in this many.
constexpr uint64_t seldom = 5;
/// After this long a proposal is made once more.
constexpr auto again_after = std::chrono::milliseconds{700};

// -- what other nodes send
// --------------------------------------------------------------------------------------------------

/// The first change of an append is left out, now and then: an entry without effect stands in its place.
void skip_an_entry(std::string& datagram, plant& mistakes) {
  auto outer = decode_peer_message(datagram);
  auto* inner = outer ? std::get_if<peer_message::raft>(&outer->body) : nullptr;
  auto decoded = inner ? raft::decode(inner->bytes) : result<raft::message>{error{}};
  auto* append = decoded ? std::get_if<raft::append_request>(&decoded->body) : nullptr;
  if (!append)
    return;
  for (auto& entry : append->entries) {
    if (entry.type != consensus::entry::kind::command || !mistakes.happens(seldom))
      continue;
    const auto what = decode_proposed(entry.data);
    if (!what || std::holds_alternative<node_started>(what->what))
      continue;
    entry.data = encode_command(withdrawn{}, what->by);
    inner->bytes = raft::encode(*decoded);
    datagram = encode(*outer);
    return;
  }
}

bool tells_that_we_are_forgotten(const std::string& datagram) {
  const auto what = decode_peer_message(datagram);
  return what && std::holds_alternative<peer_message::forgotten>(what->body);
}

struct ear_shell {
  std::map<std::string, std::string> newest; ///< frame of each node
  std::map<std::string, uint64_t> sessions;  ///< that this service was told of first
};
using ear_actor = caf::stateful_actor<ear_shell>;

/// Stands between the links and a service.
caf::behavior ear_behavior(ear_actor* self, caf::actor service, plant* mistakes) {
  return {
    [=](node_frame_msg& frame) {
      if (mistakes->is("frame-repeated-after-reconnect"))
        self->state.newest[frame.content.from] = frame.content.bytes;
      self->send(service, std::move(frame));
    },
    [=](node_datagram_msg& datagram) {
      if (mistakes->is("entry-skipped-by-follower"))
        skip_an_entry(datagram.content.bytes, *mistakes);
      if (!mistakes->is("forgotten-node-not-told") || !tells_that_we_are_forgotten(datagram.content.bytes))
        self->send(service, std::move(datagram));
    },
    [=](const node_up_msg& up) {
      auto told = up;
      if (mistakes->is("session-outlives-restart")) {
        const auto [known, first] = self->state.sessions.emplace(up.node, up.session);
        told.fresh = first;
        told.session = known->second;
      }
      self->send(service, told);
      const auto newest = self->state.newest.find(up.node);
      if (!up.fresh && newest != self->state.newest.end())
        self->send(service, node_frame_msg{node_frame{up.node, newest->second, {}}});
      if (up.fresh)
        self->state.newest.erase(up.node);
    },
    [=](const node_suspect_msg& suspect) { self->send(service, suspect); },
    [=](const node_lost_msg& lost) {
      if (!mistakes->is("session-outlives-restart"))
        self->send(service, lost);
    },
    [=](const node_room_msg& room) { self->send(service, room); },
  };
}

class spoiled_links final : public cluster_links {
public:
  spoiled_links(cluster_links& inner, caf::actor_system& system, plant& mistakes)
    : inner_(inner), system_(system), mistakes_(mistakes) {}

  uint64_t incarnation() const override { return inner_.incarnation(); }
  void serve(cluster_service service, caf::actor who) override {
    const bool of_metadata = mistakes_.is("entry-skipped-by-follower") || mistakes_.is("forgotten-node-not-told");
    const bool concerned = (service == cluster_service::metadata) == of_metadata;
    inner_.serve(service, concerned ? system_.spawn(ear_behavior, std::move(who), &mistakes_) : std::move(who));
  }
  bool send(const std::string& node, cluster_service service, std::string&& bytes, uint64_t session) override {
    return inner_.send(node, service, std::move(bytes), session);
  }
  void send_datagram(const std::string& node, cluster_service service, std::string bytes) override {
    inner_.send_datagram(node, service, std::move(bytes));
  }
  std::vector<node_state> nodes() const override { return inner_.nodes(); }
  void connect(const std::string& node, const std::string& host, uint16_t port) override {
    inner_.connect(node, host, port);
  }
  void forget(const std::string& node) override { inner_.forget(node); }

private:
  cluster_links& inner_;
  caf::actor_system& system_;
  plant& mistakes_;
};

// -- proposals
// ---------------------------------------------------------------------------------------------------------------

/// Whose answer says no more than that it is done.
bool is_plain(const command& what) {
  return std::holds_alternative<declare_exchange>(what) || std::holds_alternative<delete_exchange>(what)
      || std::holds_alternative<delete_queue>(what);
}

bool is_of_clients(const command& what) {
  return is_plain(what) || std::holds_alternative<declare_queue>(what);
}

caf::behavior secretary_behavior(caf::event_based_actor* self, caf::actor metadata, plant* mistakes) {
  return {
    [=](propose_msg& what) {
      auto& asked = what.content;
      if (mistakes->is("answer-before-commit") && is_plain(asked.what))
        std::exchange(asked.done, [](const command_result&) {})({});
      if (mistakes->is("proposal-applied-twice") && is_of_clients(asked.what) && mistakes->happens(seldom))
        self->delayed_send(metadata, again_after, propose_msg{proposal{asked.what, [](const command_result&) {}}});
      self->send(metadata, std::move(what));
    },
    [=](metadata_read_msg& what) { self->send(metadata, std::move(what)); },
    [=](metadata_status_msg& what) { self->send(metadata, std::move(what)); },
  };
}

} // namespace

std::unique_ptr<cluster_links> spoil_links(cluster_links& links, caf::actor_system& system, plant& mistakes) {
  for (const char* name : {"frame-repeated-after-reconnect", "session-outlives-restart", "entry-skipped-by-follower",
                           "forgotten-node-not-told"})
    if (mistakes.is(name))
      return std::make_unique<spoiled_links>(links, system, mistakes);
  return nullptr;
}

caf::actor spoil_proposals(caf::actor_system& system, runtime& node, plant& mistakes) {
  if (!mistakes.is("answer-before-commit") && !mistakes.is("proposal-applied-twice"))
    return nullptr;
  const auto behind = node.metadata;
  node.metadata = system.spawn(secretary_behavior, behind, &mistakes);
  return behind;
}

} // namespace broker::sim

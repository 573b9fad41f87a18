#include <algorithm>

#include "cluster/link.hpp"
#include "cluster/plant.hpp"

namespace broker::cluster {

namespace {

constexpr size_t former_incarnations_kept = 8;

session_pair swapped(session_pair pair) {
  return {pair.peer, pair.own};
}

} // namespace

hello_frame node_link::make_hello() {
  hello_frame hello;
  hello.node = settings_.node;
  hello.target = settings_.peer;
  hello.cluster = settings_.cluster;
  hello.incarnation = settings_.incarnation;
  hello.attempt = ++attempt_;
  hello.session = session_;
  hello.offer = offer_;
  for (size_t i = 0; i < cluster_services; ++i) {
    hello.received[i] = in_[i].received();
    hello.window[i] = settings_.window_bytes[i];
  }
  return hello;
}

link_step node_link::opened(uint64_t id, bool dialled, uint64_t now_ms) {
  BROKER_ASSERT(id != 0 && find(id) == nullptr, "a connection is opened once");
  link_step step;
  refused_since_ms_.reset();
  // Two hellos of ours under way could each begin a session, and the later one end what the earlier one has begun.
  for (size_t i = 0; dialled && i < connections_.size();)
    if (connections_[i]->where == stage::expecting_reply)
      drop(*connections_[i], "", step, now_ms);
    else
      ++i;
  size_t greeting = 0;
  connection* oldest = nullptr;
  for (const auto& each : connections_)
    if (each->id != active_ && ++greeting && !oldest)
      oldest = each.get();
  if (greeting >= link_limits::greeting_connections)
    drop(*oldest, "too many connections greet at once", step, now_ms);
  auto& added = *connections_.emplace_back(std::make_unique<connection>());
  added.id = id;
  added.dialled = dialled;
  added.opened_ms = added.last_heard_ms = added.last_sent_ms = now_ms;
  if (dialled) {
    added.where = stage::expecting_reply;
    added.session_at_hello = session_;
    added.offer_at_hello = offer_;
    encode(make_hello(), added.out);
  }
  return step;
}

std::string node_link::mismatch(const hello_frame& hello) const {
  if (hello.version != link_limits::protocol_version)
    return "node " + settings_.peer + " speaks version " + std::to_string(hello.version)
         + " of the cluster protocol, this node speaks version " + std::to_string(link_limits::protocol_version);
  if (hello.node != settings_.peer)
    return "it was admitted as " + settings_.peer + " but calls itself " + hello.node;
  if (hello.target != settings_.node)
    return "it looks for " + hello.target + ", this is " + settings_.node;
  if (!hello.cluster.empty() && !settings_.cluster.empty() && hello.cluster != settings_.cluster)
    return hello.node + " is in the cluster " + hello.cluster + ", " + settings_.node + " in " + settings_.cluster;
  for (size_t i = 0; i < cluster_services; ++i)
    if (hello.window[i] == 0)
      return "it has no window for service " + std::to_string(i + 1);
  return "";
}

bool node_link::overtaken(const hello_frame& hello, uint64_t now_ms) const {
  if (hello.incarnation == peer_incarnation_)
    return hello.attempt <= peer_attempt_;
  // Of two runs we cannot know which came first. What a dead one has sent is gone within the time of a greeting; after
  // that it is the living one that must not be kept out.
  return std::any_of(former_incarnations_.begin(), former_incarnations_.end(), [&](const auto& each) {
    return each.first == hello.incarnation && now_ms - each.second < 2 * settings_.greeting_ms;
  });
}

bool node_link::wins_over_active(const connection& candidate, const hello_frame& hello, uint64_t now_ms) const {
  const auto* active = find(active_);
  if (active == nullptr || hello.incarnation != peer_incarnation_)
    return true;
  if (now_ms - active->last_heard_ms >= 2 * settings_.heartbeat_ms)
    return true;
  if (candidate.dialled == active->dialled)
    return true; // whoever dials again has lost the first
  return candidate.dialled == (settings_.node < settings_.peer);
}

bool node_link::answer_hello(connection& from, const hello_frame& hello, link_step& step, uint64_t now_ms) {
  if (const auto why = mismatch(hello); !why.empty())
    return refuse(from, why, false, step, now_ms);
  if (overtaken(hello, now_ms) && !planted(plant::overtaken_hello_answered))
    return refuse(from, "a later attempt came first", true, step, now_ms);
  if (!wins_over_active(from, hello, now_ms))
    return refuse(from, "connected already", true, step, now_ms);
  const auto reply = make_hello();
  encode(reply, from.out);
  bool same = session_ && session_ == swapped(hello.session) && hello.incarnation == peer_incarnation_;
  if (planted(plant::session_goes_on_after_restart))
    same = static_cast<bool>(session_);
  const auto next = same ? session_ : session_pair{reply.offer, hello.offer};
  return activate(from, hello, next, same, step, now_ms);
}

bool node_link::take_reply(connection& from, const hello_frame& hello, link_step& step, uint64_t now_ms) {
  if (const auto why = mismatch(hello); !why.empty())
    return drop(from, "not a node to talk to: " + why, step, now_ms);
  const bool same = from.session_at_hello && from.session_at_hello == swapped(hello.session);
  const auto next = same ? from.session_at_hello : session_pair{from.offer_at_hello, hello.offer};
  // Another connection has moved on in the meantime; the next greeting sees where both are.
  if ((next != session_ && session_ != from.session_at_hello) || overtaken(hello, now_ms))
    return drop(from, "", step, now_ms);
  if (!wins_over_active(from, hello, now_ms))
    return drop(from, "", step, now_ms);
  encode(ready_frame{}, from.out);
  return activate(from, hello, next, same, step, now_ms);
}

void node_link::know_peer(const hello_frame& hello, uint64_t now_ms) {
  if (hello.incarnation == peer_incarnation_)
    return;
  if (peer_incarnation_ != 0)
    former_incarnations_.emplace_back(peer_incarnation_, now_ms);
  if (former_incarnations_.size() > former_incarnations_kept)
    former_incarnations_.pop_front();
  peer_incarnation_ = hello.incarnation;
  peer_attempt_ = 0;
}

bool node_link::activate(connection& by, const hello_frame& hello, session_pair next, bool continued, link_step& step,
                         uint64_t now_ms) {
  const bool restarted = peer_incarnation_ != 0 && hello.incarnation != peer_incarnation_;
  know_peer(hello, now_ms);
  peer_attempt_ = hello.attempt;
  if (next != session_)
    begin_session(next, restarted ? "it has restarted" : "it no longer holds the session", step);
  for (size_t i = 0; i < cluster_services; ++i) {
    out_[i].limit(std::min(settings_.window_bytes[i], hello.window[i]));
    if (auto resumed = out_[i].resume(continued ? hello.received[i] : 0); !resumed) {
      end_session(resumed.error().text, step);
      return drop(by, "garbage from " + settings_.peer + ": " + resumed.error().text, step, now_ms);
    }
  }
  const auto* replaced = find(active_);
  active_ = by.id;
  if (replaced != nullptr && replaced != &by)
    drop(*const_cast<connection*>(replaced), "", step, now_ms);
  ack_now_ = true; // what the last connection was given may never have arrived
  if (by.dialled || continued || told_ || planted(plant::acceptor_up_before_ready)) {
    by.where = stage::up;
    come_up(by, step);
  } else {
    by.where = stage::expecting_ready;
  }
  return true;
}

void node_link::begin_session(session_pair next, const std::string& why, link_step& step) {
  end_session(why, step);
  session_ = next;
  do
    offer_ = settings_.random();
  while (offer_ == 0);
}

void node_link::come_up(connection& by, link_step& step) {
  BROKER_ASSERT(session_ && by.id == active_, "only the active connection carries a session");
  if (told_ && told_up_)
    return;
  link_event up;
  up.what = link_event::kind::up;
  up.session = session_.own;
  up.fresh = !told_;
  told_ = told_up_ = true;
  step.events.push_back(std::move(up));
}

} // namespace broker::cluster

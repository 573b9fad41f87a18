#include "cluster/link.hpp"

#include <algorithm>

#include "cluster/plant.hpp"

namespace broker::cluster {

namespace {

template<size_t... I>
std::array<outbox, cluster_services> make_outboxes(std::index_sequence<I...>) {
  return {outbox{service_at(I)}...};
}

link_event event_of(link_event::kind what, std::string text = {}) {
  link_event event;
  event.what = what;
  event.text = std::move(text);
  return event;
}

} // namespace

link_settings::link_settings() {
  std::copy(link_limits::window_bytes.begin(), link_limits::window_bytes.end(), window_bytes.begin());
}

node_link::node_link(link_settings settings)
  : settings_(std::move(settings)), out_(make_outboxes(std::make_index_sequence<cluster_services>{})) {
  BROKER_ASSERT(settings_.incarnation != 0 && !settings_.node.empty() && settings_.node != settings_.peer,
                "a link goes from this run of this node to another one");
  for (size_t i = 0; i < cluster_services; ++i)
    in_[i].limit(settings_.window_bytes[i]);
  do
    offer_ = settings_.random();
  while (offer_ == 0);
}

node_link::connection* node_link::find(uint64_t id) const {
  for (const auto& each : connections_)
    if (each->id == id)
      return each.get();
  return nullptr;
}

bool node_link::remove(connection& which, link_step& step, uint64_t now_ms) {
  const uint64_t id = which.id;
  std::erase_if(connections_, [&](const auto& each) { return each->id == id; });
  if (id != active_)
    return false;
  active_ = 0;
  broken_since_ms_ = now_ms;
  // They are of an instant that is over, and the peer may be away for long.
  datagrams_.clear();
  datagram_bytes_ = 0;
  if (std::exchange(told_up_, false))
    step.events.push_back(event_of(link_event::kind::suspect));
  return false;
}

bool node_link::drop(connection& which, std::string reason, link_step& step, uint64_t now_ms) {
  std::string last;
  if (which.where != stage::expecting_reply)
    last = which.out.view();
  step.close.push_back({which.id, std::move(last), std::move(reason)});
  return remove(which, step, now_ms);
}

bool node_link::refuse(connection& from, const std::string& reason, bool benign, link_step& step, uint64_t now_ms) {
  encode(refuse_frame{benign, reason}, from.out);
  return drop(from, benign ? "" : "refused: " + reason, step, now_ms);
}

link_step node_link::closed(uint64_t id, const std::string& reason, uint64_t now_ms) {
  link_step step;
  auto* gone = find(id);
  if (gone == nullptr)
    return step;
  if (!reason.empty())
    step.events.push_back(event_of(link_event::kind::note, reason));
  remove(*gone, step, now_ms);
  return step;
}

link_step node_link::dial_failed(bool refused, uint64_t now_ms) {
  link_step step;
  if (!refused || active_ != 0) {
    refused_since_ms_.reset();
    return step;
  }
  if (!refused_since_ms_)
    refused_since_ms_ = now_ms;
  if (session_ && now_ms - *refused_since_ms_ >= link_limits::refused_limit_ms)
    end_session("nothing listens at its address", step);
  return step;
}

// -- input
// -------------------------------------------------------------------------------------------------------------

link_step node_link::received(uint64_t id, std::string_view bytes, uint64_t now_ms) {
  link_step step;
  auto* from = find(id);
  if (from == nullptr)
    return step;
  from->last_heard_ms = last_heard_ms_ = now_ms;
  // The connection may be dropped on the way; its splitter must outlive the loop.
  auto splitter = std::move(from->splitter);
  size_t most = 0;
  const auto look = [&] {
    most = from->where == stage::expecting_hello || from->where == stage::expecting_reply
           ? link_limits::hello_max_bytes
           : link_limits::frame_max_bytes;
  };
  look();
  const auto fed = splitter.feed(bytes, most, [&](std::string_view frame) {
    if (!take_frame(id, frame, step, now_ms)) {
      from = nullptr;
      return false;
    }
    look();
    return true;
  });
  if (from == nullptr)
    return step;
  if (!fed)
    garbage(*from, fed.error().text, step, now_ms);
  else
    from->splitter = std::move(splitter);
  return step;
}

bool node_link::take_frame(uint64_t id, std::string_view bytes, link_step& step, uint64_t now_ms) {
  auto& from = *find(id);
  auto frame = decode(bytes);
  if (!frame)
    return garbage(from, frame.error().text, step, now_ms);
  const bool is_hello = std::holds_alternative<hello_frame>(*frame);
  const bool is_refusal = std::holds_alternative<refuse_frame>(*frame);
  const bool is_ready = std::holds_alternative<ready_frame>(*frame);
  bool expected = false;
  switch (from.where) {
  case stage::expecting_hello:
    expected = is_hello;
    break;
  case stage::expecting_reply:
    expected = is_hello || is_refusal;
    break;
  case stage::expecting_ready:
    expected = is_ready;
    break;
  case stage::up:
    // An acceptor that goes on with a session needs no ready, but gets it.
    expected = !is_hello && !is_refusal && !(is_ready && from.dialled);
    break;
  }
  if (!expected)
    return garbage(from, "an unexpected frame of type " + std::to_string(frame->index() + 1), step, now_ms);
  return std::visit([&](const auto& each) { return take(from, each, step, now_ms); }, *frame);
}

bool node_link::garbage(connection& from, const std::string& what, link_step& step, uint64_t now_ms) {
  return drop(from, "garbage from " + settings_.peer + ": " + what, step, now_ms);
}

bool node_link::take(connection& from, const hello_frame& hello, link_step& step, uint64_t now_ms) {
  return from.dialled ? take_reply(from, hello, step, now_ms) : answer_hello(from, hello, step, now_ms);
}

bool node_link::take(connection& from, const ready_frame&, link_step& step, uint64_t) {
  from.where = stage::up;
  come_up(from, step);
  return true;
}

bool node_link::take(connection& from, const refuse_frame& refused, link_step& step, uint64_t now_ms) {
  std::string reason;
  if (!refused.benign)
    reason = settings_.peer + " refused the connection: " + std::string{refused.reason};
  return drop(from, std::move(reason), step, now_ms);
}

bool node_link::take(connection& from, const data_frame& part, link_step& step, uint64_t now_ms) {
  auto& box = in_[index_of(part.service)];
  auto taken = box.take(part);
  if (!taken)
    return garbage(from, taken.error().text, step, now_ms);
  ack_now_ = ack_now_ || box.much_untold();
  if (!*taken)
    return true;
  link_event event;
  event.what = link_event::kind::frame;
  event.service = part.service;
  event.session = session_.own;
  event.bytes = **std::move(taken);
  step.events.push_back(std::move(event));
  return true;
}

bool node_link::take(connection& from, const ack_frame& ack, link_step& step, uint64_t now_ms) {
  for (size_t i = 0; i < cluster_services; ++i)
    if (auto known = out_[i].acknowledge(ack.services[i].received, ack.services[i].handled); !known) {
      end_session(known.error().text, step);
      return garbage(from, known.error().text, step, now_ms);
    }
  offer_room(step);
  return true;
}

bool node_link::take(connection&, const datagram_frame& datagram, link_step& step, uint64_t) {
  link_event event;
  event.what = link_event::kind::datagram;
  event.service = datagram.service;
  event.bytes = datagram.bytes;
  step.events.push_back(std::move(event));
  return true;
}

bool node_link::take(connection&, const heartbeat_frame&, link_step&, uint64_t) {
  return true;
}

bool node_link::take(connection& from, const bye_frame& bye, link_step& step, uint64_t now_ms) {
  end_session("it said good-bye: " + std::string{bye.reason}, step);
  return drop(from, "", step, now_ms);
}

// -- time
// --------------------------------------------------------------------------------------------------------------

void node_link::stood_still(uint64_t ms, uint64_t now_ms) {
  for (const auto& each : connections_) {
    each->opened_ms = std::min(now_ms, each->opened_ms + ms);
    each->last_heard_ms = std::min(now_ms, each->last_heard_ms + ms);
  }
}

link_step node_link::tick(uint64_t now_ms, uint64_t due_ms) {
  if (now_ms >= due_ms + settings_.heartbeat_ms) // less is a busy machine; a timer's clock may be ahead of ours, too
    stood_still(now_ms - due_ms, now_ms);
  link_step step;
  std::vector<std::pair<connection*, std::string>> over;
  for (const auto& each : connections_)
    if (each->where != stage::up) {
      if (now_ms - each->opened_ms >= settings_.greeting_ms)
        over.emplace_back(each.get(), settings_.peer + " did not finish its greeting");
    } else if (now_ms - each->last_heard_ms >= settings_.suspect_ms && !planted(plant::silence_forgiven)) {
      over.emplace_back(each.get(),
                        settings_.peer + " was silent for " + std::to_string(now_ms - each->last_heard_ms) + " ms");
    } else if (now_ms - each->last_sent_ms >= settings_.heartbeat_ms && each->out.empty()) {
      encode(heartbeat_frame{}, each->out);
    }
  for (const auto& [which, reason] : over)
    drop(*which, reason, step, now_ms);
  if (session_ && active_ == 0 && now_ms - broken_since_ms_ >= settings_.break_limit_ms
      && !planted(plant::break_limit_ignored))
    end_session("unreachable for " + std::to_string((now_ms - broken_since_ms_) / 1000) + " s", step);
  ack_now_ = ack_now_ || untold();
  return step;
}

uint64_t node_link::next_tick(uint64_t now_ms) const {
  uint64_t due = UINT64_MAX;
  for (const auto& each : connections_) {
    if (each->where != stage::up) {
      due = std::min(due, each->opened_ms + settings_.greeting_ms);
      continue;
    }
    due = std::min(due, each->last_heard_ms + settings_.suspect_ms);
    // What waits to be written is as good as a heartbeat, but may wait for long.
    due = std::min(due, std::max(each->last_sent_ms + settings_.heartbeat_ms,
                                 each->out.empty() ? 0 : now_ms + link_limits::ack_delay_ms));
  }
  if (session_ && active_ == 0)
    due = std::min(due, broken_since_ms_ + settings_.break_limit_ms);
  // A service may be done with what it has at any time, and nobody wakes the link for a little.
  const auto owes = [](const inbox& each) { return each.untold() || each.held_bytes() != 0; };
  if (active_ != 0 && std::any_of(in_.begin(), in_.end(), owes))
    due = std::min(due, now_ms + link_limits::ack_delay_ms);
  return due;
}

link_step node_link::end(const std::string& reason, uint64_t now_ms) {
  link_step step;
  end_session(reason, step);
  if (auto* active = find(active_)) // even one whose ready is still under way: the peer is up already
    encode(bye_frame{reason}, active->out);
  while (!connections_.empty())
    drop(*connections_.front(), "", step, now_ms);
  return step;
}

void node_link::end_session(const std::string& reason, link_step& step) {
  if (!session_)
    return;
  if (told_) {
    auto lost = event_of(link_event::kind::lost, reason);
    lost.session = session_.own;
    step.events.push_back(std::move(lost));
  }
  session_ = {};
  told_ = told_up_ = false;
  wants_room_ = {};
  ack_now_ = false;
  for (auto& each : out_)
    each.reset();
  for (auto& each : in_)
    each.reset();
}

// -- services
// ----------------------------------------------------------------------------------------------------------

bool node_link::send(cluster_service service, std::string&& bytes, uint64_t wanted) {
  if (!told_ || (wanted != 0 && wanted != session_.own))
    return false;
  auto& box = out_[index_of(service)];
  if (!box.has_room(bytes.size())) {
    wants_room_[index_of(service)] = !planted(plant::room_forgotten);
    return false;
  }
  box.push(std::move(bytes));
  return true;
}

bool node_link::handled(uint64_t of, cluster_service service, uint64_t cost) {
  if (!session_ || of != session_.own)
    return false;
  auto& box = in_[index_of(service)];
  box.handled(cost);
  const bool before = ack_now_;
  ack_now_ = ack_now_ || box.much_untold();
  return ack_now_ && !before;
}

void node_link::offer_room(link_step& step) {
  for (size_t i = 0; i < cluster_services; ++i)
    if (wants_room_[i] && out_[i].used_bytes() <= out_[i].window_bytes() / 2) {
      wants_room_[i] = false;
      auto room = event_of(link_event::kind::room);
      room.service = service_at(i);
      step.events.push_back(std::move(room));
    }
}

uint64_t node_link::unhandled_bytes() const {
  uint64_t sum = 0;
  for (const auto& each : out_)
    sum += each.used_bytes();
  return sum;
}

uint64_t node_link::kept_bytes() const {
  uint64_t sum = datagram_bytes_;
  for (const auto& each : out_)
    sum += each.kept_bytes();
  for (const auto& each : in_)
    sum += each.held_bytes();
  return sum;
}

} // namespace broker::cluster

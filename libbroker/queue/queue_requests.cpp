#include <algorithm>
#include <utility>

#include "queue/queue_impl.hpp"

namespace broker {

using queueing::outbox;
using queueing::run;

namespace {
/// Counts on the wire are 32 bits wide.
uint32_t wire_count(uint64_t count) {
  return static_cast<uint32_t>(std::min<uint64_t>(count, UINT32_MAX));
}
} // namespace

error queue_state::impl::refusal(uint16_t code, std::string_view kind, std::string_view what) const {
  std::string text{kind};
  text.append(" - queue '").append(record->name).append("' in vhost '").append(record->vhost).append("' ").append(what);
  return {code, std::move(text)};
}

error queue_state::impl::missing() const {
  return {404, "NOT_FOUND - no queue '" + record->name + "' in vhost '" + record->vhost + "'"};
}

void queue_state::impl::take(get_request& request, outbox& out, queue_step&) {
  used();
  if (now == phase::open)
    gets.push_back(std::move(request)); // answered by finish()
  else
    out.send(request.channel, queue_missing{record->id});
}

void queue_state::impl::take(purge_request& request, outbox& out, queue_step&) {
  if (now != phase::open) {
    out.send(request.channel, queue_missing{record->id});
    return;
  }
  const uint32_t messages = wire_count(ready.messages());
  for (const run& one : ready.take_all()) {
    forget_keys(one);
    ended(one);
  }
  out.send(request.channel, purged{record->id, messages, request.question});
}

void queue_state::impl::take(status_request& request, outbox& out, queue_step&) {
  used();
  if (now != phase::open)
    out.send(request.channel, queue_missing{record->id});
  else
    out.send(request.channel, queue_status{record->id, wire_count(ready.messages()),
                                           static_cast<uint32_t>(ring.consumers()), request.question});
}

void queue_state::impl::take(delete_request& request, outbox& out, queue_step&) {
  if (now != phase::open) {
    out.send(request.channel, queue_missing{record->id});
    return;
  }
  delete_checked answer{record->id, true, {}, wire_count(ready.messages()), request.question};
  if (request.if_empty && !ready.empty()) {
    answer.ok = false;
    answer.why = refusal(406, "PRECONDITION_FAILED", "not empty");
  } else if (request.if_unused && ring.consumers() > 0) {
    answer.ok = false;
    answer.why = refusal(406, "PRECONDITION_FAILED", "in use");
  } else {
    now = phase::closed;
    closed_by = request.channel;
  }
  out.send(request.channel, std::move(answer));
}

void queue_state::impl::end(outbox& out, queue_step& step) {
  confirms.durable(UINT64_MAX, out);
  leave(out, false);
  if (seen) // publishes that waited: they count as confirmed now
    for (logged_publish& one : std::exchange(seen->waiting, {}))
      take(one.request, out, step);
}

/// Consumers and those who wait for an answer are told; nothing is left here.
void queue_state::impl::leave(outbox& out, bool moved) {
  now = phase::deleted;
  for (const get_request& get : gets)
    out.send(get.channel, queue_missing{record->id, moved});
  holds.release_all();
  for (const auto& one : holders)
    if (one.is != queueing::holder::state::gone)
      out.send(one.channel, consumer_cancelled{one.who, moved});
  if (leaving)
    out.send(leaving->channel, cancel_done{leaving});
  leaving = nullptr;
  closed_by = nullptr;
  gets.clear();
  ready = {};
  dead = queueing::dead_letters{settings.address};
  ring = {};
  exclusive = active = nullptr;
  index.clear();
  holders.clear();
  settled.clear();
  unacked_messages = unacked_memory = 0;
}

} // namespace broker

// What ends a message before a consumer has it, and a queue before a client deletes it (features.md W48-W51).
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/queue_impl.hpp"

namespace broker {

using queueing::dead_letter_reason;
using queueing::outbox;
using queueing::run;

/// Takes what expires before `before_ms` off the head; what has expired behind a living message waits there for its
/// turn, as in RabbitMQ. False: some had to stay because too many dead letters are under way.
bool queue_state::impl::expire(uint64_t before_ms) {
  while (!ready.empty() && ready.front().deadline_ms != 0 && ready.front().deadline_ms < before_ms) {
    if (!dead.has_room())
      return false;
    die(ready.take_front(ready.front().count), dead_letter_reason::expired);
  }
  return true;
}

/// Too many bytes are ready, as far as that is known.
bool queue_state::impl::too_large() const {
  return ready.body_bytes() > options->max_length_bytes.value_or(UINT64_MAX);
}

/// Is it known how many of the head's messages are to go for their size? Not of a part whose sizes only the store
/// has: what is dropped must not be more than has to be.
bool queue_state::impl::knows_sizes(const run& head) const {
  if (ready.messages_estimated() > 0)
    return false;
  return head.batch || ready.body_bytes() - *options->max_length_bytes >= head.body;
}

/// How many of the head's messages are too many.
uint64_t queue_state::impl::surplus(const run& head) const {
  const uint64_t messages_max = options->max_length.value_or(UINT64_MAX);
  const uint64_t bytes_max = options->max_length_bytes.value_or(UINT64_MAX);
  uint64_t count = ready.messages() > messages_max ? ready.messages() - messages_max : 1;
  if (!too_large() || !knows_sizes(head))
    return std::min<uint64_t>(count, head.count);
  uint64_t over = ready.body_bytes() - bytes_max;
  if (over >= head.body)
    return head.count;
  for (uint64_t at = 0; at < head.count && over > 0; ++at) {
    const uint64_t size = head.batch->messages[head.lo + at].body_size;
    over -= std::min(over, size);
    count = std::max(count, at + 1);
  }
  return std::min<uint64_t>(count, head.count);
}

/// Brings the queue back to its length (overflow drop-head). What is overdue as well, and had room when it came, has
/// expired before another one pushed it out. False: some had to stay, as in expire(), or until their sizes are read.
bool queue_state::impl::drop_over_limit() {
  if (options->overflow != overflow_policy::drop_head)
    return true;
  const uint64_t messages_max = options->max_length.value_or(UINT64_MAX);
  const uint64_t bytes_max = options->max_length_bytes.value_or(UINT64_MAX);
  while (ready.messages() > messages_max || (too_large() && !ready.empty())) {
    if (!dead.has_room())
      return false;
    const run& head = ready.front();
    if (ready.messages() <= messages_max && !knows_sizes(head))
      return false;
    const bool overdue = head.deadline_ms != 0 && head.deadline_ms <= now_ms;
    const uint64_t first = head.batch ? head.batch->messages[head.lo].body_size : head.body / head.count;
    const bool had_room = messages_max > 0 && first <= bytes_max;
    const uint64_t count = overdue && options->max_length_bytes ? 1 : surplus(head);
    die(ready.take_front(static_cast<uint32_t>(count)),
        overdue && had_room ? dead_letter_reason::expired : dead_letter_reason::maxlen);
  }
  return true;
}

/// Both, as if the messages came one by one: what the queue never has room for dies of the length even when it is
/// overdue as well (W52). Dropping may bring another overdue message to the head.
bool queue_state::impl::end_heads() {
  if (options->max_length == 0u && !drop_over_limit())
    return false;
  return expire(now_ms + 1) && drop_over_limit() && expire(now_ms + 1);
}

// -- overflow reject-publish
// --------------------------------------------------------------------------------------------

/// How many messages at the start of `what` there is room for.
uint32_t queue_state::impl::fitting(const run& what) const {
  uint64_t count = what.count;
  if (options->max_length)
    count = std::min(count, *options->max_length - std::min(*options->max_length, ready.messages()));
  if (!options->max_length_bytes)
    return static_cast<uint32_t>(count);
  uint64_t room = *options->max_length_bytes - std::min(*options->max_length_bytes, ready.body_bytes());
  if (what.body <= room)
    return static_cast<uint32_t>(count);
  uint32_t fit = 0;
  for (; fit < count && what.batch->messages[what.lo + fit].body_size <= room; ++fit)
    room -= what.batch->messages[what.lo + fit].body_size;
  return fit;
}

bool queue_state::impl::has_room(uint64_t messages, uint64_t bytes) const {
  return (!options->max_length || ready.messages() + messages <= *options->max_length)
      && (!options->max_length_bytes || ready.body_bytes() + bytes <= *options->max_length_bytes);
}

/// Accepts what there is room for and refuses the rest, as if the messages came one by one: consumers make room, and so
/// does what expires at once.
void queue_state::impl::admit(run what, const publish_request& request, fresh_hold& hold, outbox& out) {
  const bool limited = options->max_length || options->max_length_bytes;
  const bool decided = is_logged() && options->overflow == overflow_policy::reject_publish; // before it was logged
  if (options->overflow == overflow_policy::drop_head || !limited || decided)
    return accept(std::move(what), request, hold, out);
  for (;;) {
    uint32_t fit = fitting(what);
    if (fit < what.count) {
      dispatch(out);
      expire(now_ms + 1); // where dead letters leave no room, what is overdue takes its place
      fit = fitting(what);
    }
    if (fit == what.count)
      return accept(std::move(what), request, hold, out);
    if (fit > 0) {
      accept(cut_front(what, fit), request, hold, out);
      continue;
    }
    // Without room for another message at all everything is refused; else only what is too large.
    const bool full = options->max_length && ready.messages() >= *options->max_length;
    if (full || what.count == 1)
      return refuse(std::move(what), request, out);
    refuse(cut_front(what, 1), request, out);
  }
}

void queue_state::impl::refuse(run what, const publish_request& request, outbox& out) {
  if (request.confirm) {
    const confirm_number number = what.batch->first_confirm + what.lo;
    out.confirm(request.channel, {number, number + what.count}, true);
  }
  if (options->overflow != overflow_policy::reject_publish_dlx || too_many_dead()) {
    if (is_logged())
      ended(what);
    return; // nobody was promised anything
  }
  number(what);
  die(std::move(what), dead_letter_reason::maxlen);
}

// -- expiry of the queue
// ------------------------------------------------------------------------------------------------

/// W49: neither consumers nor declarations nor gets for so long. What is in it goes with it, not to the dead letters.
bool queue_state::impl::check_expired(queue_step& step) {
  if (!options->expires_ms || ring.consumers() != 0 || now != phase::open
      || now_ms < last_used_ms + *options->expires_ms)
    return false;
  now = phase::closed;
  step.unused = true;
  return true;
}

} // namespace broker

// Queues that drop duplicates (features.md U11): see deduplicator.hpp for what counts as one.

#include <algorithm>
#include <utility>

#include "queue/queue_impl.hpp"

namespace broker {

using queueing::outbox;
using queueing::run;

/// Messages without a key are taken as they come, in as few runs as elsewhere.
void queue_state::impl::take_new_ones(slice left, const publish_request& request, fresh_hold& hold, outbox& out) {
  uint32_t plain_from = left.lo;
  for (uint32_t at = left.lo; at < left.hi; ++at) {
    auto key = queueing::deduplication_key(request.batch->messages[at]);
    if (!key)
      continue;
    accept_all({plain_from, at}, request, hold, out);
    plain_from = at + 1;
    if (seen->keys.knows(*key)) {
      confirm_duplicate(request.batch->first_confirm + at, request, out);
      if (slice again{at, at + 1}; is_logged())
        ended(cut_run(request.batch, again));
      continue;
    }
    const seqno before = accepted_end;
    accept_all({at, at + 1}, request, hold, out);
    if (accepted_end != before) // else it was refused
      seen->keys.remember(std::move(*key), accepted_end - 1);
  }
  accept_all({plain_from, left.hi}, request, hold, out);
}

/// A duplicate is as safe as the message it repeats, which may be on its way to the disk.
void queue_state::impl::confirm_duplicate(confirm_number number, const publish_request& request, outbox& out) {
  if (!request.confirm)
    return;
  if (pages.is_durable(durable_end))
    out.confirm(request.channel, {number, number + 1});
  else
    confirms.add(durable_end, request.channel, {number, number + 1});
}

/// True if the publish has to wait for the keys of recovered messages: it is kept, and goes on when they are known.
bool queue_state::impl::must_learn_first(publish_request& request) {
  if (seen->recovered_below == 0)
    return false;
  if (!seen->learning) {
    seen->learning = true;
    const auto note = [&](const run& one) {
      if (one.first < seen->recovered_below)
        seen->to_read.push_back(one.range());
    };
    for (size_t at = 0; at < ready.runs(); ++at)
      note(ready.at(at));
    for (const queueing::holder& one : holders)
      std::for_each(one.unacked.runs().begin(), one.unacked.runs().end(), note);
    std::sort(seen->to_read.begin(), seen->to_read.end(),
              [](const seq_range& a, const seq_range& b) { return a.first > b.first; });
    learn_more();
  }
  if (seen->learning)
    seen->waiting.push_back({std::move(request), place});
  return seen->learning;
}

void queue_state::impl::learn_more() {
  if (!seen->to_read.empty())
    return pages.read(queueing::pager::reader::keys, seen->to_read.back(), limits::page_in_bytes);
  for (const seq_range& one : std::exchange(seen->left_meanwhile, {}))
    seen->keys.settled(one);
  for (const seq_range& one : std::exchange(seen->forgotten_meanwhile, {}))
    seen->keys.forget(one);
  seen->learning = false;
  seen->recovered_below = 0;
}

/// The store's answer; it may hold fewer messages than asked for, and none if all have been settled meanwhile.
void queue_state::impl::learn(seq_range asked, const std::vector<stored_run>& runs, outbox& out, queue_step& step) {
  for (const stored_run& one : runs) {
    for (uint32_t at = one.where.lo; at < one.where.hi; ++at)
      if (auto key = queueing::deduplication_key(one.batch->messages[at]))
        seen->keys.remember(std::move(*key), one.first + at - one.where.lo);
    asked.first = one.first + one.where.size();
  }
  seen->to_read.pop_back();
  if (!runs.empty() && asked.size() > 0)
    seen->to_read.push_back(asked);
  learn_more();
  if (seen->learning)
    return;
  for (logged_publish& one : std::exchange(seen->waiting, {})) {
    place = one.place;
    take(one.request, out, step);
  }
  place = {};
}

/// Messages that leave without having been worked on may come again.
void queue_state::impl::forget_keys(const run& what) {
  if (seen)
    seen->forget(what.range());
}

} // namespace broker

// The reader's role: plans under the index's lock, reads without it.
#include "journal_store.hpp"

namespace broker {

bool journal_store::step_reader() {
  if (failed())
    return false;
  std::optional<read_request> request;
  bool waits_for_writer = false;
  {
    const std::lock_guard lock(pending_mutex_);
    for (auto at = reads_.begin(); at != reads_.end() && !request; ++at)
      if (at->after <= appends_written_) {
        request = *at;
        reads_.erase(at);
        break;
      }
    waits_for_writer = !request && !reads_.empty();
  }
  if (waits_for_writer)
    events_.wake_writer();
  return request && serve(*request);
}

bool journal_store::serve(const read_request& request) {
  {
    const std::lock_guard lock(clients_mutex_);
    if (client_of(request.queue) != request.who.get())
      return true; // detached or dropped since it asked
  }
  const bool with_facts = request.who->wants_facts();
  batch_builder builder(with_facts);
  for (seqno from = request.from; builder.bytes() < request.max_bytes || builder.empty();) {
    std::vector<read_piece> plan;
    {
      const std::lock_guard lock(index_mutex_);
      plan = index_.plan_read(request.queue, from, request.before,
                              request.max_bytes - std::min(builder.bytes(), request.max_bytes - 1));
    }
    if (plan.empty())
      break;
    for (const auto& piece : plan) {
      if (builder.empty() || builder.bytes() < request.max_bytes)
        from = read_messages(piece, request.queue, request.max_bytes, backlog_, builder,
                             [&](const store_damage& found) { report(found, piece.where.segment); });
    }
    release(plan);
  }
  const std::lock_guard lock(clients_mutex_);
  if (client_of(request.queue) != request.who.get())
    return true; // meanwhile
  if (with_facts) {
    auto runs = builder.take();
    request.who->on_read_with_facts(std::move(runs), builder.facts());
  } else {
    request.who->on_read(builder.take());
  }
  return true;
}

void journal_store::release(const std::vector<read_piece>& plan) {
  bool awaited;
  {
    const std::lock_guard lock(index_mutex_);
    for (const auto& piece : plan)
      if (piece.segment)
        index_.unpin(piece.where.segment);
    awaited = retirement_ == retirement_state::logged && !index_.pinned(retiring_);
  }
  if (awaited)
    events_.wake_helper();
}

void journal_store::report(const store_damage& found, uint32_t segment) {
  if (segment != extent::in_backlog) {
    const std::lock_guard lock(index_mutex_);
    index_.mark_damaged(segment);
  }
  store_damage told = found;
  told.queue = queue_lives::queue_of(found.queue);
  events_.damaged(told);
}

} // namespace broker

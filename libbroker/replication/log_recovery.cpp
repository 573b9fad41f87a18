#include "replication/log_recovery.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/assert.hpp"
#include "base/overloaded.hpp"

namespace broker::replication {

namespace {

error misfit(size_t record, std::string why) {
  return error{0, "record " + std::to_string(record + 1) + " of a replica's log: " + std::move(why)};
}

/// Sorts and joins ranges.
std::vector<seq_range> joined(std::vector<seq_range> all) {
  std::sort(all.begin(), all.end(), [](const seq_range& a, const seq_range& b) { return a.first < b.first; });
  std::vector<seq_range> joined;
  for (const seq_range& one : all)
    if (!joined.empty() && one.first <= joined.back().last)
      joined.back().last = std::max(joined.back().last, one.last);
    else
      joined.push_back(one);
  return joined;
}

class log_recovery {
public:
  explicit log_recovery(const recovered_queue& found) : found_(found) {}

  result<recovered_log> run() {
    for (size_t at = 0; at < found_.log.size(); ++at) {
      auto record = decode_record(found_.log[at]);
      if (!record)
        return misfit(at, record.error().text);
      if (auto done = take(at, *record); !done)
        return misfit(at, done.error().text);
    }
    out_.records = found_.log.size();
    if (found_.log.empty() && !found_.runs.empty())
      return error{0, "messages without a log"};
    out_.numbers.used_below(found_.next);
    settled_ = joined(std::move(settled_));
    for (const recovered_run& one : found_.runs)
      if (auto done = place(one); !done)
        return done.error();
    if (auto whole = check_messages(); !whole)
      return whole.error();
    out_.delivered_upto = delivered_upto_;
    out_.log.recovered(committed());
    const seqno lowest = out_.live.empty() ? out_.numbers.next() : out_.numbers.stored(out_.live.front().first);
    out_.numbers.forget_below(out_.log.described_floor() + 1, lowest);
    return std::move(out_);
  }

private:
  result<void> take(size_t at, const log_record& record) {
    if (const auto* whole = std::get_if<stored_checkpoint>(&record.what))
      return resume(*whole);
    if (at == 0 && !std::holds_alternative<log_emptied>(record.what))
      return error{0, "it does not begin anew"};
    result<void> done;
    std::visit(overloaded{
                 [](const stored_checkpoint&) {},
                 [&](const auto& one) {
                   done = out_.log.replay({0, one});
                 },
               },
               record.what);
    return done ? follow(record) : done;
  }

  result<void> resume(const stored_checkpoint& from) {
    if (auto done = out_.log.resume(from.log); !done)
      return done;
    auto numbers = log_numbers::from(from.pieces, out_.log.length() + 1);
    if (!numbers)
      return error{0, "the numbers of a checkpoint contradict each other"};
    if (from.next < numbers->next())
      return error{0, "numbers of a checkpoint are used and are not"};
    out_.numbers = *std::move(numbers);
    out_.numbers.used_below(from.next);
    settled_ = from.settled;
    delivered_upto_ = from.log.base.delivered_upto;
    return {};
  }

  /// Places of entries. The log has taken the record, so it fits.
  result<void> follow(const log_record& record) {
    log_numbers& numbers = out_.numbers;
    bool fits = true;
    if (std::holds_alternative<log_emptied>(record.what))
      numbers.clear();
    else if (const auto* appended = std::get_if<log_appended>(&record.what))
      fits = numbers.append_at(appended->run.count, record.offset);
    else if (const auto* cut = std::get_if<log_truncated>(&record.what))
      numbers.cut_off(cut->from);
    else if (const auto* begun = std::get_if<log_copy_begun>(&record.what))
      fits = numbers.append_at(begun->base->end.seq, record.offset);
    return fits ? result<void>{} : error{0, "messages under numbers that were used before"};
  }

  bool has_ended(seqno stored) const {
    const auto behind = std::partition_point(settled_.begin(), settled_.end(),
                                             [stored](const seq_range& one) { return one.last <= stored; });
    return behind != settled_.end() && behind->first <= stored;
  }

  void settle(seqno stored) {
    if (auto& all = out_.settled; !all.empty() && all.back().last == stored)
      ++all.back().last;
    else
      all.push_back({stored, stored + 1});
  }

  /// A run of stored messages: which entries they are.
  result<void> place(const recovered_run& run) {
    for (uint32_t i = 0; i < run.count; ++i) {
      const seqno stored = run.first + i;
      const auto seq = out_.numbers.entry_at(stored);
      if (!seq || has_ended(stored)) {
        settle(stored);
        continue;
      }
      const log_run* known = out_.log.find(*seq);
      if (known != nullptr && known->kind != entry_kind::publish)
        return error{0, "entry " + std::to_string(*seq) + " of a replica's log is no message, but has a body"};
      if (run.redelivered)
        delivered_upto_ = std::max(delivered_upto_, *seq + 1);
      add_live(run, *seq);
    }
    return {};
  }

  /// Sizes are known of runs only: a run that is cut shares its bytes out.
  void add_live(const recovered_run& run, seqno seq) {
    auto& live = out_.live;
    const uint64_t bytes = run.body_bytes / run.count;
    if (!live.empty() && last_from_ == &run && live.back().first + live.back().count == seq) {
      ++live.back().count;
      live.back().body_bytes += bytes;
    } else {
      live.push_back({seq, 1, bytes, run.redelivered, run.facts, true});
    }
    if (live.back().count == run.count) {
      live.back().body_bytes = run.body_bytes;
      live.back().estimated = run.estimated;
    }
    last_from_ = &run;
  }

  /// A message of a known entry is there, or a known entry ends it: only what is committed is given up.
  result<void> check_messages() {
    std::vector<seq_range> accounted;
    for (const log_run& run : out_.log.runs())
      if (run.ranges)
        accounted.insert(accounted.end(), run.ranges->begin(), run.ranges->end());
    for (const recovered_run& one : out_.live)
      accounted.push_back({one.first, one.first + one.count});
    accounted = joined(std::move(accounted));
    auto at = accounted.begin();
    for (const log_run& run : out_.log.runs())
      for (seqno seq = run.first; run.kind == entry_kind::publish && seq <= run.last();) {
        while (at != accounted.end() && at->last <= seq)
          ++at;
        if (at == accounted.end() || at->first > seq)
          return error{0, "the message of entry " + std::to_string(seq) + " of a replica's log is gone"};
        seq = at->last;
      }
    return {};
  }

  /// A message is given up when the entry that ends it is committed. If several end it, the first of them may be the
  /// one.
  seqno committed() const {
    std::map<seqno, seqno> gone; // first -> end
    for (const log_run& run : out_.log.runs())
      if (run.kind == entry_kind::publish)
        gone[run.first] = run.last() + 1;
    for (const recovered_run& one : out_.live)
      take_out(gone, {one.first, one.first + one.count});
    seqno committed = 0;
    for (const log_run& run : out_.log.runs())
      for (const seq_range& range : run.ranges ? *run.ranges : std::vector<seq_range>{})
        if (take_out(gone, range))
          committed = run.last();
    return committed;
  }

  /// False: nothing of it was there.
  static bool take_out(std::map<seqno, seqno>& from, seq_range what) {
    auto at = from.upper_bound(what.first);
    if (at != from.begin() && std::prev(at)->second > what.first)
      --at;
    bool any = false;
    while (at != from.end() && at->first < what.last) {
      any = true;
      const seq_range old{at->first, at->second};
      at = from.erase(at);
      if (old.first < what.first)
        from[old.first] = what.first;
      if (old.last > what.last)
        from[what.last] = old.last;
    }
    return any;
  }

  const recovered_queue& found_;
  recovered_log out_;
  std::vector<seq_range> settled_;
  seqno delivered_upto_ = 0;
  const recovered_run* last_from_ = nullptr;
};

/// No in-sync set can list a replica under it.
constexpr incarnation before_any_session = 1;

} // namespace

recovered_log begin_log() {
  recovered_queue begun;
  begun.log = {encode_record({0, log_emptied{before_any_session}}, 0)};
  auto log = recover_log(begun);
  BROKER_ASSERT(log.ok(), "a log that begins is a log");
  log->adoption = std::move(begun.log.front());
  return *std::move(log);
}

recovered_log discard_log(const recovered_queue& found) {
  recovered_log none;
  none.numbers.used_below(found.next);
  for (const recovered_run& one : found.runs)
    none.settled.push_back({one.first, one.first + one.count});
  none.settled = joined(std::move(none.settled));
  return none;
}

result<recovered_log> adopt_queue(const recovered_queue& found, broker::epoch mastership) {
  BROKER_ASSERT(found.log.empty(), "a queue with a log has been adopted before");
  if (found.next == 1)
    return begin_log();
  stored_checkpoint whole;
  whole.log.base.end = {mastership, found.next - 1};
  whole.log.epochs = {{mastership, 1}};
  whole.log.emptied_at = before_any_session;
  whole.pieces = {{1, 0}};
  whole.next = found.next;
  recovered_queue with_log = found;
  with_log.log = {encode_record(whole)};
  auto log = recover_log(with_log);
  if (log)
    log->adoption = std::move(with_log.log.front());
  return log;
}

result<recovered_log> recover_log(const recovered_queue& found) {
  return log_recovery(found).run();
}

} // namespace broker::replication

#include "replication/log_driver.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace log_model {

using namespace broker;
using namespace broker::replication;

namespace {

constexpr size_t log_driver_header = 32;

std::string log_driver_text(uint64_t id) {
  return "message " + std::to_string(id) + " " + std::string(id % 50, 'x');
}

batch_ref log_driver_batch(uint64_t first_id, uint64_t count) {
  auto batch = make_ref<publish_batch>();
  for (uint64_t i = 0; i < count; ++i) {
    const std::string text = log_driver_text(first_id + i);
    auto bytes = block_ref{block::create(7 + log_driver_header + text.size())};
    std::memcpy(bytes->data(), "\0\5queue", 7);
    std::memset(bytes->data() + 7, 'h', log_driver_header);
    std::memcpy(bytes->data() + 7 + log_driver_header, text.data(), text.size());
    message one{};
    one.names = bytes->data();
    one.names_size = 7;
    one.raw = bytes->data() + 7;
    one.raw_size = static_cast<uint32_t>(log_driver_header + text.size());
    one.body_size = static_cast<uint32_t>(text.size());
    one.header_size = log_driver_header;
    one.flags = message::persistent;
    batch->messages.push_back(one);
    batch->bytes += one.raw_size;
    batch->blocks.push_back(std::move(bytes));
  }
  return batch;
}

bool log_driver_is(const message& what, uint64_t id) {
  return std::string_view{what.raw + what.header_size, what.body_size} == log_driver_text(id);
}

} // namespace

// -- what a replica does
// --------------------------------------------------------------------------------------------------

log_driver::log_driver(uint64_t seed, log_plant planted) : random_(seed), planted_(planted), tap_(planted) {}

void log_driver::fail(const std::string& why) {
  if (broken.empty())
    broken = why;
}

/// One write at a time, so that it is known what the log was after each record.
void log_driver::perform() {
  BROKER_ASSERT(writes_.size() <= 1, "the driver writes step by step");
  const size_t before = tap_.records().size();
  storage_->perform(writes_, now_.log, now_.commit, 0);
  writes_.clear();
  for (size_t at = before; at < tap_.records().size(); ++at)
    history_.push_back(now_);
  checkpoints += tap_.records().size() > before + 1;
  if (planted_ == log_plant::early_ack && tap_.records().size() > before)
    logged(tap_.records().back().number);
}

log_run log_driver::publishes(uint64_t count) {
  log_run run;
  run.count = static_cast<uint32_t>(count);
  run.batch = log_driver_batch(ids_ + 1, count);
  run.where = {0, run.count};
  if (random_.chance(1, 2))
    run.facts = {1'700'000'000'000 + random_.below(3), static_cast<uint8_t>(random_.below(3))};
  if (random_.chance(1, 5))
    return run;
  const channel_id channel{1, 1, 1 + random_.below(3)};
  const dedupe_entry* known = now_.log.dedupe().find(channel);
  const uint64_t prev = known ? known->last : 0;
  run.from = {channel, prev + 1 + random_.below(3), prev};
  return run;
}

void log_driver::extend(log_run run) {
  const bool as_mirror = now_.log.copying() || random_.chance(1, 2);
  if (as_mirror) {
    run.mastership = mastership_;
    run.first = now_.log.length() + 1;
    run.bytes = cost(run);
    run.chain = chain_after(now_.log.chain(), run);
    if (!now_.log.append(run, writes_))
      fail("an entry of the master does not fit");
  } else {
    now_.log.extend(mastership_, std::move(run), writes_);
  }
}

void log_driver::publish() {
  const uint64_t count = 1 + random_.below(random_.chance(1, 8) ? 40 : 4);
  log_run run = publishes(count);
  for (uint64_t i = 0; i < count; ++i)
    now_.content[now_.log.length() + 1 + i] = {++ids_, run.facts};
  extend(std::move(run));
  perform();
}

void log_driver::settle() {
  std::vector<seq_range> ended;
  for (const auto& [seq, one] : now_.content)
    if (seq <= now_.commit && !one.gone && random_.chance(1, 3)) {
      if (!ended.empty() && ended.back().last == seq)
        ended.back().last = seq + 1;
      else
        ended.push_back({seq, seq + 1});
    }
  if (ended.empty())
    return;
  log_run run;
  run.kind = random_.chance(1, 4) ? entry_kind::purge : entry_kind::settle;
  run.count = 1;
  run.ranges = std::make_shared<const std::vector<seq_range>>(std::move(ended));
  extend(std::move(run));
  perform();
}

void log_driver::forget_channel() {
  const auto& known = now_.log.dedupe().entries();
  if (known.empty())
    return;
  const dedupe_entry which = known[random_.below(known.size())];
  log_run run;
  run.kind = entry_kind::forget;
  run.count = 1;
  run.from = {which.channel, which.last, which.last};
  extend(std::move(run));
  perform();
}

/// What is on disk is committed; what committed entries end is given up.
void log_driver::commit() {
  if (now_.log.copying() || now_.log.durable() <= now_.commit)
    return;
  std::vector<seq_range> ended;
  for (seqno at = std::max(now_.commit, now_.log.described_floor()) + 1; at <= now_.log.durable();) {
    const log_run& run = *now_.log.find(at);
    if (run.ranges)
      ended.insert(ended.end(), run.ranges->begin(), run.ranges->end());
    at = run.last() + 1;
  }
  now_.commit = now_.log.durable();
  committed_[now_.log.emptied_at()] = std::max(committed_[now_.log.emptied_at()], now_.commit);
  for (const seq_range& range : ended)
    for (auto at = now_.content.lower_bound(range.first); at != now_.content.end() && at->first < range.last; ++at) {
      forgotten_.insert(at->second.id);
      at->second.gone = true;
    }
  if (!ended.empty()) {
    now_.log.forget(std::move(ended), writes_);
    perform();
  }
  now_.log.trim(now_.commit, 1000 + random_.below(8000), random_.below(2000));
}

void log_driver::cut_off() {
  const seqno committed = std::max({committed_[now_.log.emptied_at()], now_.commit, now_.log.copy_base().seq});
  if (now_.log.length() <= committed)
    return;
  seqno from = committed + 1 + random_.below(now_.log.length() - committed);
  const log_run& run = *now_.log.find(from);
  if (!now_.log.can_truncate(from))
    from = run.first; // in the middle of a run without bodies
  if (!now_.log.can_truncate(from)) {
    fail("what is not committed can not be cut off");
    return;
  }
  ++cuts;
  cuts_inside += from != run.first;
  now_.log.truncate(from, writes_);
  now_.content.erase(now_.content.lower_bound(from), now_.content.end());
  ++mastership_;
  perform();
}

void log_driver::empty_out() {
  storage_->begin_again();
  now_ = {};
  now_.log.empty_out(++inc_, writes_);
  perform();
  if (random_.chance(1, 2))
    begin_copy();
}

void log_driver::begin_copy() {
  log_base base;
  base.end = {mastership_, 1 + random_.below(30)};
  base.chain = static_cast<uint32_t>(random_.next());
  base.dedupe = dedupe_table{{{{1, 1, 2}, 1 + random_.below(9), base.end.seq}}};
  to_copy_.clear();
  for (seqno seq = 1; seq <= base.end.seq; ++seq)
    if (random_.chance(1, 2))
      to_copy_[seq] = {0, {random_.below(2), static_cast<uint8_t>(random_.below(2))}};
  now_.log.begin_copy(std::move(base), writes_);
  perform();
}

void log_driver::copy_more() {
  const seqno base = now_.log.copy_base().seq;
  if (now_.log.copied_upto() == base) {
    ++copies;
    now_.log.end_copy(writes_);
    perform();
    return;
  }
  const seqno upto = std::min(base, now_.log.copied_upto() + 1 + random_.below(10));
  std::vector<live_run> live;
  for (auto at = to_copy_.upper_bound(now_.log.copied_upto()); at != to_copy_.end() && at->first <= upto; ++at) {
    at->second.id = ++ids_;
    now_.content[at->first] = at->second;
    live.push_back({{log_driver_batch(ids_, 1), {0, 1}, at->first}, at->second.facts});
  }
  now_.log.add_copied(std::move(live), upto, writes_);
  perform();
}

void log_driver::random_operation() {
  switch (random_.below(24)) {
  case 0:
  case 1:
  case 2:
    return settle();
  case 3:
    return forget_channel();
  case 4:
  case 5:
  case 6:
    return commit();
  case 7:
  case 8:
    return now_.log.copying() ? copy_more() : cut_off();
  case 9:
    return random_.chance(1, 4) ? empty_out() : publish();
  case 10:
    return now_.log.length() == 0 && !now_.log.copying() ? begin_copy() : publish();
  case 11:
  case 12:
  case 13:
  case 14:
    return now_.log.copying() ? copy_more() : publish();
  case 15:
    if (now_.commit > 0) {
      const seqno upto = 2 + random_.below(now_.commit);
      delivered_[now_.log.emptied_at()] = std::max(delivered_[now_.log.emptied_at()], upto);
      storage_->delivered(upto);
    }
    return;
  default:
    return publish();
  }
}

/// A checkpoint has the number of the record before it, so that its own is not acknowledged.
void log_driver::logged(uint64_t upto) {
  const auto& records = tap_.records();
  for (size_t at = std::max(written_, life_began_); at < records.size() && records[at].number <= upto; ++at)
    if (at == life_began_ || records[at].number != records[at - 1].number)
      written_ = at + 1;
  now_.log.written(storage_->on_logged(upto));
}

// -- after a crash
// --------------------------------------------------------------------------------------------------------

std::optional<size_t> log_driver::count_records(const recovered_queue& found) const {
  const auto& all = tap_.records();
  for (size_t end = all.size(); end >= found.log.size() && end > 0; --end) {
    const auto first = all.begin() + static_cast<ptrdiff_t>(end - found.log.size());
    if (std::equal(found.log.begin(), found.log.end(), first,
                   [](const std::string& a, const tapped_store::record& b) { return a == b.bytes; }))
      return end;
  }
  return std::nullopt;
}

void log_driver::start(message_store& store, const recovered_queue* found) {
  ++lives;
  tap_.tap(store);
  waits = false;
  reading_ = 0;
  const log_storage_settings settings{12, 1 << 20};
  const bool nothing = found == nullptr || found->log.empty();
  recovered_queue what = found ? *found : recovered_queue{};
  if (planted_ == log_plant::numbers_used_again)
    what.next = 1;
  auto recovered = recover_log(what);
  if (!recovered)
    return fail("refused: " + recovered.error().text);
  const auto records = nothing ? 0 : count_records(what);
  if (!records)
    return fail("found records that were never written so");
  if (*records < written_)
    return fail("a record that was reported is lost");
  if (what.log.size() > settings.checkpoint_records + lives)
    return fail("more records than a checkpoint leaves");
  state expected = nothing ? state{} : history_[*records - 1];
  compare(expected, recovered->log);
  if (recovered->log.known_committed()
      > std::max(committed_[recovered->log.emptied_at()], expected.log.copy_base().seq))
    fail("takes entries for committed that are not");
  if (recovered->delivered_upto > delivered_[recovered->log.emptied_at()])
    fail("takes messages for delivered that are not");
  redelivered += recovered->delivered_upto > 0;
  commits_known += recovered->log.known_committed() > recovered->log.described_floor();
  compare_live(expected, *recovered);
  if (!broken.empty())
    return;
  history_.resize(*records);
  tap_.cut_off(*records);
  written_ = life_began_ = *records;
  now_ = {recovered->log, expected.content, recovered->log.copying() ? 0 : recovered->log.described_floor()};
  storage_.emplace(queue, tap_, *recovered, settings);
  if (now_.log.copying() || now_.log.emptied_at() == 0) { // T17
    copies_found += now_.log.copying();
    now_.content.clear();
    now_.log.empty_out(++inc_, writes_);
    perform();
  }
}

namespace {

/// Where it is at the latest may be known better from a checkpoint.
bool same_publish(const dedupe_entry& expected, const dedupe_entry& found) {
  return expected.channel == found.channel && expected.last == found.last && found.at <= expected.at;
}

} // namespace

void log_driver::compare(const state& expected, const replica_log& found) {
  const replica_log& log = expected.log;
  const auto same = [&](bool condition, const char* what) {
    if (!condition)
      fail(std::string("recovered another ") + what);
  };
  same(log.end() == found.end(), "end");
  same(log.chain() == found.chain(), "chain");
  same(std::equal(log.dedupe().entries().begin(), log.dedupe().entries().end(), found.dedupe().entries().begin(),
                  found.dedupe().entries().end(), same_publish),
       "de-duplication table");
  same(log.emptied_at() == found.emptied_at(), "incarnation it was emptied at");
  same(log.copying() == found.copying() && log.copied_upto() == found.copied_upto(), "state of a copy");
  same(log.copy_base() == found.copy_base(), "base");
  same(found.durable() == (found.copying() ? 0 : found.length()), "durable length");
  if (found.described_floor() > std::max(expected.commit, log.copy_base().seq))
    fail("a run is not known though it may be cut off");
  if (!broken.empty())
    return;
  raised += found.described_floor() > log.copy_base().seq;
  const seqno floor = std::max(log.described_floor(), found.described_floor());
  for (seqno seq = floor + 1; seq <= log.length(); ++seq) {
    const log_run &a = *log.find(seq), &b = *found.find(seq);
    same(log.mastership_at(seq) == found.mastership_at(seq), "mastership");
    same(a.last() == b.last() && a.chain == b.chain && a.kind == b.kind && a.facts == b.facts, "run");
    same(a.from.channel == b.from.channel && a.from.prev + a.first == b.from.prev + b.first, "origin");
    if (a.ranges || b.ranges)
      same(a.ranges && b.ranges && *a.ranges == *b.ranges, "end of messages");
    seq = std::min(a.last(), b.last());
  }
}

bool log_driver::ends(const replica_log& log, seqno seq) const {
  return std::any_of(log.runs().begin(), log.runs().end(), [seq](const log_run& run) {
    return run.ranges && std::any_of(run.ranges->begin(), run.ranges->end(), [seq](const seq_range& one) {
             return one.first <= seq && seq < one.last;
           });
  });
}

/// A message that was given up may be there again, as long as the entry that ended it is known: it is given up again
/// when that is committed. Leaves in `expected` what is there.
void log_driver::compare_live(state& expected, const recovered_log& found) {
  orphans += !found.settled.empty();
  std::map<seqno, item> live;
  for (const recovered_run& run : found.live)
    for (uint32_t i = 0; i < run.count; ++i) {
      const auto known = expected.content.find(run.first + i);
      if (known == expected.content.end() && found.log.copying() && run.first + i <= found.log.copy_base().seq)
        continue; // of a piece of the copy that was not logged; all of it is emptied
      if (known == expected.content.end())
        return fail("a message that is none of the log's");
      if (known->second.facts != run.facts)
        return fail("other facts of a message");
      if (forgotten_.contains(known->second.id)) {
        ++lost_settles;
        if (!ends(found.log, known->first) && !found.log.copying())
          return fail("a message came back from the dead");
      }
      live[known->first] = {known->second.id, known->second.facts, false};
    }
  if (!found.log.copying() || found.log.length() == found.log.copy_base().seq)
    for (const auto& [seq, one] : expected.content)
      if (!forgotten_.contains(one.id) && !live.contains(seq))
        return fail("the message of entry " + std::to_string(seq) + " is lost");
  expected.content = std::move(live);
}

// -- reading back
// ---------------------------------------------------------------------------------------------------------

void log_driver::begin_reading() {
  left_.clear();
  for (const auto& [seq, one] : now_.content)
    if (!one.gone)
      left_[seq] = one;
  reading_live_ = true;
  reading_ = now_.log.length() == 0 || !broken.empty() ? 0 : 1;
}

bool log_driver::more_to_read() {
  while (reading_ != 0 && !waits && broken.empty()) {
    const read_order order{2, 1, reading_live_, reading_, now_.log.length(), 1 + random_.below(2000)};
    if (const auto answer = storage_->read(order, now_.log))
      take(*answer);
    else
      waits = true;
  }
  return reading_ != 0 && broken.empty();
}

void log_driver::read(std::vector<stored_run> runs, std::vector<message_facts> facts) {
  waits = false;
  take(storage_->on_read(runs, facts, now_.log));
}

void log_driver::take(const read_answer& answer) {
  if (answer.damaged)
    return fail("what was read is damaged");
  if (answer.order.live)
    take_live(answer);
  else
    take_entries(answer);
}

void log_driver::take_live(const read_answer& answer) {
  for (const live_run& run : answer.live)
    for (uint32_t i = 0; i < run.where.size(); ++i) {
      const auto known = left_.find(run.first + i);
      if (known == left_.end())
        return fail("read a message that is not live");
      if (!log_driver_is(run.batch->messages[run.where.lo + i], known->second.id) || known->second.facts != run.facts)
        return fail("read another message");
      left_.erase(known);
    }
  if (answer.upto < reading_)
    return fail("a read makes no progress");
  reading_ = answer.upto + 1;
  if (!left_.empty() && left_.begin()->first < reading_)
    return fail("a live message was left out");
  if (reading_ <= now_.log.length())
    return;
  reading_live_ = false;
  reading_ = now_.log.described_floor() + 1;
  if (reading_ > now_.log.length())
    reading_ = 0;
}

/// Entries one of whose messages is gone are not served, and only they.
void log_driver::take_entries(const read_answer& answer) {
  const auto gone = [this](const log_run& run) {
    for (seqno seq = run.first; run.kind == entry_kind::publish && seq <= run.last(); ++seq)
      if (const auto known = now_.content.find(seq); known == now_.content.end() || known->second.gone)
        return true;
    return false;
  };
  const log_run& first = *now_.log.find(reading_);
  if (!answer.runs) {
    if (!gone(first))
      return fail("entries are not given back");
    reading_ = first.last() + 1;
  } else {
    for (const log_run& run : *answer.runs) {
      if (run.first != reading_)
        return fail("entries are given back with a gap");
      for (uint32_t i = 0; run.kind == entry_kind::publish && i < run.count; ++i)
        if (!log_driver_is(run.batch->messages[run.where.lo + i], now_.content.at(run.first + i).id))
          return fail("an entry has another body");
      entries_read += run.count;
      reading_ = run.last() + 1;
    }
  }
  if (reading_ > now_.log.length())
    reading_ = 0;
}

} // namespace log_model

#include "replication/log_record.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/overloaded.hpp"

namespace broker::replication {

namespace {

enum class log_record_kind : uint8_t {
  emptied = 1,
  appended = 2,
  truncated = 3,
  copy_begun = 4,
  copied = 5,
  copy_ended = 6,
  checkpoint = 7,
};

class log_record_writer {
public:
  explicit log_record_writer(log_record_kind kind) {
    bytes_.reserve(96); // a run of messages
    u8(static_cast<uint8_t>(kind));
  }
  std::string take() { return std::move(bytes_); }

  void u8(uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void u32(uint32_t value) {
    char at[4];
    store_u32(at, value);
    bytes_.append(at, sizeof at);
  }
  void u64(uint64_t value) {
    char at[8];
    store_u64(at, value);
    bytes_.append(at, sizeof at);
  }
  void size(size_t value) {
    BROKER_ASSERT(value <= UINT32_MAX, "a list fits its record");
    u32(static_cast<uint32_t>(value));
  }
  void position(const log_position& at) {
    u64(at.mastership);
    u64(at.seq);
  }
  void channel(const channel_id& what) {
    u32(what.node);
    u64(what.inc);
    u64(what.number);
  }
  void ranges(const std::vector<seq_range>& all) {
    size(all.size());
    for (const seq_range& one : all) {
      u64(one.first);
      u64(one.last);
    }
  }
  void run(const log_run& what) {
    u8(static_cast<uint8_t>(what.kind));
    u64(what.mastership);
    u64(what.first);
    u32(what.count);
    u32(what.chain);
    u64(what.bytes);
    channel(what.from.channel);
    u64(what.from.first);
    u64(what.from.prev);
    u64(what.facts.deadline_ms << 8 | what.facts.priority);
    if (what.ranges)
      ranges(*what.ranges);
    else
      size(0);
  }
  void base(const log_base& what) {
    position(what.end);
    u32(what.chain);
    u64(what.delivered_upto);
    size(what.dedupe.entries().size());
    for (const dedupe_entry& one : what.dedupe.entries()) {
      channel(one.channel);
      u64(one.last);
      u64(one.at);
    }
  }

private:
  std::string bytes_;
};

class log_record_reader {
public:
  explicit log_record_reader(std::string_view bytes) : rest_(bytes) {}
  /// All of it was read, and all that was read was there and made sense.
  bool done() const { return fits_ && rest_.empty(); }
  bool fits() const { return fits_; }
  void require(bool condition) { fits_ = fits_ && condition; }

  uint8_t u8() { return take(1) ? static_cast<uint8_t>(at_[0]) : uint8_t{0}; }
  uint32_t u32() { return take(4) ? load_u32(at_) : 0; }
  uint64_t u64() { return take(8) ? load_u64(at_) : 0; }
  bool flag() {
    const uint8_t value = u8();
    require(value <= 1);
    return value == 1;
  }
  /// Of elements of at least `each` bytes: no memory is taken for what is not there.
  size_t size(size_t each) {
    const uint32_t count = u32();
    require(count <= rest_.size() / each);
    return fits_ ? count : 0;
  }
  log_position position() {
    const uint64_t mastership = u64();
    return {mastership, u64()};
  }
  channel_id channel() {
    const uint32_t node = u32();
    const uint64_t inc = u64();
    return {node, inc, u64()};
  }
  /// All below `end`, none empty.
  std::vector<seq_range> ranges(seqno end) {
    std::vector<seq_range> all(size(16));
    for (seq_range& one : all) {
      one.first = u64();
      one.last = u64();
      require(one.first != 0 && one.first < one.last && one.last <= end);
    }
    return all;
  }
  log_run run();
  log_base base();
  log_checkpoint checkpoint();

private:
  bool take(size_t count) {
    require(count <= rest_.size());
    if (!fits_)
      return false;
    at_ = rest_.data();
    rest_.remove_prefix(count);
    return true;
  }

  std::string_view rest_;
  const char* at_ = nullptr;
  bool fits_ = true;
};

log_run log_record_reader::run() {
  log_run what;
  what.kind = static_cast<entry_kind>(u8());
  what.mastership = u64();
  what.first = u64();
  what.count = u32();
  what.chain = u32();
  what.bytes = u64();
  what.from.channel = channel();
  what.from.first = u64();
  what.from.prev = u64();
  const uint64_t facts = u64();
  what.facts = {facts >> 8, static_cast<uint8_t>(facts)};
  auto ended = ranges(what.first);
  require(what.mastership != 0 && what.first != 0 && what.count != 0 && what.count <= UINT64_MAX - what.first);
  const bool numbered = !what.from.channel.none();
  const bool messages = what.kind == entry_kind::publish;
  const bool ends = what.kind == entry_kind::settle || what.kind == entry_kind::purge;
  require(messages || ends || what.kind == entry_kind::forget);
  require(messages || (what.count == 1 && facts == 0));
  require(ends != ended.empty());
  require(!messages || !numbered || what.from.prev < what.from.first);
  require(what.from.first <= UINT64_MAX - what.count);
  require(what.kind != entry_kind::forget || (numbered && what.from.first != 0));
  if (ends)
    what.ranges = std::make_shared<const std::vector<seq_range>>(std::move(ended));
  return what;
}

log_base log_record_reader::base() {
  log_base what;
  what.end = position();
  what.chain = u32();
  what.delivered_upto = u64();
  std::vector<dedupe_entry> entries(size(36));
  for (dedupe_entry& one : entries) {
    one.channel = channel();
    one.last = u64();
    one.at = u64();
    require(!one.channel.none() && one.last != 0 && one.at <= what.end.seq);
  }
  const auto falls = [](const dedupe_entry& a, const dedupe_entry& b) { return a.channel >= b.channel; };
  require(std::adjacent_find(entries.begin(), entries.end(), falls) == entries.end());
  if (fits_)
    what.dedupe = dedupe_table{std::move(entries)};
  return what;
}

log_checkpoint log_record_reader::checkpoint() {
  log_checkpoint what;
  what.base = base();
  what.epochs.resize(size(16));
  for (epoch_start& one : what.epochs) {
    one.mastership = u64();
    one.first = u64();
    require(one.mastership != 0 && one.first != 0);
  }
  for (size_t count = size(81); count > 0 && fits_; --count)
    what.runs.push_back(run());
  what.copy_base = position();
  what.copied_upto = u64();
  what.copying = flag();
  what.emptied_at = u64();
  return what;
}

} // namespace

std::string encode_record(const log_write& what, uint64_t offset) {
  return std::visit(overloaded{
                      [](const log_emptied& one) {
                        log_record_writer to(log_record_kind::emptied);
                        to.u64(one.at);
                        return to.take();
                      },
                      [&](const log_appended& one) {
                        log_record_writer to(log_record_kind::appended);
                        to.u64(offset);
                        to.run(one.run);
                        return to.take();
                      },
                      [](const log_truncated& one) {
                        log_record_writer to(log_record_kind::truncated);
                        to.u64(one.from);
                        to.u32(one.chain);
                        return to.take();
                      },
                      [&](const log_copy_begun& one) {
                        log_record_writer to(log_record_kind::copy_begun);
                        to.u64(offset);
                        to.base(*one.base);
                        return to.take();
                      },
                      [](const log_copied& one) {
                        log_record_writer to(log_record_kind::copied);
                        to.u64(one.upto);
                        return to.take();
                      },
                      [](const log_copy_ended&) { return log_record_writer(log_record_kind::copy_ended).take(); },
                      [](const log_forgotten&) {
                        BROKER_ASSERT(false, "what has ended is settled, not logged");
                        return std::string{};
                      },
                    },
                    what.what);
}

std::string encode_record(const stored_checkpoint& what) {
  log_record_writer to(log_record_kind::checkpoint);
  to.base(what.log.base);
  to.size(what.log.epochs.size());
  for (const epoch_start& one : what.log.epochs) {
    to.u64(one.mastership);
    to.u64(one.first);
  }
  to.size(what.log.runs.size());
  for (const log_run& one : what.log.runs)
    to.run(one);
  to.position(what.log.copy_base);
  to.u64(what.log.copied_upto);
  to.u8(what.log.copying ? 1 : 0);
  to.u64(what.log.emptied_at);
  to.size(what.pieces.size());
  for (const number_piece& one : what.pieces) {
    to.u64(one.first);
    to.u64(one.offset);
  }
  to.u64(what.next);
  to.ranges(what.settled);
  return to.take();
}

result<log_record> decode_record(std::string_view bytes) {
  log_record_reader from(bytes);
  log_record record;
  switch (static_cast<log_record_kind>(from.u8())) {
  case log_record_kind::emptied:
    record.what = log_emptied{from.u64()};
    from.require(std::get<log_emptied>(record.what).at != 0);
    break;
  case log_record_kind::appended:
    record.offset = from.u64();
    record.what = log_appended{from.run()};
    break;
  case log_record_kind::truncated: {
    const seqno seq = from.u64();
    record.what = log_truncated{seq, from.u32()};
    from.require(seq != 0);
    break;
  }
  case log_record_kind::copy_begun: {
    record.offset = from.u64();
    auto base = std::make_shared<const log_base>(from.base());
    from.require(base->end.seq != 0 && base->end.mastership != 0);
    record.what = log_copy_begun{std::move(base)};
    break;
  }
  case log_record_kind::copied:
    record.what = log_copied{{}, from.u64()};
    break;
  case log_record_kind::copy_ended:
    record.what = log_copy_ended{};
    break;
  case log_record_kind::checkpoint: {
    stored_checkpoint what;
    what.log = from.checkpoint();
    what.pieces.resize(from.size(16));
    for (number_piece& one : what.pieces) {
      one.first = from.u64();
      one.offset = from.u64();
    }
    what.next = from.u64();
    what.settled = from.ranges(what.next);
    record.what = std::move(what);
    break;
  }
  default:
    return error{0, "a record of a kind that this version does not know"};
  }
  if (!from.done())
    return error{0, "a malformed record"};
  return record;
}

} // namespace broker::replication

#include "channel/unacked_tags.hpp"

#include <algorithm>
#include <bit>
#include <map>

#include "base/assert.hpp"

namespace broker {
namespace {

/// Bits lo .. hi - 1.
uint64_t bits_between(uint32_t lo, uint32_t hi) noexcept {
  const uint64_t below_hi = hi == unacked_block::capacity ? ~uint64_t{0} : (uint64_t{1} << hi) - 1;
  return below_hi & ~((uint64_t{1} << lo) - 1);
}

/// Calls visit(range) for each run of consecutive sequence numbers of `block`.
template<class Visit>
void for_each_range(const unacked_block& block, Visit&& visit) {
  uint64_t rest = block.held;
  uint32_t at = 0;
  while (rest != 0) {
    const auto skipped = static_cast<uint32_t>(std::countr_zero(rest));
    const auto length = static_cast<uint32_t>(std::countr_one(rest >> skipped));
    at += skipped;
    visit(seq_range{block.seq + at, block.seq + at + length});
    at += length;
    if (skipped + length == unacked_block::capacity)
      break;
    rest >>= skipped + length;
  }
}

void append_merged(std::vector<seq_range>& to, seq_range range) {
  if (!to.empty() && to.back().last == range.first)
    to.back().last = range.last;
  else
    to.push_back(range);
}

/// A redelivered message has a higher tag but keeps its sequence number, so tag order need not be sequence order.
void put_in_order(std::vector<seq_range>& ranges) {
  const auto rises = [](const seq_range& a, const seq_range& b) { return a.first < b.first; };
  if (std::is_sorted(ranges.begin(), ranges.end(), rises))
    return;
  std::sort(ranges.begin(), ranges.end(), rises);
  std::vector<seq_range> merged;
  for (const seq_range& range : ranges)
    append_merged(merged, range);
  ranges = std::move(merged);
}

/// By queue; then what basic.get fetched, then by consumer tag.
bool comes_before(const std::pair<queue_id, settle_request>& a, const std::pair<queue_id, settle_request>& b) {
  if (a.first != b.first)
    return a.first < b.first;
  const consumer* one = a.second.by.get();
  const consumer* other = b.second.by.get();
  return one && other ? one->tag < other->tag : !one && other;
}

} // namespace

void unacked_tags::add(delivery_tag first, uint32_t count, seqno seq, queue_id queue, const consumer_ref& who) {
  BROKER_ASSERT(blocks_.empty() || blocks_.back().first + blocks_.back().used <= first, "delivery tags rise");
  size_ += count;
  if (!blocks_.empty()) {
    unacked_block& last = blocks_.back();
    const bool continues = last.first + last.used == first && last.seq + last.used == seq && last.queue == queue
                        && last.who == who && !last.is_void && last.used < unacked_block::capacity;
    if (continues) {
      const uint32_t fits = std::min(count, unacked_block::capacity - last.used);
      empty_ -= last.held == 0;
      last.held |= bits_between(last.used, last.used + fits);
      last.used += fits;
      first += fits;
      seq += fits;
      count -= fits;
    }
  }
  while (count > 0) {
    const uint32_t fits = std::min(count, unacked_block::capacity);
    blocks_.push_back({first, seq, bits_between(0, fits), queue, who, fits, false});
    first += fits;
    seq += fits;
    count -= fits;
  }
}

std::optional<delivery_tag> unacked_tags::take(delivery_tag first, delivery_tag last, blocks& taken) {
  auto block = find(first);
  std::optional<delivery_tag> unknown;
  while (first <= last && !unknown) {
    if (block == blocks_.end() || block->first > first || block->first + block->used <= first) {
      unknown = first;
      break;
    }
    const auto lo = static_cast<uint32_t>(first - block->first);
    const auto hi = static_cast<uint32_t>(std::min<uint64_t>(block->used, last - block->first + 1));
    uint64_t bits = bits_between(lo, hi);
    if (const uint64_t missing = bits & ~block->held; missing != 0) {
      const auto gap = static_cast<uint32_t>(std::countr_zero(missing));
      unknown = block->first + gap;
      bits = bits_between(lo, gap);
    }
    move_bits(*block, bits, taken);
    first = block->first + hi;
    ++block;
  }
  tidy();
  return unknown;
}

bool unacked_tags::take_up_to(delivery_tag last, blocks& taken) {
  const auto end = find(last);
  if (end == blocks_.end() || end->first > last || last - end->first >= end->used)
    return false;
  const auto bit = static_cast<uint32_t>(last - end->first);
  if ((end->held & bits_between(bit, bit + 1)) == 0)
    return false;
  for (auto block = blocks_.begin(); block != end; ++block)
    move_bits(*block, block->held, taken);
  move_bits(*end, end->held & bits_between(0, bit + 1), taken);
  tidy();
  return true;
}

void unacked_tags::take_all(blocks& taken) {
  for (auto& block : blocks_)
    move_bits(block, block.held, taken);
  tidy();
}

void unacked_tags::put_back(const blocks& taken) {
  std::map<delivery_tag, unacked_block> merged;
  const auto put = [&](const unacked_block& block) {
    const auto [at, fresh] = merged.try_emplace(block.first, block);
    if (fresh)
      return;
    BROKER_ASSERT((at->second.held & block.held) == 0, "a tag is put back once");
    at->second.held |= block.held;
    at->second.used = std::max(at->second.used, block.used);
  };
  for (const auto& block : blocks_)
    put(block);
  for (const auto& block : taken) {
    size_ += static_cast<size_t>(std::popcount(block.held));
    put(block);
  }
  blocks_.clear();
  empty_ = 0;
  for (auto& [first, block] : merged)
    if (block.held != 0)
      blocks_.push_back(std::move(block));
}

void unacked_tags::make_void(queue_id queue) {
  for (auto& block : blocks_)
    block.is_void = block.is_void || block.queue == queue;
}

void unacked_tags::append_queues(std::vector<queue_id>& to) const {
  for (const auto& block : blocks_)
    if (block.held != 0 && (to.empty() || to.back() != block.queue))
      to.push_back(block.queue);
}

std::deque<unacked_block>::iterator unacked_tags::find(delivery_tag tag) {
  const auto above = std::partition_point(blocks_.begin(), blocks_.end(),
                                          [&](const unacked_block& block) { return block.first <= tag; });
  return above == blocks_.begin() ? blocks_.end() : above - 1;
}

void unacked_tags::move_bits(unacked_block& from, uint64_t bits, blocks& taken) {
  if (bits == 0)
    return;
  taken.push_back({from.first, from.seq, bits, from.queue, from.who, from.used, from.is_void});
  from.held &= ~bits;
  empty_ += from.held == 0;
  size_ -= static_cast<size_t>(std::popcount(bits));
}

void unacked_tags::tidy() {
  while (!blocks_.empty() && blocks_.front().held == 0) {
    blocks_.pop_front();
    --empty_;
  }
  constexpr size_t worth_it = 32;
  if (empty_ > worth_it && empty_ * 2 > blocks_.size()) {
    std::erase_if(blocks_, [](const unacked_block& block) { return block.held == 0; });
    empty_ = 0;
  }
}

std::vector<std::pair<queue_id, settle_request>>
settle_requests(const unacked_tags::blocks& taken, settle_request::kind what, const channel_ref& channel) {
  std::vector<std::pair<queue_id, settle_request>> requests;
  std::map<std::pair<queue_id, const consumer*>, size_t> index;
  for (const auto& block : taken) {
    if (block.is_void)
      continue;
    const bool same =
      !requests.empty() && requests.back().first == block.queue && requests.back().second.by == block.who;
    size_t at = requests.size() - 1;
    if (!same) {
      const auto [found, fresh] = index.try_emplace({block.queue, block.who.get()}, requests.size());
      if (fresh)
        requests.push_back({block.queue, settle_request{what, channel, block.who, {}}});
      at = found->second;
    }
    for_each_range(block, [&](seq_range range) {
      const auto& before = requests[at].second.seqs;
      const bool falls = !before.empty() && range.first < before.back().first;
      if (falls && what == settle_request::kind::reject) { // they die in the order of their tags
        at = index[{block.queue, block.who.get()}] = requests.size();
        requests.push_back({block.queue, settle_request{what, channel, block.who, {}}});
      }
      append_merged(requests[at].second.seqs, range);
    });
  }
  for (auto& request : requests)
    put_in_order(request.second.seqs);
  if (requests.size() > 1)
    std::stable_sort(requests.begin(), requests.end(), comes_before);
  return requests;
}

uint64_t windowed_messages(const unacked_tags::blocks& taken) {
  uint64_t count = 0;
  for (const auto& block : taken)
    if (block.who)
      count += static_cast<uint64_t>(std::popcount(block.held));
  return count;
}

} // namespace broker

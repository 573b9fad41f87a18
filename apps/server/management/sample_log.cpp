#include "management/sample_log.hpp"

#include <algorithm>
#include <tuple>

#include "base/assert.hpp"

namespace broker::management {

namespace {

void put(std::vector<uint8_t>& to, uint64_t number) {
  for (; number >= 0x80; number >>= 7)
    to.push_back(static_cast<uint8_t>(number | 0x80));
  to.push_back(static_cast<uint8_t>(number));
}

uint64_t take(const std::vector<uint8_t>& from, size_t& at) {
  uint64_t number = 0;
  for (unsigned shift = 0;; shift += 7) {
    const uint8_t byte = from[at++];
    number |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80)
      return number;
  }
}

/// Small numbers of either sign have few bits.
uint64_t folded(uint64_t difference) {
  return difference << 1 ^ (difference >> 63 != 0 ? UINT64_MAX : 0);
}

int64_t unfolded(uint64_t number) {
  return static_cast<int64_t>(number >> 1 ^ ((number & 1) != 0 ? UINT64_MAX : 0));
}

} // namespace

sample_list operator+(const sample_list& one, const sample_list& other) {
  if (one.empty() || other.empty())
    return one.empty() ? other : one;
  BROKER_ASSERT(one.step_s == other.step_s && one.step_s != 0, "sums are of samples equally far apart");
  const auto& late = one.newest_s >= other.newest_s ? one : other;
  const auto& early = one.newest_s >= other.newest_s ? other : one;
  const size_t ahead = (late.newest_s - early.newest_s) / late.step_s;
  sample_list sum{late.newest_s, late.step_s, {}};
  for (size_t i = 0; i < late.values.size() && (i < ahead || i - ahead < early.values.size()); ++i)
    sum.values.push_back(late.values[i] + early.values[i < ahead ? 0 : i - ahead]);
  return sum;
}

sample_list zeros_like(sample_list of) {
  std::fill(of.values.begin(), of.values.end(), 0);
  return of;
}

// -- change_ring --

void change_ring::add(uint64_t slot, std::span<const uint64_t> before, std::span<const uint64_t> now) {
  BROKER_ASSERT(before.size() == now.size() && now.size() <= figures_max, "a ring is of an object's figures");
  BROKER_ASSERT(empty() || slot > newest_slot_, "intervals come in their order");
  uint64_t which = 0;
  for (size_t i = 0; i < now.size(); ++i)
    which |= uint64_t{now[i] != before[i]} << i;
  if (which == 0)
    return;
  constexpr size_t room = 64; // grown by little: there are thousands of them
  if (bytes_.capacity() - bytes_.size() < room / 2)
    bytes_.reserve(bytes_.size() + room);
  if (empty())
    oldest_slot_ = newest_slot_ = slot;
  put(bytes_, slot - newest_slot_);
  put(bytes_, which);
  for (size_t i = 0; i < now.size(); ++i)
    if (now[i] != before[i])
      put(bytes_, folded(now[i] - before[i]));
  newest_slot_ = slot;
}

void change_ring::drop_before(uint64_t slot) {
  size_t at = 0;
  while (at < bytes_.size() && oldest_slot_ < slot) {
    take(bytes_, at);
    for (uint64_t which = take(bytes_, at); which != 0; which &= which - 1)
      take(bytes_, at);
    if (size_t next = at; next < bytes_.size())
      oldest_slot_ += take(bytes_, next);
  }
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(at));
}

std::vector<std::pair<uint64_t, int64_t>> change_ring::changes(size_t figure) const {
  std::vector<std::pair<uint64_t, int64_t>> found;
  uint64_t slot = oldest_slot_;
  for (size_t at = 0; at < bytes_.size();) {
    const bool is_first = at == 0; // the interval before it may have been dropped
    const uint64_t distance = take(bytes_, at);
    slot += is_first ? 0 : distance;
    const uint64_t which = take(bytes_, at);
    for (size_t i = 0; i < figures_max; ++i)
      if ((which >> i & 1) != 0) {
        const int64_t difference = unfolded(take(bytes_, at));
        if (i == figure)
          found.emplace_back(slot, difference);
      }
  }
  return found;
}

// -- sample_log --

void sample_log::add(uint64_t now_s, std::span<const uint64_t> now) {
  if (now_s + back_max_s < newest_s_)
    *this = sample_log{ring_count_};
  if (now_s <= newest_s_)
    return;
  if (newest_s_ == 0) {
    newest_.assign(now.begin(), now.end());
    newest_s_ = first_s_ = now_s;
    return;
  }
  const bool rests = std::equal(now.begin(), now.end(), newest_.begin(), newest_.end());
  if (rings_ && !close_intervals(now_s) && rests)
    rings_.reset();
  if (!rings_ && !rests) {
    rings_ = std::make_unique<kept_rings>();
    rings_->of.resize(ring_count_);
    rings_->closed.assign(ring_count_, newest_);
  }
  if (rings_)
    rings_->of[0].add(now_s / interval_s, newest_, now);
  std::copy(now.begin(), now.end(), newest_.begin());
  newest_s_ = now_s;
}

/// Those that have ended since the last sample, in all rings. False: no ring holds anything any more.
bool sample_log::close_intervals(uint64_t now_s) {
  bool holds = false;
  for (size_t i = 0; i < ring_count_; ++i) {
    auto& ring = rings_->of[i];
    const uint64_t slot = now_s / sizes[i].interval_s;
    const uint64_t last = newest_s_ / sizes[i].interval_s;
    if (i != 0 && slot != last) {
      ring.add(last, rings_->closed[i], newest_);
      rings_->closed[i] = newest_;
    }
    ring.drop_before(slot - std::min(slot, sizes[i].samples));
    holds = holds || !ring.empty() || (i != 0 && rings_->closed[i] != newest_);
  }
  return holds;
}

sample_list sample_log::samples(size_t figure, sample_range range) const {
  if (newest_s_ == 0 || !range)
    return {};
  const uint64_t step_s = std::max(range.step_s, interval_s);
  size_t level = 0;
  while (level + 1 < ring_count_ && sizes[level].interval_s * (sizes[level].samples - 1) < range.age_s)
    ++level;
  const uint64_t interval = sizes[level].interval_s;
  auto changes = rings_ ? rings_->of[level].changes(figure) : std::vector<std::pair<uint64_t, int64_t>>{};
  if (rings_ && level != 0) // of the interval that has not ended
    changes.emplace_back(newest_s_ / interval, static_cast<int64_t>(newest_[figure] - rings_->closed[level][figure]));
  const uint64_t last_s = newest_s_ / step_s * step_s;
  sample_list taken{last_s, step_s, {}};
  uint64_t value = newest_[figure];
  for (uint64_t i = 0; i <= std::min(range.age_s / step_s, samples_max - 1) && last_s >= i * step_s; ++i) {
    const uint64_t slot = (last_s - i * step_s + step_s - 1) / interval; // the last of its step
    if (i != 0 && slot < known_from_s_ / interval)
      break;
    for (; !changes.empty() && changes.back().first > slot; changes.pop_back())
      value -= static_cast<uint64_t>(changes.back().second);
    taken.values.push_back(slot < first_s_ / interval ? 0 : value);
  }
  return taken;
}

void sample_log::forget_past() {
  rings_.reset();
  known_from_s_ = newest_s_;
}

size_t sample_log::ring_bytes() const {
  if (!rings_)
    return 0;
  size_t sum = sizeof(kept_rings);
  for (size_t i = 0; i < ring_count_; ++i)
    sum += sizeof(change_ring) + rings_->of[i].bytes() + sizeof(std::vector<uint64_t>)
         + rings_->closed[i].capacity() * sizeof(uint64_t);
  return sum;
}

// -- sampled_objects --

void sampled_objects::add(const std::string& key, uint64_t now_s, std::span<const uint64_t> now) {
  const auto known = all_.find(key);
  if (known != all_.end())
    return known->second.log.add(now_s, now);
  if (std::any_of(now.begin(), now.end(), [](uint64_t figure) { return figure != 0; }))
    all_[key].log.add(now_s, now);
}

void sampled_objects::begin(const std::string& key, uint64_t now_s, std::span<const uint64_t> now) {
  auto& log = all_[key].log;
  log.add(now_s, now);
  log.forget_past();
}

void sampled_objects::end_round(uint64_t now_s) {
  std::erase_if(all_, [&](const auto& each) {
    const uint64_t newest_s = each.second.log.newest_s();
    return newest_s < now_s || newest_s > now_s + sample_log::back_max_s;
  });
  if (ring_bytes() > bytes_max_)
    make_fit(now_s);
}

/// By an eighth more than has to be, so that this is not done at every round.
void sampled_objects::make_fit(uint64_t now_s) {
  using candidate = std::tuple<bool, uint64_t, one*>; // asked for, changed last
  std::vector<candidate> order;
  for (auto& [key, each] : all_)
    if (each.log.ring_bytes() != 0)
      order.emplace_back(each.asked_s != 0 && now_s < each.asked_s + asked_for_s, each.log.changed_s(), &each);
  std::sort(order.begin(), order.end());
  size_t left = ring_bytes();
  for (const auto& [asked, changed_s, each] : order) {
    if (left <= bytes_max_ / 8 * 7)
      return;
    left -= each->log.ring_bytes();
    each->log.forget_past();
  }
}

const sample_log* sampled_objects::ask(const std::string& key, uint64_t now_s) {
  const auto found = all_.find(key);
  if (found == all_.end())
    return nullptr;
  found->second.asked_s = now_s;
  return &found->second.log;
}

size_t sampled_objects::ring_bytes() const {
  size_t sum = 0;
  for (const auto& [key, each] : all_)
    sum += each.log.ring_bytes();
  return sum;
}

} // namespace broker::management

#include "queue/deduplicator.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/sha.h>

#include "amqp/properties.hpp"
#include "base/assert.hpp"

namespace broker::queueing {

namespace {

/// A long key is known by its digest: keys are kept in memory.
std::string compact(std::string key) {
  if (key.size() <= limits::deduplication_key_max_bytes)
    return key;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  return "h" + std::string{reinterpret_cast<const char*>(digest), sizeof digest};
}

/// Not its decimals: two numbers that are nearly equal are two keys.
std::string bits_of(double real) {
  char bits[sizeof real];
  std::memcpy(bits, &real, sizeof real);
  return "d" + std::string{bits, sizeof bits};
}

} // namespace

std::optional<std::string> deduplication_key(const message& one) {
  if (!one.has(message::has_headers))
    return std::nullopt;
  const auto properties = amqp::decode_properties(one.property_bytes());
  if (!properties || !properties->headers)
    return std::nullopt;
  const auto* given = properties->headers->find("x-deduplication-header");
  if (!given)
    return std::nullopt;
  int64_t number = 0;
  if (const auto* text = given->as_string())
    return compact("s" + *text);
  if (given->as_integer(number))
    return "i" + std::to_string(number);
  if (const auto* real = std::get_if<double>(&given->value))
    return bits_of(*real);
  if (const auto* real = std::get_if<float>(&given->value))
    return bits_of(*real);
  return std::nullopt;
}

deduplicator::deduplicator(uint64_t window)
  : window_(std::min<uint64_t>(window == 0 ? limits::deduplication_window : window, limits::deduplication_keys_max)) {}

deduplicator::entries::iterator deduplicator::find(seqno at) {
  return std::partition_point(entries_.begin(), entries_.end(), [&](const entry& one) { return one.at < at; });
}

bool deduplicator::knows(const std::string& key) const {
  const auto known = by_key_.find(key);
  if (known == by_key_.end())
    return false;
  const auto at = const_cast<deduplicator*>(this)->find(known->second);
  return !expired(*at);
}

void deduplicator::remember(std::string key, seqno at) {
  BROKER_ASSERT(entries_.empty() || entries_.back().at < at, "remembered out of order");
  const auto known = by_key_.find(key);
  if (known != by_key_.end())
    drop(*find(known->second));
  const auto [node, fresh] = by_key_.emplace(std::move(key), at);
  BROKER_ASSERT(fresh, "a key is remembered twice");
  entries_.push_back({at, next_number_++, &node->first, true});
  tidy();
}

/// Forgets the key; the entry stays until tidy() gets to it.
void deduplicator::drop(entry& one) {
  if (!one.key)
    return;
  by_key_.erase(by_key_.find(*one.key));
  one.key = nullptr;
  out_of_queue_ += one.in_queue;
  one.in_queue = false;
}

void deduplicator::settled(seq_range which) {
  for (auto at = find(which.first); at != entries_.end() && at->at < which.last; ++at) {
    out_of_queue_ += at->in_queue;
    at->in_queue = false;
  }
}

void deduplicator::forget(seq_range which) {
  for (auto at = find(which.first); at != entries_.end() && at->at < which.last; ++at)
    drop(*at);
}

void deduplicator::tidy() {
  while (!entries_.empty() && (expired(entries_.front()) || entries_.size() > limits::deduplication_keys_max)) {
    drop(entries_.front());
    entries_.pop_front();
    --out_of_queue_;
  }
  // Behind a message that stays long, others may have come and gone.
  if (out_of_queue_ <= window_ || (out_of_queue_ - window_) * 2 <= entries_.size())
    return;
  for (entry& one : entries_)
    if (expired(one))
      drop(one);
  out_of_queue_ -= std::erase_if(entries_, [](const entry& one) { return !one.key; });
}

} // namespace broker::queueing

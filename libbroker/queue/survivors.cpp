#include "queue/survivors.hpp"

#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace broker::queueing {

namespace {
size_t bytes_of(const message& one) {
  return size_t{one.raw_size} + one.names_size;
}
} // namespace

bool pins_too_much(const run& one) {
  size_t pinned = one.batch->messages.capacity() * sizeof(message);
  for (const block_ref& each : one.batch->blocks)
    pinned += each->capacity();
  size_t used = 0;
  for (uint32_t at = one.lo; at < one.lo + one.count; ++at) {
    used += bytes_of(one.batch->messages[at]) + sizeof(message);
    if (used * survivor_share >= pinned)
      return false;
  }
  return true;
}

void copy_out(run& one) {
  const message* first = one.batch->messages.data() + one.lo;
  size_t size = 0;
  for (uint32_t at = 0; at < one.count; ++at)
    size += bytes_of(first[at]);
  auto copy = make_ref<publish_batch>();
  block_ref bytes{block::create(size)};
  char* to = bytes->data();
  copy->messages.assign(first, first + one.count);
  for (message& each : copy->messages) {
    std::memcpy(to, each.names, each.names_size);
    each.names = std::exchange(to, to + each.names_size);
    std::memcpy(to, each.raw, each.raw_size);
    each.raw = std::exchange(to, to + each.raw_size);
  }
  BROKER_ASSERT(to == bytes->data() + size, "copied more than was counted");
  copy->blocks.push_back(std::move(bytes));
  one.batch = std::move(copy);
  one.lo = 0;
  measure(one);
  one.batch->bytes = one.raw + uint64_t{one.count} * limits::publish_overhead_bytes;
}

} // namespace broker::queueing

#include "queue/run.hpp"

#include "base/assert.hpp"

namespace broker::queueing {

void measure(run& which) {
  BROKER_ASSERT(which.batch && which.lo + which.count <= which.batch->messages.size(), "run outside its batch");
  which.body = which.raw = 0;
  const message* at = which.batch->messages.data() + which.lo;
  for (const message* end = at + which.count; at != end; ++at) {
    which.body += at->body_size;
    which.raw += at->raw_size;
  }
  which.estimated = false;
}

run cut_front(run& from, uint32_t count) {
  BROKER_ASSERT(count > 0 && count < from.count, "cut outside the run");
  run head = from;
  head.count = count;
  if (!from.batch) {
    head.body = from.body / from.count * count;
    head.estimated = from.estimated = true;
  }
  from.first += count;
  from.lo += count;
  from.count -= count;
  if (from.batch) {
    // Only the smaller part is counted afresh.
    const uint64_t body = head.body;
    const uint64_t raw = head.raw;
    run& small = head.count <= from.count ? head : from;
    run& large = head.count <= from.count ? from : head;
    measure(small);
    large.body = body - small.body;
    large.raw = raw - small.raw;
  } else {
    from.body -= head.body;
  }
  return head;
}

bool joins(const run& a, const run& b) {
  return a.last() == b.first && a.batch == b.batch && a.kept == b.kept && a.redelivered == b.redelivered
      && a.leaving == b.leaving && a.estimated == b.estimated && a.deadline_ms == b.deadline_ms
      && a.wall_deadline_ms == b.wall_deadline_ms && a.deliveries == b.deliveries && a.priority == b.priority
      && (!a.batch || a.lo + a.count == b.lo) && a.count <= UINT32_MAX - b.count;
}

void join(run& a, const run& b) {
  a.count += b.count;
  a.body += b.body;
  a.raw += b.raw;
}

void drop_body(run& which) {
  which.batch = nullptr;
  which.raw = 0;
  which.lo = 0;
  which.leaving = false;
}

} // namespace broker::queueing

#include "replication/entry.hpp"

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/crc32c.hpp"
#include "base/limits.hpp"

namespace broker::replication {

namespace {

uint32_t chain_head(uint32_t before, const log_run& run, seqno seq) {
  const uint64_t publish = run.kind == entry_kind::publish ? run.from.first + (seq - run.first) : run.from.first;
  char head[57];
  store_u64(head, run.mastership);
  store_u64(head + 8, seq);
  store_u64(head + 16, run.from.channel.inc);
  store_u64(head + 24, run.from.channel.number);
  store_u64(head + 32, publish);
  store_u32(head + 40, run.from.channel.node);
  store_u32(head + 44, before);
  store_u64(head + 48, run.facts.deadline_ms << 8 | run.facts.priority);
  head[56] = static_cast<char>(run.kind);
  return crc32c({head, sizeof head}, before);
}

} // namespace

log_run cut(const log_run& whole, seqno first, seqno last) {
  BROKER_ASSERT(whole.first <= first && first <= last && last <= whole.last(), "a cut lies inside its run");
  if (first == whole.first && last == whole.last())
    return whole;
  BROKER_ASSERT(whole.kind == entry_kind::publish, "only publishes come in more than one");
  log_run part = whole;
  const auto skipped = static_cast<uint32_t>(first - whole.first);
  part.first = first;
  part.count = static_cast<uint32_t>(last - first + 1);
  part.where = {whole.where.lo + skipped, whole.where.lo + skipped + part.count};
  if (skipped != 0) {
    part.from.first += skipped;
    part.from.prev = part.from.first - 1;
  }
  part.bytes = part.batch ? cost(part) : whole.bytes * part.count / whole.count;
  return part;
}

size_t cost(const log_run& run) {
  size_t bytes = limits::publish_overhead_bytes * run.count;
  if (run.ranges)
    bytes += run.ranges->size() * sizeof(seq_range);
  if (run.batch)
    for (uint32_t at = run.where.lo; at < run.where.hi; ++at)
      bytes += run.batch->messages[at].raw_size + run.batch->messages[at].names_size;
  return bytes;
}

uint32_t chain_after(uint32_t before, const log_run& run) {
  BROKER_ASSERT(run.in_memory(), "a chain is made from bodies");
  if (run.kind == entry_kind::publish) {
    BROKER_ASSERT(run.where.size() == run.count, "a publish entry per message");
    uint32_t chain = before;
    for (uint32_t at = 0; at < run.count; ++at) {
      const message& one = run.batch->messages[run.where.lo + at];
      chain = chain_head(chain, run, run.first + at);
      chain = crc32c({one.names, one.names_size}, chain);
      chain = crc32c({one.raw, one.raw_size}, chain);
    }
    return chain;
  }
  BROKER_ASSERT(run.count == 1, "settles, purges and forgets come one by one");
  uint32_t chain = chain_head(before, run, run.first);
  if (run.ranges)
    for (const seq_range& one : *run.ranges) {
      char bytes[16];
      store_u64(bytes, one.first);
      store_u64(bytes + 8, one.last);
      chain = crc32c({bytes, sizeof bytes}, chain);
    }
  return chain;
}

} // namespace broker::replication

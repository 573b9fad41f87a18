#include "replication/messages.hpp"

#include "base/overloaded.hpp"
#include "replication/describe.hpp"

namespace broker::replication {

namespace {

void describe_live(const std::vector<live_run>& live, std::string& out) {
  put(out, live.size());
  for (const live_run& run : live)
    put(out, run.first, run.where.size(), run.facts.deadline_ms, run.facts.priority);
}

} // namespace

void describe(const envelope& message, std::string& out) {
  put(out, message.mastership, message.inc, message.what.index());
  std::visit(overloaded{
               [&](const append& one) {
                 put(out, one.prev.mastership, one.prev.seq, one.prev_chain.has_value(), one.prev_chain.value_or(0),
                     one.commit, one.delivered_upto, one.ends, one.runs.size());
                 for (const log_run& run : one.runs)
                   put(out, run.mastership, run.first, run.count, run.chain, static_cast<uint64_t>(run.kind),
                       run.from.channel.number, run.from.first, run.from.prev, run.facts.deadline_ms,
                       run.facts.priority);
               },
               [&](const append_ok& one) { put(out, one.upto); },
               [&](const append_reject& one) { put(out, static_cast<uint64_t>(one.why), one.hint); },
               [&](const copy_begin& one) {
                 put(out, one.base.end.mastership, one.base.end.seq, one.base.chain, one.base.delivered_upto);
                 for (const dedupe_entry& entry : one.base.dedupe.entries())
                   put(out, entry.channel.node, entry.channel.inc, entry.channel.number, entry.last, entry.at);
               },
               [&](const copy_chunk& one) {
                 put(out, one.from, one.upto);
                 describe_live(one.live, out);
               },
               [&](const copy_ok& one) { put(out, one.upto); },
               [&](const start_over& one) { put(out, one.whom); },
             },
             message.what);
}

} // namespace broker::replication

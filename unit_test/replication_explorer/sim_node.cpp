#include "sim_node.hpp"

#include <cstring>
#include <map>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "replication/describe.hpp"

namespace explorer {

using broker::seq_range;
using broker::seqno;

namespace {

std::vector<content>& contents() {
  static std::vector<content> all{content{}}; // 0 is the hole
  return all;
}

uint32_t bits(const std::vector<seq_range>& ranges) {
  uint32_t all = 0;
  for (const seq_range& one : ranges)
    for (seqno seq = one.first; seq < one.last; ++seq)
      all |= 1u << seq;
  return all;
}

} // namespace

uint8_t content_id(const content& what) {
  auto& all = contents();
  for (size_t at = 1; at < all.size(); ++at)
    if (all[at] == what)
      return static_cast<uint8_t>(at);
  BROKER_ASSERT(all.size() < 256, "few different entries");
  all.push_back(what);
  return static_cast<uint8_t>(all.size() - 1);
}

const content& content_of(code entry) {
  return contents()[entry & 0xff];
}

code code_of(const repl::log_run& run, seqno seq) {
  content what;
  what.kind = run.kind;
  what.channel = run.from.channel.number;
  what.number = run.from.first + (run.kind == repl::entry_kind::publish ? seq - run.first : 0);
  if (run.ranges)
    what.ends = bits(*run.ranges);
  return static_cast<code>(run.mastership << 8 | content_id(what));
}

int codes_of(const repl::replica_log& log, code (&into)[entries_max]) {
  std::memset(into, 0, sizeof into);
  BROKER_ASSERT(log.length() <= entries_max, "explored logs are short");
  for (seqno seq = log.memory_floor() + 1; seq <= log.length(); ++seq)
    into[seq - 1] = code_of(*log.find(seq), seq);
  return static_cast<int>(log.length());
}

void follow(const repl::log_write& write, uint32_t& live) {
  std::visit(broker::overloaded{
               [&](const repl::log_emptied&) { live = 0; },
               [&](const repl::log_appended& one) {
                 if (one.run.kind == repl::entry_kind::publish)
                   live |= bits({{one.run.first, one.run.last() + 1}});
               },
               [&](const repl::log_truncated& one) { live &= (1u << one.from) - 1; },
               [&](const repl::log_copy_begun&) { live = 0; },
               [&](const repl::log_copied& one) {
                 for (const broker::stored_run& run : one.live)
                   live |= bits({{run.first, run.first + run.where.size()}});
               },
               [](const repl::log_copy_ended&) {},
               [&](const repl::log_forgotten& one) { live &= ~bits(one.ended); },
             },
             write.what);
}

void sim_node::sync(repl::effects& out) {
  if (pending.empty())
    return;
  const repl::write_number last = pending.back().number;
  image = written();
  image_live = live();
  pending.clear();
  machine->written(last, out);
}

repl::replica_log sim_node::written() const {
  repl::replica_log all = image;
  for (const repl::log_write& one : pending) {
    const auto done = all.replay(one);
    BROKER_ASSERT(done.ok(), "a replica writes what can be replayed");
  }
  all.recovered();
  return all;
}

uint32_t sim_node::live() const {
  uint32_t all = image_live;
  for (const repl::log_write& one : pending)
    follow(one, all);
  return all;
}

void sim_node::take(repl::effects& out, bool settles_sync_at_once) {
  for (repl::log_write& one : out.writes) {
    if (settles_sync_at_once && pending.empty() && std::holds_alternative<repl::log_forgotten>(one.what)) {
      follow(one, image_live);
      repl::effects none;
      machine->written(one.number, none);
      continue;
    }
    pending.push_back(std::move(one));
  }
  out.writes.clear();
  for (const repl::read_order& one : out.reads)
    reads.push_back(one);
  out.reads.clear();
  start_over = start_over || out.start_over;
  BROKER_ASSERT(!out.damaged, "a log is found damaged without a fault");
}

void sim_node::drop() {
  dropped_as = inc;
  image = {};
  image_live = 0;
  start_over = false;
  machine.reset();
  pending.clear();
  reads.clear();
}

void sim_node::power_failure() {
  up = false;
  start_over = false;
  dropped_as = 0;
  machine.reset();
  pending.clear();
  reads.clear();
}

bool sim_node::wanted(const repl::read_order& order) const {
  const repl::master* office = machine ? machine->office() : nullptr;
  const repl::peer* peer = office ? office->find(order.peer) : nullptr;
  if (peer == nullptr)
    return false;
  return order.live ? peer->copy_reading && peer->copy_ticket == order.ticket
                    : peer->reading && peer->read_ticket == order.ticket;
}

void sim_node::describe(std::string& out) const {
  using repl::put;
  put(out, up, damaged, start_over, inc, dropped_as, machine.has_value(), image_live, pending.size(), reads.size());
  for (const repl::log_write& one : pending) {
    put(out, one.what.index());
    if (const auto* appended = std::get_if<repl::log_appended>(&one.what))
      put(out, appended->run.mastership, appended->run.first, appended->run.count, appended->run.chain);
    if (const auto* cut = std::get_if<repl::log_truncated>(&one.what))
      put(out, cut->from);
    if (const auto* copied = std::get_if<repl::log_copied>(&one.what)) {
      uint32_t live = 0;
      follow(one, live);
      put(out, copied->upto, live);
    }
    if (const auto* begun = std::get_if<repl::log_copy_begun>(&one.what))
      put(out, begun->base->end.mastership, begun->base->end.seq);
    if (const auto* gone = std::get_if<repl::log_forgotten>(&one.what))
      put(out, bits(gone->ended));
  }
  for (const repl::read_order& one : reads)
    put(out, one.peer, one.live, one.from, one.upto, wanted(one)); // tickets as such say nothing
  image.describe(out);
  if (machine)
    machine->describe(out);
}

broker::batch_ref batch_of(uint64_t channel, uint64_t number) {
  static std::map<std::pair<uint64_t, uint64_t>, broker::batch_ref> made;
  auto& batch = made[{channel, number}];
  if (batch)
    return batch;
  batch = broker::make_ref<broker::publish_batch>();
  auto bytes = broker::block_ref{broker::block::create(64)};
  std::memcpy(bytes->data(), "\1e\1k", 4);
  const uint64_t body[2] = {channel, number};
  std::memcpy(bytes->data() + 4, body, sizeof body);
  broker::message one{};
  one.names = bytes->data();
  one.names_size = 4;
  one.raw = bytes->data() + 4;
  one.raw_size = sizeof body;
  one.body_size = sizeof body;
  one.flags = broker::message::persistent;
  batch->messages.push_back(one);
  batch->blocks.push_back(std::move(bytes));
  batch->first_confirm = number;
  return batch;
}

repl::channel_id channel_named(uint64_t number) {
  return {99, 1, number};
}

} // namespace explorer

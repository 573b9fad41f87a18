#include "world.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "amqp/properties.hpp"
#include "base/assert.hpp"
#include "replication/supervise.hpp"
#include "replication/wire.hpp"

namespace replicated {

namespace {

label label_of(const message& one) {
  label what;
  std::memcpy(&what, one.raw + one.header_size + 7, sizeof what);
  return what;
}

/// One message with the label as its body, published to exchange "" with key "q".
void add_message(publish_batch& to, const label& what, const amqp::properties& properties) {
  byte_buffer raw;
  raw.put({"\0\1q", 3});
  amqp::encode_content_header(raw, 1, sizeof what, properties);
  const auto header_size = static_cast<uint32_t>(raw.size() - 3);
  const char body_head[] = {3, 0, 1, 0, 0, 0, sizeof what};
  raw.put({body_head, sizeof body_head});
  raw.put({reinterpret_cast<const char*>(&what), sizeof what});
  raw.put_u8(0xce);
  block_ref bytes{block::create(raw.size())};
  std::memcpy(bytes->data(), raw.data(), raw.size());
  message one{bytes->data(), bytes->data() + 3, static_cast<uint32_t>(raw.size() - 3), sizeof what, header_size, 3, 0};
  one.flags = static_cast<uint16_t>(message::persistent | (properties.headers ? message::has_headers : 0)
                                    | (properties.expiration ? message::has_expiration : 0));
  to.messages.push_back(one);
  to.bytes += raw.size() + limits::publish_overhead_bytes;
  to.blocks.push_back(std::move(bytes));
}

std::shared_ptr<const queue_record> describe_queue(queue_options options) {
  auto described = std::make_shared<queue_record>();
  described->id = 7;
  described->vhost = "/";
  described->name = "q";
  described->durable = true;
  described->options = std::make_shared<const queue_options>(std::move(options));
  return described;
}

} // namespace

world::world(world_settings given) : settings(std::move(given)), nodes(static_cast<size_t>(settings.nodes)) {
  record_ = describe_queue(settings.options);
  repl::metadata_view view;
  view.queue.queue = 7;
  view.queue.master = 1;
  view.queue.min_in_sync = settings.min_in_sync;
  for (int who = 1; who <= settings.nodes; ++who) {
    const auto number = static_cast<repl::node_id>(who);
    view.nodes.nodes.push_back({number, 0, false});
    view.queue.nodes.push_back(number);
    if (who <= settings.members)
      view.queue.isr.push_back({number, 1});
  }
  versions.push_back(std::make_shared<const repl::metadata_view>(view));
  for (int who = settings.nodes; who >= 1; --who)
    restart(who);
  calm();
}

// -- nodes
// --------------------------------------------------------------------------------------------------------------

void world::crash(int who, random_source* random) {
  node& one = at(who);
  BROKER_ASSERT(one.up, "only what is up crashes");
  one.up = false;
  one.queue.reset();
  one.who = nullptr;
  one.held.clear();
  one.found = one.store->crash(random);
  std::erase_if(owed_, [&](const owed_ack& ack) { return ack.who == who; });
  for (int other = 1; other <= settings.nodes; ++other)
    links[{other, who}].clear();
}

void world::restart(int who) {
  node& one = at(who);
  BROKER_ASSERT(!one.up, "only what is down restarts");
  if (!one.store) {
    one.store = std::make_unique<log_model::ending_store>();
    one.found = one.store->crash(nullptr);
  }
  auto found = repl::recover_log(one.found);
  BROKER_ASSERT(found.ok(), "a log that was written is found again");
  one.up = true;
  ++one.inc;
  repl::metadata_view view = head();
  BROKER_ASSERT(repl::register_node(view.nodes, {static_cast<repl::node_id>(who), one.inc}).ok(), "it registers");
  view_changed(view);
  one.applied = versions.size() - 1;
  one.tick_due_ms = 0;
  replicated_settings what;
  what.replica.self = static_cast<repl::node_id>(who);
  what.replica.tail_bytes = settings.tail_bytes;
  what.replica.described_bytes = settings.described_bytes;
  what.replica.copy_above_bytes = settings.copy_above_bytes;
  what.replica.append_bytes = 4096;
  what.storage.checkpoint_records = settings.checkpoint_every;
  what.queue.memory_bytes = settings.memory_bytes;
  what.queue.wall_ms = [this] { return wall_ms; };
  what.queue.snapshots = [this] { return metadata; };
  what.queue.address = make_ref<channel_address>(1'000'000 + static_cast<uint64_t>(who));
  replicated_step step;
  one.queue =
    std::make_unique<replicated_queue>(record_, what, one.inc, head(), *one.store, *std::move(found), now_ms, step);
  take(who, step);
}

void world::cut(int a, int b) {
  for (const auto& pair : {std::pair{a, b}, std::pair{b, a}}) {
    cuts.insert(pair);
    links[pair].clear();
  }
}

bool world::deliver(int from, int to) {
  auto& link = links[{from, to}];
  if (link.empty() || !at(to).up)
    return false;
  const std::string bytes = std::move(link.front());
  link.pop_front();
  block_ref home{block::create(bytes.size())};
  std::memcpy(home->data(), bytes.data(), bytes.size());
  auto message = repl::decode({home->data(), bytes.size()}, home);
  BROKER_ASSERT(message.ok(), "what was encoded is decoded");
  replicated_step step;
  at(to).queue->receive(static_cast<repl::node_id>(from), *message, now_ms, step);
  at(to).queue->pump(now_ms, step);
  take(to, step);
  return true;
}

bool world::sync(int who, random_source* random) {
  node& one = at(who);
  if (!one.up || one.store->synced == one.store->operations.size())
    return false;
  const uint64_t upto = one.store->sync(random);
  replicated_step step;
  one.queue->logged(upto, now_ms, step);
  one.queue->pump(now_ms, step);
  take(who, step);
  return true;
}

bool world::answer_read(int who) {
  node& one = at(who);
  if (!one.up || one.store->reads.empty())
    return false;
  replicated_step step;
  one.store->answer([&](const auto& runs, const auto& facts) { one.queue->read(runs, facts, now_ms, step); });
  one.queue->pump(now_ms, step);
  take(who, step);
  return true;
}

void world::tick(int who) {
  node& one = at(who);
  if (!one.up || one.tick_due_ms == 0 || now_ms < one.tick_due_ms)
    return;
  one.tick_due_ms = 0;
  replicated_step step;
  one.queue->tick(now_ms, step);
  one.queue->pump(now_ms, step);
  take(who, step);
}

// -- metadata
// -----------------------------------------------------------------------------------------------------------

void world::view_changed(const repl::metadata_view& next) {
  versions.push_back(std::make_shared<const repl::metadata_view>(next));
}

void world::expire(int who) {
  repl::metadata_view view = head();
  const auto number = static_cast<repl::node_id>(who);
  BROKER_ASSERT(repl::session_expired(view.nodes, {number, view.nodes.registered(number)}).ok(), "it expires");
  view_changed(view);
}

bool world::commit_proposal() {
  if (proposals.empty())
    return false;
  const repl::placement_command what = proposals.front();
  proposals.pop_front();
  repl::metadata_view view = head();
  (void)repl::apply(view.queue, view.nodes, what).ok(); // a refusal may still have moved V
  if (view != head())
    view_changed(view);
  return true;
}

bool world::apply_metadata(int who) {
  node& one = at(who);
  if (!one.up || one.applied + 1 >= versions.size())
    return false;
  const repl::metadata_view& next = *versions[++one.applied];
  replicated_step step;
  one.queue->apply(record_, next, now_ms, step);
  one.queue->pump(now_ms, step);
  take(who, step);
  const auto number = static_cast<repl::node_id>(who);
  if (!one.up || one.applied + 1 != versions.size() || next.nodes.registered(number) != one.inc
      || next.nodes.live(number))
    return true;
  repl::metadata_view view = head();
  BROKER_ASSERT(repl::register_node(view.nodes, {number, ++one.inc}).ok(), "a higher incarnation registers");
  view_changed(view);
  one.applied = versions.size() - 1;
  replicated_step again_step;
  one.queue->reincarnate(one.inc, head(), now_ms, again_step);
  take(who, again_step);
  return true;
}

void world::reconfigure(queue_options options) {
  record_ = describe_queue(std::move(options));
  for (int who = 1; who <= settings.nodes; ++who)
    if (at(who).up) {
      replicated_step step;
      at(who).queue->apply(record_, *versions[at(who).applied], now_ms, step);
      take(who, step);
    }
}

bool world::hand_over(int who, int to) {
  replicated_step step;
  const bool begun = at(who).queue->begin_hand_over(static_cast<repl::node_id>(to), now_ms, step);
  take(who, step);
  return begun;
}

int world::master() const {
  for (int who = 1; who <= settings.nodes; ++who)
    if (at(who).up && at(who).queue->queue() && at(who).queue->replica().mastership() == head().queue.mastership)
      return who;
  return 0;
}

bool world::in_sync(int who) const {
  const repl::member* listed = head().queue.listed(static_cast<repl::node_id>(who));
  return listed && head().nodes.current_and_live(*listed);
}

// -- clients
// ------------------------------------------------------------------------------------------------------------

void world::publish(uint64_t channel, uint32_t count, const std::string& expiration, std::optional<std::string> key,
                    uint8_t priority) {
  auto [at, fresh_one] = channels.try_emplace(channel, repl::channel_id{99, 1, channel});
  if (fresh_one)
    addresses[channel] = make_ref<channel_address>(channel);
  uint64_t& last = published[channel];
  auto batch = make_ref<publish_batch>();
  batch->first_confirm = last + 1;
  amqp::properties properties;
  properties.delivery_mode = 2;
  if (!expiration.empty())
    properties.expiration = expiration;
  if (priority != 0)
    properties.priority = priority;
  if (key) {
    properties.headers.emplace();
    properties.headers->set("x-deduplication-header", amqp::field_value{amqp::longstr{*key}});
  }
  for (uint32_t i = 0; i < count; ++i)
    add_message(*batch, {channel, ++last}, properties);
  at->second.add(batch, {0, count});
}

bool world::channel_sends(uint64_t channel) {
  repl::publisher& from = channels.at(channel);
  int to = 0;
  for (int who = 1; who <= settings.nodes; ++who)
    if (at(who).up && at(who).queue->queue()) {
      from.retarget(at(who).queue->replica().mastership());
      if (at(who).queue->replica().mastership() == from.target())
        to = who;
    }
  if (to == 0 || !from.wants_send() || at(to).queue->replica().office()->handing_over())
    return false;
  repl::publish_order order = from.next();
  order.batch->hold();
  replicated_step step;
  at(to).queue->handle(
    publish_request{order.batch, order.slices, addresses.at(channel), true, {order.channel, order.prev}}, now_ms, step);
  at(to).queue->pump(now_ms, step);
  take(to, step);
  return true;
}

void world::consume(int who) {
  node& one = at(who);
  BROKER_ASSERT(one.up && one.queue->queue() && !one.who, "a master has no consumer yet");
  one.who = make_ref<consumer>();
  one.who->channel = make_ref<channel_address>(++next_address_);
  one.who->queue = 7;
  one.who->prefetch = settings.prefetch;
  replicated_step step;
  one.queue->handle(consume_request{one.who}, now_ms, step);
  one.queue->pump(now_ms, step);
  take(who, step);
}

void world::cancel(int who) {
  node& one = at(who);
  replicated_step step;
  one.queue->handle(channel_gone{one.who->channel}, now_ms, step);
  one.who = nullptr;
  one.held.clear();
  one.queue->pump(now_ms, step);
  take(who, step);
}

void world::settle(int who, size_t count, settle_request::kind what) {
  node& one = at(who);
  std::vector<seq_range> seqs;
  owed_ack ack{who, one.queue->replica().mastership(), 0, {}};
  for (; count != 0 && !one.held.empty(); --count) {
    seqs.push_back({one.held.front().seq, one.held.front().seq + 1});
    ack.what.push_back(one.held.front().what);
    one.held.pop_front();
  }
  if (seqs.empty())
    return;
  std::sort(seqs.begin(), seqs.end(), [](const seq_range& a, const seq_range& b) { return a.first < b.first; });
  replicated_step step;
  one.queue->handle(settle_request{what, one.who->channel, one.who, std::move(seqs)}, now_ms, step);
  ack.entry = one.queue->replica().log().length();
  if (what == settle_request::kind::ack)
    owed_.push_back(std::move(ack));
  one.queue->pump(now_ms, step);
  take(who, step);
}

void world::ack(int who, size_t count) {
  settle(who, count, settle_request::kind::ack);
}

void world::reject(int who, size_t count) {
  settle(who, count, settle_request::kind::reject);
}

void world::purge(int who) {
  for (const auto& [channel, last] : published)
    for (uint64_t number = 1; number <= last; ++number)
      purged.insert({channel, number});
  replicated_step step;
  at(who).queue->handle(purge_request{make_ref<channel_address>(++next_address_)}, now_ms, step);
  at(who).queue->pump(now_ms, step);
  take(who, step);
}

// -- what a step asks for
// ---------------------------------------------------------------------------------------------

void world::take(int who, replicated_step& step) {
  node& one = at(who);
  if (step.took_office) {
    ++offices;
    one.given.clear();
    one.last_new.clear();
    one.marked = one.queue->replica().delivered_upto();
  }
  deposed += step.deposed;
  for (const auto& [to, events] : step.queue.events)
    for (const queue_event& event : events)
      take(who, to->id, event);
  for (auto& request : step.queue.requests)
    requests.push_back(std::move(request));
  for (queue_request& request : step.misdirected) {
    ++misdirected;
    if (auto* publishes = std::get_if<publish_request>(&request)) {
      publishes->batch->release();
      channels.at(publishes->channel->id).gap();
    }
  }
  for (const repl::outgoing& sent : step.sends) {
    const int to = static_cast<int>(sent.to);
    if (cuts.contains({who, to}) || !at(to).up)
      continue;
    copies += std::holds_alternative<repl::copy_begin>(sent.message.what);
    const repl::wire_message encoded = repl::encode(sent.message);
    std::string bytes = encoded.head;
    for (std::string_view part : encoded.bodies)
      bytes += part;
    links[{who, to}].push_back(std::move(bytes));
  }
  proposals.insert(proposals.end(), step.proposals.begin(), step.proposals.end());
  if (step.queue.tick_in_ms != 0) {
    const uint64_t due = now_ms + step.queue.tick_in_ms;
    one.tick_due_ms = one.tick_due_ms == 0 ? due : std::min(one.tick_due_ms, due);
  }
  if (step.damaged)
    fail("a log is found damaged without a fault");
  one.queue->check();
  note_settles(who);
  if (!step.start_over)
    return;
  repl::metadata_view view = head();
  BROKER_ASSERT(repl::register_node(view.nodes, {static_cast<repl::node_id>(who), ++one.inc}).ok(), "it registers");
  view_changed(view);
  one.applied = versions.size() - 1;
  replicated_step fresh_start;
  one.queue->start_again(one.inc, head(), now_ms, fresh_start);
  take(who, fresh_start);
}

void world::take(int who, uint64_t to, const queue_event& what) {
  node& one = at(who);
  if (const auto* gave = std::get_if<broker::delivered>(&what))
    on_delivered(who, *gave);
  else if (const auto* sure = std::get_if<broker::confirmed>(&what))
    on_confirmed(who, *sure, to);
  else if (const auto* gone = std::get_if<consumer_cancelled>(&what); gone && gone->who == one.who) {
    ++cancelled[who];
    one.who = nullptr;
    one.held.clear();
  } else if (const auto* gap = std::get_if<publish_gap>(&what)) {
    ++gaps;
    channels.at(to).gap(gap->last_number);
  }
}

void world::on_delivered(int who, const broker::delivered& what) {
  node& one = at(who);
  for (uint32_t i = 0; i < what.run.where.size(); ++i) {
    const seen now{label_of(what.run.batch->messages[what.run.where.lo + i]), what.run.first + i, what.redelivered};
    const auto& [channel, number] = now.what;
    if (now.seq > one.queue->replica().commit())
      fail("a message is delivered that is not committed");
    if (who == master() && acked_for_good.contains(now.what))
      fail("a message comes back whose ack was committed");
    const bool ordered = settings.options.max_priority == 0;
    if (!now.redelivered) {
      if (one.given.contains(now.what) || (ordered && now.seq < one.marked))
        fail("a message is delivered again without the mark");
      if (uint64_t& last = one.last_new[channel]; ordered && number <= last)
        fail("messages of a channel are out of order");
      else
        last = std::max(last, number);
    } else if (ordered && !delivered.contains(now.what)) {
      fail("a message is marked that was never delivered");
    }
    one.given.insert(now.what);
    delivered.insert(now.what);
    history.push_back(now);
    fresh.push_back(now);
    again += now.redelivered;
    one.held.push_back(now);
  }
}

void world::on_confirmed(int who, const broker::confirmed& what, uint64_t channel) {
  if (what.rejected && refusals_get_lost)
    return;
  if (what.rejected) {
    for (uint64_t number = what.numbers.first; number < what.numbers.last; ++number)
      refused.insert({channel, number});
  }
  for (uint64_t number = what.numbers.first; !what.rejected && number < what.numbers.last; ++number) {
    const label one{channel, number};
    if (!confirmed.insert(one).second || delivered.contains(one) || purged.contains(one))
      continue;
    for (const repl::member& listed : head().queue.isr)
      if (at(who).queue->replica().known().queue.listed(listed.node) && !on_disk(static_cast<int>(listed.node), one))
        fail("a message is confirmed that an in-sync copy does not have on its disk");
  }
  channels.at(channel).done(what.numbers, what.rejected);
}

bool world::on_disk(int who, const label& what) const {
  const log_model::ending_store& store = *at(who).store;
  for (size_t which = 0; which < store.synced; ++which) {
    const auto& one = store.operations[which];
    for (uint32_t i = one.where.lo; one.what == log_model::ending_store::kind::append && i < one.where.hi; ++i)
      if (label_of(one.batch->messages[i]) == what)
        return true;
  }
  return false;
}

/// An ack holds for ever once its entry is committed.
void world::note_settles(int who) {
  const repl::replica& machine = at(who).queue->replica();
  std::erase_if(owed_, [&](const owed_ack& one) {
    if (one.who != who)
      return false;
    if (!machine.is_master() || machine.mastership() != one.mastership)
      return true;
    if (machine.commit() < one.entry)
      return false;
    acked_for_good.insert(one.what.begin(), one.what.end());
    return true;
  });
}

// -- time
// ---------------------------------------------------------------------------------------------------------------

void world::calm() {
  for (bool any = true; any;) {
    any = false;
    while (commit_proposal())
      any = true;
    for (int who = 1; who <= settings.nodes; ++who) {
      while (apply_metadata(who))
        any = true;
      any = sync(who) || any;
      any = answer_read(who) || any;
    }
    for (auto& [pair, link] : links)
      any = deliver(pair.first, pair.second) || any;
    for (auto& [channel, unused] : channels)
      any = channel_sends(channel) || any;
  }
}

void world::run_for(uint32_t milliseconds) {
  for (uint32_t passed = 0; passed < milliseconds; passed += 100) {
    now_ms += 100;
    wall_ms += 100;
    for (int who = 1; who <= settings.nodes; ++who)
      tick(who);
    if (const auto what = repl::supervise(head(), {}, false))
      proposals.push_back(*what);
    calm();
  }
}

std::vector<uint64_t> world::taken(uint64_t channel) {
  std::vector<uint64_t> numbers;
  for (const seen& one : fresh)
    if (one.what.channel == channel)
      numbers.push_back(one.what.number);
  fresh.clear();
  return numbers;
}

std::string world::drained() {
  heal();
  for (int who = 1; who <= settings.nodes; ++who)
    if (!at(who).up)
      restart(who);
    else
      at(who).queue->cancel_hand_over(); // as whoever began it would in time
  run_for(70'000);                       // longer than a slow mirror is barred
  const int who = master();
  if (who == 0)
    return "nobody is master";
  if (!at(who).who)
    consume(who);
  for (size_t left = 1; left != 0;) {
    calm();
    left = at(who).held.size();
    ack(who, left);
  }
  run_for(2'000);
  if (!broken.empty())
    return broken;
  for (const auto& [channel, from] : channels)
    if (!from.idle())
      return "a publish is neither confirmed nor refused";
  for (const label& one : confirmed)
    if (!delivered.contains(one) && !purged.contains(one))
      return "a confirmed message was never delivered: " + std::to_string(one.channel) + "/"
           + std::to_string(one.number);
  for (int each = 1; each <= settings.nodes; ++each) {
    if (at(each).queue->messages_logged() != 0)
      return "messages are left";
    if (!in_sync(each))
      return "a node is not back in sync";
    if (!at(each).store->broken.empty())
      return at(each).store->broken;
  }
  return {};
}

} // namespace replicated

#include "bridge/two_nodes.hpp"

#include <cstring>

#include "base/assert.hpp"

namespace bridge_test {

batch_ref numbered(uint64_t first, uint32_t count, bool persistent, size_t padding) {
  auto made = make_ref<publish_batch>();
  amqp::properties properties;
  if (persistent)
    properties.delivery_mode = 2;
  for (uint32_t at = 0; at < count; ++at) {
    const auto body = static_cast<uint32_t>(8 + padding);
    byte_buffer raw;
    amqp::encode_content_header(raw, 1, body, properties);
    const auto header_size = static_cast<uint32_t>(raw.size());
    raw.put_u8(3);
    raw.put_u16(1);
    raw.put_u32(body);
    raw.put_u64(first + at);
    raw.put(std::string(padding, 'x'));
    raw.put_u8(0xce);
    block_ref bytes{block::create(raw.size())};
    std::memcpy(bytes->data(), raw.data(), raw.size());
    message one{"\0\1q", bytes->data(), static_cast<uint32_t>(raw.size()), body, header_size, 3, 0};
    one.flags = persistent ? message::persistent : 0;
    made->messages.push_back(one);
    made->bytes += raw.size() + limits::publish_overhead_bytes;
    made->blocks.push_back(std::move(bytes));
  }
  return made;
}

uint64_t number_of(const message& what) {
  return load_u64(what.raw + what.header_size + 7);
}

node_side::node_side(two_nodes& of, std::string called) : world(of), name(std::move(called)) {
  bridge_settings settings;
  settings.make_address = [this] {
    twins.insert(next_id);
    return make_ref<channel_address>(next_id++);
  };
  settings.find_queue = [this](queue_id id, epoch mastership) {
    if (const auto moved = moves.find(id); moved != moves.end()) {
      if (mastership > moved->second.mastership)
        return queue_place::coming;
      if (mastership != 0 && mastership < moved->second.mastership)
        return queue_place::stale;
      if (!moved->second.here)
        return mastership == 0 ? queue_place::elsewhere : queue_place::stale;
    }
    return queues.contains(id) ? queue_place::here : coming.contains(id) ? queue_place::coming : queue_place::gone;
  };
  settings.unreachable = [](queue_id) { return error{404, "down"}; };
  settings.on_taken_over = [this](uint64_t session, uint64_t publish) { taken.emplace_back(session, publish); };
  settings.on_place_wanted = [this](uint64_t session, uint64_t channel, uint32_t places) {
    wanted.emplace_back(session, channel, places);
  };
  bridge = std::make_unique<bridge_state>(std::move(settings));
}

node_side::hosted& node_side::add_queue(queue_id id, size_t pace_bytes) {
  auto made = std::make_unique<hosted>();
  auto record = std::make_shared<queue_record>();
  record->id = id;
  record->vhost = "/";
  record->name = "q" + std::to_string(id);
  record->durable = true;
  record->options = std::make_shared<const queue_options>();
  queue_settings settings;
  settings.pace_bytes = pace_bytes;
  settings.address = make_ref<channel_address>(1'000'000 + id);
  made->machine = std::make_unique<queue_state>(std::move(record), std::move(settings), made->store, nullptr, 1000);
  coming.erase(id);
  return *(queues[id] = std::move(made));
}

channel_ref node_side::channel() {
  return make_ref<channel_address>(next_id++);
}

void node_side::send(queue_id id, queue_request what, epoch mastership) {
  if (queues.contains(id))
    return to_queue(id, std::move(what));
  bridge_step step;
  bridge->request(id, std::move(what), step, mastership);
  carry_out(std::move(step));
}

void node_side::publish(const channel_ref& from, queue_id id, const batch_ref& batch, confirm_number first) {
  batch->first_confirm = first;
  batch->hold();
  send(id, publish_request{batch, {{0, static_cast<uint32_t>(batch->messages.size())}}, from, first != 0});
}

consumer_ref node_side::consume(const channel_ref& from, queue_id id, bool no_ack, uint16_t prefetch,
                                ref<prefetch_window> window) {
  auto who = make_ref<consumer>();
  who->tag = "c" + std::to_string(next_id++);
  who->channel = from;
  who->queue = id;
  who->no_ack = no_ack;
  who->prefetch = prefetch;
  who->window = std::move(window);
  send(id, consume_request{who});
  return who;
}

void node_side::settle(settle_request::kind what, const consumer_ref& by, seqno first, seqno end) {
  send(by->queue, settle_request{what, by->channel, by, {{first, end}}});
}

void node_side::write_all(const consumer_ref& who) {
  who->unwritten_bytes.store(0);
  if (who->starved.exchange(false))
    send(who->queue, consumer_ready{who});
}

void node_side::to_queue(queue_id id, queue_request what) {
  hosted& to = *queues.at(id);
  queue_step step;
  to.machine->handle(std::move(what), world.now_ms, step);
  to.machine->durable(to.store.durable_end, world.now_ms, step);
  to.machine->check();
  for (auto& [channel, all] : step.events) {
    if (twins.contains(channel->id)) {
      const auto moved = moves.find(id);
      bridge->events(channel->id, std::move(all), moved == moves.end() ? 0 : moved->second.mastership);
      continue;
    }
    for (auto& each : all)
      events[channel->id].push_back(std::move(each));
  }
}

void node_side::carry_out(bridge_step step) {
  for (auto& [id, request, mastership] : step.requests) {
    BROKER_ASSERT(queues.contains(id), "the bridge looks before it sends");
    seen.push_back({id, request, mastership});
    to_queue(id, std::move(request));
  }
  for (auto& [to, what] : step.news) {
    if (auto* all = std::get_if<queue_says>(&what)) {
      masterships[to->id].insert(all->mastership);
      for (auto& each : all->events) {
        const auto* gave = std::get_if<delivered>(&each);
        const consumer_ref who = gave ? gave->who : nullptr;
        events[to->id].push_back(std::move(each));
        if (who && reads)
          write_all(who);
      }
    } else if (const auto* gone = std::get_if<queue_vanished>(&what)) {
      vanished[to->id].push_back(gone->queue);
    } else if (const auto* found = std::get_if<queue_back>(&what)) {
      back[to->id].push_back(*found);
    } else {
      lost[to->id].push_back(std::get<queue_lost>(what));
    }
  }
  for (const auto& each : step.questions)
    if (queues.contains(each.queue)) {
      bridging::report_answer answer{each.key, std::nullopt, std::nullopt};
      answer.queue.emplace().ready = queue(each.queue).messages_ready();
      bridge->answer_report(std::move(answer));
    } else {
      bridge->answer_report({each.key, std::nullopt, std::nullopt});
    }
  for (auto& each : step.replies)
    replies.push_back(std::move(each));
  for (auto& each : step.reports)
    reports.push_back(std::move(each));
  unanswered.insert(unanswered.end(), step.unanswered.begin(), step.unanswered.end());
  if (!step.broken.empty())
    broken = step.broken;
  if (step.tick_in_ms != 0 && (tick_at_ms == 0 || world.now_ms + step.tick_in_ms < tick_at_ms))
    tick_at_ms = world.now_ms + step.tick_in_ms;
}

bool node_side::bring_in() {
  const bool any = !taken.empty() || !wanted.empty();
  for (const auto& [session, number] : std::exchange(taken, {}))
    bridge->taken_over(session, number);
  for (const auto& [session, of, places] : std::exchange(wanted, {}))
    bridge->place_wanted(session, of, places);
  return any;
}

two_nodes::two_nodes() : a(*this, "rabbit@a"), b(*this, "rabbit@b") {
  b.next_id = 5000; // ids of different nodes are apart only so that a mistake is seen
  connect();
}

void two_nodes::connect() {
  for (node_side* each : {&a, &b}) {
    bridge_step step;
    each->bridge->session_begins(step);
    each->carry_out(std::move(step));
  }
}

void two_nodes::lose() {
  a.wire.clear();
  b.wire.clear();
  for (node_side* each : {&a, &b}) {
    bridge_step step;
    each->bridge->session_ends(step);
    each->carry_out(std::move(step));
    each->bridge->check();
  }
}

void two_nodes::pump(node_side& from) {
  while (from.wire.size() < window && from.bridge->has_frames())
    from.wire.push_back(from.bridge->next_frame());
}

bool two_nodes::deliver(node_side& from) {
  if (tamper)
    tamper(from.wire);
  if (from.wire.empty())
    return false;
  const std::string frame = std::move(from.wire.front());
  from.wire.pop_front();
  node_side& to = other(from);
  bridge_step step;
  to.bridge->frame(frame, now_ms, step);
  to.carry_out(std::move(step));
  to.bridge->check();
  return true;
}

void two_nodes::run() {
  for (bool moved = true; moved;) {
    moved = false;
    for (node_side* each : {&a, &b}) {
      moved = each->bring_in() || moved;
      pump(*each);
      moved = deliver(*each) || moved;
    }
  }
}

void two_nodes::pass(uint64_t ms) {
  for (const uint64_t until = now_ms + ms; now_ms < until;) {
    ++now_ms;
    for (node_side* each : {&a, &b}) {
      if (each->tick_at_ms == 0 || each->tick_at_ms > now_ms)
        continue;
      each->tick_at_ms = 0;
      bridge_step step;
      each->bridge->tick(now_ms, step);
      each->carry_out(std::move(step));
    }
    run();
  }
}

} // namespace bridge_test

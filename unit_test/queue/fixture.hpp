// A queue on a fake store, publishers and consumers for its tests. Each message carries a number as its body.
#pragma once

#include <cstring>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "amqp/properties.hpp"
#include "fake_store.hpp"
#include "queue/queue_state.hpp"

namespace test {

/// Counts the bytes that came back.
struct counting_sink final : credit_sink {
  void credit(size_t bytes) noexcept override {
    returned += bytes;
    ++times;
  }
  size_t returned = 0;
  int times = 0;
};

/// Header size of the short messages, which hold nothing but their number.
inline constexpr uint32_t short_header_bytes = 8;

inline uint64_t number_of(const message& one) {
  uint64_t number = 0;
  const char* at = one.header_size == short_header_bytes ? one.raw : one.raw + one.header_size + 7;
  std::memcpy(&number, at, sizeof number);
  return number;
}

struct delivery {
  uint64_t number = 0;
  seqno seq = 0;
  bool redelivered = false;
  consumer* who = nullptr;
  friend bool operator==(const delivery&, const delivery&) = default;
  friend std::ostream& operator<<(std::ostream& out, const delivery& one) {
    return out << one.number << '@' << one.seq << (one.redelivered ? " again" : "");
  }
};

inline void append_deliveries(const stored_run& run, bool redelivered, consumer* who, std::vector<delivery>& out) {
  for (uint32_t at = run.where.lo; at < run.where.hi; ++at)
    out.push_back({number_of(run.batch->messages[at]), run.first + at - run.where.lo, redelivered, who});
}

struct fixture {
  explicit fixture(queue_settings settings = {}, const recovered_queue* recovered = nullptr, bool durable = true,
                   bool auto_delete = false, queue_options options = {}) {
    settings.wall_ms = [this] { return wall_ms; };
    settings.address = make_ref<channel_address>(1'000'000);
    settings.snapshots = [this] { return metadata; };
    settings.note = [this](const std::string& line) { notes.push_back(line); };
    auto described = std::make_shared<queue_record>();
    described->id = 7;
    described->vhost = "/";
    described->name = "q";
    described->durable = durable;
    described->auto_delete = auto_delete;
    described->options = std::make_shared<const queue_options>(std::move(options));
    record = *described;
    queue = std::make_unique<queue_state>(std::move(described), std::move(settings), store, recovered, now_ms);
  }

  explicit fixture(queue_options options, const recovered_queue* recovered = nullptr, queue_settings settings = {})
    : fixture(std::move(settings), recovered, true, false, std::move(options)) {}

  /// A policy changes.
  void reconfigure(queue_options options) {
    record.options = std::make_shared<const queue_options>(std::move(options));
    queue_step step;
    queue->reconfigure(std::make_shared<const queue_record>(record), now_ms, step);
    take(step);
  }

  channel_ref channel() { return make_ref<channel_address>(++channels); }

  consumer_ref consumer_on(const channel_ref& where, uint16_t prefetch = 0, bool no_ack = false, int32_t priority = 0) {
    auto who = make_ref<consumer>();
    who->channel = where;
    who->queue = 7;
    who->prefetch = prefetch;
    who->no_ack = no_ack;
    who->priority = priority;
    return who;
  }

  /// A batch of messages numbered onwards from the last one, of `size` raw bytes each.
  batch_ref batch(size_t count, bool persistent = false, uint32_t size = 16) {
    auto made = make_ref<publish_batch>();
    block_ref bytes{block::create(count * size)};
    for (size_t at = 0; at < count; ++at) {
      char* raw = bytes->data() + at * size;
      const uint64_t number = ++published;
      std::memcpy(raw, &number, sizeof number);
      message one{"\0\1q", raw, size, size - 8, short_header_bytes, 3, 0};
      one.flags = persistent ? message::persistent : 0;
      made->messages.push_back(one);
    }
    made->bytes = count * (size + limits::publish_overhead_bytes);
    made->blocks.push_back(std::move(bytes));
    made->credit_to = sink;
    return made;
  }

  /// Whole messages with these properties and 8 bytes of body, published to exchange "" with key "q".
  batch_ref real_batch(size_t count, const amqp::properties& properties) {
    auto made = make_ref<publish_batch>();
    for (size_t at = 0; at < count; ++at) {
      byte_buffer raw;
      amqp::encode_content_header(raw, 1, 8, properties);
      const auto header_size = static_cast<uint32_t>(raw.size());
      const uint64_t number = ++published;
      const char body_head[] = {3, 0, 1, 0, 0, 0, 8};
      raw.put({body_head, sizeof body_head});
      raw.put({reinterpret_cast<const char*>(&number), sizeof number});
      raw.put_u8(0xce);
      block_ref bytes{block::create(raw.size())};
      std::memcpy(bytes->data(), raw.data(), raw.size());
      message one{"\0\1q", bytes->data(), static_cast<uint32_t>(raw.size()), 8, header_size, 3, 0};
      one.flags = static_cast<uint16_t>((properties.delivery_mode == 2 ? message::persistent : 0)
                                        | (properties.headers ? message::has_headers : 0)
                                        | (properties.expiration ? message::has_expiration : 0));
      made->messages.push_back(one);
      made->bytes += raw.size() + limits::publish_overhead_bytes;
      made->blocks.push_back(std::move(bytes));
    }
    made->credit_to = sink;
    return made;
  }
  batch_ref expiring(size_t count, const std::string& ttl_ms) {
    amqp::properties properties;
    properties.expiration = ttl_ms;
    return real_batch(count, properties);
  }

  void publish(batch_ref what, const channel_ref& from = {}, confirm_number first_confirm = 0) {
    what->first_confirm = first_confirm;
    what->hold();
    const auto count = static_cast<uint32_t>(what->messages.size());
    send(publish_request{std::move(what), {{0, count}}, from, first_confirm != 0});
  }

  void send(queue_request request) {
    queue_step step;
    queue->handle(std::move(request), now_ms, step);
    take(step);
  }
  void settle(settle_request::kind what, const consumer_ref& by, std::vector<seq_range> seqs) {
    send(settle_request{what, by->channel, by, std::move(seqs)});
  }
  void ack(const consumer_ref& by, seqno first, seqno last) { settle(settle_request::kind::ack, by, {{first, last}}); }

  void durable() {
    queue_step step;
    queue->durable(store.durable_end, now_ms, step);
    take(step);
  }
  void paged() {
    queue_step step;
    queue->paged(store.paged_end, now_ms, step);
    take(step);
  }
  void read_done() {
    queue_step step;
    queue->read_done(store.answer_read(), now_ms, step);
    take(step);
  }
  /// Time passes up to `at_ms`.
  void tick(uint64_t at_ms) {
    now_ms = at_ms;
    queue_step step;
    queue->tick(now_ms, step);
    take(step);
  }
  /// Answers of the queue that dead letters were sent to.
  void answer(queue_id target, seq_range numbers, bool rejected = false) {
    queue_step step;
    queue->answered({target, numbers, rejected}, now_ms, step);
    take(step);
  }
  void target_gone(queue_id target) {
    queue_step step;
    queue->target_gone(target, now_ms, step);
    take(step);
  }
  void target_unreachable(queue_id target, epoch upto = 0) {
    queue_step step;
    queue->target_unreachable(target, upto, now_ms, step);
    take(step);
  }
  void deleted() {
    queue_step step;
    queue->deleted(step);
    take(step);
  }
  /// Answers of the store until it owes none.
  void settle_store() {
    durable();
    paged();
    while (!store.reads.empty())
      read_done();
  }

  void take(queue_step& step) {
    stepped_ms = now_ms;
    for (auto& [to, events] : step.events)
      for (auto& one : events) {
        if (const auto* gave = std::get_if<broker::delivered>(&one))
          append_deliveries(gave->run, gave->redelivered, gave->who.get(), deliveries);
        else if (const auto* sure = std::get_if<confirmed>(&one))
          for (uint64_t at = sure->numbers.first; at < sure->numbers.last; ++at)
            (sure->rejected ? rejects : confirms).push_back(at);
        ++event_count;
        events_seen.emplace_back(to, std::move(one));
      }
    for (auto& one : step.requests)
      requests.push_back(std::move(one));
    for (auto& one : step.looks)
      looks.push_back(std::move(one));
    unused = unused || step.unused;
    tick_in_ms = step.tick_in_ms;
    queue->check();
  }

  /// The numbers delivered since the last call.
  std::vector<uint64_t> numbers() {
    std::vector<uint64_t> all;
    for (const delivery& one : deliveries)
      all.push_back(one.number);
    deliveries.clear();
    return all;
  }
  /// The last event of a kind, null if there was none.
  template<class T>
  const T* last() const {
    for (auto at = events_seen.rbegin(); at != events_seen.rend(); ++at)
      if (const T* found = std::get_if<T>(&at->second))
        return found;
    return nullptr;
  }

  fake_store store;
  ref<counting_sink> sink = make_ref<counting_sink>();
  uint64_t published = 0;
  uint64_t channels = 0;
  std::vector<delivery> deliveries;
  std::vector<confirm_number> confirms;
  std::vector<confirm_number> rejects;
  std::vector<std::pair<queue_id, queue_request>> requests; ///< to other queues
  std::vector<look_answer> looks;
  std::vector<std::string> notes;
  snapshot_ptr metadata;
  queue_record record;
  std::vector<std::pair<channel_ref, queue_event>> events_seen;
  size_t event_count = 0;
  bool unused = false;
  uint64_t tick_in_ms = 0;
  uint64_t now_ms = 1000;
  uint64_t stepped_ms = 1000; ///< when the queue last looked at the clock
  uint64_t wall_ms = 1'700'000'000'000;
  std::unique_ptr<queue_state> queue;
};

using numbers = std::vector<uint64_t>;

/// from, from+1, ..., to.
inline numbers counting(uint64_t from, uint64_t to) {
  numbers all;
  for (uint64_t at = from; at <= to; ++at)
    all.push_back(at);
  return all;
}

} // namespace test

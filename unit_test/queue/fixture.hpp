// A queue on a fake store, publishers and consumers for its tests. Each message carries a number as its body.
#pragma once

#include <cstring>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

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

/// It is in the last bytes: a header in front of them may be rewritten.
inline uint64_t number_of(const message& one) {
  uint64_t number = 0;
  std::memcpy(&number, one.raw + one.raw_size - sizeof number, sizeof number);
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
                   bool auto_delete = false) {
    auto described = std::make_shared<queue_record>();
    described->id = 7;
    described->vhost = "/";
    described->name = "q";
    described->durable = durable;
    described->auto_delete = auto_delete;
    queue = std::make_unique<queue_state>(std::move(described), std::move(settings), store, recovered, now_ms);
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
      std::memcpy(raw + size - sizeof number, &number, sizeof number);
      message one{"\0\1q", raw, size, size - 8, 8, 3, 0};
      one.flags = persistent ? message::persistent : 0;
      made->messages.push_back(one);
    }
    made->bytes = count * (size + limits::publish_overhead_bytes);
    made->blocks.push_back(std::move(bytes));
    made->credit_to = sink;
    return made;
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
    for (auto& [to, events] : step.events)
      for (auto& one : events) {
        if (const auto* gave = std::get_if<broker::delivered>(&one))
          append_deliveries(gave->run, gave->redelivered, gave->who.get(), deliveries);
        else if (const auto* sure = std::get_if<confirmed>(&one))
          for (uint64_t at = sure->numbers.first; at < sure->numbers.last; ++at)
            confirms.push_back(at);
        ++event_count;
        events_seen.emplace_back(to, std::move(one));
      }
    unused = unused || step.unused;
    if (step.tick_in_ms != 0)
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
  std::vector<std::pair<channel_ref, queue_event>> events_seen;
  size_t event_count = 0;
  bool unused = false;
  uint64_t tick_in_ms = 0;
  uint64_t now_ms = 1000;
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

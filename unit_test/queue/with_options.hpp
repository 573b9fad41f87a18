// A queue with arguments, and messages with properties, for the tests of both.
#pragma once

#include "amqp/properties.hpp"
#include "fixture.hpp"

namespace test {

struct fixture_with : fixture {
  explicit fixture_with(queue_options chosen, queue_settings settings = {}, const recovered_queue* recovered = nullptr)
    : fixture(settings) {
    record->id = 7;
    record->vhost = "/";
    record->name = "q";
    record->durable = true;
    record->options = std::make_shared<const queue_options>(std::move(chosen));
    queue = std::make_unique<queue_state>(record, std::move(settings), store, recovered, now_ms);
  }

  /// One message per entry, numbered onwards as in batch().
  batch_ref batch_of(const std::vector<amqp::properties>& all, bool persistent = false) {
    auto made = make_ref<publish_batch>();
    for (const amqp::properties& one : all) {
      byte_buffer header;
      amqp::encode_content_header(header, 1, 8, one);
      const auto header_size = static_cast<uint32_t>(header.size());
      block_ref bytes{block::create(header_size + 8)};
      std::memcpy(bytes->data(), header.view().data(), header_size);
      const uint64_t number = ++published;
      std::memcpy(bytes->data() + header_size, &number, sizeof number);
      message each{"\0\1q", bytes->data(), header_size + 8, 8, header_size, 3, 0};
      if (persistent)
        each.flags |= message::persistent;
      if (one.headers)
        each.flags |= message::has_headers;
      made->messages.push_back(each);
      made->blocks.push_back(std::move(bytes));
      made->bytes += each.raw_size + limits::publish_overhead_bytes;
    }
    made->credit_to = sink;
    return made;
  }

  std::shared_ptr<queue_record> record = std::make_shared<queue_record>();
};

inline amqp::properties with_priority(uint8_t priority) {
  amqp::properties one;
  one.priority = priority;
  return one;
}

} // namespace test

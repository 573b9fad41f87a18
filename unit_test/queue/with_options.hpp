// A queue with arguments, and batches of messages with different properties.
#pragma once

#include "amqp/properties.hpp"
#include "fixture.hpp"

namespace test {

struct fixture_with : fixture {
  explicit fixture_with(queue_options chosen, queue_settings settings = {}, const recovered_queue* recovered = nullptr)
    : fixture(std::move(chosen), recovered, std::move(settings)) {}

  /// One message per entry, numbered onwards as in batch().
  batch_ref batch_of(const std::vector<amqp::properties>& all, bool persistent = false) {
    auto made = make_ref<publish_batch>();
    for (const amqp::properties& properties : all) {
      const batch_ref one = real_batch(1, properties);
      made->messages.push_back(one->messages[0]);
      if (persistent)
        made->messages.back().flags |= message::persistent;
      made->blocks.push_back(one->blocks[0]);
      made->bytes += one->bytes;
    }
    made->credit_to = sink;
    return made;
  }
};

inline amqp::properties with_priority(uint8_t priority) {
  amqp::properties one;
  one.priority = priority;
  return one;
}

} // namespace test

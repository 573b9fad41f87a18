// A behaviour of one's own: an actor in front of every queue that counts what is asked of the queue and hands it on
// unchanged. Clients, channels and queues do not know that it is there. The way in is runtime::make_queue.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "actors/queue_factory.hpp"

namespace examples {

struct audit_counts {
  uint64_t published = 0;    ///< messages routed to the queue
  uint64_t acknowledged = 0; ///< messages a consumer or basic.get has acknowledged
  uint64_t returned = 0;     ///< messages rejected or requeued
  uint64_t requests = 0;     ///< requests of any kind; one may carry many messages
};

/// What was counted, by queue name. Thread-safe; the taps of several loops write to it.
class audit_book {
public:
  void add(const std::string& queue, const audit_counts& more);
  std::map<std::string, audit_counts> read() const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, audit_counts> counts_;
};

/// Queues as the node makes them, each with a tap in front that writes to `book`.
broker::queue_factory audited_queues(std::shared_ptr<audit_book> book);

} // namespace examples

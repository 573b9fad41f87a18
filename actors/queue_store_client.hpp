// What the actors of queues of all kinds share.
#pragma once

#include <chrono>
#include <utility>
#include <vector>

#include "actors/messages.hpp"
#include "ports/message_store.hpp"

namespace broker {

/// How long a deleted queue still answers requests that were sent before its deletion was known.
inline constexpr auto queue_linger = std::chrono::seconds{5};

/// Posts the store's answers to the queue's actor.
class queue_store_client final : public store_client {
public:
  explicit queue_store_client(const caf::actor& who) : queue_(caf::actor_cast<caf::actor_addr>(who)) {}

  void on_durable(seqno upto) override { post(queue_durable_msg{upto}); }
  void on_paged(seqno upto) override { post(queue_paged_msg{upto}); }
  void on_read(std::vector<stored_run> runs) override { post(queue_read_msg{std::move(runs)}); }

private:
  template<class Message>
  void post(Message message) {
    if (auto who = caf::actor_cast<caf::actor>(queue_))
      caf::anon_send(who, std::move(message));
  }

  caf::actor_addr queue_; // weak: the store must not keep an ended queue alive
};

} // namespace broker

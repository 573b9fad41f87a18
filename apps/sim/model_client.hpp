// Model AMQP clients: what applications do, over the real codec, recording everything in the ledger. Each connects,
// does its work, and when the connection is lost reconnects after a pause, as a well-written application does.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "amqp_wire.hpp"
#include "base/random.hpp"
#include "ledger.hpp"
#include "queue_plan.hpp"
#include "sim_session.hpp"
#include "virtual_time.hpp"

namespace broker::sim {

/// What clients share. `connect` gives a session, or null while the node is down.
struct client_world {
  virtual_time& time;
  ledger& book;
  trace_hash& trace;
  const queue_plans& queues;
  std::function<ref<sim_session>(wire_peer&)> connect;
  /// Several nodes: queues may be out of reach, and say so.
  bool cluster = false;
  /// True in the last phase: publishers stop, consumers take everything and ack it.
  bool draining = false;
  uint32_t next_incarnation = 1;
  /// A client asks for a purge; may be empty.
  std::function<void(uint32_t queue)> purging = nullptr;
};

class model_client : public wire_peer {
public:
  model_client(client_world& world, random_source random) : world_(world), random_(random) {}
  void start() { reconnect_after(0); }
  /// Drops the connection without a word (a fault), if there is one.
  void cut();
  bool connected() const { return ready_; }
  /// A fault: it does not read until then.
  void stalled(sim_ns until) { stalled_until_ = until; }
  ref<sim_session> session() const { return session_; }

  void arrived(std::string_view bytes) final;
  void closed() final;

protected:
  static constexpr channel_number channel = 1;

  /// Channel 1 is open.
  virtual void ready() = 0;
  virtual void received(wire_event& event) = 0;
  /// The connection is gone.
  virtual void lost() = 0;
  /// The broker closes the connection, the client is about to agree.
  virtual void dismissed(const amqp::connection_class::close&) {}

  void send(const amqp::method& what);
  void send_bytes(std::string bytes);
  /// Runs `what` later unless the connection has changed meanwhile.
  void later(sim_ns delay, std::function<void()> what);
  /// Declares the queue, its exchange if it has one, and first the queues that its dead letters go to.
  void declare(uint32_t queue);
  /// The broker has closed the channel: a fault of the cluster, after which the client begins anew, or a violation.
  void channel_closed(const char* whose, const amqp::channel_class::close& close);
  /// Has been reading for a while: what arrives has just been sent.
  bool prompt() const;

  client_world& world_;
  random_source random_;

private:
  void reconnect_after(sim_ns delay);
  void connect();
  void handshake(wire_event& event);
  amqp::connection_class::start_ok login() const;

  void declare_one(const queue_plan& queue);

  ref<sim_session> session_;
  amqp_reader reader_;
  sim_ns stalled_until_ = 0;
  bool ready_ = false;
  uint64_t connection_ = 0; ///< counts connections, so that old timers are seen
};

/// Publishes with confirms (or in transactions) to one queue through the default exchange or one that delays, with some
/// unroutable mandatory ones.
class publisher final : public model_client {
public:
  struct plan {
    uint32_t queue = 0;
    uint32_t window = 10; ///< unconfirmed at most
    uint32_t burst = 1;   ///< published at once
    sim_ns pause = 10 * ms;
    uint32_t persistent_percent = 100;
    uint32_t mandatory_percent = 2;
    size_t body_max = 200;
    bool transactional = false;
    uint32_t priority_max = 0; ///< beyond the queue's own at times
    uint32_t expiration_percent = 0;
    uint64_t expiration_max_ms = 0;
    uint32_t delay_percent = 0; ///< through the queue's delayed exchange
    uint64_t delay_max_ms = 0;
  };
  publisher(client_world& world, random_source random, plan what) : model_client(world, random), plan_(what) {}

protected:
  void ready() override;
  void received(wire_event& event) override;
  void lost() override;

private:
  void work();
  void publish_one(byte_buffer& out);
  amqp::properties draw_properties(ledger::publish& what);
  void settle(uint64_t tag, bool multiple, bool ok);
  void end_transaction();

  plan plan_;
  uint32_t incarnation_ = 0;
  uint64_t next_ = 1;
  std::map<uint64_t, message_id> unconfirmed_; ///< by confirm number
  std::vector<message_id> transaction_;
  enum class closing : uint8_t { none, commit, rollback } closing_ = closing::none;
};

/// Consumes one queue, or polls it with basic.get, and settles in its own way.
class consumer_client final : public model_client {
public:
  struct plan {
    uint32_t queue = 0;
    uint16_t prefetch = 10;
    sim_ns work = 2 * ms; ///< up to this long per message before it is settled
    uint32_t requeue_percent = 5;
    uint32_t reject_percent = 2;
    uint32_t multiple_percent = 20;
    bool polls = false;
    sim_ns poll_pause = 35 * ms; ///< when there was nothing
    sim_ns cancel_every = 0;     ///< cancels and consumes again
    bool global = false;         ///< the prefetch is the channel's (basic.qos global)
    sim_ns purge_every = 0;      ///< purges the queue now and then
  };
  /// What empties a queue at the end of a run: takes everything, hands nothing back.
  static plan draining(uint32_t queue) {
    plan what;
    what.queue = queue;
    what.prefetch = 100;
    what.work = 1 * ms;
    what.requeue_percent = what.reject_percent = 0;
    return what;
  }
  consumer_client(client_world& world, random_source random, plan what) : model_client(world, random), plan_(what) {}
  /// Nothing was delivered for a while and nothing is unsettled.
  bool idle() const;
  uint32_t queue() const { return plan_.queue; }
  /// What it does, for people.
  std::string text() const;

protected:
  void ready() override;
  void received(wire_event& event) override;
  void lost() override;

private:
  struct taken {
    message_id id = 0;
    sim_ns got = 0;
  };
  void consume();
  void purge_later();
  void poll();
  void deliver(uint64_t tag, bool redelivered, const wire_event& event);
  void settle_one(uint64_t tag);
  void remember(message_id id);
  void ack(const taken& one);

  plan plan_;
  uint64_t consumer_ = 0;
  std::map<uint64_t, taken> unsettled_; ///< by delivery tag
  /// Settled lately: should the connection be lost, the broker may not have heard of it.
  std::deque<std::pair<sim_ns, message_id>> recent_;
  sim_ns last_delivery_ = 0;
  bool last_get_empty_ = false;
  bool purging_ = false;
};

/// Asks once for every queue's length, in a quiet moment.
class auditor final : public model_client {
public:
  /// `quiet_since`: nothing has been published from then on.
  auditor(client_world& world, random_source random, sim_ns quiet_since)
    : model_client(world, random), quiet_since_(quiet_since) {}
  bool done() const { return done_; }

protected:
  void ready() override;
  void received(wire_event& event) override;
  void lost() override {}

private:
  sim_ns quiet_since_;
  uint32_t next_ = 0;
  bool done_ = false;
};

} // namespace broker::sim

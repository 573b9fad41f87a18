// A model client that changes the metadata: it declares, deletes and looks at queues and exchanges whose names all
// registrars of a run share, each on a node of its own, and writes what it is told into the history (checker C10).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "history.hpp"
#include "model_client.hpp"

namespace broker::sim {

/// The names that the registrars of a run quarrel about. A name whose answers have become too many to judge, or too
/// many of them unknown, is followed by a fresh one.
class contested_names {
public:
  contested_names(meta_history& history, uint32_t queues, uint32_t exchanges)
    : history_(history), queues_(queues), all_(queues + exchanges) {}

  struct contested {
    std::string name;
    bool is_queue = false;
  };
  contested draw(random_source& random);
  /// What a queue declared next asks for: never twice the same.
  uint64_t next_value() { return ++values_; }
  meta_history& history() { return history_; }
  /// An operator removes a node, and with it the queues that live there.
  void node_may_be_forgotten();

private:
  struct line {
    uint64_t generation = 1;
    uint64_t drawn = 0;
  };
  std::string name_of(uint32_t which, uint64_t generation) const;

  meta_history& history_;
  const uint32_t queues_;
  std::vector<line> all_;
  uint64_t values_ = 0;
};

class registrar final : public model_client {
public:
  struct plan {
    sim_ns pause = 100 * ms;
    uint32_t look_percent = 20;
  };
  registrar(client_world& world, random_source random, contested_names& names, plan what)
    : model_client(world, random), names_(names), plan_(what) {}
  /// Waits for an answer.
  bool busy() const { return asked_.has_value(); }

protected:
  void ready() override;
  void received(wire_event& event) override;
  void lost() override;
  void dismissed(const amqp::connection_class::close& close) override;

private:
  struct request {
    meta_history::request_id id = 0;
    contested_names::contested about;
    meta_request what;
  };
  void next();
  void ask();
  void ask_about_queue(const request& what);
  void ask_about_exchange(const request& what);
  void answered(uint64_t value);
  void closed_by(const amqp::channel_class::close& close);

  contested_names& names_;
  plan plan_;
  std::optional<request> asked_;
};

} // namespace broker::sim

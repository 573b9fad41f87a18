// The queues of a workload: what each is declared with, and where its dead letters go. The same record serves the
// clients, which declare the queues, and the ledger, which judges by it what may happen to a message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "amqp/field_table.hpp"
#include "base/random.hpp"
#include "model/queue_options.hpp"

namespace broker::sim {

/// One queue of the workload.
struct queue_plan {
  std::string name;
  bool durable = true;
  bool automatic_ack = false;              ///< its consumers use no_ack
  bool watched = true;                     ///< consumers may read it before the drain
  queue_options options;                   ///< as its arguments say
  std::optional<uint32_t> dead_letters_to; ///< index of the queue, through the default exchange
  std::optional<std::string> delayed_by;   ///< name of the x-delayed-message exchange it is bound to

  bool limited() const { return options.max_length || options.max_length_bytes; }
  bool drops_head() const { return limited() && options.overflow == overflow_policy::drop_head; }
  bool refuses() const { return limited() && options.overflow != overflow_policy::drop_head; }
  bool is_quorum() const { return options.type == queue_type::quorum; }
  /// One line for people.
  std::string text(const std::vector<queue_plan>& all) const;
  /// Arguments of queue.declare.
  amqp::field_table arguments(const std::vector<queue_plan>& all) const;
};

/// Which dead letters come to which queue.
class queue_plans {
public:
  std::vector<queue_plan> all;

  const queue_plan& operator[](uint32_t index) const { return all[index]; }
  uint32_t size() const { return static_cast<uint32_t>(all.size()); }
  /// Empty if no queue has that name.
  std::optional<uint32_t> index_of(std::string_view name) const;
  /// `from` and the queues its dead letters may come to, in the order of the hops, each once.
  std::vector<uint32_t> chain(uint32_t from) const;
  /// A dead letter of `queue` may come back to it: unless it was rejected there, the broker cuts that (W52).
  bool in_cycle(uint32_t queue) const;
  /// Some queue's dead letters come here.
  bool is_target(uint32_t queue) const;
  /// What becomes of messages depends on the calendar.
  bool any_time_to_live() const;
};

/// One to five queues; in two of three seeds with dead-letter queues behind them and the options of
/// docs/simulation.md drawn for each.
queue_plans draw_queues(random_source& random);
/// The same of a cluster: one to six, some of them quorum queues; in half of the seeds with options and dead letters,
/// none of them at-least-once or delayed.
queue_plans draw_cluster_queues(random_source& random);

/// A value between low and high, each order of magnitude equally likely.
uint64_t log_uniform(random_source& random, uint64_t low, uint64_t high);

} // namespace broker::sim

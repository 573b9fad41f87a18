// The operator who decides which queues of a simulated cluster are mirrored, and how: ha-* policies, set before a queue
// is declared or when it has messages, and changed now and then (features.md Q03, Q20).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "queue_plan.hpp"
#include "sim_cluster.hpp"

namespace broker::sim {

class mirroring {
public:
  /// All outlive this; events of it may be planned to the end of the run.
  mirroring(virtual_time& time, random_source random, sim_cluster& nodes, const queue_plans& queues,
            std::function<void(const std::string&)> say)
    : time_(time), random_(random), nodes_(nodes), queues_(queues), say_(std::move(say)) {}

  /// The nodes have formed a cluster: draws a policy for every queue and sets it, at once or during the first 20 s. In
  /// one run of six there is none.
  void begin();
  /// A fault: one queue gets another policy, or none.
  void change();
  /// Nothing that was asked for is unanswered.
  bool settled() const { return waiting_ == 0; }

private:
  struct wish {
    std::string name;       ///< of the policy
    std::string pattern;    ///< of queues
    std::string definition; ///< "": no policy
  };
  wish draw(const std::string& queue);
  void ask(const wish& what);
  void try_to(const wish& what, uint64_t number);

  virtual_time& time_;
  random_source random_;
  sim_cluster& nodes_;
  const queue_plans& queues_;
  const std::function<void(const std::string&)> say_;
  uint64_t waiting_ = 0;
  std::map<std::string, uint64_t> newest_; ///< of each policy: the number of the wish that counts
  uint64_t numbers_ = 0;
  bool none_ = false;
};

} // namespace broker::sim

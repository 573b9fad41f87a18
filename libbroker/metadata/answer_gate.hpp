// Holds a node's answers back until every node that is there has applied them, so that a client that hears the answer
// on one node finds the change on every other (guarantees.md G8; RabbitMQ's answers wait for all its nodes, too).
//
// A node that does not keep up is waited for limits::metadata_shown_ms once and then no more until it has caught up:
// it is slow, cut off, or about to be found dead, and what it does not know yet it will. Not thread-safe; time comes
// from outside. Memory: what is held is bounded by the proposals outstanding.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "consensus/consensus.hpp"

namespace broker {

class answer_gate {
public:
  struct held_answer {
    uint64_t index = 0; ///< of the log; rises
    consensus::time_ms due = 0;
    consensus::ticket id = 0;
  };

  /// Another node can be reached, or no longer.
  void connected(const std::string& node) { nodes_.try_emplace(node); }
  void gone(const std::string& node) { nodes_.erase(node); }
  /// It has applied everything up to there.
  void applied(const std::string& node, uint64_t index);

  /// Nobody needs to be waited for.
  bool is_open() const;
  /// The answer to a change that this node has applied at `index`, not below those before.
  void hold(uint64_t index, consensus::ticket id, consensus::time_ms now);
  /// Those that may go, in order.
  std::vector<consensus::ticket> release(consensus::time_ms now);
  bool empty() const noexcept { return held_.empty(); }
  /// When the first of them may go at the latest; UINT64_MAX: there is none.
  consensus::time_ms next_due() const { return held_.empty() ? UINT64_MAX : held_.front().due; }

private:
  struct other_node {
    uint64_t applied = 0;
    bool late = false; ///< not waited for
  };

  std::map<std::string, other_node> nodes_;
  std::deque<held_answer> held_;
};

} // namespace broker

// Which queues a verb is about: --vhost-pattern and --queue-pattern (features.md O09). Internal to the verbs.
#pragma once

#include <string>

#include <re2/re2.h>

#include "control_verb.hpp"

namespace broker {

class queue_patterns {
public:
  explicit queue_patterns(const control::request& what)
    : vhosts_(option_of(what, "vhost-pattern").value_or(".*"), re2::RE2::Quiet),
      queues_(option_of(what, "queue-pattern").value_or(".*"), re2::RE2::Quiet) {}

  /// Why one of them is no pattern, for exit_with::data; "": both are.
  std::string problem() const {
    for (const auto* pattern : {&vhosts_, &queues_})
      if (!pattern->ok())
        return pattern_problem(pattern->pattern(), '"');
    return {};
  }
  bool match(const queue_record& queue) const {
    return re2::RE2::PartialMatch(queue.vhost, vhosts_) && re2::RE2::PartialMatch(queue.name, queues_);
  }

private:
  const re2::RE2 vhosts_;
  const re2::RE2 queues_;
};

} // namespace broker

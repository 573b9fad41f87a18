// What a node tells all others, and itself after a restart, of log-ins of the web pages that have ended at it: a global
// parameter of its own (metadata/own_parameters.hpp), so that it is replicated with everything else, and whoever was
// cut off or down learns it with everything else.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace broker::management {

struct ended_sessions {
  /// By session_claim::id: until when (unix ms) somebody could take them over.
  std::map<std::string, uint64_t, std::less<>> until_ms;
  /// Too many have ended to name them all: no value that was stamped before (unix ms) is good any more. 0 = none such.
  uint64_t none_before_ms = 0;

  bool empty() const { return until_ms.empty() && none_before_ms == 0; }
  friend bool operator==(const ended_sessions&, const ended_sessions&) = default;
};

/// As JSON, with sorted keys: what metadata give back is what they were given.
std::string to_text(const ended_sessions& from);
/// What is no such text says nothing; nor does a part of it that is none.
ended_sessions ended_sessions_in(std::string_view text);

} // namespace broker::management

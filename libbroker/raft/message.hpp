// What members of a group tell each other (proto/raft.proto). decode() is total: it accepts exactly what a member could
// have meant, so that the handlers need not ask again whether a message makes sense by itself. Whether it fits *here*
// is theirs to find out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "consensus/consensus.hpp"

namespace broker::raft {

/// Largest index or term: far from where arithmetic could overflow.
inline constexpr uint64_t number_max = uint64_t{1} << 62;

struct vote_request {
  bool pre = false; ///< would you vote for me? Nothing changes
  bool transfer = false;
  uint64_t last_index = 0;
  uint64_t last_term = 0;
  friend bool operator==(const vote_request&, const vote_request&) = default;
};
struct vote_answer {
  bool pre = false;
  bool granted = false;
  friend bool operator==(const vote_answer&, const vote_answer&) = default;
};
struct append_request {
  uint64_t prev_index = 0; ///< 0 with term 0: fits always
  uint64_t prev_term = 0;
  uint64_t commit = 0;
  uint64_t round = 0;
  std::vector<consensus::entry> entries; ///< dense from prev_index + 1
  friend bool operator==(const append_request&, const append_request&) = default;
};
struct append_answer {
  bool accepted = false;
  uint64_t match = 0;
  uint64_t checked = 0;
  uint64_t rejected = 0;
  uint64_t hint_index = 0;
  uint64_t hint_term = 0;
  uint64_t round = 0;
  friend bool operator==(const append_answer&, const append_answer&) = default;
};
struct chunk_message {
  consensus::snapshot_meta meta;
  uint64_t offset = 0;
  uint64_t size = 0;
  std::string data;
  friend bool operator==(const chunk_message&, const chunk_message&) = default;
};
struct chunk_answer {
  uint64_t index = 0;
  uint64_t term = 0;
  uint64_t next_offset = 0;
  friend bool operator==(const chunk_answer&, const chunk_answer&) = default;
};
struct timeout_now {
  friend bool operator==(const timeout_now&, const timeout_now&) = default;
};

struct message {
  consensus::node_id to = 0;
  uint64_t term = 0;
  std::variant<vote_request, vote_answer, append_request, append_answer, chunk_message, chunk_answer, timeout_now> body;
  friend bool operator==(const message&, const message&) = default;
};

std::string encode(const message& what);
/// Error: what is wrong with the bytes; they must be ignored.
result<message> decode(std::string_view bytes);

/// What an entry takes of a message, roughly and never too little by more than the slack of
/// limits::raft_entry_max_bytes.
inline size_t cost(const consensus::entry& one) {
  return one.data.size() + 32;
}

} // namespace broker::raft

// libFuzzer target: what other members of a consensus group send. Length-prefixed messages go into a follower that has
// a snapshot, a log and nothing to fear: whatever it is told, its invariants hold (they are asserted), what decodes
// encodes to the same again, and committed entries stay.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "raft/group.hpp"
#include "raft/message.hpp"

using namespace broker;
using namespace broker::consensus;

namespace {

raft::group make() {
  raft::settings how;
  how.bootstrap = {{1, 2, 3}, {}};
  restart found{{4, 0},
                snapshot_meta{3, 1, {{1, 2, 3}, {}}},
                {{4, 2, entry::kind::command, "a"}, {5, 4, entry::kind::command, "b"}}};
  return {how, std::move(found)};
}

void carry_out(raft::group& group, effects out) {
  if (!out.append.empty())
    group.persisted(out.append.back().index, group.term());
  if (!out.apply.empty())
    group.applied(out.apply.back().index);
  if (out.store_chunk && out.store_chunk->last)
    group.snapshot_installed(out.store_chunk->meta);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  raft::group group = make();
  group.start();
  uint64_t now = 0;
  uint64_t commit = 0;
  // One byte: who sends (and whether time passes); two bytes: length; the message.
  while (rest.size() >= 3) {
    const auto from = static_cast<uint8_t>(rest[0]);
    const size_t length =
      std::min<size_t>(static_cast<uint8_t>(rest[1]) * 256u + static_cast<uint8_t>(rest[2]), rest.size() - 3);
    const std::string_view bytes = rest.substr(3, length);
    rest.remove_prefix(3 + length);
    if (const auto read = raft::decode(bytes)) {
      const auto again = raft::decode(raft::encode(*read));
      BROKER_ASSERT(again.ok() && *again == *read, "what is understood can be said");
    }
    if (from & 0x80)
      carry_out(group, group.tick(now += 700));
    carry_out(group, group.recv(from & 0x03, bytes));
    BROKER_ASSERT(group.commit_index() >= commit, "what is committed stays");
    commit = group.commit_index();
  }
  return 0;
}

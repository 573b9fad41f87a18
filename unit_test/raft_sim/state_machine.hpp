// What the group replicates in the simulation: registers and a running hash of all that was applied, so that two
// machines that agree have applied the same entries in the same order, each once.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace raft_sim {

constexpr uint64_t mix(uint64_t hash, uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
  hash *= 0xff51afd7ed558ccdu;
  return hash ^ (hash >> 32);
}
inline uint64_t hash_of(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u + bytes.size();
  for (const unsigned char one : bytes)
    hash = (hash ^ one) * 0x100000001b3u;
  return hash;
}

struct state_machine {
  uint64_t index = 0;
  uint64_t hash = 0;
  std::array<uint64_t, 24> registers{};

  void apply(uint64_t at, std::string_view data) {
    const uint64_t value = hash_of(data);
    index = at;
    hash = mix(hash, value);
    registers[value % registers.size()] = value;
  }
  std::string serialise() const;
  /// nullopt: the bytes are not those of one machine.
  static std::optional<state_machine> parse(std::string_view bytes);
  friend bool operator==(const state_machine&, const state_machine&) = default;
};

} // namespace raft_sim

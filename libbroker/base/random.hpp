// The only randomness the core may use: seeded, so that a simulated run replays (guarantees.md section 5).
#pragma once

#include <cstdint>

namespace broker {

/// xoshiro256**, seeded through splitmix64. Not thread-safe; not for secrets (net and apps use the OS for those).
class random_source {
public:
  explicit random_source(uint64_t seed) noexcept {
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      word = z ^ (z >> 31);
    }
  }

  uint64_t next() noexcept {
    const uint64_t result = rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotl(state_[3], 45);
    return result;
  }
  /// Uniform enough in [0, bound); bound > 0.
  uint64_t below(uint64_t bound) noexcept { return next() % bound; }
  /// True with probability numerator/denominator.
  bool chance(uint64_t numerator, uint64_t denominator) noexcept { return below(denominator) < numerator; }
  /// A child source, so that a draw added in one component does not shift the others.
  random_source fork() noexcept { return random_source{next()}; }

private:
  static uint64_t rotl(uint64_t value, int by) noexcept { return (value << by) | (value >> (64 - by)); }
  uint64_t state_[4];
};

} // namespace broker

// Mistakes to plant in what joins a queue with its replica: each breaks one promise on purpose, and the random test of
// unit_test/replicated_queue must notice (guarantees.md section 7). Only that test's own build has them
// (WARREN_QUEUE_PLANTS); in every other build planted() is the constant false and costs nothing.
#pragma once

#include <cstdint>

namespace broker::queueing {

enum class plant : uint8_t {
  none,
  confirm_early,    ///< what is in the log is handed on before it is committed
  withheld_early,   ///< a new master hands out what an earlier one has not committed
  withheld_lost,    ///< a new master forgets what an earlier one has not committed
  ended_handed_out, ///< a new master hands out what settles above its commit have ended
  mark_forgotten,   ///< a new master forgets what was delivered
  settle_forgotten, ///< what has ended becomes no entry
  repeated_early,   ///< a publish that is sent again is confirmed before it is committed
  mirror_blind,     ///< a mirror does not follow what ends messages
  count_plants,
};

#ifdef WARREN_QUEUE_PLANTS
/// Which mistake this process makes.
inline plant planted_mistake = plant::none;
inline bool planted(plant what) {
  return planted_mistake == what;
}
#else
constexpr bool planted(plant) {
  return false;
}
#endif

} // namespace broker::queueing

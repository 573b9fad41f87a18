// Mistakes to plant in the link: each breaks one rule on purpose, and the random test of unit_test/cluster must notice
// (guarantees.md section 7). Only the tests' own build of the link has them (WARREN_LINK_PLANTS); in every other build
// planted() is the constant false and costs nothing.
#pragma once

#include <cstdint>

namespace broker::cluster {

enum class plant : uint8_t {
  none,
  resume_behind_what_was_sent,   ///< a reconnect does not send again what the other side never got
  repeated_part_taken,           ///< what was sent again arrives twice
  skipped_part_taken,            ///< a gap is not noticed
  session_goes_on_after_restart, ///< only our own number of the session is compared
  acceptor_up_before_ready,      ///< uses a new session the dialler may never hear of
  overtaken_hello_answered,      ///< an old attempt that arrives late takes over
  window_ignored,                ///< the sender takes as much as it is given
  room_forgotten,                ///< a refused sender never hears of room again
  silence_forgiven,              ///< a silent connection is never given up
  break_limit_ignored,           ///< a session lives for ever
  one_service_first,             ///< a service that always has something to say starves the next ones
};

#ifdef WARREN_LINK_PLANTS
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

} // namespace broker::cluster

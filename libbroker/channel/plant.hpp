// Mistakes to plant in how a channel follows a queue from master to master: each breaks one promise on purpose, and the
// random test of unit_test/channel must notice (guarantees.md section 7). Only that test's own build has them
// (WARREN_CHANNEL_PLANTS); in every other build planted() is the constant false and costs nothing.
#pragma once

#include <cstdint>

namespace broker::channels {

enum class plant : uint8_t {
  none,
  nothing_sent_again, ///< the next master never gets what is not confirmed
  prev_forgotten,     ///< publishes do not say what came before them
  late_delivered,     ///< what an old master delivers late reaches the client
  places_kept,        ///< and its places in the window never come back
  same_consumer,      ///< a consumer goes on under the same object
  nothing_begun,      ///< or not at all
  settled_elsewhere,  ///< what an old master delivered is settled at the next one
  return_ignored,     ///< a master that can be reached again is none
  old_news_believed,  ///< that an old master is out of reach is taken for the present one
  confirmed_kept,     ///< what is confirmed is sent again, and never given up
  unasked_kept,       ///< what a get brings that was answered already stays with the channel, which does not know it
};

#ifdef WARREN_CHANNEL_PLANTS
inline constexpr plant all_plants[] = {
  plant::nothing_sent_again, plant::prev_forgotten, plant::late_delivered,    plant::places_kept,
  plant::same_consumer,      plant::nothing_begun,  plant::settled_elsewhere, plant::return_ignored,
  plant::old_news_believed,  plant::confirmed_kept, plant::unasked_kept,
};
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

} // namespace broker::channels

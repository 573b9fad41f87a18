#include "code_plants.hpp"

#include "channel/plant.hpp"
#include "queue/plant.hpp"
#include "replication/plant.hpp"

#include <algorithm>

namespace broker::sim {

bool is_code_plant(std::string_view name) {
  const auto& all = code_plants();
  return std::any_of(all.begin(), all.end(), [&](const code_plant& each) { return each.name == name; });
}

} // namespace broker::sim

#ifdef WARREN_REPLICATION_PLANTS

namespace broker::replication {

uint64_t planted_mistakes = 0;

} // namespace broker::replication

namespace broker::sim {

namespace {

using in_channel = channels::plant;
using in_log = replication::plant;
using in_queue = queueing::plant;

struct entry {
  code_plant plant;
  in_log log = in_log::count_plants;
  in_queue queue = in_queue::none;
  in_channel channel = in_channel::none;
};

const std::vector<entry>& entries() {
  static const std::vector<entry> all = {
    {{"replication-stale-epoch", ""}, in_log::stale_epoch},
    {{"replication-no-own-fsync", ""}, in_log::no_own_fsync},
    {{"replication-ack-before-fsync", ""}, in_log::ack_before_fsync},
    {{"replication-ack-log-end", ""}, in_log::ack_log_end},
    {{"replication-promote-outside", ""}, in_log::promote_outside},
    {{"replication-hand-over-outside", ""}, in_log::hand_over_outside},
    {{"replication-no-dedupe", ""}, in_log::no_dedupe},
    {{"replication-gap-publish", ""}, in_log::gap_publish},
    {{"replication-hw-truncate", ""}, in_log::hw_truncate},
    {{"replication-copy-drops-settles", ""}, in_log::copy_drops_settles},
    {{"replication-purge-all", ""}, in_log::purge_all},
    {{"replication-forget-early", ""}, in_log::forget_early},
    {{"replication-join-short", ""}, in_log::join_short},
    {{"replication-shortest", ""}, in_log::shortest},
    {{"queue-confirm-early", ""}, in_log::count_plants, in_queue::confirm_early},
    {{"queue-withheld-early", ""}, in_log::count_plants, in_queue::withheld_early},
    {{"queue-withheld-lost", ""}, in_log::count_plants, in_queue::withheld_lost},
    {{"queue-ended-handed-out", ""}, in_log::count_plants, in_queue::ended_handed_out},
    {{"queue-mark-forgotten", ""}, in_log::count_plants, in_queue::mark_forgotten},
    {{"queue-settle-forgotten", ""}, in_log::count_plants, in_queue::settle_forgotten},
    {{"queue-repeated-early", ""}, in_log::count_plants, in_queue::repeated_early},
    {{"queue-mirror-blind", ""}, in_log::count_plants, in_queue::mirror_blind},
    {{"channel-nothing-sent-again", ""}, in_log::count_plants, in_queue::none, in_channel::nothing_sent_again},
    {{"channel-prev-forgotten", ""}, in_log::count_plants, in_queue::none, in_channel::prev_forgotten},
    {{"channel-late-delivered", ""}, in_log::count_plants, in_queue::none, in_channel::late_delivered},
    {{"channel-places-kept", ""}, in_log::count_plants, in_queue::none, in_channel::places_kept},
    {{"channel-same-consumer", ""}, in_log::count_plants, in_queue::none, in_channel::same_consumer},
    {{"channel-nothing-begun", ""}, in_log::count_plants, in_queue::none, in_channel::nothing_begun},
    {{"channel-settled-elsewhere", ""}, in_log::count_plants, in_queue::none, in_channel::settled_elsewhere},
    {{"channel-return-ignored", ""}, in_log::count_plants, in_queue::none, in_channel::return_ignored},
    {{"channel-old-news-believed", ""}, in_log::count_plants, in_queue::none, in_channel::old_news_believed},
    {{"channel-confirmed-kept", ""}, in_log::count_plants, in_queue::none, in_channel::confirmed_kept},
  };
  return all;
}

} // namespace

const std::vector<code_plant>& code_plants() {
  static const std::vector<code_plant> all = [] {
    std::vector<code_plant> made;
    for (const entry& each : entries())
      made.push_back(each.plant);
    return made;
  }();
  return all;
}

void plant_in_code(std::string_view name) {
  replication::planted_mistakes = 0;
  queueing::planted_mistake = in_queue::none;
  channels::planted_mistake = in_channel::none;
  for (const entry& each : entries()) {
    if (each.plant.name != name)
      continue;
    if (each.log != in_log::count_plants)
      replication::planted_mistakes = uint64_t{1} << static_cast<unsigned>(each.log);
    queueing::planted_mistake = each.queue;
    channels::planted_mistake = each.channel;
  }
}

} // namespace broker::sim

#else

namespace broker::sim {

const std::vector<code_plant>& code_plants() {
  static const std::vector<code_plant> none;
  return none;
}

void plant_in_code(std::string_view) {}

} // namespace broker::sim

#endif

#include "known_seeds.hpp"

namespace broker::sim {

namespace {

struct known {
  std::string_view plant;
  uint64_t seed;
};

constexpr known seeds_that_catch[] = {
  {"ack-before-fsync", 3},
  {"at-least-once-gives-up", 27},
  {"dead-letter-sent-twice", 21},
  {"dead-letter-settled-early", 21},
  {"death-not-recorded", 10},
  {"delay-forgotten-after-restart", 32},
  {"delayed-lost-after-restart", 47},
  {"delivery-limit-ignored", 68},
  {"drop-newest", 8},
  {"expired-not-dead-lettered", 9},
  {"forgotten-node-not-told", 8},
  {"frame-repeated-after-reconnect", 2},
  {"limit-ignored", 21},
  {"priority-forgotten-after-restart", 3},
  {"priority-ignored", 3},
  {"publish-taken-twice", 2},
  {"channel-nothing-begun", 41},
  {"channel-old-news-believed", 53},
  {"channel-same-consumer", 2},
  {"queue-repeated-early", 2},
  {"replication-ack-before-fsync", 1},
  {"replication-ack-log-end", 22},
  {"replication-copy-drops-settles", 26},
  {"replication-hw-truncate", 2},
  {"replication-join-short", 52},
  {"replication-no-dedupe", 2},
  {"replication-no-own-fsync", 1},
  {"replication-promote-outside", 54},
  {"replication-stale-epoch", 5},
  {"swallow-write-error", 4},
  {"ttl-ignored", 10},
  {"twin-outlives-its-channel", 2},
  {"unacked-lost-on-channel-close", 5},
};

} // namespace

uint64_t known_seed(std::string_view plant) {
  for (const auto& each : seeds_that_catch)
    if (each.plant == plant)
      return each.seed;
  return 0;
}

} // namespace broker::sim

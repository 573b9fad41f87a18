#include "resource_alarms.hpp"

#include <algorithm>

namespace broker {

namespace {

constexpr uint32_t soonest_ms = 20;
/// What publishers may fill in a millisecond at worst: 4 GB/s.
constexpr uint64_t fast_disk_bytes_per_ms = 4'000'000;

std::string number(uint64_t value) {
  return std::to_string(value);
}

} // namespace

resource_alarms::step resource_alarms::sampled(const resource_sample& sample) {
  step result;
  memory_sampled(sample.memory_bytes, result);
  if (sample.disk_free_bytes)
    disk_sampled(*sample.disk_free_bytes, result);
  return result;
}

void resource_alarms::memory_sampled(uint64_t used, step& result) {
  const bool low = memory_forced_ || used > limits_.memory_bytes;
  if (low == now_.memory)
    return;
  now_.memory = low;
  result.log.push_back({log_level::info, std::string{"vm_memory_high_watermark "} + (low ? "set" : "clear")
                                           + ". Memory used:" + number(used)
                                           + " allowed:" + number(limits_.memory_bytes)});
  low ? set("memory", result) : clear("memory", result);
}

void resource_alarms::disk_sampled(uint64_t free, step& result) {
  // The room that the ballast has made is not for publishers: they wait until the file can be made again.
  const uint64_t lent = ballast_ == ballast::released ? limits_.ballast_bytes : 0;
  const bool low = disk_forced_ || free < limits_.disk_free_bytes + lent;
  if (!low)
    result.look_again_ms = static_cast<uint32_t>(
      std::clamp<uint64_t>((free - limits_.disk_free_bytes) / fast_disk_bytes_per_ms / 2, soonest_ms, interval_ms));
  if (!low && ballast_ != ballast::held)
    result.make_ballast = free >= limits_.disk_free_bytes + limits_.ballast_bytes;
  if (low == now_.disk)
    return;
  now_.disk = low;
  if (low && ballast_ == ballast::held) {
    ballast_ = ballast::released;
    result.release_ballast = true;
  } else if (!low) {
    ballast_ = ballast::absent;
  }
  result.log.push_back({log_level::info, std::string{"Free disk space is "} + (low ? "insufficient" : "sufficient")
                                           + ". Free bytes: " + number(free)
                                           + ". Limit: " + number(limits_.disk_free_bytes)});
  low ? set("disk", result) : clear("disk", result);
}

void resource_alarms::set(std::string_view resource, step& result) const {
  result.changed = true;
  result.log.push_back({log_level::warning, std::string{resource} + " resource limit alarm set on node " + node_
                                              + ". *** Publishers will be blocked until this alarm clears ***"});
}

void resource_alarms::clear(std::string_view resource, step& result) const {
  result.changed = true;
  result.log.push_back({log_level::warning, std::string{resource} + " resource limit alarm cleared on node " + node_});
}

} // namespace broker

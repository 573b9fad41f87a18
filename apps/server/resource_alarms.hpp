// When a node is short of memory or disk: the rule and the words, without a clock or a system call (features.md O46,
// O50; guarantees.md G6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "cluster/node_conditions.hpp"
#include "config.hpp"

namespace broker {

struct resource_limits {
  uint64_t memory_bytes = 0;                                ///< resident bytes above which the memory alarm is on
  uint64_t disk_free_bytes = limits::disk_free_limit_bytes; ///< free bytes below which the disk alarm is on
  uint64_t ballast_bytes = limits::ballast_bytes;
};

struct resource_sample {
  uint64_t memory_bytes = 0;
  std::optional<uint64_t> disk_free_bytes; ///< nothing: could not be asked; the disk alarm stays as it is
};

/// The alarms of one node. Not thread-safe.
class resource_alarms {
public:
  static constexpr uint32_t interval_ms = 1'000;

  struct line {
    log_level level;
    std::string text;
  };
  /// What follows from a sample, in this order.
  struct step {
    bool release_ballast = false;
    bool make_ballast = false;            ///< there is room for it; answered by ballast_made()
    bool changed = false;                 ///< now() is another than before
    uint32_t look_again_ms = interval_ms; ///< sooner the closer the disk is to its limit
    std::vector<line> log;
  };

  resource_alarms(std::string node, resource_limits chosen) : node_(std::move(node)), limits_(chosen) {}

  step sampled(const resource_sample& sample);
  /// Judge by these from the next sample on.
  void set_memory_limit(uint64_t bytes) { limits_.memory_bytes = bytes; }
  void set_disk_limit(uint64_t bytes) { limits_.disk_free_bytes = bytes; }
  const resource_limits& current_limits() const { return limits_; }
  /// An alarm that is on whatever is sampled, until it is let go. Takes effect with the next sample.
  void force_memory(bool on) { memory_forced_ = on; }
  void force_disk(bool on) { disk_forced_ = on; }
  /// The ballast file lies on the disk.
  void ballast_made() { ballast_ = ballast::held; }

  /// The alarms that are on.
  const cluster::node_condition& now() const { return now_; }
  /// See cluster::alarm_texts.
  std::vector<std::string> texts() const { return cluster::alarm_texts(node_, now_); }

private:
  enum class ballast : uint8_t { absent, held, released };
  void memory_sampled(uint64_t used, step& result);
  void disk_sampled(uint64_t free, step& result);
  void set(std::string_view resource, step& result) const;
  void clear(std::string_view resource, step& result) const;

  const std::string node_;
  resource_limits limits_;
  bool memory_forced_ = false;
  bool disk_forced_ = false;
  cluster::node_condition now_;
  ballast ballast_ = ballast::absent;
};

} // namespace broker

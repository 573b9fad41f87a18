// Figures of one object over time, as RabbitMQ keeps them: five seconds apart for ten minutes, a minute for an hour,
// and for a node as a whole ten minutes for eight hours and half an hour for a day (features.md O22). Sans-IO: time is
// given.
//
// Model: the newest figures stand as they are; rings hold what each interval has changed, in as few bytes as that
// takes. An interval in which nothing changed takes none, so that an object that rests costs its newest figures only,
// and one with publishes and deliveries all the time about 3 KiB. A ring never holds more intervals than it has
// samples.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace broker::management {

/// Over which time and how finely (lengths_age, lengths_incr and so on), in seconds; 0 = no samples are wanted.
struct sample_range {
  uint64_t age_s = 0;
  uint64_t step_s = 0;
  explicit operator bool() const { return age_s != 0 && step_s != 0; }
};

/// One figure as it was at the end of each step from a multiple of `step_s` on, newest first.
struct sample_list {
  uint64_t newest_s = 0; ///< since 1970
  uint64_t step_s = 0;
  std::vector<uint64_t> values;
  bool empty() const { return values.empty(); }
  friend bool operator==(const sample_list&, const sample_list&) = default;
};

/// The sum of a figure over several nodes or of several figures. Of lists that end at different times the newest value
/// of the one goes on; as long as the shorter one.
sample_list operator+(const sample_list& one, const sample_list& other);

/// As many samples of a figure that is always 0.
sample_list zeros_like(sample_list of);

/// What changed within the intervals of one ring. Not thread-safe.
class change_ring {
public:
  static constexpr size_t figures_max = 32;

  /// Figures rose or fell from `before` to `now` in interval `slot`, which is later than any before.
  void add(uint64_t slot, std::span<const uint64_t> before, std::span<const uint64_t> now);
  /// Forgets intervals before `slot`.
  void drop_before(uint64_t slot);
  /// What one figure did, oldest first: interval and difference.
  std::vector<std::pair<uint64_t, int64_t>> changes(size_t figure) const;
  size_t bytes() const { return bytes_.capacity(); }
  bool empty() const { return bytes_.empty(); }
  uint64_t newest_slot() const { return newest_slot_; }

private:
  std::vector<uint8_t> bytes_; ///< per interval: distance to the one before, which figures, their differences
  uint64_t oldest_slot_ = 0;
  uint64_t newest_slot_ = 0;
};

/// Not thread-safe.
class sample_log {
public:
  static constexpr uint64_t interval_s = 5;
  struct ring_size {
    uint64_t interval_s;
    uint64_t samples;
  };
  static constexpr std::array<ring_size, 4> sizes{{{interval_s, 121}, {60, 61}, {600, 49}, {1800, 49}}};
  static constexpr size_t rings_of_node = 4;
  static constexpr size_t rings_of_object = 2; ///< RabbitMQ's policy "basic"
  /// A clock that was set back by more begins the samples anew.
  static constexpr uint64_t back_max_s = 60;
  /// RabbitMQ's, in one answer.
  static constexpr uint64_t samples_max = 501;

  explicit sample_log(size_t rings = rings_of_object) : ring_count_(rings) {}

  /// Once per interval, at multiples of it; always as many figures.
  void add(uint64_t now_s, std::span<const uint64_t> now);
  /// At most samples_max; none before there is one. Before the object was seen first its figures were 0.
  sample_list samples(size_t figure, sample_range range) const;
  /// Forgets everything but the newest figures.
  void forget_past();

  uint64_t newest_s() const { return newest_s_; }
  /// When a figure changed last that rings still know of; 0 = none.
  uint64_t changed_s() const { return rings_ ? rings_->of[0].newest_slot() * sizes[0].interval_s : 0; }
  std::span<const uint64_t> newest() const { return newest_; }
  /// Of the rings, on the heap.
  size_t ring_bytes() const;

private:
  struct kept_rings {
    std::vector<change_ring> of;
    std::vector<std::vector<uint64_t>> closed; ///< per ring but the first: figures at the end of its last full interval
  };
  bool close_intervals(uint64_t now_s);

  std::vector<uint64_t> newest_;
  std::unique_ptr<kept_rings> rings_; ///< null: nothing has changed for as long as they reach
  uint64_t newest_s_ = 0;
  uint64_t first_s_ = 0;
  uint64_t known_from_s_ = 0; ///< earlier samples were forgotten
  size_t ring_count_;
};

/// Many objects of one kind, each known from the first interval on in which a figure of it was not 0. Rings have so
/// many bytes in all; beyond that those go that nobody has asked for, the ones that have rested longest first. Not
/// thread-safe.
class sampled_objects {
public:
  /// An object that somebody asks for is the last to lose its samples, for so long.
  static constexpr uint64_t asked_for_s = 600;

  explicit sampled_objects(size_t bytes_max) : bytes_max_(bytes_max) {}

  void add(const std::string& key, uint64_t now_s, std::span<const uint64_t> now);
  /// Nothing is known of the time before; also of an object whose figures are 0.
  void begin(const std::string& key, uint64_t now_s, std::span<const uint64_t> now);
  bool knows(const std::string& key) const { return all_.contains(key); }
  /// After all were added: those that were not are no more, and rings are made to fit.
  void end_round(uint64_t now_s);
  /// Null: nothing but zeros is known of it.
  const sample_log* ask(const std::string& key, uint64_t now_s);
  size_t size() const { return all_.size(); }
  size_t ring_bytes() const;

private:
  struct one {
    sample_log log;
    uint64_t asked_s = 0; ///< 0 = never
  };
  void make_fit(uint64_t now_s);

  std::unordered_map<std::string, one> all_;
  size_t bytes_max_;
};

} // namespace broker::management

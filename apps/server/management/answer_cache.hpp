// Answers that are given again while what they were made of is still good: ten people who look at the same list every
// second cost what one costs. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace broker::management {

class answer_cache {
public:
  static constexpr size_t answers_max = 64;               ///< own choice, as what follows
  static constexpr size_t answer_max_bytes = 1024 * 1024; ///< a longer one is not kept
  static constexpr size_t all_max_bytes = size_t{16} * 1024 * 1024;

  /// Null: there is none that is still good.
  const std::string* find(const std::string& question, uint64_t now_ms) const;
  /// Not when there is no room: what is kept is good for seconds at most.
  void keep(std::string question, const std::string& answer, uint64_t now_ms, uint64_t until_ms);
  /// Forgets what is good no more.
  void sweep(uint64_t now_ms);
  size_t bytes() const { return bytes_; }

private:
  struct kept {
    std::string text;
    uint64_t until_ms = 0;
  };
  std::map<std::string, kept> answers_;
  size_t bytes_ = 0; ///< of questions and answers
};

} // namespace broker::management

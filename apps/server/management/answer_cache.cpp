#include "management/answer_cache.hpp"

#include <utility>

namespace broker::management {

const std::string* answer_cache::find(const std::string& question, uint64_t now_ms) const {
  const auto found = answers_.find(question);
  return found != answers_.end() && now_ms < found->second.until_ms ? &found->second.text : nullptr;
}

void answer_cache::keep(std::string question, const std::string& answer, uint64_t now_ms, uint64_t until_ms) {
  const size_t size = question.size() + answer.size();
  if (now_ms >= until_ms || size > answer_max_bytes)
    return;
  if (answers_.contains(question) || answers_.size() >= answers_max || bytes_ + size > all_max_bytes)
    sweep(now_ms);
  if (answers_.contains(question) || answers_.size() >= answers_max || bytes_ + size > all_max_bytes)
    return;
  bytes_ += size;
  answers_.emplace(std::move(question), kept{answer, until_ms});
}

void answer_cache::sweep(uint64_t now_ms) {
  std::erase_if(answers_, [&](const auto& each) {
    if (now_ms < each.second.until_ms)
      return false;
    bytes_ -= each.first.size() + each.second.text.size();
    return true;
  });
}

} // namespace broker::management

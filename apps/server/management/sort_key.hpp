// What lists are sorted by: a member of each object's JSON, found without making a tree of it (features.md O21).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace broker::management {

/// Absent and null come first, then truths, numbers, objects and lists, texts.
struct sort_key {
  enum class kind : uint8_t { nothing, truth, number, whole, text };
  kind what = kind::nothing;
  double number = 0; ///< of a truth 0 or 1
  std::string text;
  friend bool operator<(const sort_key& a, const sort_key& b) {
    if (a.what != b.what)
      return a.what < b.what;
    return a.what == kind::text ? a.text < b.text : a.number < b.number;
  }
};

/// The member that `path` names, one name for each level. `object` is JSON as json_writer or nlohmann::json write it,
/// without mistakes; for anything else the key is some key.
sort_key sort_key_in(std::string_view object, std::span<const std::string> path);

} // namespace broker::management

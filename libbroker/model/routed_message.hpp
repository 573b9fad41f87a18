// A message as routing sees it: its key, the keys in CC and BCC headers (features.md W47), headers sorted by name.
// Holds views into the message.
#pragma once

#include <cstddef>
#include <memory_resource>
#include <string_view>

#include "model/binding.hpp"
#include "model/message.hpp"

namespace broker {

class routed_message {
public:
  explicit routed_message(const message& what);
  routed_message(const routed_message&) = delete;

  routing_input input() const { return {keys_, headers_, properties_}; }
  const std::pmr::vector<std::string_view>& keys() const { return keys_; }

private:
  std::byte stack_[1024];
  std::pmr::monotonic_buffer_resource arena_{stack_, sizeof stack_};
  std::string_view properties_;
  std::pmr::vector<std::string_view> keys_{&arena_};
  raw_fields headers_{&arena_};
};

} // namespace broker

// Short queues kept in vectors: unlike a deque they cost nothing while empty, and a node has thousands of queues.
#pragma once

#include <cstddef>
#include <vector>

namespace broker::queueing {

/// Capacity an emptied list keeps.
inline constexpr size_t kept_capacity = 256;

/// Removes the first `count` elements. Linear in what stays: call it once for all that is done.
template<class T>
void erase_prefix(std::vector<T>& list, size_t count) {
  if (count == list.size() && list.capacity() > kept_capacity)
    std::vector<T>{}.swap(list);
  else
    list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(count));
}

} // namespace broker::queueing

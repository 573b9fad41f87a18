// The memory of the simulator's processes: operator new and delete from lists of free pieces, one per size and thread.
// A run makes and drops millions of small pieces (messages of actors, events, records), all in one thread; the C
// library's way is a tenth of its time. Linked into programs that only simulate, never into a library. Sanitizers keep
// their own.
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WARREN_SIM_PLAIN_HEAP
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define WARREN_SIM_PLAIN_HEAP
#endif
#endif

#ifndef WARREN_SIM_PLAIN_HEAP

namespace {

constexpr size_t step_bytes = 16;
constexpr size_t largest_bytes = 1024; ///< above it malloc does as well
constexpr size_t page_bytes = 64 * 1024;
constexpr size_t region_bytes = size_t{16} << 30; ///< of addresses; memory comes as it is touched
constexpr size_t pages = region_bytes / page_bytes;

struct free_piece {
  free_piece* next;
};

std::atomic<char*> region{nullptr};
std::atomic<size_t> pages_used{0};
std::array<uint8_t, pages> page_class; ///< by page: the size of its pieces, in steps
thread_local std::array<free_piece*, largest_bytes / step_bytes + 1> free_lists;

char* map_region() {
  void* const made =
    mmap(nullptr, region_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (made == MAP_FAILED)
    return nullptr;
  char* nobody = nullptr;
  if (!region.compare_exchange_strong(nobody, static_cast<char*>(made)))
    munmap(made, region_bytes); // another thread was first
  return region.load();
}

/// A page cut into pieces of that many steps; null: there is no room.
free_piece* new_page(size_t steps) {
  char* const base = region.load(std::memory_order_acquire);
  char* const start = base ? base : map_region();
  const size_t page = start ? pages_used.fetch_add(1) : pages;
  if (page >= pages)
    return nullptr;
  page_class[page] = static_cast<uint8_t>(steps);
  char* const at = start + page * page_bytes;
  const size_t size = steps * step_bytes;
  free_piece* first = nullptr;
  for (size_t piece = page_bytes / size; piece-- > 0;) {
    auto* one = reinterpret_cast<free_piece*>(at + piece * size);
    one->next = first;
    first = one;
  }
  return first;
}

void* take(size_t bytes) {
  if (bytes > largest_bytes)
    return std::malloc(bytes);
  const size_t steps = bytes == 0 ? 1 : (bytes + step_bytes - 1) / step_bytes;
  free_piece*& list = free_lists[steps];
  if (list == nullptr && (list = new_page(steps)) == nullptr)
    return std::malloc(bytes);
  return std::exchange(list, list->next);
}

void give_back(void* what) noexcept {
  const size_t at = static_cast<size_t>(static_cast<char*>(what) - region.load(std::memory_order_relaxed));
  if (at >= region_bytes || region.load(std::memory_order_relaxed) == nullptr)
    return std::free(what);
  free_piece*& list = free_lists[page_class[at / page_bytes]];
  auto* one = static_cast<free_piece*>(what);
  one->next = list;
  list = one;
}

} // namespace

void* operator new(size_t bytes) {
  if (void* const found = take(bytes))
    return found;
  throw std::bad_alloc{};
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return take(bytes);
}
void* operator new[](size_t bytes) {
  return operator new(bytes);
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return take(bytes);
}
void operator delete(void* what) noexcept {
  give_back(what);
}
void operator delete(void* what, size_t) noexcept {
  give_back(what);
}
void operator delete(void* what, const std::nothrow_t&) noexcept {
  give_back(what);
}
void operator delete[](void* what) noexcept {
  give_back(what);
}
void operator delete[](void* what, size_t) noexcept {
  give_back(what);
}
void operator delete[](void* what, const std::nothrow_t&) noexcept {
  give_back(what);
}

#endif

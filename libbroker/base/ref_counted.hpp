// Intrusive, thread-safe reference counting. The core uses it for what is shared between actors: blocks, batches,
// consumers, end points. (CAF has its own; the core does not include CAF.)
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace broker {

/// Base of shared objects. Starts with no reference; `ref` adds them.
class ref_counted {
public:
  ref_counted() = default;
  ref_counted(const ref_counted&) = delete;
  ref_counted& operator=(const ref_counted&) = delete;

  void add_ref() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop_ref() const noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }
  /// True when the caller holds the only reference.
  bool unique() const noexcept { return references_.load(std::memory_order_acquire) == 1; }

protected:
  virtual ~ref_counted() = default;

private:
  mutable std::atomic<size_t> references_{0};
};

/// Owning pointer to a ref_counted (or anything with add_ref/drop_ref).
template<class T>
class ref {
public:
  using element_type = T;

  ref() = default;
  ref(std::nullptr_t) {}
  explicit ref(T* object) : object_(object) {
    if (object_)
      object_->add_ref();
  }
  ref(const ref& other) : ref(other.object_) {}
  ref(ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template<class U>
  ref(const ref<U>& other) : ref(other.get()) {}
  ref& operator=(ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~ref() {
    if (object_)
      object_->drop_ref();
  }

  T* get() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const ref& a, const ref& b) noexcept { return a.object_ == b.object_; }
  friend bool operator==(const ref& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }

private:
  T* object_ = nullptr;
};

template<class T, class... Args>
ref<T> make_ref(Args&&... args) {
  return ref<T>(new T(std::forward<Args>(args)...));
}

} // namespace broker

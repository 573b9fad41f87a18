// A password or cookie in memory (guarantees.md S14): no stream operator, wiped when it goes, copied only on purpose.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>

namespace broker {

class secret_string {
public:
  secret_string() = default;
  explicit secret_string(std::string_view text) : text_(text) {}
  secret_string(const secret_string&) = default;
  secret_string(secret_string&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
  secret_string& operator=(const secret_string& other) {
    if (this != &other) {
      wipe();
      text_ = other.text_;
    }
    return *this;
  }
  secret_string& operator=(secret_string&& other) noexcept {
    if (this != &other) {
      wipe();
      text_ = std::move(other.text_);
      other.wipe();
    }
    return *this;
  }
  ~secret_string() { wipe(); }

  /// The plain text. Never log it, never put it into an error.
  std::string_view reveal() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }

private:
  void wipe() noexcept {
    OPENSSL_cleanse(text_.data(), text_.size());
    text_.clear();
  }
  std::string text_;
};

} // namespace broker

#include "channel/message_checks.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "amqp/reply.hpp"
#include "channel/argument_checks.hpp"
#include "model/message_copy.hpp"

namespace broker {
namespace {

/// rabbit_basic:parse_expiration's complaints; empty if the text is a number of milliseconds in range.
std::string expiration_fault(std::string_view text) {
  constexpr int64_t expiration_max_ms = 315'360'000'000; // ten years, as RabbitMQ
  int64_t value = 0;
  std::string_view digits = text;
  if (digits.starts_with('+'))
    digits.remove_prefix(1);
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (fault == std::errc::invalid_argument)
    return "no_integer";
  const std::string number{digits.data(), end};
  if (end != digits.data() + digits.size())
    return "{leftover_string,\"" + std::string{end, digits.data() + digits.size()} + "\"}";
  if (digits.starts_with('-') && value != 0)
    return "{value_negative," + number + "}";
  if (fault == std::errc::result_out_of_range || value > expiration_max_ms)
    return "{value_too_big," + number + "}";
  return {};
}

result<void> check_extra_keys(const amqp::field_table& headers) {
  for (const std::string_view key : {"CC", "BCC"}) {
    const auto* value = headers.find(key);
    if (value && !std::holds_alternative<amqp::field_array>(value->value))
      return amqp::precondition_failed("invalid message: {unacceptable_type_in_header,\"" + std::string{key} + "\","
                                       + std::string{type_name(*value)} + "}");
  }
  return {};
}

/// Passes a copy's credit on: holds the original until the copy is accepted everywhere, or is used nowhere.
class credit_of_original final : public credit_sink {
public:
  explicit credit_of_original(batch_ref original) : original_(std::move(original)) { original_->hold(); }
  ~credit_of_original() override { give_back(); }
  void credit(size_t) noexcept override { give_back(); }

private:
  void give_back() noexcept {
    if (original_)
      std::exchange(original_, nullptr)->release();
  }

  batch_ref original_;
};

} // namespace

result<amqp::properties> checked_properties(const message& what, const login& user) {
  auto decoded = amqp::decode_properties(what.property_bytes());
  if (!decoded)
    return decoded.error();
  if (decoded->expiration) {
    if (const auto fault = expiration_fault(*decoded->expiration); !fault.empty())
      return amqp::precondition_failed("invalid expiration '" + *decoded->expiration + "': " + fault);
  }
  if (decoded->headers) {
    if (const auto keys = check_extra_keys(*decoded->headers); !keys)
      return keys.error();
  }
  const bool impersonator = std::find(user.tags.begin(), user.tags.end(), "impersonator") != user.tags.end();
  if (decoded->user_id && *decoded->user_id != user.user && !impersonator)
    return amqp::precondition_failed("user_id property set to '" + *decoded->user_id + "' but authenticated user was '"
                                     + user.user + "'");
  return decoded;
}

bool may_have_extra_keys(const message& what) noexcept {
  if (!what.has(message::has_headers))
    return false;
  // Keys are shortstrs: a length octet and the name. BCC ends in CC, so one search finds either.
  const auto bytes = what.property_bytes();
  return bytes.find(std::string_view{"\x02"
                                     "CC"})
        != bytes.npos
      || bytes.find(std::string_view{"\x03"
                                     "BCC"})
           != bytes.npos;
}

bool may_use_direct_reply(const message& what) noexcept {
  return what.has(message::has_reply_to) && what.property_bytes().find(reply_to_name) != std::string_view::npos;
}

batch_ref with_properties(const batch_ref& original, uint32_t index, const amqp::properties& properties) {
  batch_ref copy = copy_with_properties(original->messages[index], properties);
  copy->credit_to = make_ref<credit_of_original>(original);
  return copy;
}

} // namespace broker

#include "amqp/reply.hpp"

#include <string>

#include "base/limits.hpp"

namespace broker::amqp {

std::string_view reply_name(uint16_t code) noexcept {
  switch (code) {
  case reply::success:
    return "OK";
  case reply::content_too_large:
    return "CONTENT_TOO_LARGE";
  case reply::no_route:
    return "NO_ROUTE";
  case reply::no_consumers:
    return "NO_CONSUMERS";
  case reply::connection_forced:
    return "CONNECTION_FORCED";
  case reply::invalid_path:
    return "INVALID_PATH";
  case reply::access_refused:
    return "ACCESS_REFUSED";
  case reply::not_found:
    return "NOT_FOUND";
  case reply::resource_locked:
    return "RESOURCE_LOCKED";
  case reply::precondition_failed:
    return "PRECONDITION_FAILED";
  case reply::frame_error:
    return "FRAME_ERROR";
  case reply::syntax_error:
    return "SYNTAX_ERROR";
  case reply::command_invalid:
    return "COMMAND_INVALID";
  case reply::channel_error:
    return "CHANNEL_ERROR";
  case reply::unexpected_frame:
    return "UNEXPECTED_FRAME";
  case reply::resource_error:
    return "RESOURCE_ERROR";
  case reply::not_allowed:
    return "NOT_ALLOWED";
  case reply::not_implemented:
    return "NOT_IMPLEMENTED";
  case reply::internal_error:
    return "INTERNAL_ERROR";
  default:
    return "UNKNOWN_ERROR";
  }
}

bool closes_connection(uint16_t code) noexcept {
  switch (code) {
  case reply::content_too_large:
  case reply::no_route:
  case reply::no_consumers:
  case reply::access_refused:
  case reply::not_found:
  case reply::resource_locked:
  case reply::precondition_failed:
    return false;
  default:
    return true;
  }
}

error make_error(uint16_t code, std::string_view explanation) {
  static constexpr std::string_view ellipsis = "...";
  std::string text{reply_name(code)};
  text += " - ";
  text += explanation;
  if (text.size() > limits::name_max_bytes) {
    text.resize(limits::name_max_bytes - ellipsis.size());
    text += ellipsis;
  }
  return {code, std::move(text)};
}

std::string show_octets(std::string_view bytes) {
  std::string text = "<<";
  for (const char octet : bytes.substr(0, limits::name_max_bytes)) {
    if (text.size() > 2)
      text += ',';
    text += std::to_string(static_cast<uint8_t>(octet));
  }
  return text += ">>";
}

error connection_forced(std::string_view explanation) {
  return make_error(reply::connection_forced, explanation);
}
error access_refused(std::string_view explanation) {
  return make_error(reply::access_refused, explanation);
}
error not_found(std::string_view explanation) {
  return make_error(reply::not_found, explanation);
}
error resource_locked(std::string_view explanation) {
  return make_error(reply::resource_locked, explanation);
}
error precondition_failed(std::string_view explanation) {
  return make_error(reply::precondition_failed, explanation);
}
error frame_error(std::string_view explanation) {
  return make_error(reply::frame_error, explanation);
}
error syntax_error(std::string_view explanation) {
  return make_error(reply::syntax_error, explanation);
}
error command_invalid(std::string_view explanation) {
  return make_error(reply::command_invalid, explanation);
}
error channel_error(std::string_view explanation) {
  return make_error(reply::channel_error, explanation);
}
error unexpected_frame(std::string_view explanation) {
  return make_error(reply::unexpected_frame, explanation);
}
error resource_error(std::string_view explanation) {
  return make_error(reply::resource_error, explanation);
}
error not_allowed(std::string_view explanation) {
  return make_error(reply::not_allowed, explanation);
}
error not_implemented(std::string_view explanation) {
  return make_error(reply::not_implemented, explanation);
}
error internal_error(std::string_view explanation) {
  return make_error(reply::internal_error, explanation);
}

} // namespace broker::amqp

// Reply codes (AMQP 0-9-1 section 1.2; features.md W21-W34) and errors in RabbitMQ's words: "NOT_FOUND - no queue ...".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace broker::amqp {

namespace reply {
inline constexpr uint16_t success = 200;
inline constexpr uint16_t content_too_large = 311;
inline constexpr uint16_t no_route = 312;
inline constexpr uint16_t no_consumers = 313;
inline constexpr uint16_t connection_forced = 320;
inline constexpr uint16_t invalid_path = 402;
inline constexpr uint16_t access_refused = 403;
inline constexpr uint16_t not_found = 404;
inline constexpr uint16_t resource_locked = 405;
inline constexpr uint16_t precondition_failed = 406;
inline constexpr uint16_t frame_error = 501;
inline constexpr uint16_t syntax_error = 502;
inline constexpr uint16_t command_invalid = 503;
inline constexpr uint16_t channel_error = 504;
inline constexpr uint16_t unexpected_frame = 505;
inline constexpr uint16_t resource_error = 506;
inline constexpr uint16_t not_allowed = 530;
inline constexpr uint16_t not_implemented = 540;
inline constexpr uint16_t internal_error = 541;
} // namespace reply

/// "NOT_FOUND" for 404; "UNKNOWN_ERROR" for a code that is none.
std::string_view reply_name(uint16_t code) noexcept;

/// Does an error of this code close the connection (true) or only its channel?
bool closes_connection(uint16_t code) noexcept;

/// An error with the text "NAME - explanation". A reply-text is a shortstr: as RabbitMQ does, longer texts are cut to
/// 252 octets and end in "...".
error make_error(uint16_t code, std::string_view explanation);

/// "<<1,2,3>>", how RabbitMQ's error texts show bytes; no more of them than fit an error.
std::string show_octets(std::string_view bytes);

// One function per code in use, so that a call reads as what it means.
error connection_forced(std::string_view explanation);
error access_refused(std::string_view explanation);
error not_found(std::string_view explanation);
error resource_locked(std::string_view explanation);
error precondition_failed(std::string_view explanation);
error frame_error(std::string_view explanation);
error syntax_error(std::string_view explanation);
error command_invalid(std::string_view explanation);
error channel_error(std::string_view explanation);
error unexpected_frame(std::string_view explanation);
error resource_error(std::string_view explanation);
error not_allowed(std::string_view explanation);
error not_implemented(std::string_view explanation);
error internal_error(std::string_view explanation);

} // namespace broker::amqp

// Is this UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF)? Shortstrs of methods must be
// (AMQP 0-9-1 section 4.2.5.3; wire-reactions.md).
#pragma once

#include <string_view>

namespace broker::amqp {

bool is_utf8(std::string_view text) noexcept;

} // namespace broker::amqp

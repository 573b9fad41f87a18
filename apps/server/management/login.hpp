// Who sends a request: HTTP Basic for tools, a session's cookie for the web pages (features.md O14, S11). On the HTTP
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "management/call.hpp"

namespace broker {
struct credentials;
}

namespace broker::management {

/// Who sends this; or why nobody is let in: 401, 429 after too many failures from that network (S4), 403 for a change
/// by cookie without the session's token. `counts`: as a login, for operators.
std::variant<caller, http::response> log_in(service& at, const http::request& from, bool counts = true);
/// Null `given`: the request said something else. An unknown user and a wrong password are answered alike.
std::variant<caller, http::response> check_password(service& at, const http::request& from, const credentials* given,
                                                    bool ask, bool counts = true);
/// With the tags of now; nothing when the log-in is over.
std::optional<caller> caller_as_of_now(const service& at, const proof_of_login& proof, uint64_t session);

/// Value of the cookie; "" if there is none.
std::string_view session_cookie(service& at, const http::request& from);
/// May a 401 make a browser ask for a password?
bool asks_for_password(const http::request& from);
http::response refused_login(unsigned status, std::string_view reason, bool ask);

} // namespace broker::management

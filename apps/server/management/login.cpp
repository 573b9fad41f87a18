#include "management/login.hpp"

#include <algorithm>

#include <openssl/evp.h>

#include "base/keyed_hash.hpp"
#include "connection/authentication.hpp"
#include "management/service.hpp"

namespace broker::management {

namespace {

/// "Basic dXNlcjpwYXNz". Nothing for anything else.
std::optional<credentials> basic_credentials(const std::string& header) {
  constexpr std::string_view scheme = "basic ";
  if (header.size() < scheme.size() || header.size() > 1024)
    return {};
  for (size_t i = 0; i < scheme.size(); ++i)
    if ((header[i] | 0x20) != scheme[i] && header[i] != ' ')
      return {};
  const auto encoded = std::string_view{header}.substr(scheme.size());
  if (encoded.empty() || encoded.size() % 4 != 0)
    return {};
  std::string text(encoded.size() / 4 * 3, '\0');
  const int size =
    EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                    reinterpret_cast<const unsigned char*>(encoded.data()), static_cast<int>(encoded.size()));
  if (size < 0)
    return {};
  text.resize(static_cast<size_t>(size) - (encoded.ends_with("==") ? 2 : encoded.ends_with("=") ? 1 : 0));
  credentials result;
  const size_t colon = text.find(':');
  if (colon != std::string::npos) {
    result.user = text.substr(0, colon);
    result.password = text.substr(colon + 1);
  }
  wipe(text);
  return colon == std::string::npos ? std::nullopt : std::optional{std::move(result)};
}

} // namespace

http::response refused_login(unsigned status, std::string_view reason, bool ask) {
  auto result = json_response(status, R"({"error":"not_authorized","reason":")" + std::string{reason} + "\"}");
  if (ask)
    result.headers.emplace_back("www-authenticate", "Basic realm=\"RabbitMQ Management\"");
  return result;
}

bool asks_for_password(const http::request& from) {
  // The web pages ask for no login window of the browser's.
  const auto* accepts = from.find("accept");
  return from.find("x-requested-with") == nullptr && (accepts == nullptr || *accepts != "text/event-stream");
}

std::string_view session_cookie(service& at, const http::request& from) {
  const std::string wanted = at.keys().cookie_name() + "=";
  for (const auto& [name, value] : from.headers) {
    if (name != "cookie")
      continue;
    std::string_view left = value;
    while (!left.empty()) {
      const size_t end = std::min(left.find(';'), left.size());
      auto one = left.substr(0, end);
      while (one.starts_with(' '))
        one.remove_prefix(1);
      if (one.starts_with(wanted))
        return one.substr(wanted.size());
      left.remove_prefix(std::min(end + 1, left.size()));
    }
  }
  return {};
}

namespace {

bool changes_something(const http::request& from) {
  return from.method != "GET" && from.method != "HEAD" && from.method != "OPTIONS";
}

std::variant<caller, http::response> known_by_cookie(service& at, const http::request& from, std::string_view cookie) {
  const auto* known = at.find_session(cookie);
  if (known == nullptr || (known->who.loopback && !from.loopback))
    return refused_login(401, "Login failed", false);
  auto by = caller_as_of_now(at, known->who, known->number);
  if (!by) {
    at.sessions.end(known->claim.id, at.now());
    return refused_login(401, "Login failed", false);
  }
  const auto* token = from.find("x-csrf-token");
  if (changes_something(from) && (token == nullptr || !equal_secrets(*token, known->token)))
    return refused_login(403, "the request lacks the session's token", false);
  return *std::move(by);
}

} // namespace

std::optional<caller> caller_as_of_now(const service& at, const proof_of_login& proof, uint64_t session) {
  const auto user = proof.still_good(at.around.node.metadata()->find_user(proof.user));
  if (!user)
    return {};
  caller by = caller_of({user->name, user->tags});
  by.proof = proof;
  by.session = session;
  return by;
}

std::variant<caller, http::response> check_password(service& at, const http::request& from, const credentials* given,
                                                    bool ask, bool counts) {
  const uint64_t now = at.around.now_ms();
  if (at.guard.refuses(from.network, now))
    return refused_login(429, "Too many failed logins", false);
  at.logins += counts ? 1 : 0;
  const auto metadata = at.around.node.metadata();
  if (given != nullptr) {
    auto known = metadata->authenticate(given->user, given->password, from.loopback);
    if (known) {
      auto by = caller_of(*std::move(known));
      const auto user = metadata->find_user(given->user);
      by.proof = {given->user, user ? user->password_hash : "", from.loopback};
      return by;
    }
  }
  ++at.logins_failed;
  if (given != nullptr && at.guard.failed(from.network, now))
    at.around.say(log_level::warning, "too many failed HTTP logins from " + from.network
                                        + " within a minute: its requests are refused for a minute");
  return refused_login(401, "Login failed", ask);
}

std::variant<caller, http::response> log_in(service& at, const http::request& from, bool counts) {
  const bool ask = asks_for_password(from);
  if (const auto* header = from.find("authorization")) {
    const auto given = basic_credentials(*header);
    return check_password(at, from, given ? &*given : nullptr, ask, counts);
  }
  if (const auto cookie = session_cookie(at, from); !cookie.empty())
    return known_by_cookie(at, from, cookie);
  return refused_login(401, "Login failed", ask);
}

} // namespace broker::management

#include "metadata/access_rules.hpp"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <re2/re2.h>

#include "base/limits.hpp"
#include "metadata/metadata_state.hpp"

namespace broker {
namespace {

constexpr size_t salt_bytes = 4;

struct hashing_algorithm {
  std::string_view name;
  const EVP_MD* (*digest)();
  size_t digest_bytes;
};
constexpr hashing_algorithm hashings[] = {{"rabbit_password_hashing_sha256", EVP_sha256, SHA256_DIGEST_LENGTH},
                                          {"rabbit_password_hashing_sha512", EVP_sha512, SHA512_DIGEST_LENGTH},
                                          {"rabbit_password_hashing_md5", EVP_md5, MD5_DIGEST_LENGTH}};
constexpr const hashing_algorithm& default_hashing = hashings[0];

const hashing_algorithm* find_hashing(std::string_view name) {
  for (const hashing_algorithm& one : hashings)
    if (one.name == name)
      return &one;
  return nullptr;
}

/// salt + digest(salt + password)
std::string salted(const hashing_algorithm& how, std::string_view password, std::string_view salt) {
  std::string out(salt_bytes + how.digest_bytes, '\0');
  std::copy(salt.begin(), salt.end(), out.begin());
  unsigned digest_size = 0;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  BROKER_ASSERT(context != nullptr, "out of memory");
  const bool done =
    EVP_DigestInit_ex(context, how.digest(), nullptr) == 1 && EVP_DigestUpdate(context, salt.data(), salt.size()) == 1
    && EVP_DigestUpdate(context, password.data(), password.size()) == 1
    && EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(out.data()) + salt_bytes, &digest_size) == 1;
  EVP_MD_CTX_free(context);
  BROKER_ASSERT(done && digest_size == how.digest_bytes, "the digests are part of OpenSSL");
  return out;
}

/// base64 of exactly salt and digest; false, and zeroes, for anything else.
bool decode_hash(const hashing_algorithm& how, std::string_view text, std::string& out) {
  const size_t wanted = salt_bytes + how.digest_bytes;
  const size_t padding = (3 - wanted % 3) % 3;
  out.assign(wanted + padding, '\0');
  if (text.size() != out.size() / 3 * 4 || !text.ends_with(std::string_view{"=="}.substr(0, padding)))
    return false;
  const int decoded =
    EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                    static_cast<int>(text.size()));
  out.resize(wanted);
  return decoded == static_cast<int>(wanted + padding);
}

RE2::Options regex_options() {
  RE2::Options options{RE2::Latin1}; // names are octets
  options.set_log_errors(false);
  options.set_max_mem(limits::pattern_memory_bytes);
  return options;
}

/// One regular expression of a permission row. ".*" is what nearly everybody has, and it needs no engine.
class name_pattern {
public:
  explicit name_pattern(const std::string& text)
    : matches_all_(text == ".*"), regex_(text.empty() ? "^$" : text, regex_options()) {}
  bool ok() const { return regex_.ok(); }
  const std::string& why_not() const { return regex_.error(); }
  bool matches(std::string_view name) const {
    return matches_all_ || RE2::PartialMatch(re2::StringPiece{name.data(), name.size()}, regex_);
  }

private:
  bool matches_all_;
  RE2 regex_;
};

error invalid_pattern(const std::string& text, const std::string& why) {
  return {0, "{:invalid_regexp, '" + text + "', '" + why + "'}"};
}

} // namespace

std::string hash_password(std::string_view password, std::string_view salt) {
  BROKER_ASSERT(salt.size() == salt_bytes, "the salt has four bytes");
  const std::string raw = salted(default_hashing, password, salt);
  std::string text((raw.size() + 2) / 3 * 4 + 1, '\0'); // EVP_EncodeBlock ends with a zero
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(raw.data()),
                  static_cast<int>(raw.size()));
  text.pop_back();
  return text;
}

bool password_matches(std::string_view hashing, std::string_view hash, std::string_view password) {
  const hashing_algorithm* known = find_hashing(hashing);
  const hashing_algorithm& how = known ? *known : default_hashing;
  std::string expected;
  const bool usable = decode_hash(how, hash, expected);
  expected.resize(salt_bytes + how.digest_bytes);
  const std::string given = salted(how, password, std::string_view{expected}.substr(0, salt_bytes));
  const bool equal = CRYPTO_memcmp(given.data(), expected.data(), given.size()) == 0;
  return equal && usable && known && !password.empty();
}

bool is_known_hashing(std::string_view hashing) {
  return find_hashing(hashing) != nullptr;
}

bool refuse_password(std::string_view password) {
  static const std::string nobodys = hash_password("", "none");
  static_cast<void>(password_matches(default_hashing.name, nobodys, password));
  return false;
}

struct user_rights::expressions {
  explicit expressions(const permission& rights)
    : configure(rights.configure), write(rights.write), read(rights.read) {}

  name_pattern configure;
  name_pattern write;
  name_pattern read;
};

user_rights::user_rights(std::string name, permission what, std::unique_ptr<const expressions> compiled)
  : user(std::move(name)), rights(std::move(what)), compiled_(std::move(compiled)) {}
user_rights::~user_rights() = default;

result<std::shared_ptr<const user_rights>> user_rights::compile(std::string user, permission rights) {
  auto compiled = std::make_unique<const expressions>(rights);
  const std::pair<const name_pattern&, const std::string&> all[] = {
    {compiled->configure, rights.configure}, {compiled->write, rights.write}, {compiled->read, rights.read}};
  for (const auto& [pattern, text] : all)
    if (!pattern.ok())
      return invalid_pattern(text, pattern.why_not());
  return std::shared_ptr<const user_rights>{new user_rights{std::move(user), std::move(rights), std::move(compiled)}};
}

bool user_rights::may_configure(std::string_view name) const {
  return compiled_->configure.matches(name);
}
bool user_rights::may_write(std::string_view name) const {
  return compiled_->write.matches(name);
}
bool user_rights::may_read(std::string_view name) const {
  return compiled_->read.matches(name);
}

// -- topics -----------------------------------------------------------------------------------------------------------

namespace {

/// One regular expression on routing keys. With variables in it, it is compiled when it is asked: only then are their
/// values known. They are quoted, so that a name cannot become a pattern.
class topic_pattern {
public:
  explicit topic_pattern(const std::string& text)
    : text_(text), has_variables_(text.find('{') != text.npos), fixed_(expand(text, "", "", "")) {}

  bool ok() const { return fixed_.ok(); }
  const std::string& text() const { return text_; }
  const std::string& why_not() const { return fixed_.why_not(); }
  bool matches(std::string_view key, std::string_view user, std::string_view vhost, std::string_view client) const {
    return has_variables_ ? name_pattern{expand(text_, user, vhost, client)}.matches(key) : fixed_.matches(key);
  }

private:
  static std::string expand(const std::string& text, std::string_view user, std::string_view vhost,
                            std::string_view client) {
    const std::pair<std::string_view, std::string_view> variables[] = {
      {"{username}", user}, {"{vhost}", vhost}, {"{client_id}", client}};
    const auto end = client.empty() ? std::end(variables) - 1 : std::end(variables); // no value, no variable
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const auto* found = std::find_if(std::begin(variables), end, [&](const auto& variable) {
        return text.compare(at, variable.first.size(), variable.first) == 0;
      });
      if (found == end) {
        out += text[at++];
        continue;
      }
      out += RE2::QuoteMeta(re2::StringPiece{found->second.data(), found->second.size()});
      at += found->first.size();
    }
    return out;
  }

  std::string text_;
  bool has_variables_;
  name_pattern fixed_;
};

} // namespace

struct topic_rights::expressions {
  explicit expressions(const topic_permission& rights) : write(rights.write), read(rights.read) {}
  topic_pattern write;
  topic_pattern read;
};

topic_rights::topic_rights(std::string name, topic_permission what, std::unique_ptr<const expressions> compiled)
  : user(std::move(name)), rights(std::move(what)), key(key_of(user, rights.exchange)), compiled_(std::move(compiled)) {
}
topic_rights::~topic_rights() = default;

std::string topic_rights::key_of(std::string_view user, std::string_view exchange) {
  std::string key = std::to_string(user.size()) + ":"; // user names may hold any octet
  return key.append(user).append(exchange);
}

result<std::shared_ptr<const topic_rights>> topic_rights::compile(std::string user, topic_permission rights) {
  auto compiled = std::make_unique<const expressions>(rights);
  for (const topic_pattern* pattern : {&compiled->write, &compiled->read})
    if (!pattern->ok())
      return invalid_pattern(pattern->text(), pattern->why_not());
  return std::shared_ptr<const topic_rights>{new topic_rights{std::move(user), std::move(rights), std::move(compiled)}};
}

bool topic_rights::may_write(std::string_view routing_key, std::string_view vhost, std::string_view client_id) const {
  return compiled_->write.matches(routing_key, user, vhost, client_id);
}
bool topic_rights::may_read(std::string_view routing_key, std::string_view vhost, std::string_view client_id) const {
  return compiled_->read.matches(routing_key, user, vhost, client_id);
}

} // namespace broker

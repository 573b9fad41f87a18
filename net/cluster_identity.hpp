// Who may speak to a cluster: whoever holds its cookie (architecture.md D7). The cookie gives, by HKDF, the key of a
// certificate authority; its Ed25519 signatures are deterministic, so every holder makes the same authority, byte for
// byte. A node's own key lives for one run, in memory; its certificate names the node and is signed by that authority.
// Nothing of it touches a disk, and the cookie never travels.
//
// A cookie must be hard to guess: whoever reaches the port gets a certificate to try guesses on, as with every
// password that signs. The 20 random letters that a node makes for itself are 94 bits.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

#include "base/result.hpp"

namespace broker {

struct ssl_ctx_deleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ssl_ctx_ptr = std::unique_ptr<SSL_CTX, ssl_ctx_deleter>;

/// A TLS context for both roles: TLS 1.3 only, no resumption, both sides must show a certificate of the cookie's
/// authority. Error: OpenSSL's words.
result<ssl_ctx_ptr> make_cluster_context(std::string_view cookie, std::string_view node);

/// The authority's certificate, PEM; the same for the same cookie.
result<std::string> cluster_authority_pem(std::string_view cookie);

/// Which node the other side's certificate names; "" = none, or not one of ours.
std::string certified_node(const SSL* session);

/// True when an OpenSSL error code (ERR_get_error) of a handshake or a first read means that the other side's
/// authority is not ours, or ours not the other side's.
bool means_other_cookie(unsigned long code);

} // namespace broker

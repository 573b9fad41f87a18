#include "cluster_identity.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/assert.hpp"
#include "base/hex.hpp"
#include "base/keyed_hash.hpp"

namespace broker {

namespace {

template<auto Free>
struct freed_by {
  template<class T>
  void operator()(T* what) const {
    Free(what);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;

constexpr size_t seed_bytes = 32;
/// In front of the node's name in its certificate.
constexpr std::string_view name_scheme = "warren:";
/// Fixed, so that neither wrong clocks nor the day of the start change anything.
constexpr const char* valid_from = "20000101000000Z";
constexpr const char* valid_until = "99991231235959Z"; // RFC 5280: no end

error failed(std::string_view what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  ERR_clear_error();
  return error{0, std::string{what} + ": " + text};
}

key_ptr derive_key(std::string_view cookie) {
  std::string seed = hkdf_sha256(cookie, "warren cluster", "certificate authority, ed25519, 1", seed_bytes);
  key_ptr key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                           reinterpret_cast<const unsigned char*>(seed.data()), seed.size())};
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

key_ptr fresh_key() {
  unsigned char seed[seed_bytes];
  if (RAND_priv_bytes(seed, sizeof seed) != 1)
    return nullptr;
  key_ptr key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed, sizeof seed)};
  OPENSSL_cleanse(seed, sizeof seed);
  return key;
}

bool extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> extension{
    X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str())};
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool name(X509_NAME* into, const std::string& text) {
  return X509_NAME_add_entry_by_txt(into, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0)
      == 1;
}

/// Everything but names and extensions.
certificate_ptr blank_certificate(EVP_PKEY* key, long serial) {
  certificate_ptr certificate{X509_new()};
  const bool good = certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1
                 && ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial) == 1
                 && ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), valid_from) == 1
                 && ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), valid_until) == 1
                 && X509_set_pubkey(certificate.get(), key) == 1;
  return good ? std::move(certificate) : nullptr;
}

/// The authority is named after its key: another cookie is another issuer, not a forged signature of the same one.
std::string authority_name(EVP_PKEY* key) {
  unsigned char raw[seed_bytes];
  size_t size = sizeof raw;
  if (EVP_PKEY_get_raw_public_key(key, raw, &size) != 1)
    return "";
  return "Warren cluster " + to_hex({reinterpret_cast<const char*>(raw), 8});
}

certificate_ptr make_authority(EVP_PKEY* key) {
  auto certificate = blank_certificate(key, 1);
  if (!certificate)
    return nullptr;
  auto* self = certificate.get();
  const bool good = name(X509_get_subject_name(self), authority_name(key))
                 && X509_set_issuer_name(self, X509_get_subject_name(self)) == 1
                 && extend(self, self, NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
                 && extend(self, self, NID_key_usage, "critical,keyCertSign")
                 && extend(self, self, NID_subject_key_identifier, "hash") && X509_sign(self, key, nullptr) != 0;
  return good ? std::move(certificate) : nullptr;
}

certificate_ptr make_node_certificate(EVP_PKEY* key, X509* authority, EVP_PKEY* authority_key, std::string_view node) {
  auto certificate = blank_certificate(key, 2);
  if (!certificate)
    return nullptr;
  auto* self = certificate.get();
  const bool good = name(X509_get_subject_name(self), "Warren node")
                 && X509_set_issuer_name(self, X509_get_subject_name(authority)) == 1
                 && extend(self, authority, NID_basic_constraints, "critical,CA:FALSE")
                 && extend(self, authority, NID_key_usage, "critical,digitalSignature")
                 && extend(self, authority, NID_subject_alt_name, "URI:" + std::string{name_scheme} + std::string{node})
                 && X509_sign(self, authority_key, nullptr) != 0;
  return good ? std::move(certificate) : nullptr;
}

} // namespace

result<std::string> cluster_authority_pem(std::string_view cookie) {
  const auto key = derive_key(cookie);
  const auto authority = key ? make_authority(key.get()) : nullptr;
  const bio_ptr text{BIO_new(BIO_s_mem())};
  if (!authority || !text || PEM_write_bio_X509(text.get(), authority.get()) != 1)
    return failed("cannot make the cluster's certificate authority");
  char* at = nullptr;
  const long size = BIO_get_mem_data(text.get(), &at);
  return std::string{at, static_cast<size_t>(size)};
}

result<ssl_ctx_ptr> make_cluster_context(std::string_view cookie, std::string_view node) {
  ERR_clear_error();
  const auto authority_key = derive_key(cookie), key = fresh_key();
  const auto authority = authority_key ? make_authority(authority_key.get()) : nullptr;
  const auto certificate =
    authority && key ? make_node_certificate(key.get(), authority.get(), authority_key.get(), node) : nullptr;
  ssl_ctx_ptr context{SSL_CTX_new(TLS_method())};
  if (!certificate || !context)
    return failed("cannot make the certificate of " + std::string{node});
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_verify_depth(context.get(), 1);
  const bool good =
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1 && SSL_CTX_set_num_tickets(context.get(), 0) == 1
    && SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                               "TLS_CHACHA20_POLY1305_SHA256")
         == 1
    && X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority.get()) == 1
    && SSL_CTX_use_certificate(context.get(), certificate.get()) == 1
    && SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1 && SSL_CTX_check_private_key(context.get()) == 1;
  if (!good)
    return failed("cannot prepare TLS between nodes");
  return context;
}

std::string certified_node(const SSL* session) {
  const certificate_ptr certificate{SSL_get1_peer_certificate(session)};
  if (!certificate || SSL_get_verify_result(session) != X509_V_OK)
    return "";
  const auto free_names = [](GENERAL_NAMES* names) { GENERAL_NAMES_free(names); };
  const std::unique_ptr<GENERAL_NAMES, decltype(free_names)> names{
    static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)),
    free_names};
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* each = sk_GENERAL_NAME_value(names.get(), i);
    if (each->type != GEN_URI)
      continue;
    const std::string_view text{reinterpret_cast<const char*>(ASN1_STRING_get0_data(each->d.uniformResourceIdentifier)),
                                static_cast<size_t>(ASN1_STRING_length(each->d.uniformResourceIdentifier))};
    if (text.starts_with(name_scheme))
      return std::string{text.substr(name_scheme.size())};
  }
  return "";
}

bool means_other_cookie(unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL)
    return false;
  switch (ERR_GET_REASON(code)) {
  case SSL_R_CERTIFICATE_VERIFY_FAILED:
  case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
  case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
  case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    return true;
  default:
    return false;
  }
}

} // namespace broker

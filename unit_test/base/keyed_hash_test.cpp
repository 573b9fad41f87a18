#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

#include "base/keyed_hash.hpp"

namespace keyed_hashes {

using namespace broker;

int digit(char of) {
  return of <= '9' ? of - '0' : of - 'a' + 10;
}

std::string octets(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return out;
}

/// From, from + 1, ...: as the vectors of RFC 5869 are written.
std::string counting(unsigned from, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(static_cast<char>(from + i));
  return out;
}

} // namespace keyed_hashes

BOOST_AUTO_TEST_SUITE(keyed_hashes)

BOOST_AUTO_TEST_CASE(hmac_gives_what_rfc_4231_says) {
  BOOST_TEST((hmac_sha256(std::string(20, '\x0b'), "Hi There")
              == octets("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")));
  BOOST_TEST((hmac_sha256("Jefe", "what do ya want for nothing?")
              == octets("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")));
  BOOST_TEST((hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd'))
              == octets("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe")));
  BOOST_TEST((hmac_sha256(counting(1, 25), std::string(50, '\xcd'))
              == octets("82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b")));
  // Keys that are longer than a block are hashed first.
  BOOST_TEST((hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")
              == octets("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")));
  BOOST_TEST(
    (hmac_sha256(std::string(131, '\xaa'),
                 "This is a test using a larger than block-size key and a larger than block-size data. The key "
                 "needs to be hashed before being used by the HMAC algorithm.")
     == octets("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2")));
}

BOOST_AUTO_TEST_CASE(hmac_of_nothing_with_nothing_is_one_of_its_own) {
  BOOST_TEST((hmac_sha256("a key of the call before", {}) != hmac_sha256({}, {})));
  BOOST_TEST((hmac_sha256({}, {}) == octets("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")));
}

BOOST_AUTO_TEST_CASE(hkdf_gives_what_rfc_5869_says) {
  BOOST_TEST((hkdf_sha256(std::string(22, '\x0b'), counting(0, 13), counting(0xf0, 10), 42)
              == octets("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")));
  BOOST_TEST((hkdf_sha256(counting(0, 80), counting(0x60, 80), counting(0xb0, 80), 82)
              == octets("b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590"
                        "e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87")));
  BOOST_TEST((hkdf_sha256(std::string(22, '\x0b'), {}, {}, 42)
              == octets("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")));
}

BOOST_AUTO_TEST_CASE(hkdf_gives_as_much_as_is_asked_for) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{32}, size_t{33}, size_t{64}, 255 * keyed_hash_bytes}) {
    const auto made = hkdf_sha256("secret", "salt", "info", size);
    BOOST_TEST(made.size() == size);
    BOOST_TEST((hkdf_sha256("secret", "salt", "info", size / 2) == made.substr(0, size / 2)));
  }
  BOOST_TEST((hkdf_sha256("secret", "salt", "info", 32) != hkdf_sha256("secret", "salt", "another", 32)));
}

BOOST_AUTO_TEST_CASE(secrets_are_equal_or_not) {
  BOOST_TEST(equal_secrets("abc", "abc"));
  BOOST_TEST(!equal_secrets("abc", "abd"));
  BOOST_TEST(!equal_secrets("abc", "ab"));
  BOOST_TEST(!equal_secrets("", "a"));
}

BOOST_AUTO_TEST_SUITE_END()

#include "base/hex.hpp"

#include <boost/test/unit_test.hpp>

using namespace broker;

BOOST_AUTO_TEST_SUITE(hex)

BOOST_AUTO_TEST_CASE(every_octet_comes_back) {
  std::string octets;
  for (int each = 0; each < 256; ++each)
    octets.push_back(static_cast<char>(each));
  BOOST_TEST(to_hex(octets).substr(0, 6) == "000102");
  BOOST_TEST(to_hex("\xff\x7f") == "ff7f");
  BOOST_TEST(from_hex(to_hex(octets)).value() == octets);
  BOOST_TEST(from_hex("").value() == "");
}

BOOST_AUTO_TEST_CASE(what_is_no_such_text_is_refused) {
  for (const char* text : {"0", "000", "0g", "g0", "FF", " 0", "0x"})
    BOOST_TEST(!from_hex(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()

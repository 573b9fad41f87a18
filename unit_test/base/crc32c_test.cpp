#include <boost/test/unit_test.hpp>

#include <string>

#include "base/crc32c.hpp"
#include "base/random.hpp"

BOOST_AUTO_TEST_SUITE(crc32c)

BOOST_AUTO_TEST_CASE(known_vectors_of_rfc_3720) {
  BOOST_TEST(broker::crc32c("123456789") == 0xe3069283u);
  BOOST_TEST(broker::crc32c(std::string(32, '\0')) == 0x8a9136aau);
  BOOST_TEST(broker::crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  BOOST_TEST(broker::crc32c("") == 0u);
}

BOOST_AUTO_TEST_CASE(instruction_and_tables_agree_for_every_length_and_seed) {
  broker::random_source random{1};
  std::string bytes(20'000, '\0');
  for (char& byte : bytes)
    byte = static_cast<char>(random.next());
  for (size_t length = 0; length < bytes.size(); length += 1 + length / 7) {
    const auto seed = static_cast<uint32_t>(random.next());
    const std::string_view part = std::string_view(bytes).substr(random.below(bytes.size() - length), length);
    BOOST_TEST(broker::crc32c(part, seed) == broker::crc32c_portable(part, seed));
  }
}

BOOST_AUTO_TEST_CASE(a_sum_over_pieces_is_the_sum_over_the_whole) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (size_t cut = 0; cut <= text.size(); ++cut)
    BOOST_TEST(broker::crc32c(text.substr(cut), broker::crc32c(text.substr(0, cut))) == broker::crc32c(text));
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "base/block.hpp"
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

BOOST_AUTO_TEST_SUITE(bytes)

BOOST_AUTO_TEST_CASE(numbers_are_big_endian_on_the_wire) {
  broker::byte_buffer buffer;
  buffer.put_u16(0x0102);
  buffer.put_u32(0x03040506);
  buffer.put_u64(0x0708090a0b0c0d0eu);
  BOOST_TEST(buffer.view() == std::string_view("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", 14));
  BOOST_TEST(broker::load_u16(buffer.data()) == 0x0102);
  BOOST_TEST(broker::load_u32(buffer.data() + 2) == 0x03040506u);
  BOOST_TEST(broker::load_u64(buffer.data() + 6) == 0x0708090a0b0c0d0eu);
}

BOOST_AUTO_TEST_CASE(a_block_returns_its_bytes_when_the_last_reference_goes) {
  const size_t before = broker::block::total_bytes();
  {
    broker::block_ref first{broker::block::create(1000)};
    broker::block_ref second = first;
    BOOST_TEST(!first->unique());
    BOOST_TEST(broker::block::total_bytes() == before + 1000);
  }
  BOOST_TEST(broker::block::total_bytes() == before);
}

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_numbers) {
  broker::random_source a{7}, b{7}, c{8};
  for (int i = 0; i < 100; ++i)
    BOOST_TEST(a.next() == b.next());
  BOOST_TEST(a.next() != c.next());
}

BOOST_AUTO_TEST_CASE(a_result_holds_a_value_or_an_error) {
  broker::result<int> good{5};
  broker::result<int> bad{broker::error{404, "NOT_FOUND - no queue 'q' in vhost '/'"}};
  BOOST_TEST(*good == 5);
  BOOST_TEST(!bad.ok());
  BOOST_TEST(bad.error().code == 404);
}

BOOST_AUTO_TEST_SUITE_END()

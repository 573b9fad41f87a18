// Journal files are prepared without making other syncs wait, but never so slowly that the writer waits for them.
#include <boost/test/unit_test.hpp>

#include "segment_pool.hpp"

using namespace broker;

namespace segment_pools {
namespace {

/// Files that hold nothing and note how they were prepared.
class noting_files final : public file_system {
public:
  std::vector<bool> at_leisure; ///< of each file in turn

  result<std::unique_ptr<file>> open(std::string_view, bool) override {
    return std::unique_ptr<file>{std::make_unique<noting_file>(*this)};
  }
  result<void> remove(std::string_view) override { return {}; }
  result<void> rename(std::string_view, std::string_view) override { return {}; }
  result<void> make_directory(std::string_view) override { return {}; }
  result<void> sync_directory(std::string_view) override { return {}; }
  result<std::vector<std::string>> list(std::string_view) override { return std::vector<std::string>{}; }
  result<uint64_t> free_bytes() override { return uint64_t{1} << 40; }

private:
  class noting_file final : public file {
  public:
    explicit noting_file(noting_files& all) : all_(all) {}
    result<void> write(uint64_t, std::span<const std::string_view>) override { return {}; }
    result<void> sync() override { return {}; }
    result<size_t> read(uint64_t, std::span<char>) const override { return size_t{0}; }
    result<uint64_t> size() const override { return uint64_t{0}; }
    result<void> preallocate(uint64_t, const std::function<void()>& pause) override {
      all_.at_leisure.push_back(static_cast<bool>(pause));
      return {};
    }
    result<void> truncate(uint64_t) override { return {}; }

  private:
    noting_files& all_;
  };
};

} // namespace
} // namespace segment_pools

using namespace segment_pools;

BOOST_AUTO_TEST_SUITE(segment_pools_suite)

BOOST_AUTO_TEST_CASE(files_are_prepared_at_leisure_while_there_is_a_spare_and_none_is_taken_soon_after_another) {
  noting_files files;
  segment_pool pool{files, "journal", 1024, 4};
  BOOST_REQUIRE(pool.prepare()); // no spare yet: at once
  BOOST_REQUIRE(pool.prepare());
  BOOST_TEST(files.at_leisure == (std::vector{false, true}), boost::test_tools::per_element());
  BOOST_REQUIRE(pool.take());
  BOOST_REQUIRE(pool.prepare()); // the first file that is taken says nothing of the next
  BOOST_TEST(files.at_leisure.back());
  BOOST_REQUIRE(pool.take());
  BOOST_REQUIRE(pool.prepare());
  BOOST_TEST(!files.at_leisure.back());
  BOOST_TEST(files.at_leisure.size() == 4u);
}

BOOST_AUTO_TEST_SUITE_END()

// reset (features.md S05): everything of the app goes, everything of the node stays, and no crash leaves half of it.
#include <boost/test/unit_test.hpp>

#include <fstream>

#include "app_data.hpp"
#include "order_thread.hpp"
#include "temporary_folder.hpp"

namespace fs = std::filesystem;

namespace {

struct data_folder {
  test::temporary_folder folder;
  const fs::path at = folder.path();

  data_folder() {
    for (const char* each :
         {"journal/000001.journal", "backlog/CURRENT", "metadata/db/CURRENT", "metadata/mark", "log/rabbit.log"})
      write(each);
    for (const char* each : {"ballast", "enabled_plugins", "lock", ".erlang.cookie"})
      write(each);
  }
  void write(const fs::path& name) const {
    fs::create_directories((at / name).parent_path());
    std::ofstream{at / name} << "x";
  }
  bool has(const char* name) const { return fs::exists(at / name); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(app_data, data_folder)

BOOST_AUTO_TEST_CASE(a_wipe_takes_the_app_and_leaves_the_node) {
  BOOST_REQUIRE(broker::wipe_app_data(at).ok());
  for (const char* gone : {"journal", "backlog", "metadata", "ballast", "reset"})
    BOOST_TEST(!has(gone), gone);
  for (const char* kept : {"log/rabbit.log", "enabled_plugins", "lock", ".erlang.cookie"})
    BOOST_TEST(has(kept), kept);
  BOOST_TEST(broker::wipe_app_data(at).ok()); // of nothing
}

BOOST_AUTO_TEST_CASE(without_a_wipe_under_way_nothing_is_finished) {
  BOOST_REQUIRE(broker::finish_wipe(at).ok());
  BOOST_TEST(has("journal/000001.journal"));
  BOOST_TEST(has("metadata/mark"));
}

BOOST_AUTO_TEST_CASE(an_interrupted_wipe_is_completed) {
  write("reset");
  fs::remove_all(at / "journal");
  BOOST_REQUIRE(broker::finish_wipe(at).ok());
  for (const char* gone : {"journal", "backlog", "metadata", "ballast", "reset"})
    BOOST_TEST(!has(gone), gone);
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_not_there_is_an_error) {
  BOOST_TEST(!broker::wipe_app_data(at / "missing").ok());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(orders)

BOOST_AUTO_TEST_CASE(orders_are_carried_out_in_turn_and_none_is_lost_at_the_end) {
  std::string done;
  {
    broker::order_thread thread{"test"};
    for (char c = 'a'; c <= 'e'; ++c)
      thread.post([&done, c] { done.push_back(c); });
    BOOST_TEST(thread.run([&] { done.push_back('!'); }));
    BOOST_TEST(done == "abcde!");
    for (char c = 'f'; c <= 'h'; ++c)
      thread.post([&done, c] { done.push_back(c); });
  }
  BOOST_TEST(done == "abcde!fgh");
}

BOOST_AUTO_TEST_CASE(a_stopped_thread_takes_no_orders) {
  broker::order_thread thread{"test"};
  thread.stop();
  bool ran = false;
  thread.post([&] { ran = true; });
  BOOST_TEST(!thread.run([&] { ran = true; }));
  BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_SUITE_END()

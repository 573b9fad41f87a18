// Limits of vhosts and users on connections and channels (features.md W08, O32).
#include <boost/test/unit_test.hpp>

#include "connection/admission.hpp"
#include "connection/test_client.hpp"
#include "metadata/metadata_state.hpp"

namespace admission_of_connections {
namespace {

using namespace broker;

struct limited {
  limited() {
    must(put_user{{"ann", "", {}}});
    must(put_user{{"bob", "", {}}});
  }
  void must(const command& what) { BOOST_REQUIRE(state.apply(what, changes).ok()); }
  std::string open(const std::string& user) {
    const auto done = counts.open_connection(*state.snapshot(), {user, {}}, "/");
    return done ? std::string{} : done.error().text;
  }
  std::string open_channel(const std::string& user) {
    const auto done = counts.open_channel(*state.snapshot(), {user, {}});
    return done ? std::string{} : done.error().text;
  }

  metadata_state state{metadata_settings{}};
  std::vector<metadata_change> changes;
  connection_counts counts;
};

} // namespace
} // namespace admission_of_connections

BOOST_FIXTURE_TEST_SUITE(admission_of_connections, limited)

BOOST_AUTO_TEST_CASE(a_vhosts_connections_are_limited_whoever_opens_them) {
  must(set_vhost_limits{"/", {{"max-connections", 2}}});
  BOOST_TEST(open("ann") == "");
  BOOST_TEST(open("bob") == "");
  BOOST_TEST(open("ann")
             == "NOT_ALLOWED - access to vhost '/' refused for user 'ann': connection limit (2) is reached");
  counts.close_connection("bob", "/", 0);
  BOOST_TEST(open("ann") == "");
  BOOST_TEST(counts.connections_of_vhost("/") == 2u);
  must(set_vhost_limits{"/", {{"max-connections", -1}}});
  BOOST_TEST(open("ann") == "");
  must(set_vhost_limits{"/", {{"max-connections", 0}}});
  BOOST_TEST(open("ann") != "");
}

BOOST_AUTO_TEST_CASE(a_users_connections_and_channels_are_limited) {
  must(set_user_limits{"ann", {{"max-connections", 1}, {"max-channels", 2}}});
  BOOST_TEST(open("ann") == "");
  BOOST_TEST(open("ann") == "NOT_ALLOWED - connection refused for user 'ann': user connection limit (1) is reached");
  BOOST_TEST(open("bob") == "");
  BOOST_TEST(open_channel("ann") == "");
  BOOST_TEST(open_channel("ann") == "");
  BOOST_TEST(open_channel("ann")
             == "NOT_ALLOWED - number of channels opened for user 'ann' has reached the maximum allowed user limit of "
                "(2)");
  counts.close_channel("ann");
  BOOST_TEST(open_channel("ann") == "");
  BOOST_TEST(open_channel("bob") == "");
  counts.close_connection("ann", "/", 2);
  BOOST_TEST(counts.connections_of_user("ann") == 0u);
  BOOST_TEST(counts.channels_of_user("ann") == 0u);
}

BOOST_AUTO_TEST_CASE(a_connection_counts_itself_and_its_channels_and_gives_them_back) {
  connection_settings settings;
  settings.counts = &counts;
  {
    testing::test_client client{settings};
    client.handshake();
    BOOST_TEST(counts.connections_of_user("guest") == 1u);
    client.feed(testing::open_channel(1) + testing::open_channel(2));
    BOOST_TEST(counts.channels_of_user("guest") == 2u);
  }
  BOOST_TEST(counts.connections_of_user("guest") == 0u);
  BOOST_TEST(counts.connections_of_vhost("/") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

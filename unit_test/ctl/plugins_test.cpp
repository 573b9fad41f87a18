// rabbitmq-plugins (features.md O07), word for word.
#include "lab.hpp"

namespace ctl_plugins {
namespace {

struct plugin_lab : test::lab {
  test::answer plugins(const std::vector<const char*>& arguments) { return run_as("rabbitmq-plugins", arguments); }
};

} // namespace
} // namespace ctl_plugins

BOOST_FIXTURE_TEST_SUITE(ctl_plugins, plugin_lab)

BOOST_AUTO_TEST_CASE(plugins_are_enabled_and_disabled_again_and_again) {
  const auto enabled = plugins({"enable", "rabbitmq_federation"});
  BOOST_TEST(enabled.code == 0);
  BOOST_TEST(
    enabled.out
    == "Enabling plugins on node rabbit@test:\nrabbitmq_federation\nThe following plugins have been configured:\n"
       "  rabbitmq_federation\nApplying plugin configuration to rabbit@test...\nThe following plugins have been "
       "enabled:\n  rabbitmq_federation\n\nstarted 1 plugins.\n");
  BOOST_TEST(enabled.err
             == "Warning: rabbitmq_federation is not part of Warren: its name is noted, nothing was started\n");
  BOOST_TEST(plugins({"enable", "rabbitmq_federation"}).out.ends_with("Plugin configuration unchanged.\n"));
  BOOST_TEST(plugins({"-q", "is_enabled", "rabbitmq_federation"}).out
             == "Plugin rabbitmq_federation is enabled on node rabbit@test\n");
  BOOST_TEST(plugins({"-q", "list", "-E", "-m"}).out == "rabbitmq_federation\n");
  BOOST_TEST(
    plugins({"disable", "rabbitmq_federation"}).out
    == "Disabling plugins on node rabbit@test:\nrabbitmq_federation\nAll plugins have been disabled.\nApplying "
       "plugin configuration to rabbit@test...\nThe following plugins have been disabled:\n  "
       "rabbitmq_federation\n\nstopped 1 plugins.\n");
  BOOST_TEST(plugins({"disable", "rabbitmq_federation"}).code == 0);
  BOOST_TEST(plugins({"disable", "bogus"}).code == 0);
}

BOOST_AUTO_TEST_CASE(plugins_that_nobody_knows_are_refused) {
  const auto got = plugins({"-q", "enable", "bogus"});
  BOOST_TEST(got.code == 70);
  BOOST_TEST(got.err == "Error:\n{:plugins_not_found, [:bogus]}\n");
  BOOST_TEST(plugins({"enable"}).code == 64);
}

BOOST_AUTO_TEST_CASE(a_plugin_that_is_not_enabled_fails_its_check) {
  const auto got = plugins({"-q", "is_enabled", "rabbitmq_shovel", "rabbitmq_top"});
  BOOST_TEST(got.code == 69);
  BOOST_TEST(got.err
             == "Error:\nPlugins rabbitmq_shovel, rabbitmq_top are not enabled on node rabbit@test. Enabled "
                "plugins and dependencies: \n");
}

BOOST_AUTO_TEST_CASE(the_list_shows_what_is_enabled) {
  plugins({"set", "rabbitmq_federation"});
  BOOST_TEST(plugins({"list", "federation"}).out
             == "Listing plugins with pattern \"federation\" ...\n Configured: E = explicitly enabled; e = implicitly "
                "enabled\n | Status: * = running on rabbit@test\n |/\n[E ] rabbitmq_federation            3.13.7\n[  ] "
                "rabbitmq_federation_management 3.13.7\n");
  BOOST_TEST(plugins({"list", "["}).code == 70);
  BOOST_TEST(plugins({"enable", "--all"}).code == 0);
  BOOST_TEST(node.view.plugins.size() == 36u);
}

BOOST_AUTO_TEST_SUITE_END()

// Flags beat the environment, the environment beats the file, the file beats the defaults.
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <map>

#include "start_options.hpp"
#include "temporary_folder.hpp"

using broker::start_options;

namespace start {
namespace {

broker::environment variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string{} : found->second;
  };
}

start_options flags(std::vector<const char*> arguments) {
  auto parsed = broker::parse_start_options(arguments);
  BOOST_REQUIRE(parsed.ok());
  return *parsed;
}

broker::node_config load(std::vector<const char*> arguments, std::map<std::string, std::string> environment = {}) {
  auto config = broker::load_node_config(flags(std::move(arguments)), variables(std::move(environment)));
  BOOST_REQUIRE_MESSAGE(config.ok(), (config.ok() ? "" : config.error().text));
  return *std::move(config);
}

std::string refusal(std::vector<const char*> arguments, std::map<std::string, std::string> environment = {}) {
  const auto config = broker::load_node_config(flags(std::move(arguments)), variables(std::move(environment)));
  BOOST_REQUIRE(!config.ok());
  return config.error().text;
}

void write(const std::filesystem::path& file, std::string_view text) {
  std::ofstream{file} << text;
}

} // namespace
} // namespace start

BOOST_AUTO_TEST_SUITE(start)

BOOST_AUTO_TEST_CASE(flags_are_understood_in_both_spellings) {
  const auto options = flags({"--data", "d", "--port=99", "--nodename", "a@b", "-detached"});
  BOOST_TEST(*options.data_dir == "d");
  BOOST_TEST(*options.port == 99);
  BOOST_TEST(*options.node_name == "a@b");
  BOOST_TEST(options.detached);
}

BOOST_AUTO_TEST_CASE(wrong_flags_are_refused) {
  for (std::vector<const char*> arguments :
       {std::vector<const char*>{"--bogus"}, {"--port", "x"}, {"--port", "0"}, {"--data"}, {"--data="}, {"stray"}})
    BOOST_TEST(!broker::parse_start_options(arguments).ok());
}

BOOST_AUTO_TEST_CASE(the_port_decides_the_ports_for_nodes_and_tools) {
  const auto ports = [](std::vector<const char*> arguments, std::map<std::string, std::string> variables = {}) {
    const auto config = load(std::move(arguments), std::move(variables));
    return std::pair{config.distribution_port, config.control_port};
  };
  BOOST_TEST((ports({"--data", "d"}) == std::pair<uint16_t, uint16_t>{25672, 35672}));
  BOOST_TEST((ports({"--data", "d", "--port", "6000"}) == std::pair<uint16_t, uint16_t>{26000, 36000}));
  // No such port: any free one.
  BOOST_TEST((ports({"--data", "d", "--port", "60000"}) == std::pair<uint16_t, uint16_t>{0, 0}));
  BOOST_TEST((ports({"--data", "d", "--port", "40000"}) == std::pair<uint16_t, uint16_t>{60000, 0}));
  BOOST_TEST(
    (ports({"--data", "d"}, {{"RABBITMQ_DIST_PORT", "30000"}}) == std::pair<uint16_t, uint16_t>{30000, 40000}));
}

BOOST_AUTO_TEST_CASE(the_port_decides_where_http_is_served_unless_the_file_does) {
  const auto node = load({"--data", "d"});
  BOOST_TEST(node.management.port == 15672);
  BOOST_TEST(node.prometheus.port == 15692);
  BOOST_TEST(load({"--data", "d", "--port", "5673"}).management.port == 15673);
  BOOST_TEST(load({"--data", "d", "--port", "32768"}).management.off);
  BOOST_TEST(load({"--data", "d", "--port", "32768"}).prometheus.off);
  test::temporary_folder folder;
  const auto file = (folder.path() / "w.conf").string();
  write(file, "management.tcp.port = 8080\nmanagement.tcp.ip = 127.0.0.1\nprometheus.tcp = none\n");
  const auto told = load({"--data", "d", "--port", "40000", "--config", file.c_str()});
  BOOST_TEST(told.management.port == 8080);
  BOOST_TEST(told.management.host == "127.0.0.1");
  BOOST_TEST(!told.management.off);
  BOOST_TEST(told.prometheus.off);
}

BOOST_AUTO_TEST_CASE(flags_beat_environment_beats_file) {
  test::temporary_folder folder;
  const auto file = (folder.path() / "w.conf").string();
  write(file, "listeners.tcp.default = 127.0.0.1:7001\n");
  BOOST_TEST(load({"--data", "d", "--config", file.c_str()}).listeners[0].port == 7001);
  const auto from_environment = load({"--data", "d", "--config", file.c_str()}, {{"RABBITMQ_NODE_PORT", "7002"}});
  BOOST_TEST(from_environment.listeners[0].port == 7002);
  BOOST_TEST(from_environment.listeners[0].host == "127.0.0.1");
  const auto from_flag =
    load({"--data", "d", "--config", file.c_str(), "--port", "7003"}, {{"RABBITMQ_NODE_PORT", "7002"}});
  BOOST_TEST(from_flag.listeners[0].port == 7003);
}

BOOST_AUTO_TEST_CASE(the_file_may_be_named_without_its_ending) {
  test::temporary_folder folder;
  write(folder.path() / "w.conf", "heartbeat = 7\n");
  const auto config = load({"--data", "d"}, {{"RABBITMQ_CONFIG_FILE", (folder.path() / "w").string()}});
  BOOST_TEST(config.heartbeat_s == 7);
}

BOOST_AUTO_TEST_CASE(a_named_file_must_exist) {
  BOOST_TEST(refusal({"--data", "d", "--config", "/no/such"}) == "configuration file /no/such does not exist");
}

BOOST_AUTO_TEST_CASE(a_mistake_names_file_and_line) {
  test::temporary_folder folder;
  const auto file = (folder.path() / "w.conf").string();
  write(file, "\nheartbeat = soon\n");
  BOOST_TEST(refusal({"--data", "d", "--config", file.c_str()})
             == file + ":2: 'heartbeat' expects a whole number from 0 to 65535");
}

BOOST_AUTO_TEST_CASE(a_giant_file_is_refused) {
  test::temporary_folder folder;
  const auto file = (folder.path() / "w.conf").string();
  write(file, std::string(1024 * 1024 + 1, '#'));
  BOOST_TEST(refusal({"--data", "d", "--config", file.c_str()}) == file + ": is larger than 1 MiB");
}

BOOST_AUTO_TEST_CASE(node_names_get_a_host_and_must_be_plain) {
  BOOST_TEST(load({"--data", "d", "--nodename", "a@b"}).node_name == "a@b");
  BOOST_TEST(load({"--data", "d", "--nodename", "a"}).node_name.starts_with("a@"));
  BOOST_TEST(load({"--data", "d"}).node_name.starts_with("rabbit@"));
  BOOST_TEST(load({"--data", "d"}, {{"RABBITMQ_NODENAME", "x@y"}}).node_name == "x@y");
  for (const char* bad : {"a@", "@b", "../a@b", "a b@c", "a@b/c"})
    BOOST_TEST(refusal({"--data", "d", "--nodename", bad}).find("is not a node name") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(rabbitmqs_folders_are_honoured) {
  const auto config = load({"--nodename", "a@b"}, {{"RABBITMQ_MNESIA_BASE", "/m"}, {"RABBITMQ_LOG_BASE", "/l"}});
  BOOST_TEST(config.data_dir == "/m/a@b");
  BOOST_TEST(config.log.folder == "/l");
  BOOST_TEST(config.log.file_name == "a@b.log");
  BOOST_TEST(load({"--data", "/d"}).log.folder == "/d/log");
}

BOOST_AUTO_TEST_CASE(a_bad_variable_is_named) {
  BOOST_TEST(refusal({"--data", "d"}, {{"RABBITMQ_NODE_PORT", "many"}})
             == "RABBITMQ_NODE_PORT expects a port from 1 to 65535, not 'many'");
}

BOOST_AUTO_TEST_SUITE_END()

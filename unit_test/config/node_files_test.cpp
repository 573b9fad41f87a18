// The files of a running node: private, locked, and a cookie nobody else can read.
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <regex>

#include <sys/stat.h>
#include <unistd.h>

#include "cookie.hpp"
#include "locate_node.hpp"
#include "node_files.hpp"
#include "node_log.hpp"
#include "node_registry.hpp"
#include "temporary_folder.hpp"

namespace files {
namespace {

mode_t mode_of(const std::filesystem::path& file) {
  struct stat info {};
  BOOST_REQUIRE(stat(file.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

struct world {
  test::temporary_folder folder;
  broker::node_config config;

  world() {
    setenv("XDG_RUNTIME_DIR", folder.path().c_str(), 1);
    config.node_name = "a@b";
    config.data_dir = folder.path() / "data";
    config.cookie_file = folder.path() / ".erlang.cookie";
    config.log.folder = folder.path() / "log";
    config.log.file_name = "a@b.log";
  }
  std::string log_text() const {
    std::ifstream in{config.log.folder / config.log.file_name};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
};

} // namespace
} // namespace files

BOOST_FIXTURE_TEST_SUITE(files, world)

BOOST_AUTO_TEST_CASE(a_fresh_node_gets_a_private_folder_and_a_cookie) {
  broker::node_files files;
  BOOST_REQUIRE(files.prepare(config).ok());
  BOOST_TEST(mode_of(config.data_dir) == 0700u);
  BOOST_TEST(mode_of(config.cookie_file) == 0400u);
  BOOST_TEST(config.cookie.reveal().size() == 20u);
  BOOST_TEST((std::regex_match(std::string{config.cookie.reveal()}, std::regex{"[A-Z]{20}"})));
}

BOOST_AUTO_TEST_CASE(an_open_folder_is_made_private) {
  std::filesystem::create_directories(config.data_dir);
  chmod(config.data_dir.c_str(), 0755);
  broker::node_files files;
  BOOST_REQUIRE(files.prepare(config).ok());
  BOOST_TEST(mode_of(config.data_dir) == 0700u);
}

BOOST_AUTO_TEST_CASE(two_nodes_cannot_share_a_folder) {
  broker::node_files first;
  BOOST_REQUIRE(first.prepare(config).ok());
  broker::node_files second;
  const auto refused = second.prepare(config);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.error().text == "data directory " + config.data_dir.string() + " is in use by another node");
}

BOOST_AUTO_TEST_CASE(the_folder_is_free_again_when_its_node_is_gone) {
  {
    broker::node_files first;
    BOOST_REQUIRE(first.prepare(config).ok());
  }
  broker::node_files second;
  BOOST_TEST(second.prepare(config).ok());
}

BOOST_AUTO_TEST_CASE(a_cookie_others_can_read_is_refused) {
  std::ofstream{config.cookie_file} << "SECRET\n";
  for (const mode_t open : {0644, 0640, 0604, 0620}) {
    chmod(config.cookie_file.c_str(), open);
    const auto cookie = broker::read_cookie(config.cookie_file);
    BOOST_REQUIRE(!cookie.ok());
    BOOST_TEST(cookie.error().text
               == "Cookie file " + config.cookie_file.string() + " must be accessible by owner only");
  }
  chmod(config.cookie_file.c_str(), 0600);
  BOOST_TEST(broker::read_cookie(config.cookie_file)->reveal() == "SECRET");
}

BOOST_AUTO_TEST_CASE(an_empty_or_giant_cookie_is_refused) {
  for (const std::string& text : {std::string{}, std::string{"\n"}, std::string(256, 'A')}) {
    std::ofstream{config.cookie_file, std::ios::trunc} << text;
    chmod(config.cookie_file.c_str(), 0600);
    BOOST_TEST(!broker::read_cookie(config.cookie_file).ok());
  }
}

BOOST_AUTO_TEST_CASE(a_published_node_is_found_by_name_until_it_goes) {
  {
    broker::node_files files;
    BOOST_REQUIRE(files.prepare(config).ok());
    BOOST_TEST(!broker::find_node("a@b").has_value());
    BOOST_REQUIRE(files.publish(config, 12345, 23456).ok());
    const auto entry = broker::find_node("a@b");
    BOOST_REQUIRE(entry.has_value());
    BOOST_TEST(entry->control_port == 12345);
    BOOST_TEST(entry->cluster_port == 23456);
    BOOST_TEST(entry->pid == getpid());
    // Other nodes of this machine find its port there; elsewhere it is the usual one.
    BOOST_TEST((broker::locate_node("a@b", 25672) == std::pair<std::string, uint16_t>{"b", 23456}));
    BOOST_TEST((broker::locate_node("c@localhost", 25672) == std::pair<std::string, uint16_t>{"127.0.0.1", 25672}));
    BOOST_TEST(std::filesystem::exists(config.data_dir / "a@b.pid"));
    BOOST_TEST(mode_of(broker::registry_folder()) == 0700u);
  }
  BOOST_TEST(!broker::find_node("a@b").has_value());
  BOOST_TEST(!std::filesystem::exists(config.data_dir / "a@b.pid"));
}

BOOST_AUTO_TEST_CASE(a_registry_that_others_can_write_is_not_trusted) {
  std::filesystem::create_directories(broker::registry_folder());
  chmod(broker::registry_folder().c_str(), 0777);
  BOOST_TEST(!broker::add_to_registry("a@b", {getpid(), 1, "", ""}).ok());
  BOOST_TEST(!broker::find_node("a@b").has_value());
}

BOOST_AUTO_TEST_CASE(log_lines_have_rabbitmqs_format) {
  std::filesystem::create_directories(config.log.folder);
  {
    broker::node_log log;
    BOOST_REQUIRE(log.open(config.log).ok());
    log.write(broker::log_level::info, 680, "accepting AMQP connection");
    log.write(broker::log_level::notice, 1, "n");
    log.write(broker::log_level::debug, 1, "not wanted at info");
  }
  const std::regex shape{
    "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{6}\\+00:00 \\[info\\] <0\\.680\\.0> accepting "
    "AMQP connection\n.* \\[notice\\] <0\\.1\\.0> n\n"};
  BOOST_TEST(std::regex_match(log_text(), shape), log_text());
}

BOOST_AUTO_TEST_CASE(a_client_cannot_forge_a_log_line) {
  std::filesystem::create_directories(config.log.folder);
  {
    broker::node_log log;
    BOOST_REQUIRE(log.open(config.log).ok());
    log.write(broker::log_level::error, 1, "user 'x\n2026-01-01 [info] <0.1.0> fine\x1b[2J'");
  }
  const auto text = log_text();
  BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 1);
  BOOST_TEST(text.find("x\\n2026-01-01") != std::string::npos);
  BOOST_TEST(text.find("\\x1b[2J") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_rotated_log_is_opened_again) {
  std::filesystem::create_directories(config.log.folder);
  const auto file = config.log.folder / config.log.file_name;
  {
    broker::node_log log;
    BOOST_REQUIRE(log.open(config.log).ok());
    std::filesystem::rename(file, file.string() + ".1");
    log.reopen();
    log.write(broker::log_level::info, 1, "after");
  }
  BOOST_TEST(log_text().find("after") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(each_level_lets_through_itself_and_worse) {
  std::filesystem::create_directories(config.log.folder);
  config.log.file_level = broker::log_level::warning;
  {
    broker::node_log log;
    BOOST_REQUIRE(log.open(config.log).ok());
    BOOST_TEST(!log.enabled(broker::log_level::notice));
    BOOST_TEST(log.enabled(broker::log_level::warning));
    log.write(broker::log_level::notice, 1, "quiet");
    log.write(broker::log_level::critical, 1, "loud");
  }
  BOOST_TEST(log_text().find("quiet") == std::string::npos);
  BOOST_TEST(log_text().find("[critical] <0.1.0> loud") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

// Promises of docs/configuration.md: RabbitMQ's file syntax, and no mistake passes silently.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "config.hpp"
#include "config_values.hpp"

using broker::node_config;

namespace config {
namespace {

node_config read(std::string_view text) {
  node_config config;
  const auto applied = broker::apply_config_text(text, "warren.conf", config);
  BOOST_REQUIRE_MESSAGE(applied.ok(), (applied.ok() ? "" : applied.error().text));
  return config;
}

std::string mistakes(std::string_view text) {
  node_config config;
  const auto applied = broker::apply_config_text(text, "warren.conf", config);
  BOOST_REQUIRE(!applied.ok());
  return applied.error().text;
}

} // namespace
} // namespace config

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(a_file_sets_what_it_names_and_leaves_the_rest) {
  const auto config = read("# a comment\n\n  heartbeat = 30  # seconds\r\nframe_max=65536\n");
  BOOST_TEST(config.heartbeat_s == 30);
  BOOST_TEST(config.frame_max_bytes == 65536u);
  BOOST_TEST(config.channel_max == broker::limits::channel_max);
}

BOOST_AUTO_TEST_CASE(the_last_setting_of_a_key_counts) {
  BOOST_TEST(read("heartbeat = 30\nheartbeat = 20").heartbeat_s == 20);
}

BOOST_AUTO_TEST_CASE(single_quotes_protect_hashes_and_blanks) {
  BOOST_TEST(read("default_pass = 'a # b '  # secret\n").default_password.reveal() == "a # b ");
  BOOST_TEST(read("default_pass = a#b\n").default_password.reveal() == "a");
  BOOST_TEST(read("default_pass = \"x\"\n").default_password.reveal() == "\"x\"");
}

BOOST_AUTO_TEST_CASE(an_unknown_key_is_refused_with_line_and_nearest_key) {
  BOOST_TEST(mistakes("heartbeat = 1\nhartbeat = 2\n")
             == "warren.conf:2: unknown key 'hartbeat'; did you mean 'heartbeat'?");
  BOOST_TEST(mistakes("zzzzqqqq = 2\n") == "warren.conf:1: unknown key 'zzzzqqqq'");
}

BOOST_AUTO_TEST_CASE(every_mistake_is_reported_at_once) {
  BOOST_TEST(mistakes("heartbeat = x\nframe_max = 5\n")
             == "warren.conf:1: 'heartbeat' expects a whole number from 0 to 65535\n"
                "warren.conf:2: 'frame_max' expects a whole number from 4096 to 16777216");
}

BOOST_AUTO_TEST_CASE(broken_lines_are_refused) {
  const std::pair<std::string, std::string> cases[] = {
    {"heartbeat", "expects `key = value`"},
    {"= 5", "expects `key = value`, and a key consists of letters, digits, '_', '-' and '.'"},
    {"[rabbit] = 5", "expects `key = value`, and a key consists of letters, digits, '_', '-' and '.'"},
    {"heartbeat =", "'heartbeat' has no value"},
    {"heartbeat = # 5", "'heartbeat' has no value"},
    {"default_pass = 'open", "a value that starts with ' needs a closing '"},
    {"default_pass = 'a' b", "text after the closing '"},
    {std::string("a\0b = 1", 7), "holds a zero byte: this is not a text file"},
  };
  for (const auto& [line, problem] : cases)
    BOOST_TEST(mistakes(line) == "warren.conf:1: " + problem);
}

BOOST_AUTO_TEST_CASE(a_file_of_nothing_but_mistakes_gives_a_bounded_report) {
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "no_such_key_at_all_" + std::to_string(i) + " = 1\n";
  const auto report = mistakes(text);
  BOOST_TEST(std::count(report.begin(), report.end(), '\n') == 19);
}

BOOST_AUTO_TEST_CASE(lists_of_a_file_are_bounded) {
  std::string users, noise;
  for (int i = 0; i < 300; ++i) {
    users += "loopback_users.u" + std::to_string(i) + " = true\n";
    noise += "net_ticktime = 60\n";
  }
  BOOST_TEST(mistakes(users).find("is one of more than 256 of its kind") != std::string::npos);
  BOOST_TEST(read(noise).notes.size() == 100u);
}

BOOST_AUTO_TEST_CASE(bad_values_are_refused) {
  const std::string_view cases[] = {"listeners.tcp.default = 0",
                                    "listeners.tcp.default = 70000",
                                    "listeners.tcp.x = 1.2.3:5672",
                                    "listeners.tcp.x = ::zz:5672",
                                    "listeners.tcp = all",
                                    "handshake_timeout = 5",
                                    "heartbeat = -1",
                                    "heartbeat = 65536",
                                    "frame_max = 4095",
                                    "channel_max = 0",
                                    "max_message_size = 536870913",
                                    "tcp_listen_options.nodelay = yes",
                                    "loopback_users = guest",
                                    "loopback_users.guest = maybe",
                                    "auth_mechanisms.1 = EXTERNAL",
                                    "auth_backends.1 = ldap",
                                    "password_hashing_module = rabbit_password_hashing_md5",
                                    "vm_memory_high_watermark.relative = 0",
                                    "vm_memory_high_watermark.relative = 1.5",
                                    "vm_memory_high_watermark.relative = nan",
                                    "vm_memory_high_watermark.absolute = 4XB",
                                    "disk_free_limit.absolute = -5",
                                    "disk_free_limit.absolute = 99999999999999999999",
                                    "disk_free_limit.absolute = 99999999999PB",
                                    "durability = never",
                                    "durability_interval_ms = 0",
                                    "log.file = true",
                                    "log.file.level = loud",
                                    "log.console = 1",
                                    "loops = 1000",
                                    "proxy_protocol = true",
                                    "default_queue_type = quorum",
                                    "default_pass = ''"};
  for (const auto line : cases)
    BOOST_TEST(mistakes(line).starts_with("warren.conf:1: '"), std::string{line});
}

BOOST_AUTO_TEST_CASE(listeners_of_a_file_replace_the_default_one) {
  const auto config = read("listeners.tcp.local = 127.0.0.1:5673\nlisteners.tcp.six = ::1:5674\n"
                           "listeners.tcp.bracket = [::1]:5675\nlisteners.tcp.plain = 5676\n");
  BOOST_REQUIRE(config.listeners.size() == 4u);
  BOOST_CHECK((config.listeners[0] == broker::listener_address{"127.0.0.1", 5673, "local"}));
  BOOST_CHECK((config.listeners[1] == broker::listener_address{"::1", 5674, "six"}));
  BOOST_CHECK((config.listeners[2] == broker::listener_address{"::1", 5675, "bracket"}));
  BOOST_CHECK((config.listeners[3] == broker::listener_address{"::", 5676, "plain"}));
  BOOST_TEST(read("listeners.tcp = none").listeners.empty());
  BOOST_TEST(read("listeners.tcp.default = 1\nlisteners.tcp.default = 2").listeners.size() == 1u);
}

BOOST_AUTO_TEST_CASE(guest_stays_on_loopback_unless_told_otherwise) {
  using names = std::vector<std::string>;
  BOOST_CHECK((read("loopback_users.admin = true").loopback_users == names{"guest", "admin"}));
  BOOST_CHECK(read("loopback_users.guest = false").loopback_users.empty());
  BOOST_CHECK(read("loopback_users = none").loopback_users.empty());
  BOOST_CHECK((read("loopback_users.a\\.b = true").loopback_users == names{"guest", "a.b"}));
}

BOOST_AUTO_TEST_CASE(mechanisms_and_tags_of_a_file_replace_the_defaults) {
  using names = std::vector<std::string>;
  BOOST_CHECK((read("auth_mechanisms.1 = AMQPLAIN").auth_mechanisms == names{"AMQPLAIN"}));
  BOOST_CHECK((read("default_user_tags.monitoring = true").default_user_tags == names{"monitoring"}));
  BOOST_CHECK(read("default_user_tags.administrator = false").default_user_tags.empty());
}

BOOST_AUTO_TEST_CASE(sizes_take_rabbitmqs_units) {
  const std::pair<std::string_view, uint64_t> cases[] = {
    {"50MB", 50'000'000}, {"1GB", 1'000'000'000}, {"1GiB", 1'073'741'824}, {"2kB", 2000}, {"2KiB", 2048},
    {"3m", 3'145'728},    {"4k", 4096},           {"1234", 1234},          {"0", 0},      {"1TB", 1'000'000'000'000}};
  for (const auto& [text, bytes] : cases)
    BOOST_TEST(read("disk_free_limit.absolute = " + std::string{text}).disk_free_limit_bytes == bytes);
}

BOOST_AUTO_TEST_CASE(a_relative_watermark_is_a_share_of_the_memory) {
  const auto total = broker::config_value::total_memory_bytes();
  BOOST_TEST(total > 0u);
  const auto half = read("vm_memory_high_watermark.relative = 0.5").memory_watermark_bytes;
  BOOST_TEST(half == total / 2);
}

BOOST_AUTO_TEST_CASE(durability_is_chosen_by_name) {
  BOOST_CHECK(read("heartbeat = 1").durability == broker::durability::fsync);
  BOOST_CHECK(read("durability = interval").durability == broker::durability::interval);
  BOOST_CHECK(read("durability = os").durability == broker::durability::os);
}

BOOST_AUTO_TEST_CASE(statistics_are_sampled_as_often_as_a_file_says_and_no_more_often_than_every_five_seconds) {
  BOOST_TEST(read("").sample_interval_ms == 5'000u);
  BOOST_TEST(read("collect_statistics_interval = 60000").sample_interval_ms == 60'000u);
  BOOST_TEST(read("collect_statistics_interval = 1000").sample_interval_ms == 5'000u); // files of RabbitMQ say so
}

BOOST_AUTO_TEST_CASE(the_log_goes_where_the_file_says) {
  const auto config = read("log.dir = /tmp/x\nlog.file = a.log\nlog.file.level = debug\nlog.console = true\n"
                           "log.console.level = error\n");
  BOOST_TEST(config.log.folder == "/tmp/x");
  BOOST_TEST(config.log.file_name == "a.log");
  BOOST_CHECK(config.log.file_level == broker::log_level::debug);
  BOOST_TEST(config.log.console);
  BOOST_CHECK(config.log.console_level == broker::log_level::error);
  BOOST_TEST(!read("log.file = false").log.file);
}

BOOST_AUTO_TEST_CASE(a_harmless_foreign_key_is_noted_not_refused) {
  const auto config = read("net_ticktime = 60\n");
  BOOST_REQUIRE(config.notes.size() == 1u);
  BOOST_TEST(config.notes[0]
             == "configuration key 'net_ticktime' has no effect: nodes watch each other in fixed intervals");
}

BOOST_AUTO_TEST_CASE(a_key_that_must_not_be_ignored_refuses_to_start) {
  BOOST_TEST(mistakes("listeners.ssl.default = 5671")
             == "warren.conf:1: 'listeners.ssl.default' is not supported: there is no TLS yet, and clients would talk "
                "in the clear");
  for (const auto& key : broker::config_keys())
    if (key.what == broker::config_key::treatment::refused) {
      std::string concrete{key.pattern};
      if (const auto hole = concrete.find('$'); hole != std::string::npos)
        concrete.replace(hole, 1, "x");
      BOOST_TEST(mistakes(concrete + " = 1").find("is not supported: ") != std::string::npos, concrete);
    }
}

BOOST_AUTO_TEST_CASE(no_mistake_repeats_a_password) {
  BOOST_TEST(mistakes("default_pass = hunter2'\ndefault_pas = hunter2\n").find("hunter2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_table_has_no_key_twice_and_every_honoured_key_does_something) {
  std::vector<std::string_view> seen;
  for (const auto& key : broker::config_keys()) {
    BOOST_TEST((std::find(seen.begin(), seen.end(), key.pattern) == seen.end()), std::string{key.pattern});
    seen.push_back(key.pattern);
    BOOST_TEST((key.apply != nullptr) == (key.what == broker::config_key::treatment::honoured));
    BOOST_TEST(!key.meaning.empty(), std::string{key.pattern});
  }
}

BOOST_AUTO_TEST_SUITE_END()

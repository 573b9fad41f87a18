// docs/configuration.md and the table of keys say the same.
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <sstream>

#include "config.hpp"

namespace documentation_of_keys {
namespace {

std::string documentation() {
  std::ifstream in{WARREN_SOURCE_DIR "/docs/configuration.md"};
  BOOST_REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// A row as the document must hold it; `$` is shown as NAME.
std::string row_of(const broker::config_key& key) {
  std::string name{key.pattern};
  if (const auto hole = name.find('$'); hole != std::string::npos)
    name.replace(hole, 1, "NAME");
  const std::string preset = key.preset.empty() ? "" : "`" + std::string{key.preset} + "`";
  if (key.what == broker::config_key::treatment::honoured)
    return "| `" + name + "` | " + preset + " | " + std::string{key.meaning} + " |";
  return "| `" + name + "` | " + std::string{key.meaning} + " |";
}

} // namespace
} // namespace documentation_of_keys

BOOST_AUTO_TEST_SUITE(documentation_of_keys)

BOOST_AUTO_TEST_CASE(every_key_is_documented_with_its_default_and_meaning) {
  const auto text = documentation();
  for (const auto& key : broker::config_keys())
    BOOST_TEST(text.find(row_of(key)) != std::string::npos, "docs/configuration.md lacks: " + row_of(key));
}

BOOST_AUTO_TEST_CASE(no_key_is_documented_that_does_not_exist) {
  std::istringstream lines{documentation()};
  size_t rows = 0;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("| `") && line.find("` |") != std::string::npos && line.find("RABBITMQ_") == std::string::npos
        && !line.starts_with("| `-"))
      ++rows;
  BOOST_TEST(rows == broker::config_keys().size());
}

BOOST_AUTO_TEST_SUITE_END()

// In these programs a broken assertion is a finding, not an end: this definition takes the place of the one in
// libbroker/base/assert.cpp.
#include "base/assert.hpp"
#include "node_steps.hpp"
#include "replication/plant.hpp"

namespace broker::detail {

void assert_failed(std::string_view condition, std::string_view message, const char*, unsigned, const char* function) {
  throw explorer::broken_assertion{std::string{message} + " [" + std::string{condition} + " in " + function + "]"};
}

} // namespace broker::detail

namespace broker::replication {

uint64_t planted_mistakes = 0;

} // namespace broker::replication

// libFuzzer target: any bytes as a configuration file give settings or a report, in bounded time and memory.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t report_max_bytes = 64 * 1024;
  broker::node_config config;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto applied = broker::apply_config_text(text, "fuzz.conf", config);
  if (!applied)
    BROKER_ASSERT(applied.error().text.starts_with("fuzz.conf:")
                    && applied.error().text.size() < report_max_bytes + size,
                  "a report names its file and stays bounded");
  BROKER_ASSERT(config.frame_max_bytes >= broker::limits::frame_min_bytes, "no value escapes its range");
  BROKER_ASSERT(config.message_max_bytes <= broker::limits::message_hard_max_bytes, "no value escapes its range");
  BROKER_ASSERT(config.channel_max > 0, "no value escapes its range");
  return 0;
}

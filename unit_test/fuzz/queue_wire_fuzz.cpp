// libFuzzer target: what another node may send about queues. A frame goes through the codec, and through a bridge that
// has a session, channels and a consumer. Nothing may crash; what decodes encodes to something that decodes again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "cluster/bridge_state.hpp"
#include "cluster/queue_wire.hpp"

using namespace broker;

namespace {

void fuzz_codec(std::string_view frame) {
  const auto records = bridging::decode(frame);
  if (!records)
    return;
  std::string again;
  for (const auto& each : *records)
    bridging::encode(each, again);
  const auto same = bridging::decode(again);
  BROKER_ASSERT(same.ok() && same->size() == records->size(), "what was encoded decodes");
  std::string third;
  for (const auto& each : *same)
    bridging::encode(each, third);
  BROKER_ASSERT(again == third, "encoding is stable");
}

void fuzz_bridge(std::string_view frame) {
  uint64_t next_id = 100;
  bridge_settings settings;
  settings.make_address = [&next_id] { return make_ref<channel_address>(next_id++); };
  settings.find_queue = [](queue_id id, epoch) { return static_cast<queue_place>(id % 5); };
  settings.unreachable = [](queue_id) { return error{404, "down"}; };
  settings.on_taken_over = [](uint64_t, uint64_t) {};
  settings.on_place_wanted = [](uint64_t, uint64_t, uint32_t) {};
  bridge_state bridge{std::move(settings)};
  bridge_step step;
  bridge.session_begins(step);
  auto who = make_ref<consumer>();
  who->channel = make_ref<channel_address>(1);
  who->queue = 1;
  who->window = make_ref<prefetch_window>();
  who->window->limit.store(20'000'000);
  bridge.request(1, consume_request{who}, step);
  bridge.frame(frame, 1, step);
  for (auto& [queue, request, mastership] : step.requests)
    if (auto* publish = std::get_if<publish_request>(&request)) {
      for (const slice& part : publish->slices)
        for (uint32_t i = part.lo; i < part.hi; ++i)
          BROKER_ASSERT(publish->batch->messages.at(i).raw != nullptr, "a slice names messages that were sent");
      publish->batch->release();
    }
  bridge.check();
  bridge.session_ends(step);
  bridge.check();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view frame{reinterpret_cast<const char*>(data), size};
  fuzz_codec(frame);
  fuzz_bridge(frame);
  return 0;
}

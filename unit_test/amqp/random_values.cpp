#include "amqp/random_values.hpp"

namespace broker::testing {

namespace {

constexpr int depth_max = 4;

} // namespace

amqp::field_value random_value(random_source& random, int depth) {
  switch (random.below(depth < depth_max ? 16 : 14)) {
  case 0:
    return {amqp::void_value{}};
  case 1:
    return {random.chance(1, 2)};
  case 2:
    return {static_cast<int8_t>(random.next())};
  case 3:
    return {static_cast<uint8_t>(random.next())};
  case 4:
    return {static_cast<int16_t>(random.next())};
  case 5:
    return {static_cast<uint16_t>(random.next())};
  case 6:
    return {static_cast<int32_t>(random.next())};
  case 7:
    return {static_cast<uint32_t>(random.next())};
  case 8:
    return {static_cast<int64_t>(random.next())};
  case 9:
    return {static_cast<float>(random.below(1000)) / 8.0f};
  case 10:
    return {static_cast<double>(random.below(100000)) / 64.0};
  case 11:
    return {amqp::decimal{static_cast<uint8_t>(random.next()), static_cast<int32_t>(random.next())}};
  case 12:
    return {amqp::longstr{random_bytes(random, 40)}};
  case 13:
    return {amqp::timestamp{random.next()}};
  case 14:
    return {random_table(random, depth + 1)};
  default: {
    amqp::field_array array;
    for (uint64_t left = random.below(4); left > 0; --left)
      array.values.push_back(random_value(random, depth + 1));
    return {array};
  }
  }
}

amqp::field_table random_table(random_source& random, int depth) {
  amqp::field_table table;
  for (uint64_t left = random.below(6); left > 0; --left)
    table.entries.emplace_back(random_text(random, 20), random_value(random, depth));
  if (random.chance(1, 8))
    table.entries.emplace_back("bytes", amqp::field_value{amqp::byte_array{random_bytes(random, 300)}});
  return table;
}

amqp::properties random_properties(random_source& random) {
  amqp::properties out;
  for (auto* text : {&out.content_type, &out.content_encoding, &out.correlation_id, &out.reply_to, &out.expiration,
                     &out.message_id, &out.type, &out.user_id, &out.app_id, &out.cluster_id})
    if (random.chance(1, 2))
      *text = random_text(random, 255);
  if (random.chance(1, 2))
    out.headers = random_table(random);
  if (random.chance(1, 2))
    out.delivery_mode = static_cast<uint8_t>(1 + random.below(2));
  if (random.chance(1, 2))
    out.priority = static_cast<uint8_t>(random.next());
  if (random.chance(1, 2))
    out.timestamp = random.next();
  return out;
}

} // namespace broker::testing

#include "queue/death_headers.hpp"

#include <algorithm>
#include <array>
#include <memory_resource>
#include <optional>

#include "base/assert.hpp"
#include "model/header_match.hpp"

namespace broker::queueing {

namespace {

/// Headers of a message that has died a few times fit without an allocation.
constexpr size_t arena_bytes = 4096;

void put_name(byte_buffer& out, std::string_view name) {
  out.put_u8(static_cast<uint8_t>(name.size()));
  out.put(name);
}

void put_field(byte_buffer& out, const raw_field& field) {
  put_name(out, field.name);
  put_value(out, field);
}

raw_field text(std::string_view name, std::string_view value) {
  return {name, 'S', value};
}

void put_integer(byte_buffer& out, std::string_view name, char type, uint64_t value) {
  put_name(out, name);
  out.put_u8(static_cast<uint8_t>(type));
  out.put_u64(value);
}

/// A container's type and a length that close() fills in.
size_t open(byte_buffer& out, char type) {
  out.put_u8(static_cast<uint8_t>(type));
  out.put_u32(0);
  return out.size();
}
void close(byte_buffer& out, size_t start) {
  store_u32(out.data() + start - 4, static_cast<uint32_t>(out.size() - start));
}

const raw_field* find(const raw_fields& fields, std::string_view name) {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const raw_field& one) { return one.name == name; });
  return at == fields.end() ? nullptr : &*at;
}

bool says(const raw_fields& table, std::string_view name, std::string_view wanted) {
  const raw_field* found = find(table, name);
  return found && found->type == 'S' && found->value == wanted;
}

raw_fields table_of(std::string_view bytes, std::pmr::memory_resource& arena) {
  raw_fields fields(&arena);
  const bool ok = scan_table(bytes, fields);
  BROKER_ASSERT(ok, "the headers of a message were checked when it was published");
  return fields;
}

/// The deaths so far, the latest first.
raw_fields deaths_of(const raw_fields& headers, std::pmr::memory_resource& arena) {
  raw_fields deaths(&arena);
  for (const raw_field& one : headers)
    if (one.name == "x-death" && one.type == 'A') {
      scan_array(one.value, deaths);
      break;
    }
  return deaths;
}

void put_new_death(byte_buffer& out, const death& what, const message& as_published, const raw_fields& headers,
                   std::optional<std::string_view> expiration) {
  const size_t table = open(out, 'F');
  if (expiration)
    put_field(out, text("original-expiration", *expiration));
  put_integer(out, "count", 'l', 1);
  put_field(out, text("reason", name_of(what.why)));
  put_field(out, text("queue", what.queue));
  put_integer(out, "time", 'T', what.time_s);
  put_field(out, text("exchange", as_published.exchange()));
  // The routing key and those of CC. BCC keys stay secret (W47).
  put_name(out, "routing-keys");
  const size_t keys = open(out, 'A');
  put_value(out, text({}, as_published.routing_key()));
  if (const raw_field* copies = find(headers, "CC")) {
    std::pmr::vector<std::string_view> listed(headers.get_allocator());
    collect_array_texts(*copies, listed);
    for (const std::string_view key : listed)
      put_value(out, text({}, key));
  }
  close(out, keys);
  close(out, table);
}

void put_counted(byte_buffer& out, const raw_fields& known) {
  const raw_field* count = find(known, "count");
  const int64_t times = count ? integer_value(*count).value_or(0) : 0;
  const size_t table = open(out, 'F');
  for (const raw_field& one : known)
    if (&one == count)
      put_integer(out, "count", 'l', static_cast<uint64_t>(times + 1));
    else
      put_field(out, one);
  if (!count)
    put_integer(out, "count", 'l', static_cast<uint64_t>(times + 1));
  close(out, table);
}

/// The content of x-death: `what`'s queue and reason come first.
void put_deaths(byte_buffer& out, const death& what, const message& as_published, const raw_fields& headers,
                std::optional<std::string_view> expiration, std::pmr::memory_resource& arena) {
  const raw_fields deaths = deaths_of(headers, arena);
  const raw_field* same = nullptr;
  for (const raw_field& one : deaths) {
    if (one.type != 'F')
      continue;
    const raw_fields table = table_of(one.value, arena);
    if (!says(table, "queue", what.queue) || !says(table, "reason", name_of(what.why)))
      continue;
    put_counted(out, table);
    same = &one;
    break;
  }
  if (!same)
    put_new_death(out, what, as_published, headers, expiration);
  for (const raw_field& one : deaths)
    if (&one != same)
      put_value(out, one);
}

/// The headers, by name and each once, as RabbitMQ writes those of a message that it has added to.
void put_headers(byte_buffer& out, const death& what, const message& as_published, std::string_view old,
                 std::optional<std::string_view> expiration, bool keeps_copies) {
  std::array<std::byte, arena_bytes> room;
  std::pmr::monotonic_buffer_resource arena(room.data(), room.size());
  raw_fields headers = table_of(old, arena);
  byte_buffer deaths;
  put_deaths(deaths, what, as_published, headers, expiration, arena);

  const bool first = find(headers, "x-death") == nullptr;
  const auto set = [&](const raw_field& value) {
    std::erase_if(headers, [&](const raw_field& one) { return one.name == value.name; });
    headers.push_back(value);
  };
  set({"x-death", 'A', deaths.view()});
  if (first) {
    set(text("x-first-death-reason", name_of(what.why)));
    set(text("x-first-death-queue", what.queue));
    set(text("x-first-death-exchange", as_published.exchange()));
  }
  set(text("x-last-death-reason", name_of(what.why)));
  set(text("x-last-death-queue", what.queue));
  set(text("x-last-death-exchange", as_published.exchange()));
  sort_by_name(headers);

  out.put_u32(0);
  const size_t start = out.size();
  const raw_field* last = nullptr;
  for (const raw_field& one : headers) {
    const bool repeated = last && last->name == one.name;
    last = &one;
    if (!repeated && (keeps_copies || (one.name != "CC" && one.name != "BCC")))
      put_field(out, one);
  }
  close(out, start);
}

/// Where in properties without headers they would be.
size_t place_for_headers(std::string_view properties) {
  for (const auto before : {content_property::content_encoding, content_property::content_type})
    if (const auto found = find_property(properties, before))
      return static_cast<size_t>(found->data() + found->size() - properties.data());
  return 2;
}

constexpr uint16_t flag_of(content_property which) {
  return static_cast<uint16_t>(1u << static_cast<unsigned>(which));
}

} // namespace

std::string_view name_of(dead_letter_reason why) noexcept {
  switch (why) {
  case dead_letter_reason::expired:
    return "expired";
  case dead_letter_reason::maxlen:
    return "maxlen";
  case dead_letter_reason::delivery_limit:
    return "delivery_limit";
  default:
    return "rejected";
  }
}

void append_death(byte_buffer& out, const death& what, const message& as_published, bool keeps_copies) {
  const std::string_view old = as_published.property_bytes();
  const auto expiration = find_property(old, content_property::expiration);
  const auto headers = find_property(old, content_property::headers);
  const unsigned flags = load_u16(old.data()) | flag_of(content_property::headers);
  out.put_u16(static_cast<uint16_t>(flags & ~unsigned{flag_of(content_property::expiration)}));

  const size_t begin = headers ? static_cast<size_t>(headers->data() - old.data()) - 4 : place_for_headers(old);
  out.put(old.substr(2, begin - 2));
  put_headers(out, what, as_published, headers.value_or(std::string_view{}), expiration, keeps_copies);
  std::string_view rest = old.substr(begin + (headers ? 4 + headers->size() : 0));
  if (expiration) {
    const auto upto = static_cast<size_t>(expiration->data() - rest.data()) - 1;
    out.put(rest.substr(0, upto));
    rest.remove_prefix(upto + 1 + expiration->size());
  }
  out.put(rest);
}

bool is_death_cycle(std::string_view property_bytes, std::string_view queue) {
  std::array<std::byte, arena_bytes> room;
  std::pmr::monotonic_buffer_resource arena(room.data(), room.size());
  const raw_fields headers = table_of(find_headers(property_bytes), arena);
  for (const raw_field& one : deaths_of(headers, arena)) {
    if (one.type != 'F')
      continue;
    const raw_fields table = table_of(one.value, arena);
    if (says(table, "reason", "rejected"))
      return false;
    if (says(table, "queue", queue))
      return true;
  }
  return false;
}

} // namespace broker::queueing

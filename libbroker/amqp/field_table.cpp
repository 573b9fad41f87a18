#include "amqp/field_table.hpp"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "amqp/reply.hpp"
#include "base/limits.hpp"

namespace broker::amqp {

namespace {

constexpr size_t length_bytes = 4;

/// Bytes of a value of this type after its type octet; -1: it starts with a length; -2: there is no such type.
int fixed_size(char type) noexcept {
  switch (type) {
  case 'V':
    return 0;
  case 't':
  case 'b':
  case 'B':
    return 1;
  case 's':
  case 'u':
    return 2;
  case 'I':
  case 'i':
  case 'f':
    return 4;
  case 'D':
    return 5;
  case 'l':
  case 'L':
  case 'd':
  case 'T':
    return 8;
  case 'S':
  case 'x':
  case 'A':
  case 'F':
    return -1;
  default:
    return -2;
  }
}

bool is_container(char type) noexcept {
  return type == 'A' || type == 'F';
}

/// The tables and arrays around the value being checked: where each ends, and what it is. An array of fixed size rather
/// than recursion or a vector: the depth is the client's choice, and the hot path must neither overflow nor allocate.
class open_containers {
public:
  bool push(size_t end, bool array) noexcept {
    if (depth_ == limits::table_depth_max)
      return false;
    ends_[depth_++] = static_cast<uint32_t>(end << 1 | (array ? 1 : 0));
    return true;
  }
  void pop() noexcept { --depth_; }
  bool empty() const noexcept { return depth_ == 0; }
  size_t end() const noexcept { return ends_[depth_ - 1] >> 1; }
  bool in_array() const noexcept { return (ends_[depth_ - 1] & 1) != 0; }

private:
  size_t depth_ = 0;
  uint32_t ends_[limits::table_depth_max]; // left uninitialised: only [0, depth_) is read
};

/// Steps over one entry (or array element) that starts at `at`; opens a container if it is one.
bool step(std::string_view bytes, size_t& at, open_containers& open) noexcept {
  const size_t end = open.end();
  if (!open.in_array()) {
    const size_t key_size = static_cast<uint8_t>(bytes[at]);
    if (end - at < 1 + key_size)
      return false;
    at += 1 + key_size;
    if (at == end)
      return false;
  }
  const char type = bytes[at++];
  size_t size = 0;
  if (const int fixed = fixed_size(type); fixed >= 0) {
    size = static_cast<size_t>(fixed);
  } else {
    if (fixed == -2 || end - at < length_bytes)
      return false;
    size = load_u32(bytes.data() + at);
    at += length_bytes;
  }
  if (end - at < size)
    return false;
  if (is_container(type))
    return open.push(at + size, type == 'A');
  at += size;
  return true;
}

/// Reads what is_valid_table has accepted, so it needs no checks of its own. Recursion is bounded by
/// table_decode_depth.
class table_reader {
public:
  explicit table_reader(const char* at) : at_(at) {}

  field_table table(size_t depth) {
    field_table out;
    const char* end = container_end();
    while (at_ != end) {
      const size_t key_size = static_cast<uint8_t>(*at_);
      std::string key(at_ + 1, key_size);
      at_ += 1 + key_size;
      out.entries.emplace_back(std::move(key), value(depth));
    }
    return out;
  }

private:
  const char* container_end() {
    const size_t size = load_u32(at_);
    at_ += length_bytes;
    return at_ + size;
  }
  const char* take(size_t count) { return std::exchange(at_, at_ + count); }
  std::string take_long() {
    const size_t size = load_u32(take(length_bytes));
    return {take(size), size};
  }

  field_array array(size_t depth) {
    field_array out;
    const char* end = container_end();
    while (at_ != end)
      out.values.push_back(value(depth));
    return out;
  }

  field_value container(char type, size_t depth) {
    if (depth == limits::table_decode_depth) {
      const size_t size = length_bytes + load_u32(at_);
      return {nested_bytes{type, std::string(take(size), size)}};
    }
    if (type == 'F')
      return {table(depth + 1)};
    return {array(depth + 1)};
  }

  field_value value(size_t depth) {
    const char type = *take(1);
    switch (type) {
    case 't':
      return {*take(1) != 0};
    case 'b':
      return {static_cast<int8_t>(*take(1))};
    case 'B':
      return {static_cast<uint8_t>(*take(1))};
    case 's':
      return {static_cast<int16_t>(load_u16(take(2)))};
    case 'u':
      return {load_u16(take(2))};
    case 'I':
      return {static_cast<int32_t>(load_u32(take(4)))};
    case 'i':
      return {load_u32(take(4))};
    case 'l':
    case 'L':
      return {static_cast<int64_t>(load_u64(take(8)))};
    case 'f':
      return {std::bit_cast<float>(load_u32(take(4)))};
    case 'd':
      return {std::bit_cast<double>(load_u64(take(8)))};
    case 'D': {
      const uint8_t scale = static_cast<uint8_t>(*take(1));
      return {decimal{scale, static_cast<int32_t>(load_u32(take(4)))}};
    }
    case 'T':
      return {timestamp{load_u64(take(8))}};
    case 'S':
      return {longstr{take_long()}};
    case 'x':
      return {byte_array{take_long()}};
    case 'A':
    case 'F':
      return container(type, depth);
    default:
      BROKER_ASSERT(type == 'V', "the table was validated");
      return {void_value{}};
    }
  }

  const char* at_;
};

class table_writer {
public:
  explicit table_writer(byte_buffer& out) : out_(out) {}

  void operator()(const field_table& table) {
    const size_t mark = begin();
    for (const auto& [key, value] : table.entries) {
      const size_t size = std::min(key.size(), limits::name_max_bytes);
      out_.put_u8(static_cast<uint8_t>(size));
      out_.put({key.data(), size});
      write(value);
    }
    end(mark);
  }

  void operator()(const field_array& array) {
    const size_t mark = begin();
    for (const auto& value : array.values)
      write(value);
    end(mark);
  }

  void operator()(void_value) {}
  void operator()(bool value) { out_.put_u8(value ? 1 : 0); }
  void operator()(int8_t value) { out_.put_u8(static_cast<uint8_t>(value)); }
  void operator()(uint8_t value) { out_.put_u8(value); }
  void operator()(int16_t value) { out_.put_u16(static_cast<uint16_t>(value)); }
  void operator()(uint16_t value) { out_.put_u16(value); }
  void operator()(int32_t value) { out_.put_u32(static_cast<uint32_t>(value)); }
  void operator()(uint32_t value) { out_.put_u32(value); }
  void operator()(int64_t value) { out_.put_u64(static_cast<uint64_t>(value)); }
  void operator()(float value) { out_.put_u32(std::bit_cast<uint32_t>(value)); }
  void operator()(double value) { out_.put_u64(std::bit_cast<uint64_t>(value)); }
  void operator()(decimal value) {
    out_.put_u8(value.scale);
    out_.put_u32(static_cast<uint32_t>(value.value));
  }
  void operator()(timestamp value) { out_.put_u64(value.seconds); }
  void operator()(const longstr& value) { put_long(value.bytes); }
  void operator()(const byte_array& value) { put_long(value.bytes); }
  void operator()(const nested_bytes& value) { out_.put(value.bytes); }

private:
  void write(const field_value& value) {
    static constexpr std::string_view type_octets = "VtbBsuIilfdDSATFx";
    static_assert(std::variant_size_v<field_value::any_content> == type_octets.size() + 1);
    const auto* nested = std::get_if<nested_bytes>(&value.value);
    out_.put_u8(static_cast<uint8_t>(nested ? nested->type : type_octets[value.value.index()]));
    std::visit(*this, value.value);
  }
  void put_long(std::string_view bytes) {
    out_.put_u32(static_cast<uint32_t>(bytes.size()));
    out_.put(bytes);
  }
  size_t begin() {
    const size_t mark = out_.size();
    out_.put_u32(0);
    return mark;
  }
  void end(size_t mark) { store_u32(out_.data() + mark, static_cast<uint32_t>(out_.size() - mark - length_bytes)); }

  byte_buffer& out_;
};

} // namespace

const field_value* field_table::find(std::string_view name) const {
  for (const auto& [key, value] : entries)
    if (key == name)
      return &value;
  return nullptr;
}

void field_table::set(std::string_view name, field_value value) {
  for (auto& [key, old] : entries)
    if (key == name) {
      old = std::move(value);
      return;
    }
  entries.emplace_back(std::string{name}, std::move(value));
}

bool operator==(const field_table& a, const field_table& b) {
  return a.entries == b.entries;
}
bool operator==(const field_array& a, const field_array& b) {
  return a.values == b.values;
}
bool operator==(const field_value& a, const field_value& b) {
  return a.value == b.value;
}

bool field_value::as_integer(int64_t& out) const {
  return std::visit(
    [&out](const auto& what) {
      using type = std::decay_t<decltype(what)>;
      if constexpr (std::is_integral_v<type> && !std::is_same_v<type, bool>) {
        out = static_cast<int64_t>(what); // NOLINT(bugprone-signed-char-misuse): AMQP's signed octet is a number
        return true;
      }
      return false;
    },
    value);
}

const std::string* field_value::as_string() const {
  const auto* text = std::get_if<longstr>(&value);
  return text ? &text->bytes : nullptr;
}

bool is_valid_table(std::string_view bytes) noexcept {
  constexpr size_t size_max = size_t{1} << 31; // ends are kept in 31 bits; frames are far smaller
  if (bytes.size() < length_bytes || bytes.size() >= size_max || load_u32(bytes.data()) != bytes.size() - length_bytes)
    return false;
  open_containers open;
  open.push(bytes.size(), false);
  size_t at = length_bytes;
  while (!open.empty()) {
    if (at == open.end())
      open.pop();
    else if (!step(bytes, at, open))
      return false;
  }
  return true;
}

result<void> validate_table(std::string_view bytes) {
  if (!is_valid_table(bytes))
    return syntax_error("malformed field table");
  return {};
}

result<field_table> decode_table(std::string_view bytes) {
  if (!is_valid_table(bytes))
    return syntax_error("malformed field table");
  return table_reader{bytes.data()}.table(1);
}

void encode_table(byte_buffer& out, const field_table& table) {
  table_writer{out}(table);
}

field_value::content::content() = default;
field_value::content::content(const content& other) = default;
field_value::content::content(content&& other) noexcept = default;
field_value::content& field_value::content::operator=(const content& other) = default;
field_value::content& field_value::content::operator=(content&& other) noexcept = default;
field_value::content::~content() = default;

} // namespace broker::amqp

#include "amqp/method.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "amqp/frame.hpp"
#include "amqp/reply.hpp"
#include "amqp/utf8.hpp"
#include "base/limits.hpp"

namespace broker::amqp {

namespace {

constexpr int bits_per_octet = 8;

/// Visitor that fills a method's fields from its arguments. The first failure sticks; later fields are left alone.
class field_reader {
public:
  enum class failure : uint8_t { none, cut_short, not_utf8, bad_table };

  explicit field_reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  failure failed() const { return failure_; }
  bool at_end() const { return at_ == end_; }

  void operator()(as_u8, uint8_t& field) {
    if (const char* at = take(1))
      field = static_cast<uint8_t>(*at);
  }
  void operator()(as_u16, uint16_t& field) {
    if (const char* at = take(2))
      field = load_u16(at);
  }
  void operator()(as_u32, uint32_t& field) {
    if (const char* at = take(4))
      field = load_u32(at);
  }
  void operator()(as_u64, uint64_t& field) {
    if (const char* at = take(8))
      field = load_u64(at);
  }
  void operator()(as_bit, bool& field) {
    if (bits_used_ == bits_per_octet) {
      const char* at = take(1);
      if (!at)
        return;
      bits_ = static_cast<uint8_t>(*at);
      bits_used_ = 0;
    }
    field = (bits_ >> bits_used_ & 1) != 0;
    ++bits_used_;
  }
  void operator()(as_shortstr, std::string& field) {
    const char* size = take(1);
    const char* at = size ? take(static_cast<uint8_t>(*size)) : nullptr;
    if (!at)
      return;
    const std::string_view text{at, static_cast<uint8_t>(*size)};
    if (!is_utf8(text))
      fail(failure::not_utf8);
    else
      field = text;
  }
  void operator()(as_longstr, std::string& field) {
    const char* size = take(4);
    if (const char* at = size ? take(load_u32(size)) : nullptr)
      field.assign(at, load_u32(size));
  }
  void operator()(as_table, field_table& field) {
    const char* size = take(4);
    if (!size || !take(load_u32(size)))
      return;
    auto table = decode_table({size, static_cast<size_t>(at_ - size)});
    if (!table)
      fail(failure::bad_table);
    else
      field = std::move(*table);
  }

private:
  /// The next `count` bytes, or null when there are fewer. Ends a row of bits.
  const char* take(size_t count) {
    bits_used_ = bits_per_octet;
    if (failure_ != failure::none)
      return nullptr;
    if (static_cast<size_t>(end_ - at_) < count) {
      fail(failure::cut_short);
      return nullptr;
    }
    return std::exchange(at_, at_ + count);
  }
  void fail(failure what) {
    if (failure_ == failure::none)
      failure_ = what;
  }

  const char* at_;
  const char* end_;
  uint8_t bits_ = 0;
  int bits_used_ = bits_per_octet;
  failure failure_ = failure::none;
};

/// Visitor that appends a method's fields.
class field_writer {
public:
  explicit field_writer(byte_buffer& out) : out_(out) {}

  void operator()(as_u8, uint8_t field) {
    end_bits();
    out_.put_u8(field);
  }
  void operator()(as_u16, uint16_t field) {
    end_bits();
    out_.put_u16(field);
  }
  void operator()(as_u32, uint32_t field) {
    end_bits();
    out_.put_u32(field);
  }
  void operator()(as_u64, uint64_t field) {
    end_bits();
    out_.put_u64(field);
  }
  void operator()(as_bit, bool field) {
    if (bits_used_ == bits_per_octet) {
      out_.put_u8(0);
      bits_used_ = 0;
    }
    if (field)
      out_.data()[out_.size() - 1] = static_cast<char>(out_.data()[out_.size() - 1] | 1 << bits_used_);
    ++bits_used_;
  }
  /// Names were checked on their way in; only texts of our own, like reasons, can be too long and are cut.
  void operator()(as_shortstr, const std::string& field) {
    end_bits();
    const size_t size = std::min(field.size(), limits::name_max_bytes);
    out_.put_u8(static_cast<uint8_t>(size));
    out_.put({field.data(), size});
  }
  void operator()(as_longstr, const std::string& field) {
    end_bits();
    out_.put_u32(static_cast<uint32_t>(field.size()));
    out_.put(field);
  }
  void operator()(as_table, const field_table& field) {
    end_bits();
    encode_table(out_, field);
  }

private:
  void end_bits() { bits_used_ = bits_per_octet; }

  byte_buffer& out_;
  int bits_used_ = bits_per_octet;
};

template<class Method>
result<method> decode_as(std::string_view arguments) {
  Method out;
  field_reader reader{arguments};
  Method::fields(reader, out);
  switch (reader.failed()) {
  case field_reader::failure::not_utf8:
    return frame_error("Malformed UTF-8 in shortstr");
  case field_reader::failure::bad_table:
    return syntax_error("malformed field table in " + std::string{Method::name});
  case field_reader::failure::cut_short:
    return frame_error("cannot decode " + show_octets(arguments));
  case field_reader::failure::none:
    break;
  }
  if (!reader.at_end())
    return frame_error("cannot decode " + show_octets(arguments));
  return method{std::move(out)};
}

struct decoder {
  uint32_t code;
  std::string_view name;
  result<method> (*decode)(std::string_view arguments);
};

template<class Method>
constexpr decoder decoder_of() {
  return {Method::code, Method::name, &decode_as<Method>};
}
template<size_t... Index>
constexpr auto make_decoders(std::index_sequence<Index...>) {
  return std::array{decoder_of<std::variant_alternative_t<Index, any_method>>()...};
}
constexpr auto decoders = make_decoders(std::make_index_sequence<std::variant_size_v<any_method>>{});
static_assert(std::is_sorted(decoders.begin(), decoders.end(),
                             [](const decoder& a, const decoder& b) { return a.code < b.code; }),
              "the variant lists methods by rising code");

const decoder* find_decoder(uint32_t code) {
  const auto found = std::lower_bound(decoders.begin(), decoders.end(), code,
                                      [](const decoder& entry, uint32_t wanted) { return entry.code < wanted; });
  return found != decoders.end() && found->code == code ? &*found : nullptr;
}

} // namespace

result<method> decode_method(uint32_t code, std::string_view arguments) {
  if (const decoder* known = find_decoder(code))
    return known->decode(arguments);
  return command_invalid("unknown method " + std::to_string(code >> 16) + "." + std::to_string(code & 0xFFFF));
}

void encode_method(byte_buffer& out, channel_number channel, const method& what) {
  const size_t mark = begin_frame(out, frame_method, channel);
  std::visit(
    [&out]<class Method>(const Method& fields) {
      out.put_u32(Method::code);
      field_writer writer{out};
      Method::fields(writer, fields);
    },
    what);
  end_frame(out, mark);
}

std::string_view method_name(const method& what) {
  return std::visit([]<class Method>(const Method&) { return Method::name; }, what);
}

std::string_view method_name(uint32_t code) {
  const decoder* known = find_decoder(code);
  return known ? known->name : "none";
}

uint32_t method_code_of(const method& what) {
  return std::visit([]<class Method>(const Method&) { return Method::code; }, what);
}

method::method() = default;
method::method(const method& other) = default;
method::method(method&& other) noexcept = default;
method& method::operator=(const method& other) = default;
method& method::operator=(method&& other) noexcept = default;
method::~method() = default;

} // namespace broker::amqp

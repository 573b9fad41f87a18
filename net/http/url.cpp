#include "net/http/url.hpp"

namespace broker::http {

namespace {

constexpr size_t parts_max = 64;

int digit_of(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool split_path(std::string_view path, std::vector<std::string>& segments) {
  path.remove_prefix(1);
  for (;;) {
    const size_t end = path.find('/');
    auto segment = decode(path.substr(0, end));
    if (!segment || *segment == "." || *segment == ".." || segment->find('\0') != std::string::npos
        || segments.size() == parts_max)
      return false;
    const bool last = end == std::string_view::npos;
    if (segment->empty() && !last)
      return false;
    segments.push_back(*std::move(segment));
    if (last)
      return true;
    path.remove_prefix(end + 1);
  }
}

bool split_query(std::string_view text, target& into) {
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty())
      continue;
    const size_t equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::string{} : decode(pair.substr(equals + 1), true);
    if (!name || !value || into.query.size() == parts_max)
      return false;
    into.query.emplace_back(*std::move(name), *std::move(value));
  }
  return true;
}

} // namespace

const std::string* target::find(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name)
      return &value;
  return nullptr;
}

std::optional<std::string> target::value(std::string_view name) const {
  const auto* found = find(name);
  return found == nullptr || found->empty() ? std::nullopt : std::optional{*found};
}

std::optional<std::string> decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus_is_blank) {
      out.push_back(' ');
      continue;
    }
    if (text[at] != '%') {
      out.push_back(text[at]);
      continue;
    }
    if (at + 2 >= text.size())
      return {};
    const int high = digit_of(text[at + 1]);
    const int low = digit_of(text[at + 2]);
    if (high < 0 || low < 0)
      return {};
    out.push_back(static_cast<char>(high * 16 + low));
    at += 2;
  }
  return out;
}

std::string encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(c);
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += {'%', digits[octet >> 4], digits[octet & 15]};
  }
  return out;
}

std::optional<target> parse_target(std::string_view text) {
  text = text.substr(0, text.find('#'));
  if (text.empty() || text.front() != '/')
    return {};
  target out;
  const size_t mark = text.find('?');
  if (!split_path(text.substr(0, mark), out.path))
    return {};
  if (mark != std::string_view::npos && !split_query(text.substr(mark + 1), out))
    return {};
  return out;
}

} // namespace broker::http

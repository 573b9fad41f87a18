#include "management/exposition.hpp"

#include <charconv>
#include <cmath>

namespace broker::management {

namespace {

constexpr std::string_view type_names[] = {"counter", "gauge", "untyped"};

void add_value(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\')
      out.push_back('\\');
    out.push_back(c);
  }
}

} // namespace

void exposition::family(std::string_view name, type what, std::string_view help) {
  name_ = prefix_ + std::string{name};
  out_ += "# TYPE " + name_ + ' ';
  out_ += type_names[static_cast<size_t>(what)];
  out_ += "\n# HELP " + name_ + ' ';
  out_ += help;
  out_.push_back('\n');
}

void exposition::sample(double value, labels of) {
  if (std::isnan(value))
    return write("NaN", of);
  char text[40];
  write({text, static_cast<size_t>(std::to_chars(text, text + sizeof text, value).ptr - text)}, of);
}

void exposition::write(std::string_view value, labels of) {
  out_ += name_;
  char before = '{';
  for (const auto& [name, text] : of) {
    out_.push_back(before);
    out_ += name;
    out_ += "=\"";
    add_value(out_, text);
    out_.push_back('"');
    before = ',';
  }
  if (of.size() != 0)
    out_.push_back('}');
  out_.push_back(' ');
  out_ += value;
  out_.push_back('\n');
}

} // namespace broker::management

#include "management/ui.hpp"

#include <array>
#include <functional>
#include <string>

#include "management/ui_files.hpp"

namespace broker::management {

namespace {

struct kind_of_file {
  std::string_view ending;
  std::string_view type;
};
constexpr std::array<kind_of_file, 4> kinds{{
  {".html", "text/html; charset=utf-8"},
  {".css", "text/css; charset=utf-8"},
  {".js", "text/javascript; charset=utf-8"},
  {".svg", "image/svg+xml"},
}};

/// No inline script or style, nothing from elsewhere, in nobody's frame.
constexpr std::string_view policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                                    "connect-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; "
                                    "frame-ancestors 'none'";

std::string_view type_of_file(std::string_view name) {
  for (const auto& each : kinds)
    if (name.ends_with(each.ending))
      return each.type;
  return "application/octet-stream";
}

/// Changes when the file does.
std::string tag_of(std::string_view content) {
  return '"' + std::to_string(std::hash<std::string_view>{}(content)) + '"';
}

http::response page(unsigned status, std::string_view type, std::string_view body) {
  http::response result;
  result.status = status;
  result.headers = {{"content-type", std::string{type}},   {"content-security-policy", std::string{policy}},
                    {"x-content-type-options", "nosniff"}, {"x-frame-options", "DENY"},
                    {"referrer-policy", "no-referrer"},    {"cache-control", "no-cache"}};
  result.body = body;
  return result;
}

} // namespace

http::response ui_response(const http::request& what, const http::target& target) {
  if (what.method != "GET" && what.method != "HEAD")
    return page(405, "text/plain; charset=utf-8", "Method not allowed\n");
  const bool start = target.path.empty() || (target.path.size() == 1 && target.path.front().empty());
  const std::string_view wanted = start ? std::string_view{"index.html"} : std::string_view{target.path.front()};
  if (target.path.size() <= 1)
    for (const ui_file& each : ui_files())
      if (each.name == wanted) {
        const auto tag = tag_of(each.content);
        const auto* known = what.find("if-none-match");
        auto result = known != nullptr && *known == tag ? page(304, type_of_file(each.name), {})
                                                        : page(200, type_of_file(each.name), each.content);
        result.headers.emplace_back("etag", tag);
        return result;
      }
  return page(404, "text/plain; charset=utf-8", "Not found\n");
}

} // namespace broker::management

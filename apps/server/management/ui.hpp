// The web pages: files of apps/server/management/ui, part of the program.
#pragma once

#include "net/http/http_message.hpp"
#include "net/http/url.hpp"

namespace broker::management {

/// Answers GET and HEAD of paths outside /api.
http::response ui_response(const http::request& what, const http::target& target);

} // namespace broker::management

// The files of apps/server/management/ui; the build makes the source that holds them.
#pragma once

#include <span>
#include <string_view>

namespace broker::management {

struct ui_file {
  std::string_view name;
  std::string_view content;
};

std::span<const ui_file> ui_files();

} // namespace broker::management

// Importing a definitions file into a running node: reads it, then proposes what it says in order (features.md O28,
// O10).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "node_view.hpp"

namespace broker {

/// `done` runs once, on any thread: lines for the log about entries that were not imported, or why the import stopped.
/// What came before a refused entry stays. `node` must live until then. `vhost`: where entries belong that do not say
/// so (a file of one vhost); "" = nowhere.
void import_definitions(node_view& node, std::string_view json,
                        std::function<void(result<std::vector<std::string>>)> done, const std::string& vhost = {});

} // namespace broker

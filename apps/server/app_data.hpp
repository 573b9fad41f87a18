// What `reset` deletes (features.md S05): metadata, queues and messages, and with them the node's place in its cluster.
// Cookie, log, configuration, list of enabled plugins, pid file and lock stay.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace broker {

/// Deletes the app's data below `data_dir`, which no app uses. A crash on the way is made good by finish_wipe. Error: a
/// file cannot be deleted.
result<void> wipe_app_data(const std::filesystem::path& data_dir);
/// Completes a wipe that was interrupted; nothing to do otherwise. Before the data are opened.
result<void> finish_wipe(const std::filesystem::path& data_dir);

} // namespace broker

// LevelDB's log in a file that is prepared ahead: a synced write into it changes no length and takes no blocks, so the
// file system need not commit its own journal for it. That halves the time of a sync, and writes of several processes
// to one disk do not wait for each other (docs/benchmarks.md, Declarations).
//
// A prepared file ends with zeroes that were never written. LevelDB passes over them, but would take what a power
// failure leaves of a write among them for damage; so its reader is told where the log ends (end_of_log).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <leveldb/env.h>

namespace broker {

/// A log grows by this much at a time.
inline constexpr uint64_t prepared_log_step_bytes = 1024 * 1024;

/// Where reading is to end: behind the last whole entry, if nothing follows but zeroes and what can be left of *one*
/// write that was cut short. That has pieces of disk sectors, 512 bytes, which are still zero, and no later write
/// behind it. Otherwise the file's end: LevelDB judges what is there. Pure; the format is that of LevelDB's
/// doc/log_format.md.
uint64_t end_of_log(std::string_view file);

/// Files called *.log are prepared; everything else is left to the environment of the system. Errors of preparing are
/// none: what has no room fails when it is written. Thread-safe.
std::unique_ptr<leveldb::Env> make_prepared_log_env();

} // namespace broker

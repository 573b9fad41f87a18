// Whether a process of this machine still does anything.
#pragma once

namespace broker {

/// False when there is no such process, and when only its entry is left in the system's table: it has ended, and
/// whoever started it has not asked for its exit code yet. In a container without an init that entry may stay for ever.
/// Any thread.
bool process_lives(int pid);

} // namespace broker

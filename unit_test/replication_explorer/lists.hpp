// The bounds that are explored regularly, and the mistakes that must be found.
#pragma once

namespace explorer {

enum extent { quick, everything };

/// Explores each planted mistake: one line "caught NAME ..." each, and the same bounds without it, where nothing may be
/// found. Returns the exit code.
int run_plants(extent how);
/// Explores the protocol itself.
int run_holds(extent how);

} // namespace explorer

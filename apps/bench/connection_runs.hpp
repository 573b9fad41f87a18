// The modes about connections: how fast they open, what they cost, how fast they come and go.
#pragma once
#include "options.hpp"
#include "outcome.hpp"

namespace broker::bench {

/// Opens `count` connections with a channel each, `parallel` at a time, and holds them all. @throws failure.
outcome run_connections(const options& run);

/// For `seconds`, `parallel` clients over and over: connect, open a channel, declare an exclusive queue, publish one
/// message to it, close the connection. A cycle ends with the broker's close-ok. @throws failure.
outcome run_churn(const options& run);

} // namespace broker::bench

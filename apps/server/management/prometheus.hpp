// GET /metrics, /metrics/per-object and /metrics/detailed in Prometheus' text format 0.0.4, with the names and labels
// of RabbitMQ's plug-in, so that its Grafana boards show this node (features.md O41-O45). Figures are this node's own:
// of queues with their master here. No login, as there.
#pragma once

#include "management/service.hpp"

namespace broker::management {

void serve_metrics(service& at, const http::request& what, const http::responder& done);

} // namespace broker::management

"""Who may ask what, of the paths that no recording of RabbitMQ has: (method, path, body) and the statuses by tag, in the order of
management.TAGS. Each user has all permissions on "/" and none on "v2"; NODE stands for the node's name."""
import glob
import os
import re

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../apps/server/management/*.cpp")

ALL, MONITORS, ADMIN, POLICY = [401, 200, 200, 200, 200], [401, 401, 401, 200, 200], [401, 401, 401, 401, 200], [401, 401, 200, 401, 200]


def with_status(status, of):
    return [status if each == 200 else each for each in of]


REST = [
    ("GET", "/exchanges/%2F/xx/bindings/destination", None, ALL), ("GET", "/exchanges/v2/xx/bindings/destination", None, ADMIN),
    ("GET", "/bindings/%2F/e/xx/e/amq.fanout", None, ALL), ("GET", "/bindings/v2/e/xx/e/amq.fanout", None, ADMIN),
    ("POST", "/bindings/%2F/e/xx/e/amq.fanout", {"routing_key": "m"}, with_status(201, ALL)),
    ("POST", "/bindings/v2/e/xx/e/amq.fanout", {"routing_key": "m"}, [401] * 5),
    ("GET", "/bindings/%2F/e/xx/e/amq.fanout/m", None, ALL),
    ("DELETE", "/bindings/%2F/e/xx/e/amq.fanout/m", None, [401, 204, 404, 404, 404]),
    ("GET", "/cluster/queues", None, ALL), ("GET", "/cluster/nodes", None, MONITORS),
    ("GET", "/cluster/queues/%2F/qq", None, ALL), ("GET", "/cluster/queues/v2/qq", None, ADMIN),
    ("GET", "/connections/username/nobody", None, ALL), ("DELETE", "/connections/username/nobody", None, with_status(204, ADMIN)),
    ("GET", "/connections/none", None, with_status(404, ALL)), ("DELETE", "/connections/none", None, with_status(404, ALL)),
    ("GET", "/connections/none/channels", None, with_status(404, ALL)), ("GET", "/channels/none", None, with_status(404, ALL)),
    ("PUT", "/definitions", {}, with_status(204, ADMIN)), ("PUT", "/definitions/%2F", {}, with_status(204, ADMIN)),
    ("GET", "/healthchecks/node/NODE", None, ALL), ("GET", "/health/checks/port-listener/1", None, with_status(503, ALL)),
    ("GET", "/health/checks/certificate-expiration/1/weeks", None, ALL), ("GET", "/health/checks/node-is-mirror-sync-critical", None, ALL),
    ("GET", "/health/checks/is-in-service", None, ALL), ("GET", "/health/checks/ready-to-serve-clients", None, ALL),
    ("GET", "/health/checks/below-node-connection-limit", None, ALL), ("GET", "/health/checks/reached-target-cluster-size", None, ALL),
    ("GET", "/version", None, ALL), ("PUT", "/feature-flags/quorum_queue/enable", {}, with_status(204, ADMIN)),
    ("PUT", "/feature-flags/nonsense/enable", {}, with_status(400, ADMIN)), ("GET", "/deprecated-features", None, ADMIN), ("GET", "/deprecated-features/used", None, ADMIN),
    ("GET", "/parameters/federation/%2F/x", None, with_status(404, POLICY)),
    ("PUT", "/parameters/nocomp/%2F/x", {"value": {}}, with_status(400, POLICY)),
    ("DELETE", "/parameters/federation/%2F/x", None, with_status(404, POLICY)),
    ("GET", "/federation-links", None, MONITORS), ("GET", "/federation-links/%2F", None, MONITORS), ("GET", "/shovels", None, MONITORS),
    ("GET", "/shovels/%2F", None, MONITORS), ("DELETE", "/permissions/%2F/nouser", None, with_status(404, ADMIN)),
    ("DELETE", "/topic-permissions/%2F/nouser/x", None, with_status(404, ADMIN)),
    ("GET", "/queues/%2F/qq/messages", None, ALL), ("GET", "/queues/v2/qq/messages", None, [401] * 5),
    ("GET", "/queues/%2F/qq/flow", None, ALL), ("GET", "/queues/v2/qq/flow", None, ADMIN),
    ("GET", "/events", None, with_status(400, ALL)), ("POST", "/vhosts/%2F/start/NODE", {}, with_status(204, ADMIN)),
]


def routes():
    """(method, path with * for names, rule) of every path in the source."""
    found = []
    for name in sorted(glob.glob(SOURCES)):
        with open(name) as source:
            found += re.findall(r'\{"(GET|PUT|POST|DELETE)", "([^"]+)", rule::(\w+)', source.read())
    return found


def route_of(method, path, table):
    """What answers this request, as the router finds it."""
    parts = path.split("?")[0].strip("/").split("/")

    def fits(pattern):
        wanted = pattern.split("/")
        return len(wanted) == len(parts) and all(one in ("*", other) for one, other in zip(wanted, parts))

    shape = next((each[1] for each in table if fits(each[1])), None)
    return next((each for each in table if each[1] == shape and each[0] == method), None)

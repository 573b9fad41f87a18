"""The management API from outside: a client, and the conversation that is held with RabbitMQ (recorded) and Warren."""
import base64
import http.client
import json
import time
import urllib.parse

TAGS = ["none", "management", "policymaker", "monitoring", "administrator"]


class Api:
    """One HTTP request per call, as `user`:`password`."""

    def __init__(self, port, user="guest", password="guest", host="127.0.0.1"):
        self.host, self.port = host, port
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def call(self, method, path, body=None, headers=None):
        """(status, headers with lower-case names, JSON or None)"""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            sent = {"Authorization": self.authorization, **(headers or {})}
            if body is not None and not isinstance(body, (str, bytes)):
                body = json.dumps(body)
            if body is not None:
                sent.setdefault("Content-Type", "application/json")
            connection.request(method, "/api" + path, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
            try:
                value = json.loads(text) if text else None
            except ValueError:
                value = text
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, value
        finally:
            connection.close()

    def get(self, path, status=200):
        found, _, value = self.call("GET", path)
        assert found == status, (path, found, value)
        return value

    def put(self, path, body=None):
        return self.call("PUT", path, body if body is not None else {})[0]

    def delete(self, path):
        return self.call("DELETE", path)[0]

    def post(self, path, body):
        return self.call("POST", path, body)


PUBLISH = {"properties": {}, "routing_key": "q2", "payload": "x", "payload_encoding": "string"}
FETCH = {"count": 5, "ackmode": "ack_requeue_true", "encoding": "auto"}
ALL = {"configure": ".*", "write": ".*", "read": ".*"}

# What is done first: (method, path, body). Statuses are compared, and bodies of errors.
SETUP = [
    ("PUT", "/vhosts/v1", {"description": "d", "tags": "a,b"}),
    ("PUT", "/vhosts/v1", None),
    ("PUT", "/users/u1", {"password": "p", "tags": "management"}),
    ("PUT", "/users/u1", {"password": "p", "tags": "management"}),
    ("PUT", "/users/u2", {"tags": "management"}),
    ("PUT", "/users/u3", {"password_hash": "", "tags": ["monitoring"]}),
    ("PUT", "/permissions/%2F/u1", ALL),
    ("PUT", "/permissions/%2F/u1", ALL),
    ("PUT", "/permissions/%2F/nouser", ALL),
    ("PUT", "/permissions/novh/u1", ALL),
    ("PUT", "/permissions/%2F/u1", {"configure": "a"}),
    ("PUT", "/topic-permissions/%2F/u1", {"exchange": "amq.topic", "write": "^a", "read": ".*"}),
    ("PUT", "/exchanges/%2F/x1", {"type": "topic", "durable": True, "auto_delete": False, "internal": False,
                                  "arguments": {}}),
    ("PUT", "/exchanges/%2F/x1", {"type": "topic", "durable": True}),
    ("PUT", "/exchanges/%2F/x1", {"type": "fanout", "durable": True}),
    ("PUT", "/exchanges/%2F/x2", {"type": "nonsense"}),
    ("PUT", "/queues/%2F/q1", {"durable": True, "auto_delete": False, "arguments": {"x-max-length": 100}}),
    ("PUT", "/queues/%2F/q1", {"durable": True, "arguments": {"x-max-length": 100}}),
    ("PUT", "/queues/%2F/q1", {"durable": False}),
    ("PUT", "/queues/%2F/q2", {}),
    ("PUT", "/queues/nov/q2", {}),
    ("PUT", "/queues/%2F/q3", "not json"),
    ("PUT", "/queues/%2F/q3", {"durable": "maybe"}),
    ("PUT", "/queues/%2F/amq.q3", {}),
    ("POST", "/bindings/%2F/e/x1/q/q1", {"routing_key": "a.*", "arguments": {}}),
    ("POST", "/bindings/%2F/e/x1/q/q1", {"routing_key": "a.*", "arguments": {"k": "v"}}),
    ("POST", "/bindings/%2F/e/x1/e/amq.fanout", {"routing_key": "b"}),
    ("POST", "/bindings/%2F/e/x1/q/nonsuch", {"routing_key": "b"}),
    ("POST", "/exchanges/%2F/x1/publish", {**PUBLISH, "routing_key": "a.b", "payload": "hello",
                                           "properties": {"delivery_mode": 2, "headers": {"h": 1}}}),
    ("POST", "/exchanges/%2F/x1/publish", {**PUBLISH, "routing_key": "nowhere"}),
    ("POST", "/exchanges/%2F/amq.default/publish", {**PUBLISH, "payload": "AAEC", "payload_encoding": "base64"}),
    ("POST", "/exchanges/%2F/amq.default/publish", {**PUBLISH, "payload": "!!!", "payload_encoding": "base64"}),
    ("POST", "/exchanges/%2F/amq.default/publish", {**PUBLISH, "payload_encoding": "foo"}),
    ("POST", "/exchanges/%2F/nox/publish", PUBLISH),
    ("POST", "/queues/%2F/q1/get", {**FETCH, "count": 1}),
    ("POST", "/queues/%2F/q2/get", {**FETCH, "truncate": 2}),
    ("POST", "/queues/%2F/q2/get", {**FETCH, "encoding": "base64"}),
    ("POST", "/queues/%2F/q2/get", {"count": 5, "encoding": "base64"}),
    ("POST", "/queues/%2F/q2/get", {**FETCH, "encoding": "zip"}),
    ("POST", "/queues/%2F/nonq/get", FETCH),
    ("PUT", "/policies/%2F/p1", {"pattern": "^q", "definition": {"max-length": 1000}, "priority": 1,
                                 "apply-to": "queues"}),
    ("PUT", "/policies/%2F/p1", {"pattern": "^q", "definition": {"max-length": 1000}, "priority": 1,
                                 "apply-to": "queues"}),
    ("PUT", "/policies/%2F/p2", {"definition": {"max-length": 1}}),
    ("PUT", "/operator-policies/%2F/op1", {"pattern": "^q", "definition": {"max-length": 500}, "priority": 0,
                                           "apply-to": "queues"}),
    ("PUT", "/vhost-limits/%2F/max-connections", {"value": 100}),
    ("PUT", "/vhost-limits/%2F/nonsense", {"value": 100}),
    ("PUT", "/user-limits/u1/max-channels", {"value": 100}),
    ("PUT", "/user-limits/nou/max-channels", {"value": 100}),
    ("PUT", "/global-parameters/gp", {"name": "gp", "value": {"a": 1}}),
    ("PUT", "/global-parameters/gp", {"name": "gp", "value": {"a": 1}}),
    ("PUT", "/parameters/nocomp/%2F/x", {"value": {}}),
    ("PUT", "/cluster-name", {"name": "mycluster"}),
]

# Asked while a client publishes and consumes: statuses, keys and types are compared. NODE, CONNECTION and CHANNEL stand
# for names.
GETS = """
/overview /overview?columns=node,object_totals.queues
/overview?msg_rates_age=60&msg_rates_incr=5&lengths_age=60&lengths_incr=5
/overview?lengths_age=0&lengths_incr=5 /nodes?node_stats_age=0&node_stats_incr=5
/nodes/NODE?node_stats_age=60&node_stats_incr=5
/queues/%2F/busy?lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5
/queues/%2F/busy?lengths_age=1800&lengths_incr=30 /queues/%2F/busy?lengths_age=60 /queues/%2F/busy?lengths_age=x&lengths_incr=5
/queues/%2F/busy?lengths_age=0&lengths_incr=5 /queues/%2F/busy?msg_rates_age=60&msg_rates_incr=-5
/queues/%2F/busy?msg_rates_age=2505&msg_rates_incr=5 /queues?lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5
/queues/%2F?page=1&page_size=2&sort=name&lengths_age=60&lengths_incr=5 /queues?lengths_age=0&lengths_incr=5
/exchanges/%2F/x1?msg_rates_age=60&msg_rates_incr=5 /exchanges?msg_rates_age=60&msg_rates_incr=5
/exchanges/%2F/x1?msg_rates_age=0&msg_rates_incr=5
/channels/CHANNEL?msg_rates_age=60&msg_rates_incr=5 /channels?msg_rates_age=60&msg_rates_incr=5
/channels?msg_rates_age=0&msg_rates_incr=5
/connections/CONNECTION?data_rates_age=60&data_rates_incr=5 /connections?data_rates_age=60&data_rates_incr=5
/connections?data_rates_age=0&data_rates_incr=5
/nodes /nodes/NODE /nodes/NODE/memory /nodes?columns=name,running
/connections /connections/CONNECTION /connections/CONNECTION/channels /connections/none /connections?page=1&page_size=3
/channels /channels/CHANNEL /channels/none /channels?page=1&page_size=3 /consumers /consumers/%2F
/exchanges /exchanges/%2F /exchanges/%2F/x1 /exchanges/%2F/x1/bindings/source /exchanges/%2F/nox /exchanges/nov
/exchanges/%2F/amq.fanout/bindings/destination /exchanges?page=1&page_size=3
/queues /queues/%2F /queues/%2F/busy /queues/%2F/q1 /queues/%2F/none /queues/nov /queues/%2F/q1/bindings
/queues?page=1&page_size=2&sort=name&sort_reverse=true /queues?page=1&page_size=2&name=q&use_regex=false
/queues?page=99&page_size=2 /queues?page=0&page_size=2 /queues?page=1&page_size=999
/queues?columns=name,messages,message_stats.publish_details.rate /queues?sort=messages&columns=name,messages
/queues?disable_stats=true&enable_queue_totals=true /queues?disable_stats=true
/queues?page=1&page_size=100&name=(&use_regex=true
/bindings /bindings/%2F /bindings/%2F/e/x1/q/q1 /bindings/%2F/e/x1/e/amq.fanout /bindings/%2F/e/x1/q/q1/a.%252A
/bindings/%2F/e/x1/q/q1/nope
/vhosts /vhosts/%2F /vhosts/%2F/permissions /vhosts/%2F/topic-permissions /vhosts/%2F/connections /vhosts/%2F/channels
/vhosts/novh /vhosts?columns=name
/users /users/u1 /users/nou /users/without-permissions /users/u1/permissions /users/u1/topic-permissions /whoami
/permissions /permissions/%2F/u1 /permissions/%2F/u3 /topic-permissions /topic-permissions/%2F/u1
/policies /policies/%2F /policies/%2F/p1 /policies/%2F/nop
/operator-policies /operator-policies/%2F /operator-policies/%2F/op1
/parameters/federation /parameters/federation/%2F /parameters/federation/%2F/x
/global-parameters /global-parameters/gp /global-parameters/nope
/vhost-limits /vhost-limits/%2F /user-limits /user-limits/u1
/definitions /definitions/%2F /cluster-name /aliveness-test/%2F /healthchecks/node
/health/checks/alarms /health/checks/local-alarms /health/checks/virtual-hosts /health/checks/port-listener/1
/health/checks/protocol-listener/amqp /health/checks/protocol-listener/mqtt
/health/checks/certificate-expiration/1/weeks /health/checks/node-is-mirror-sync-critical
/health/checks/node-is-quorum-critical /nonsense /auth/attempts/NODE
""".split()

# What is done last.
TEARDOWN = [
    ("POST", "/queues/%2F/q1/actions", {"action": "sync"}),
    ("POST", "/queues/%2F/q1/actions", {"action": "bad"}),
    ("DELETE", "/queues/%2F/q1/contents", None),
    ("DELETE", "/queues/%2F/noq/contents", None),
    ("DELETE", "/queues/%2F/busy?if-unused=true", None),
    ("DELETE", "/queues/%2F/q1?if-empty=true", None),
    ("DELETE", "/queues/%2F/q1", None),
    ("DELETE", "/bindings/%2F/e/x1/e/amq.fanout/b", None),
    ("DELETE", "/bindings/%2F/e/x1/e/amq.fanout/b", None),
    ("DELETE", "/exchanges/%2F/x1", None),
    ("DELETE", "/exchanges/%2F/x1", None),
    ("DELETE", "/exchanges/%2F/amq.topic", None),
    ("DELETE", "/policies/%2F/p1", None),
    ("DELETE", "/policies/%2F/p1", None),
    ("DELETE", "/vhost-limits/%2F/max-connections", None),
    ("DELETE", "/user-limits/u1/max-channels", None),
    ("DELETE", "/global-parameters/gp", None),
    ("DELETE", "/permissions/%2F/u1", None),
    ("DELETE", "/topic-permissions/%2F/u1", None),
    ("POST", "/users/bulk-delete", {"users": ["u2", "u3"]}),
    ("DELETE", "/users/u1", None),
    ("DELETE", "/users/u1", None),
    ("DELETE", "/vhosts/v1", None),
    ("DELETE", "/vhosts/v1", None),
    ("DELETE", "/connections/CONNECTION", None),
    ("DELETE", "/connections/none", None),
    ("POST", "/definitions", {"queues": [{"name": "imported", "vhost": "/", "durable": True, "auto_delete": False,
                                          "arguments": {}}]}),
    ("POST", "/definitions/%2F", {"queues": [{"name": "imported2", "durable": True, "auto_delete": False,
                                              "arguments": {}}]}),
    ("PUT", "/overview", {}),
    ("DELETE", "/overview", None),
    ("POST", "/queues", {}),
    ("OPTIONS", "/queues", None),
    ("HEAD", "/queues", None),
    ("POST", "/rebalance/queues", None),
]

# Who may what, in this order: every path for users with each tag, who have permissions on "/" and none on "v2".
PREPARE_MATRIX = [
    ("PUT", "/vhosts/v2", {}), ("PUT", "/queues/v2/qq", {}), ("PUT", "/queues/%2F/qq", {}),
    ("PUT", "/exchanges/%2F/xx", {"type": "direct"}), ("PUT", "/exchanges/v2/xx", {"type": "direct"}),
    ("POST", "/bindings/%2F/e/xx/q/qq", {"routing_key": "k"}), ("POST", "/bindings/v2/e/xx/q/qq", {"routing_key": "k"}),
    ("PUT", "/policies/%2F/pp", {"pattern": "nothing", "definition": {"max-length": 9}}),
    ("PUT", "/operator-policies/%2F/pp", {"pattern": "nothing", "definition": {"max-length": 9}}),
    ("PUT", "/global-parameters/gg", {"name": "gg", "value": 1}),
]
POLICY = {"pattern": "nothing", "definition": {"max-length": 9}}
MATRIX = [("GET", path, None) for path in """
/overview /nodes /nodes/NODE /nodes/NODE/memory /connections /vhosts/%2F/connections /vhosts/v2/connections /channels
/vhosts/%2F/channels /consumers /consumers/%2F /consumers/v2 /exchanges /exchanges/%2F /exchanges/v2 /exchanges/%2F/xx
/exchanges/v2/xx /exchanges/%2F/xx/bindings/source /queues /queues/%2F /queues/v2 /queues/%2F/qq /queues/v2/qq
/queues/%2F/qq/bindings /bindings /bindings/%2F /bindings/v2 /bindings/%2F/e/xx/q/qq /bindings/%2F/e/xx/q/qq/k
/bindings/v2/e/xx/q/qq /vhosts /vhosts/%2F /vhosts/v2 /vhosts/%2F/permissions /vhosts/v2/permissions
/vhosts/%2F/topic-permissions /users /users/guest /users/t_management /users/without-permissions
/users/guest/permissions /users/t_management/permissions /users/guest/topic-permissions /whoami /permissions
/permissions/%2F/guest /permissions/%2F/t_management /topic-permissions /topic-permissions/%2F/guest /policies
/policies/%2F /policies/v2 /policies/%2F/pp /operator-policies /operator-policies/%2F /operator-policies/%2F/pp
/parameters /parameters/federation /parameters/federation/%2F /global-parameters /global-parameters/gg /vhost-limits
/vhost-limits/%2F /vhost-limits/v2 /user-limits /user-limits/guest /user-limits/t_management /definitions
/definitions/%2F /definitions/v2 /cluster-name /extensions /aliveness-test/%2F /aliveness-test/v2 /healthchecks/node
/health/checks/alarms /health/checks/local-alarms /health/checks/virtual-hosts /health/checks/protocol-listener/amqp
/health/checks/node-is-quorum-critical /auth /feature-flags /auth/attempts/NODE
""".split()] + [
    ("PUT", "/vhosts/w1", {}), ("DELETE", "/vhosts/w1", None), ("PUT", "/users/w1", {"password": "x", "tags": ""}),
    ("PUT", "/permissions/%2F/t_none", ALL),
    ("PUT", "/topic-permissions/%2F/t_none", {"exchange": "amq.topic", "write": ".*", "read": ".*"}),
    ("DELETE", "/topic-permissions/%2F/t_none", None), ("DELETE", "/users/w1", None), ("PUT", "/queues/%2F/w1", {}),
    ("PUT", "/queues/v2/w1", {}), ("POST", "/exchanges/%2F/amq.default/publish", {**PUBLISH, "routing_key": "w1"}),
    ("POST", "/queues/%2F/w1/get", FETCH), ("DELETE", "/queues/%2F/w1/contents", None),
    ("POST", "/queues/%2F/w1/actions", {"action": "sync"}), ("DELETE", "/queues/%2F/w1", None),
    ("DELETE", "/queues/v2/w1", None), ("PUT", "/exchanges/%2F/w1", {"type": "direct"}),
    ("DELETE", "/exchanges/%2F/w1", None), ("POST", "/bindings/%2F/e/xx/q/qq", {"routing_key": "w"}),
    ("DELETE", "/bindings/%2F/e/xx/q/qq/w", None), ("PUT", "/policies/%2F/w1", POLICY),
    ("DELETE", "/policies/%2F/w1", None), ("PUT", "/policies/v2/w1", POLICY), ("DELETE", "/policies/v2/w1", None),
    ("PUT", "/operator-policies/%2F/w1", POLICY), ("DELETE", "/operator-policies/%2F/w1", None),
    ("PUT", "/global-parameters/w1", {"name": "w1", "value": 1}), ("DELETE", "/global-parameters/w1", None),
    ("PUT", "/vhost-limits/%2F/max-queues", {"value": 1000}), ("DELETE", "/vhost-limits/%2F/max-queues", None),
    ("PUT", "/user-limits/t_none/max-channels", {"value": 1000}), ("DELETE", "/user-limits/t_none/max-channels", None),
    ("PUT", "/cluster-name", {"name": "n1"}), ("POST", "/definitions", {}), ("POST", "/definitions/%2F", {}),
    ("POST", "/users/bulk-delete", {"users": []}), ("POST", "/rebalance/queues", {}),
]


def shape(value):
    """Keys and types: {"key": shape} for objects, the union of all members for lists."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        together = None
        for member in value:
            together = merge(together, shape(member))
        return [together] if together is not None else []
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "null" if value is None else "string"


def merge(one, other):
    if one is None or one == other:
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: merge(one.get(key), other[key]) if key in other else one[key] for key in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list):
        return [merge(one[0] if one else None, other[0])] if other else one
    return "any"


class Conversation:
    """Holds the conversation with one broker: `connection` is a pika connection to it, busy while GETs are asked."""

    def __init__(self, api, connection):
        self.api, self.connection = api, connection
        self.names = {}

    def path(self, template):
        for stands_for, name in self.names.items():
            template = template.replace(stands_for, urllib.parse.quote(name, safe=""))
        return template

    def ask(self, method, path, body=None):
        status, headers, value = self.api.call(method, self.path(path), body)
        found = {"status": status}
        if "allow" in headers:
            found["allow"] = headers["allow"]
        if status >= 400:
            found["body"] = value
        elif method == "GET":
            found["shape"] = shape(value)
        else:
            found["shape"] = shape(value)
        return found

    def hold(self):
        """{"METHOD path #n": what was answered}, in order."""
        answers = {}
        for number, (method, path, body) in enumerate(SETUP):
            answers[f"setup {number} {method} {path}"] = self.ask(method, path, body)
        self.be_busy()
        nodes = self.api.get("/nodes")
        self.names["NODE"] = nodes[0]["name"]
        self.names["CONNECTION"] = self.api.get("/connections")[0]["name"]
        self.names["CHANNEL"] = self.api.get("/channels")[0]["name"]
        for path in GETS:
            answers[f"GET {path}"] = self.ask("GET", path)
        for number, (method, path, body) in enumerate(TEARDOWN):
            answers[f"teardown {number} {method} {path}"] = self.ask(method, path, body)
        return answers

    def be_busy(self, seconds=7):
        """Every kind of count rises; a second longer than statistics need."""
        consuming, publishing = self.connection.channel(), self.connection.channel()
        consuming.basic_qos(prefetch_count=10)
        consuming.queue_declare("busy")
        publishing.confirm_delivery()
        consuming.basic_consume("busy", lambda channel, method, *_: channel.basic_ack(method.delivery_tag)
                                if method.delivery_tag % 2 else None, arguments={"a": 1}, consumer_tag="ct")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            publishing.basic_publish("", "busy", b"x")
            try:
                publishing.basic_publish("amq.topic", "none", b"x", mandatory=True)
            except Exception:  # returned, as intended
                pass
            publishing.basic_publish("x1", "none", b"x")
            publishing.basic_publish("x1", "a.b", b"x")
            publishing.basic_get("q2")
            self.connection.process_data_events(0)
            time.sleep(0.02)


def matrix(port):
    """{"METHOD path": [status by tag]}"""
    guest = Api(port)
    for tag in TAGS:
        guest.put(f"/users/t_{tag}", {"password": "p", "tags": "" if tag == "none" else tag})
        guest.put(f"/permissions/%2F/t_{tag}", ALL)
    for method, path, body in PREPARE_MATRIX:
        guest.call(method, path, body)
    node = guest.get("/nodes")[0]["name"]
    found = {}
    for method, path, body in MATRIX:
        found[f"{method} {path}"] = [
            Api(port, f"t_{tag}", "p").call(method, path.replace("NODE", node), body)[0] for tag in TAGS]
    return found

"""Random AMQP programs. The same seed gives the same program for ever on one version of this file.

A program is a list of operations (dicts that JSON can hold); runner.py says what each does. A theme decides which features
meet in one program; what two right brokers may do differently is not generated:
- RabbitMQ dead-letters to the keys of a BCC header that it has removed: no BCC where there are dead letters;
- RabbitMQ looks for the queues of a transaction's messages again at the commit: no queue is deleted meanwhile;
- RabbitMQ expires by a timer that a message of higher priority does not set: no short lives among priorities;
- two queues' deliveries on one channel have no order between them: runner.py orders them by consumer;
- two queues that drop what is too many into exchanges, perhaps each into the other, work at once: only one of them has a
  limit of its length (RabbitMQ's outcome is another one nearly each time);
- when a short time to live is about, what puts messages into queues is followed by a wait that is much longer, and longer
  still when messages may pass through several such queues.
"""
import json
import random

from themes import THEMES

WAIT_MS = 60  # a short time to live is 20 ms; for each queue that has one
FILLS_QUEUES = {"publish", "settle", "recover", "close", "commit", "error", "redeclare", "delete_queue", "cancel"}


def drops_into_exchange(declaration):
    """Whether the queue's length limit feeds an exchange that may lead to several queues."""
    return "x-max-length" in declaration["args"] and declaration["args"].get("x-dead-letter-exchange")


class Generator:
    def __init__(self, seed, theme=None):
        self.random = random.Random(seed)
        self.theme = THEMES[theme or self.random.choice(sorted(THEMES))]
        self.operations = []
        self.queues, self.exchanges, self.tags = [], [], []
        self.confirming = self.random.random() < self.theme.get("confirm", 0.3)
        self.transactional = not self.confirming and self.random.random() < self.theme.get("tx", 0.04)

    # -- choosing -----------------------------------------------------------------------------------------------------

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, choices):
        return self.random.choice(choices)

    def channel(self, channels=("a1", "a2", "b1")):
        return self.pick(channels) if self.chance(0.3) else channels[0]

    def queue(self):
        if self.chance(self.theme.get("missing", 0.01)):
            return "@missing"
        return self.pick(self.queues)["queue"] if self.queues else "@missing"

    def exchange(self):
        if self.chance(self.theme.get("missing", 0.01)):
            return "@nowhere"
        return self.pick(self.exchanges + ["", "amq.fanout"] if self.chance(0.4) or not self.exchanges else self.exchanges)

    def key(self, exchange=""):
        if exchange == "" and self.chance(0.9):
            return self.queue()
        return self.pick(self.theme.get("keys", ["a", "b", "a.b", ""]))

    def add(self, op, channel="a1", **more):
        self.operations.append({"op": op, "c": channel, **more})

    # -- topology -----------------------------------------------------------------------------------------------------

    def arguments(self):
        """Some of the theme's argument sets, merged, with names resolved."""
        chosen = {}
        for arguments in self.theme["arguments"]:
            if self.chance(self.theme.get("argument", 0.4)):
                chosen.update(arguments)
        return {name: self.resolve(value) for name, value in chosen.items()}

    def resolve(self, value):
        if isinstance(value, (list, set)):
            value = self.pick(list(value))
        if value == "<exchange>":
            return self.pick(self.exchanges + ["", "amq.fanout", "@nowhere"])
        if value == "<queue>":
            return f"@q{self.random.randint(1, 3)}"
        return value

    def declare_exchanges(self):
        for number in range(self.random.randint(*self.theme.get("exchanges", (0, 1)))):
            name = f"@x{number + 1}" + self.suffix("exchange_policies")
            kind = self.pick(self.theme.get("types", ["direct", "fanout", "topic", "headers"]))
            arguments = {}
            if self.chance(self.theme.get("alternate", 0.05)):
                arguments["alternate-exchange"] = self.pick(self.exchanges + ["amq.fanout", "@nowhere"])
            bits = "".join(bit for bit, p in (("d", 0.1), ("a", 0.1), ("i", 0.05)) if self.chance(p))
            self.add("declare_exchange", exchange=name, type=kind, flags=bits, args=arguments)
            self.exchanges.append(name)

    def suffix(self, policies):
        names = self.theme.get(policies, [])
        return "." + self.pick(names) if names and self.chance(0.7) else ""

    def declare_queues(self):
        for number in range(self.random.randint(*self.theme.get("queues", (1, 3)))):
            operation = {"queue": f"@q{number + 1}" + self.suffix("policies"), "args": self.arguments()}
            if drops_into_exchange(operation) and any(map(drops_into_exchange, self.queues)):
                del operation["args"]["x-max-length"]
            bits = "".join(bit for bit, p in self.theme.get("flags", [("d", 0.1), ("a", 0.05), ("e", 0.05)])
                           if self.chance(p))
            if bits:
                operation["flags"] = bits
            self.add("declare_queue", **operation)
            self.queues.append(operation)

    def bindings(self):
        for _ in range(self.random.randint(*self.theme.get("bindings", (1, 4)))):
            if self.exchanges and len(self.exchanges) > 1 and self.chance(self.theme.get("e2e", 0.1)):
                self.add("bind_exchange", to=self.pick(self.exchanges), key=self.binding_key(),
                         **{"from": self.pick(self.exchanges)}, args=self.binding_arguments())
            else:
                self.add("bind", to=self.queue(), key=self.binding_key(), args=self.binding_arguments(),
                         **{"from": self.pick(self.exchanges + ["amq.fanout"])})

    def binding_key(self):
        return self.pick(self.theme.get("patterns", ["a", "b", "#", "a.*", ""]))

    def binding_arguments(self):
        if not self.chance(self.theme.get("headers", 0.1)):
            return {}
        arguments = {name: self.pick([1, "1", True, None]) for name in ("h1", "h2", "x-h3") if self.chance(0.5)}
        if self.chance(0.8):
            arguments["x-match"] = self.pick(["all", "any", "all-with-x", "any-with-x"])
        return arguments

    # -- what happens -------------------------------------------------------------------------------------------------

    def act_publish(self):
        properties = {}
        exchange = self.exchange()
        for name, values, probability in self.theme.get("properties", []):
            if self.chance(probability):
                properties[name] = self.resolve(values)
        headers = {}
        if self.chance(self.theme.get("headers", 0.1)):
            headers.update({name: self.pick([1, "1", True, None]) for name in ("h1", "h2", "x-h3") if self.chance(0.6)})
        for name in ("CC", "BCC") if self.theme.get("bcc") else ("CC",):
            if self.chance(self.theme.get("cc", 0.03)):
                headers[name] = ["A", [["S", self.key(exchange)] for _ in range(self.random.randint(1, 2))]]
        if headers:
            properties["headers"] = headers
        operation = {"exchange": exchange, "key": self.key(exchange)}
        if properties:
            operation["props"] = properties
        if self.chance(self.theme.get("mandatory", 0.15)):
            operation["mandatory"] = True
        if self.chance(0.5):
            operation["n"] = self.random.randint(2, 5)
        if self.chance(self.theme.get("sized", 0.05)):
            operation["size"] = self.pick([1, 10, 20, 40])
        self.add("publish", "a1" if self.confirming or self.transactional else self.channel(), **operation)

    def act_get(self):
        self.add("get", self.channel(), queue=self.queue(), no_ack=self.chance(0.3))

    def act_consume(self):
        tag = f"t{len(self.tags) + 1}"
        channel, arguments = self.channel(), {}
        if self.chance(self.theme.get("consumer_priority", 0.05)):
            arguments["x-priority"] = self.random.randint(-1, 3)
        bits = "".join(bit for bit, p in (("n", 0.2), ("x", self.theme.get("exclusive", 0.03))) if self.chance(p))
        if self.chance(0.7):
            self.add("qos", channel, count=self.random.randint(0, 3))
        self.add("consume", channel, queue=self.queue(), tag=tag, flags=bits, args=arguments)
        self.tags.append((channel, tag))

    def act_cancel(self):
        if self.tags:
            channel, tag = self.pick(self.tags)
            self.add("cancel", channel, tag=tag)

    def act_settle(self):
        which = self.pick([0, 0, 0, 1, 2, "all"])
        self.add("settle", self.channel(), which=which, multiple=self.chance(0.3),
                 how=self.pick(self.theme.get("settle", ["ack", "ack", "nack", "reject"])),
                 requeue=self.chance(self.theme.get("requeue", 0.6)))

    def act_qos(self):
        self.add("qos", self.channel(), count=self.random.randint(0, 3))

    def act_recover(self):
        self.add("recover", self.channel())

    def act_purge(self):
        self.add("purge", queue=self.queue())

    def act_unbind(self):
        bound = [operation for operation in self.operations if operation["op"] == "bind"]
        if bound:
            chosen = self.pick(bound)
            self.add("unbind", **{name: chosen[name] for name in ("to", "from", "key", "args") if name in chosen})

    def act_delete_queue(self):
        self.add("delete_queue", queue=self.queue(), flags=self.pick(["", "", "u", "e", "ue"]))

    def act_delete_exchange(self):
        if self.exchanges:
            self.add("delete_exchange", exchange=self.pick(self.exchanges), flags=self.pick(["", "u"]))

    def act_close(self):
        self.add(*self.pick([("close_channel", "a1"), ("close_channel", "a2"), ("close_connection", "b1")]))

    def act_commit(self):
        if self.transactional:
            self.add(self.pick(["commit", "commit", "rollback"]))

    def act_redeclare(self):
        """The same again, or something else under the same name."""
        declared = [operation for operation in self.operations if operation["op"] == "declare_queue"]
        if not declared:
            return
        operation = {**self.pick(declared), "c": self.channel()}
        change = self.random.random()
        if change < 0.4:
            operation["args"] = self.arguments()
        elif change < 0.6:
            operation["flags"] = self.pick(["", "d", "a", "e", "de"])
        self.operations.append(operation)

    def act_passive(self):
        self.add("passive_queue", self.channel(), queue=self.queue())

    def act_error(self):
        self.operations.append(dict(self.pick(self.theme["errors"])))
        operation = self.operations[-1]
        operation.setdefault("c", self.channel())
        for name in ("queue", "exchange", "to", "from"):
            if operation.get(name) == "<queue>":
                operation[name] = self.queue()
            elif operation.get(name) == "<exchange>":
                operation[name] = self.pick(self.exchanges or ["amq.direct"])

    def act_wait(self):
        expiring = sum(op["args"].get("x-message-ttl") == 20 or "ttl" in op["queue"] for op in self.queues)
        self.add("wait", ms=WAIT_MS * max(1, expiring))

    def short_lived(self):
        """Whether a message may be about to expire: then nothing else happens until it has."""
        return any(sign in json.dumps(self.operations) for sign in ('"20"', ': 20,', ': 20}', "ttl20", "op-ttl"))

    def program(self):
        self.declare_exchanges()
        self.declare_queues()
        self.bindings()
        if self.confirming:
            self.add("confirm_select")
        if self.transactional:
            self.add("tx_select")
        weights = {"publish": 6, "get": 2, "consume": 1, "cancel": 0.3, "settle": 3, "qos": 0.1, "recover": 0.2,
                   "purge": 0.2, "unbind": 0.2, "delete_queue": 0.2, "delete_exchange": 0.1, "close": 0.4,
                   "redeclare": 0.2, "passive": 0.1, "commit": 2 if self.transactional else 0, **self.theme["acts"]}
        if self.transactional:
            weights["delete_queue"] = 0
        acts = sorted(weights)
        for _ in range(self.random.randint(4, 18)):
            act = self.random.choices(acts, [weights[act] for act in acts])[0]
            getattr(self, "act_" + act)()
            if act in FILLS_QUEUES and self.short_lived():
                self.act_wait()
        return self.operations


def program(seed, theme=None):
    return Generator(seed, theme).program()

"""Three joined nodes, with queues on one of them and clients on others; `Client` methods that the client itself has not."""
import time
import unittest

from . import raw
from .client import Refused
from .cluster import WAIT_S, LocalCluster

NODES = ("node1", "node2", "node3")
PAIRS = [(home, via) for home in NODES for via in NODES if home != via]
PERSISTENT = {"delivery_mode": 2}


class OnThreeNodes(unittest.TestCase):
    config = ""

    @classmethod
    def setUpClass(cls):
        cls.cluster = LocalCluster(config=cls.config).open()
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        self.confirmed_upto = {}  # by client

    # -- clients ------------------------------------------------------------------------------------------------------

    def on(self, name, confirm=False, **more):
        client = self.cluster[name].client(**more)
        self.addCleanup(client.cut)
        if confirm:
            client.confirm()
        return client

    def queue(self, home, durable=True, **more):
        """A new queue on that node, named after the test."""
        self.queues = getattr(self, "queues", 0) + 1
        name = f"{self._testMethodName}-{self.queues}"
        client = self.on(home)
        client.declare(name, durable=durable, **more)
        if not more.get("exclusive"):
            client.close()
        return name

    def fill(self, via, queue, bodies, exchange="", **properties):
        """Publishes with confirms through a node and waits for all of them."""
        client = self.on(via, confirm=True)
        for body in bodies:
            client.publish(exchange, queue, body, **(properties or PERSISTENT))
        self.confirmed(client, len(bodies))
        client.close()

    def confirmed(self, client, upto):
        """Waits until everything up to this number is confirmed; none may be nacked."""
        missing = set(range(self.confirmed_upto.get(client, 0) + 1, upto + 1))
        while missing:
            event = client.wait_reply(1, "ack", "nack")
            self.assertEqual(event.name, "ack")
            missing -= {tag for tag in missing if tag <= event.delivery_tag} if event.multiple else {event.delivery_tag}
        self.confirmed_upto[client] = upto

    def drain(self, via, queue, upto=None):
        """Bodies of a queue in order, taken by basic.get until it is empty, or until `upto` of them have come."""
        client, bodies = self.on(via), []
        deadline = time.monotonic() + WAIT_S
        while True:
            got = client.get(queue)
            if got.name == "get-ok":
                bodies.append(got.body)
            elif upto is None or len(bodies) >= upto or time.monotonic() > deadline:
                client.close()
                return bodies

    def count(self, via, queue):
        client = self.on(via)
        counted = client.declare(queue, passive=True).messages
        client.close()
        return counted

    def assert_refused(self, code, text, action, *arguments, **more):
        with self.assertRaises(Refused) as raised:
            action(*arguments, **more)
        self.assertIsNotNone(raised.exception.event, "the socket was closed without a word")
        self.assertEqual((raised.exception.event.code, raised.exception.event.text), (code, text))

    def closing(self, client):
        """The close of a connection, which must come."""
        with self.assertRaises(Refused) as raised:
            client.next_event("nothing else")
        self.assertIsNotNone(raised.exception.event, "the socket was closed without a word")
        return raised.exception.event

    def assert_missing(self, via, queue):
        client = self.on(via)
        self.assert_refused(404, f"NOT_FOUND - no queue '{queue}' in vhost '/'", client.declare, queue, passive=True)

    def home_of(self, queue, via="node1", vhost="/"):
        """The member a queue lives on, as operators see it."""
        for line in self.cluster[via].ctl("-q", "list_queues", "-p", vhost, "name", "pid").splitlines():
            name, _, pid = line.partition("\t")
            if name == queue:
                return next(node for node in NODES if node + "@" in pid or node + "." in pid)
        self.fail(f"list_queues does not know {queue}")


def method(class_id, method_id, arguments=b"", channel=1):
    return raw.method(channel, class_id, method_id, arguments)


def purge(queue):
    return raw.method(1, 50, 30, b"\x00\x00" + raw.short_string(queue) + b"\x00")


def delete(queue, if_unused=False, if_empty=False):
    return raw.method(1, 50, 40, b"\x00\x00" + raw.short_string(queue) + bytes([if_unused | if_empty << 1]))

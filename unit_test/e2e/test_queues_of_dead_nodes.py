"""Nodes that die, and what becomes of their queues that no other node has (features.md W14-W69,
docs/internals/across-nodes.md)."""
import time
import unittest

from harness import process
from harness.cluster import WAIT_S, Background
from harness.three_nodes import PERSISTENT, OnThreeNodes, delete, purge


class QueuesOfDeadNodes(OnThreeNodes):
    """node3 is the one that dies and comes back; each test leaves it running."""

    def down(self, queue):
        return f"NOT_FOUND - home node 'node3@localhost' of durable queue '{queue}' in vhost '/' is down or inaccessible"

    def assert_down(self, via, queue):
        for act in (lambda c: c.declare(queue, passive=True), lambda c: c.declare(queue, durable=True),
                    lambda c: c.get(queue), lambda c: c.consume(queue), lambda c: c.call(1, purge(queue), "queue.purge-ok"),
                    lambda c: c.call(1, delete(queue), "queue.delete-ok"), lambda c: c.bind(queue, "amq.direct", "k")):
            began = time.monotonic()
            self.assert_refused(404, self.down(queue), act, self.on(via))
            self.assertLess(time.monotonic() - began, 2)

    def come_back(self):
        node3 = self.cluster["node3"]
        if not node3.alive():
            node3.start()
        self.cluster.await_running(*self.cluster)

    def test_a_killed_nodes_queues_are_refused_by_name_and_return_with_it(self):
        self.addCleanup(self.come_back)
        durable, transient = self.queue("node3"), self.queue("node3", durable=False)
        self.fill("node1", durable, [b"kept"])
        consumer = self.on("node1")
        consumer.consume(durable, tag="durable")
        consumer.consume(transient, tag="transient")
        self.assertEqual(consumer.wait_reply(1, "deliver").body, b"kept")
        self.cluster["node3"].kill()
        began = time.monotonic()
        tags = {consumer.wait_reply(1, "cancel").tag for _ in range(2)}
        self.assertEqual(tags, {"durable", "transient"})
        self.assertLess(time.monotonic() - began, 3)
        for via in ("node1", "node2"):
            self.assert_down(via, durable)
        client = self.on("node2", confirm=True)
        client.publish("", durable, b"nowhere", mandatory=True, **PERSISTENT)
        self.assertEqual([client.read_event().name for _ in range(2)], ["return", "ack"])
        self.assertTrue(process.wait_until(lambda: transient not in self.cluster["node1"].ctl("list_queues"), WAIT_S, 0.1),
                        "a transient queue outlives its node")
        self.come_back()
        got = self.on("node1").get(durable)
        self.assertEqual((got.name, got.body), ("get-ok", b"kept"))
        self.assert_missing("node2", transient)

    def test_a_stopped_app_is_a_node_that_is_down(self):
        self.addCleanup(self.come_back)
        durable = self.queue("node3")
        self.fill("node1", durable, [b"kept"])
        consumer = self.on("node2")
        consumer.consume(durable, tag="mine")
        consumer.wait_reply(1, "deliver")
        self.cluster["node3"].ctl("stop_app")
        self.assertEqual(consumer.wait_reply(1, "cancel").tag, "mine")
        self.assert_down("node1", durable)
        self.cluster["node3"].ctl("start_app")
        self.cluster.await_running(*self.cluster)
        self.assertEqual(self.drain("node1", durable, 1), [b"kept"])

    def test_what_was_confirmed_outlives_kills_under_load(self):
        self.addCleanup(self.come_back)
        queue = self.queue("node3")
        client = self.on("node1", confirm=True)
        published, confirmed, nacked, returned = [0], set(), set(), set()

        def publish_window():
            first = published[0] + 1
            for _ in range(50):
                published[0] += 1
                client.publish("", queue, b"%d" % published[0], mandatory=True, **PERSISTENT)
            missing = set(range(first, published[0] + 1))
            while missing:
                event = client.read_event_or_close()
                if event.name == "return":  # the node is known to be down: the queue is no destination
                    returned.add(int(event.body))
                    continue
                upto = event.delivery_tag
                settled = {tag for tag in missing if tag <= upto} if event.multiple else {upto}
                (confirmed if event.name == "ack" else nacked).update(settled)
                missing -= settled

        for _ in range(2):
            before, work = len(confirmed), Background(publish_window)
            time.sleep(0.7)
            self.assertTrue(process.wait_until(lambda: len(confirmed) > before + 100, WAIT_S), "no load")
            self.cluster["node3"].kill()
            time.sleep(0.5)
            work.finish()
            self.come_back()
        publish_window()
        stored = [int(body) for body in self.drain("node2", queue, 1)]
        self.assertEqual(len(stored), len(set(stored)), "stored twice")
        self.assertEqual(stored, sorted(stored))
        self.assertEqual(confirmed | nacked, set(range(1, published[0] + 1)))
        self.assertEqual(confirmed - returned - set(stored), set(), "confirmed and lost")
        self.assertEqual(returned & set(stored), set(), "returned and stored")
        self.assertGreater(len(stored), 100)


if __name__ == "__main__":
    unittest.main()

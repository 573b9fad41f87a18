"""Any client may use any queue through any node (features.md W14-W69, docs/internals/across-nodes.md): three joined nodes,
every test with the queue on one of them and its clients on others."""
import select
import struct
import time
import unittest

from harness import process
from harness.client import Refused
from harness.cluster import WAIT_S, Background
from harness.three_nodes import NODES, PAIRS, PERSISTENT, OnThreeNodes, delete, method, purge


class Queues(OnThreeNodes):
    # -- methods ------------------------------------------------------------------------------------------------------

    def test_declaring_again_counts_and_compares_on_every_node(self):
        for home, via in PAIRS:
            queue = self.queue(home)
            self.fill(home, queue, [b"1", b"2", b"3"])
            client = self.on(via)
            self.assertEqual(client.declare(queue, passive=True).messages, 3)
            self.assertEqual(client.declare(queue, durable=True).messages, 3)
            client.consume(queue, no_ack=False)
            self.assertEqual(self.on(home).declare(queue, passive=True).consumers, 1)
            self.assert_refused(406, f"PRECONDITION_FAILED - inequivalent arg 'durable' for queue '{queue}' in vhost '/': "
                                     "received 'false' but current is 'true'", client.declare, queue)

    def test_bind_publish_get_purge_and_delete(self):
        for home, via in PAIRS:
            queue = self.queue(home)
            client = self.on(via, confirm=True)
            client.exchange(f"x-{queue}", "topic")
            client.bind(queue, f"x-{queue}", "a.*")
            for number in range(5):
                client.publish(f"x-{queue}", "a.b", b"%d" % number, mandatory=True, message_id=str(number))
            self.confirmed(client, 5)
            self.assertEqual(client.take("return"), [])
            got = client.get(queue)
            self.assertEqual((got.body, got.exchange, got.key, got.redelivered, got.messages),
                             (b"0", f"x-{queue}", "a.b", False, 4))
            self.assertEqual(got.properties["message_id"], "0")
            got = client.get(queue, no_ack=False)
            self.assertEqual(got.body, b"1")
            self.assertEqual(client.call(1, purge(queue), "queue.purge-ok").messages, 3)
            self.assertEqual(client.get(queue).name, "get-empty")
            client.nack(got.delivery_tag)
            self.assertEqual([got.body for got in [client.get(queue, no_ack=False)]], [b"1"])
            client.publish("", queue, b"last")
            self.confirmed(client, 6)
            self.assertEqual(client.call(1, delete(queue), "queue.delete-ok").messages, 1)
            self.assertEqual(client.call(1, delete(queue), "queue.delete-ok").messages, 0)
            for node in NODES:
                self.assert_missing(node, queue)

    def test_delete_if_unused_and_if_empty(self):
        queue = self.queue("node1")
        consumer = self.on("node2")
        consumer.consume(queue, tag="c")
        self.assert_refused(406, f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' in use", self.on("node3").call, 1,
                            delete(queue, if_unused=True), "queue.delete-ok")
        consumer.cancel("c")
        self.fill("node2", queue, [b"there"])
        self.assert_refused(406, f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' not empty", self.on("node3").call, 1,
                            delete(queue, if_empty=True), "queue.delete-ok")
        self.on("node3").call(1, delete(queue), "queue.delete-ok")

    def test_unroutable_mandatory_messages_return_before_their_confirm(self):
        queue = self.queue("node1")
        client = self.on("node2", confirm=True)
        client.publish("", queue + "-none", b"nowhere", mandatory=True)
        client.publish("", queue, b"somewhere", mandatory=True)
        events = [client.read_event() for _ in range(3)]
        names = [event.name for event in events]
        self.assertEqual(sorted(names), ["ack", "ack", "return"])
        returned = events[names.index("return")]
        self.assertEqual((returned.code, returned.text, returned.body), (312, "NO_ROUTE", b"nowhere"))
        first_ack = next(event for event in events if event.name == "ack" and event.delivery_tag == 1)
        self.assertLess(names.index("return"), events.index(first_ack))
        self.assertEqual(self.drain("node3", queue), [b"somewhere"])

    def test_prefetch_and_acks(self):
        for home, via in PAIRS[:3]:
            queue = self.queue(home)
            self.fill(via, queue, [b"%d" % number for number in range(10)])
            client = self.on(via)
            client.qos(3)
            client.consume(queue)
            first = [client.wait_reply(1, "deliver") for _ in range(3)]
            self.assertEqual([event.body for event in first], [b"0", b"1", b"2"])
            client.barrier()
            self.assertEqual(client.take("deliver"), [], "more than the prefetch limit")
            client.ack(first[1].delivery_tag, multiple=True)
            more = [client.wait_reply(1, "deliver") for _ in range(2)]
            self.assertEqual([event.body for event in more], [b"3", b"4"])
            client.cut()
            self.assertTrue(process.wait_until(lambda queue=queue, home=home: self.count(home, queue) == 8, WAIT_S))
            other = self.on(home)
            left = [other.get(queue) for _ in range(8)]
            self.assertEqual([event.body for event in left], [b"%d" % number for number in range(2, 10)])
            self.assertEqual([event.redelivered for event in left], [True] * 3 + [False] * 5)

    def test_a_shared_prefetch_window_counts_over_nodes(self):
        queues = [self.queue(node) for node in NODES]
        for queue in queues:
            self.fill("node1", queue, [b"x"] * 5)
        client = self.on("node2")
        client.qos(4, shared=True)
        for queue in queues:
            client.consume(queue)
        tags = [client.wait_reply(1, "deliver").delivery_tag for _ in range(4)]
        time.sleep(0.3)
        client.barrier()
        self.assertEqual(client.take("deliver"), [])
        seen = 4
        while seen < 15:
            client.ack(tags.pop(0))
            tags.append(client.wait_reply(1, "deliver").delivery_tag)
            seen += 1

    def test_an_ack_of_a_tag_twice_is_refused(self):
        queue = self.queue("node1")
        self.fill("node2", queue, [b"once"])
        client = self.on("node2")
        tag = client.get(queue, no_ack=False).delivery_tag
        client.ack(tag)
        client.ack(tag)
        self.assert_refused(406, "PRECONDITION_FAILED - unknown delivery tag 1", client.barrier)

    def test_what_is_put_back_keeps_its_place(self):
        queue = self.queue("node3")
        bodies = [b"%d" % number for number in range(8)]
        self.fill("node1", queue, bodies)
        client = self.on("node2")
        tags = [client.get(queue, no_ack=False).delivery_tag for _ in range(5)]
        client.nack(tags[2])
        self.assertEqual(client.get(queue, no_ack=False).body, b"2")
        client.nack(0, multiple=True)
        self.assertTrue(process.wait_until(lambda: self.count("node1", queue) == 8, WAIT_S))
        other = self.on("node1")
        left = [other.get(queue) for _ in range(8)]
        self.assertEqual([event.body for event in left], bodies)
        self.assertEqual([event.redelivered for event in left], [True] * 5 + [False] * 3)

    def test_recover_gives_back_what_was_not_acked(self):
        queue = self.queue("node1")
        self.fill("node2", queue, [b"0", b"1"])
        client = self.on("node3")
        client.consume(queue)
        self.assertEqual([client.wait_reply(1, "deliver").body for _ in range(2)], [b"0", b"1"])
        client.call(1, method(60, 110, b"\x01"), "recover-ok")
        again = client.take("deliver")
        while len(again) < 2:
            again.append(client.wait_reply(1, "deliver"))
        self.assertEqual([(event.body, event.redelivered) for event in again], [(b"0", True), (b"1", True)])

    def test_transactions(self):
        queues = [self.queue("node1"), self.queue("node3")]
        client = self.on("node2")
        client.call(1, method(90, 10), "tx.select-ok")
        for queue in queues:
            client.publish("", queue, b"rolled back", **PERSISTENT)
        client.call(1, method(90, 30), "tx.rollback-ok")
        for queue in queues:
            client.publish("", queue, b"kept", **PERSISTENT)
        self.assertEqual([self.count("node1", queue) for queue in queues], [0, 0])
        client.call(1, method(90, 20), "tx.commit-ok")
        self.assertEqual([self.count("node2", queue) for queue in queues], [1, 1])
        got = client.get(queues[0], no_ack=False)
        client.ack(got.delivery_tag)
        client.call(1, method(90, 30), "tx.rollback-ok")
        client.cut()
        self.assertTrue(process.wait_until(lambda: self.count("node3", queues[0]) == 1, WAIT_S), "a rolled back ack took place")
        self.assertEqual([self.drain("node3", queue) for queue in queues], [[b"kept"], [b"kept"]])

    # -- order --------------------------------------------------------------------------------------------------------

    def test_each_publishers_order_is_kept(self):
        queue = self.queue("node1")
        consumer = self.on("node3")
        consumer.qos(100)
        consumer.consume(queue)
        publishers = [self.on(node, confirm=True) for node in NODES]
        count = 700
        for number in range(count):
            for index, client in enumerate(publishers):
                client.publish("", queue, struct.pack("!BI", index, number), **PERSISTENT)
        seen = {index: [] for index in range(3)}
        for _ in range(3 * count):
            event = consumer.wait_reply(1, "deliver")
            index, number = struct.unpack("!BI", event.body)
            seen[index].append(number)
            consumer.ack(event.delivery_tag)
        for index in range(3):
            self.assertEqual(seen[index], list(range(count)))
        for client in publishers:
            self.confirmed(client, count)

    def test_large_messages_keep_their_bytes_and_place(self):
        queue = self.queue("node1")
        bodies = [bytes([index]) * size for index, size in enumerate((0, 1, 4_000_000, 100_000, 9_000_000, 7))]
        self.fill("node2", queue, bodies)
        self.assertEqual(self.drain("node3", queue), bodies)

    # -- ways of a message --------------------------------------------------------------------------------------------

    def test_dead_letters_travel_over_all_nodes(self):
        last = self.queue("node3")
        middle = self.queue("node2", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": last,
                                                "x-message-ttl": 50})
        first = self.queue("node1", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": middle})
        self.fill("node3", first, [b"%d" % number for number in range(20)])
        client = self.on("node3")
        client.consume(first)
        for _ in range(20):
            client.nack(client.wait_reply(1, "deliver").delivery_tag, requeue=False)
        receiver = self.on("node1")
        receiver.consume(last, no_ack=True)
        arrived = [receiver.wait_reply(1, "deliver") for _ in range(20)]
        self.assertEqual([event.body for event in arrived], [b"%d" % number for number in range(20)])
        deaths = [{name: value for name, (_, value) in death[1].items()} for death in
                  arrived[0].properties["headers"]["x-death"][1]]
        self.assertEqual([(death["queue"], death["reason"], death["count"]) for death in deaths],
                         [(middle, "expired", 1), (first, "rejected", 1)])

    def test_alternate_exchange(self):
        queue = self.queue("node3")
        client = self.on("node1")
        client.exchange(f"ae-{queue}", "fanout")
        client.exchange(f"x-{queue}", "direct", arguments={"alternate-exchange": f"ae-{queue}"})
        self.on("node2").bind(queue, f"ae-{queue}")
        self.fill("node2", "no such key", [b"astray"], exchange=f"x-{queue}")
        self.assertEqual(self.drain("node1", queue), [b"astray"])

    def test_one_publish_to_queues_of_all_nodes(self):
        queues = [self.queue(node) for node in NODES]
        exchange = f"x-{queues[0]}"
        self.on("node1").exchange(exchange, "fanout")
        for node, queue in zip(NODES, reversed(queues)):
            self.on(node).bind(queue, exchange)
        for node in NODES:
            self.fill(node, "", [node.encode()], exchange=exchange)
        for queue in queues:
            self.assertEqual(self.drain("node2", queue), [node.encode() for node in NODES])

    def test_limits_of_a_queue_hold_for_publishers_of_other_nodes(self):
        queue = self.queue("node1", arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
        client = self.on("node2", confirm=True)
        outcomes = []
        for number in range(4):
            client.publish("", queue, b"%d" % number)
            outcomes.append(client.wait_reply(1, "ack", "nack").name)
        self.assertEqual(outcomes, ["ack", "ack", "nack", "nack"])
        self.assertEqual(self.drain("node3", queue), [b"0", b"1"])

    # -- whose queue --------------------------------------------------------------------------------------------------

    def test_exclusive_queues_are_their_connections(self):
        for home, via in PAIRS:
            queue = f"own-{home}-{via}"
            owner = self.on(home)
            owner.declare(queue, exclusive=True)
            locked = (f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '/'. It could be "
                      "originally declared on another connection or the exclusive property value does not match that of "
                      "the original declaration.")
            for act in (lambda c, q: c.declare(q, passive=True), lambda c, q: c.declare(q, exclusive=True),
                        lambda c, q: c.consume(q), lambda c, q: c.get(q), lambda c, q: c.call(1, purge(q), "queue.purge-ok"),
                        lambda c, q: c.call(1, delete(q), "queue.delete-ok"), lambda c, q: c.bind(q, "amq.direct", "k")):
                self.assert_refused(405, locked, act, self.on(via), queue)
            self.fill(via, queue, [b"anybody may publish"])
            self.assertEqual(owner.get(queue).body, b"anybody may publish")
            owner.close()
            for node in NODES:
                self.assert_missing(node, queue)

    def test_server_named_queues_live_with_their_connection(self):
        for node in NODES:
            owner = self.on(node)
            queue = owner.declare("", exclusive=True, arguments={"x-queue-leader-locator": "balanced"}).queue
            self.assertTrue(queue.startswith("amq.gen-"))
            self.assertEqual(self.home_of(queue), node)
            named = owner.declare("", arguments={"x-queue-leader-locator": "balanced"}, durable=True).queue
            self.assertEqual(self.home_of(named), node)
            owner.call(1, delete(named), "queue.delete-ok")
            owner.cut()
            other = next(each for each in NODES if each != node)
            self.assertTrue(process.wait_until(
                lambda queue=queue, other=other: queue not in self.cluster[other].ctl("list_queues"), WAIT_S))

    def test_exclusive_and_single_active_consumers(self):
        queue = self.queue("node1")
        first = self.on("node2")
        first.consume(queue, exclusive=True)
        self.assert_refused(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use", self.on("node3").consume,
                            queue)
        single = self.queue("node1", arguments={"x-single-active-consumer": True})
        active, waiting = self.on("node2"), self.on("node3")
        active.consume(single, tag="active")
        waiting.consume(single, tag="waiting")
        self.fill("node1", single, [b"0"])
        event = active.wait_reply(1, "deliver")
        active.ack(event.delivery_tag)
        active.barrier()
        active.cut()
        self.fill("node1", single, [b"1"])
        self.assertEqual(waiting.wait_reply(1, "deliver").body, b"1")

    def test_an_auto_delete_queue_goes_with_its_last_consumer(self):
        queue = self.queue("node1", durable=False, auto_delete=True)
        consumers = [self.on("node2"), self.on("node3")]
        for client in consumers:
            client.consume(queue, tag="c")
        consumers[0].cancel("c")
        self.assertEqual(self.on("node1").declare(queue, passive=True).consumers, 1)
        consumers[1].cut()
        self.assertTrue(process.wait_until(lambda: queue not in self.cluster["node2"].ctl("list_queues"), WAIT_S))

    def test_consumers_hear_of_a_deletion_on_another_node(self):
        queue = self.queue("node1")
        client = self.on("node2")
        client.consume(queue, tag="mine")
        self.on("node3").call(1, delete(queue), "queue.delete-ok")
        self.assertEqual(client.wait_reply(1, "cancel").tag, "mine")

    def test_direct_reply_to(self):
        service = self.queue("node2", durable=False)
        asker = self.on("node1")
        asker.consume("amq.rabbitmq.reply-to", no_ack=True)
        server = self.on("node3", confirm=True)
        server.consume(service, no_ack=True)
        for number in range(50):
            asker.publish("", service, b"%d" % number, reply_to="amq.rabbitmq.reply-to")
        for number in range(50):
            asked = server.wait_reply(1, "deliver")
            address = asked.properties["reply_to"]
            server.publish("", address, b"answer to " + asked.body)
        answers = [asker.wait_reply(1, "deliver").body for _ in range(50)]
        self.assertEqual(answers, [b"answer to %d" % number for number in range(50)])
        self.assertEqual(self.on("node2").declare(address, passive=True).consumers, 1)
        asker.close()
        self.assert_refused(404, f"NOT_FOUND - no queue '{address}' in vhost '/'", self.on("node1").declare, address,
                            passive=True)

    def test_queue_leader_locator(self):
        def homes(locator, count, via="node1"):
            names = [self.queue(via, arguments={"x-queue-leader-locator": locator}) for _ in range(count)]
            found = [self.home_of(name, "node2") for name in names]
            for name in names:
                self.on("node3").call(1, delete(name), "queue.delete-ok")
            return found

        self.assertEqual(homes("client-local", 3, "node2"), ["node2"] * 3)
        self.assertGreater(len(set(homes("random", 20))), 1)  # all alike: once in 3 to the 19th
        every = self.cluster["node1"].ctl("-q", "list_queues", "pid").splitlines()
        counts = {node: sum(node + "@" in line or node + "." in line for line in every) for node in NODES}
        fewest = min(NODES, key=lambda node: counts[node])
        self.assertEqual(homes("balanced", 1), [fewest])

    def test_a_queue_placed_elsewhere_can_be_used_at_once(self):
        for number in range(20):
            client = self.on("node1", confirm=True)
            queue = f"{self._testMethodName}-{number}"
            client.declare(queue, durable=True, arguments={"x-queue-leader-locator": "random"})
            client.publish("", queue, b"at once", mandatory=True)
            self.confirmed(client, 1)
            self.assertEqual(client.take("return"), [])
            self.assertEqual(client.get(queue).body, b"at once")
            client.call(1, delete(queue), "queue.delete-ok")

    # -- one set of metadata ------------------------------------------------------------------------------------------

    def test_what_was_answered_on_one_node_is_so_on_the_others_at_once(self):
        """An answer means that every node that is there has it: a client that talks to two of them sees no time between."""
        clients = {node: self.on(node) for node in NODES}
        watch = {node: self.on(node, confirm=True) for node in NODES}
        for number in range(60):
            here, there = PAIRS[number % len(PAIRS)]
            queue = f"at-once-{number}"
            clients[here].declare(queue, durable=True)
            self.assertEqual(clients[there].declare(queue, passive=True).messages, 0)
            clients[here].bind(queue, "amq.topic", f"key.{number}")
            watch[there].publish("amq.topic", f"key.{number}", b"routed", mandatory=True)
            event = watch[there].read_event()
            self.assertEqual(event.name, "ack", f"{event.name}: {there} does not know yet what {here} has answered")
            clients[here].call(1, delete(queue), "queue.delete-ok")
            watch[there].publish("amq.topic", f"key.{number}", b"nowhere", mandatory=True)
            self.assertEqual([watch[there].read_event().name for _ in range(2)], ["return", "ack"])

    def test_users_vhosts_and_permissions_are_the_clusters(self):
        for number in range(6):
            here, there = PAIRS[number]
            user, vhost = f"user-{number}", f"vhost-{number}"
            self.cluster[here].ctl("add_vhost", vhost)
            self.cluster[here].ctl("add_user", user, "secret")
            with self.assertRaises(Refused):
                self.on(there, user=user, password="secret", vhost=vhost)
            self.cluster[here].ctl("set_permissions", "-p", vhost, user, "^q", ".*", ".*")
            client = self.on(there, user=user, password="secret", vhost=vhost)
            client.declare("q", durable=True)
            self.assert_refused(403, f"ACCESS_REFUSED - configure access to queue 'other' in vhost '{vhost}' refused for user "
                                     f"'{user}'", client.declare, "other")
            self.cluster[there].ctl("change_password", user, "changed")
            self.on(here, user=user, password="changed", vhost=vhost)
            with self.assertRaises(Refused):
                self.on(here, user=user, password="secret", vhost=vhost)
            stays = self.on(here, user=user, password="changed", vhost=vhost)
            self.cluster[there].ctl("delete_vhost", vhost)
            self.assertEqual(self.closing(stays).code, 320)
            self.cluster[here].ctl("delete_user", user)
            with self.assertRaises(Refused):
                self.on(there, user=user, password="changed")

    def test_policies_and_parameters_are_the_clusters(self):
        queue = self.queue("node1")
        self.fill("node2", queue, [b"0", b"1", b"2"])
        self.cluster["node3"].ctl("set_policy", "short", f"^{queue}$", '{"max-length":1}', "--apply-to", "queues")
        self.assertEqual(self.drain("node2", queue), [b"2"])
        self.cluster["node2"].ctl("clear_policy", "short")
        self.fill("node3", queue, [b"0", b"1", b"2"])
        self.assertEqual(self.count("node1", queue), 3)
        self.cluster["node1"].ctl("set_global_parameter", "where", '"here"')
        for node in NODES:
            self.assertIn('where\t"here"', self.cluster[node].ctl("-q", "list_global_parameters"))
        self.cluster["node2"].ctl("clear_global_parameter", "where")
        for node in NODES:
            self.assertNotIn("where", self.cluster[node].ctl("-q", "list_global_parameters"))

    def test_deleting_a_vhost_takes_its_queues_on_all_nodes(self):
        self.cluster["node1"].ctl("add_vhost", "doomed")
        self.cluster["node1"].ctl("set_permissions", "-p", "doomed", "guest", ".*", ".*", ".*")
        clients = {node: self.on(node, vhost="doomed") for node in NODES}
        for node, client in clients.items():
            client.declare(f"q-{node}", durable=True)
        for node, client in clients.items():
            for other in NODES:
                client.consume(f"q-{other}")
        self.cluster["node2"].ctl("delete_vhost", "doomed")
        for client in clients.values():
            closed = self.closing(client)
            self.assertEqual((closed.code, closed.text), (320, "CONNECTION_FORCED - vhost 'doomed' is deleted"))
        self.cluster["node3"].ctl("add_vhost", "doomed")
        self.cluster["node3"].ctl("set_permissions", "-p", "doomed", "guest", ".*", ".*", ".*")
        for node in NODES:
            client = self.on(node, vhost="doomed")
            self.assert_refused(404, f"NOT_FOUND - no queue 'q-{node}' in vhost 'doomed'", client.declare, f"q-{node}",
                                passive=True)
        self.cluster["node1"].ctl("delete_vhost", "doomed")

    # -- load ---------------------------------------------------------------------------------------------------------

    def test_load_from_all_nodes_loses_and_doubles_nothing(self):
        """Each node has a queue, two publishers and a consumer, none of them for a queue of its own node alone."""
        queues = [self.queue(node) for node in NODES]
        rounds, window = 40, 50
        work = []

        def publisher(index, node):
            client, done = self.on(node, confirm=True), []

            def step():
                if len(done) == rounds:
                    return time.sleep(0.02)
                for number in range(window):
                    client.publish("", queues[(index + number) % 3], b"%d:%d" % (index, len(done) * window + number),
                                   **PERSISTENT)
                self.confirmed(client, (len(done) + 1) * window)
                done.append(True)

            work.append((Background(step), done))

        received = [[] for _ in NODES]

        def consumer(index):
            client = self.on(NODES[(index + 1) % 3])
            client.qos(30)
            client.consume(queues[index])

            def step():
                if not client.raw.buffer and not select.select([client.raw.socket], [], [], 0.2)[0]:
                    return
                event = client.wait_reply(1, "deliver")
                received[index].append(event.body)
                client.ack(event.delivery_tag)

            work.append((Background(step), None))

        for index in range(6):
            publisher(index, NODES[index % 3])
        for index in range(3):
            consumer(index)
        total = 6 * rounds * window
        arrived = process.wait_until(lambda: sum(map(len, received)) >= total, 2 * WAIT_S, 0.1)
        time.sleep(0.3)
        for thread, done in work:
            thread.finish()
        self.assertTrue(arrived, f"{sum(map(len, received))} of {total}")
        self.assertEqual(sum(map(len, received)), total, "messages came twice")
        for index, bodies in enumerate(received):
            self.assertEqual(len(set(bodies)), len(bodies))
            for origin in range(6):
                mine = [int(body.split(b":")[1]) for body in bodies if body.startswith(b"%d:" % origin)]
                self.assertEqual(mine, sorted(mine), f"order of publisher {origin} in queue {index}")
                self.assertEqual(len(mine), len([n for n in range(rounds * window) if (origin + n % window) % 3 == index]))


if __name__ == "__main__":
    unittest.main()

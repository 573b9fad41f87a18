"""Mirrored queues on three real nodes (features.md S19-S22, Q10-Q14; guarantees.md G1, G2): the node of a master dies, and a
mirror goes on with everything that was confirmed, once, in order; clients of the other nodes do not notice."""
import json
import threading
import time
import unittest

import pika

from harness import process
from harness.mirrored import FAILOVER_S, Consumer, OnMirrors


class Mirrors(OnMirrors):
    def test_confirmed_messages_survive_the_master(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        self.publish(self.two, "q", range(200))
        self.one.kill()
        self.publish(self.two, "q", range(200, 300))
        self.assertEqual(self.drain(self.three, "q"), list(range(300)))

    def test_publishers_and_consumers_of_other_nodes_go_on(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        consumer = Consumer(self.three, "q")
        published = []
        stop = threading.Event()

        def publish():
            connection = self.two.pika()
            channel = connection.channel()
            channel.confirm_delivery()
            while not stop.is_set():
                channel.basic_publish("", "q", str(len(published)).encode(), pika.BasicProperties(delivery_mode=2))
                published.append(len(published))
            connection.close()

        publisher = threading.Thread(target=publish, daemon=True)
        publisher.start()
        time.sleep(1)
        before = len(published)
        self.one.kill()
        process.wait_until(lambda: len(published) > before + 500, FAILOVER_S + 20, 0.05)
        stop.set()
        publisher.join(FAILOVER_S)
        self.assertGreater(len(published), before + 500, "the publisher did not go on")
        process.wait_until(lambda: len(set(consumer.bodies)) == len(published), FAILOVER_S, 0.05)
        consumer.stop()
        self.assertEqual(sorted(set(consumer.bodies)), published)
        self.assertFalse(consumer.cancelled)
        self.assertLessEqual(max(map(consumer.bodies.count, set(consumer.bodies))), 2)

    def test_a_queue_with_messages_becomes_mirrored_by_a_policy(self):
        self.declare(self.one, "q")
        self.publish(self.one, "q", range(100))
        self.mirror_all(self.two)
        self.await_synchronised("q", 2)
        self.publish(self.three, "q", range(100, 150))
        self.one.kill()
        self.assertEqual(self.drain_when_up(self.three, "q"), list(range(150)))

    def test_a_returning_node_is_in_sync_again_and_may_be_master(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        self.publish(self.one, "q", range(50))
        self.one.kill()
        self.publish(self.two, "q", range(50, 100))
        self.one.start()
        self.await_synchronised("q", 2)
        for member in (self.two, self.three):
            member.kill()
            survivors = [each for each in self.cluster if each is not member]
            self.publish(survivors[0], "q", [])
            member.start()
            self.await_synchronised("q", 2, at=self.one)
        self.assertEqual(self.drain(self.one, "q"), list(range(100)))

    def test_a_node_that_missed_much_gets_a_copy_while_the_queue_works(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        self.publish(self.one, "q", range(10))
        self.three.kill()
        connection = self.one.pika()
        channel = connection.channel()
        channel.confirm_delivery()
        for number in range(10, 400):
            channel.basic_publish("", "q", f"{number:<30000}".encode(), pika.BasicProperties(delivery_mode=2))
        self.three.start()
        self.publish(self.one, "q", range(400, 450))
        self.await_synchronised("q", 2)
        self.one.kill()
        self.two.kill()  # the copy is what is left; one node of three elects nobody, so one comes back
        self.two.start()
        self.await_other_master("q", self.three)
        self.assertEqual(self.drain(self.three, "q"), list(range(450)))

    def test_a_consumer_that_wants_to_know_of_a_failover_is_cancelled(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        connection = self.two.pika()
        channel = connection.channel()
        cancelled = []
        channel.add_on_cancel_callback(cancelled.append)
        channel.basic_consume("q", lambda *_: None, arguments={"x-cancel-on-ha-failover": True})
        self.one.kill()
        end = time.monotonic() + FAILOVER_S
        while not cancelled and time.monotonic() < end:
            connection.process_data_events(time_limit=0.1)
        self.assertTrue(cancelled)

    def test_what_was_not_acknowledged_comes_again_with_the_mark(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        self.publish(self.two, "q", range(5))
        connection = self.two.pika()
        channel = connection.channel()
        got = []
        channel.basic_consume("q", lambda _, method, __, body: got.append((int(body), method.redelivered, method.delivery_tag)))
        end = time.monotonic() + FAILOVER_S
        while len(got) < 5 and time.monotonic() < end:
            connection.process_data_events(time_limit=0.1)
        time.sleep(2)  # the mirrors hear of deliveries, which nothing shows
        self.one.kill()
        while len(got) < 10 and time.monotonic() < end + FAILOVER_S:
            connection.process_data_events(time_limit=0.1)
        self.assertEqual([(body, mark) for body, mark, _ in got],
                         [(number, False) for number in range(5)] + [(number, True) for number in range(5)])
        channel.basic_ack(5, multiple=True)   # of the master that is gone: goes nowhere
        channel.basic_ack(10, multiple=True)
        connection.close()
        self.assertEqual(self.drain(self.three, "q"), [])

    def test_a_drained_node_hands_its_masters_over_and_publishers_do_not_notice(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        connection = self.two.pika()
        channel = connection.channel()
        channel.confirm_delivery()
        longest, numbers, stop = 0, [], threading.Event()

        def drain():
            self.one.run("rabbitmq-upgrade", "drain")
            stop.set()

        drainer = threading.Thread(target=drain, daemon=True)
        drainer.start()
        end = time.monotonic() + 30
        while (not stop.is_set() or self.one.node in self.copies("q", self.two)[0]) and time.monotonic() < end:
            for _ in range(20):
                began = time.monotonic()
                channel.basic_publish("", "q", str(len(numbers)).encode(), pika.BasicProperties(delivery_mode=2))
                numbers.append(len(numbers))
                longest = max(longest, time.monotonic() - began)
        drainer.join(30)
        connection.close()
        self.assertNotIn(self.one.node, self.copies("q", self.two)[0])
        self.assertEqual(self.drain(self.three, "q"), numbers)
        self.assertLess(longest, 2)

    def test_a_node_that_is_stopped_hands_its_masters_over_first(self):
        self.mirror_all()
        for queue in ("q", "r"):
            self.declare(self.one, queue)
            self.await_synchronised(queue, 2)
        connection = self.two.pika()
        channel = connection.channel()
        channel.confirm_delivery()
        numbers, stopper = [], threading.Thread(target=self.one.stop, daemon=True)
        stopper.start()
        longest, end = 0, time.monotonic() + 20
        while (stopper.is_alive() or len(numbers) < 50) and time.monotonic() < end:
            began = time.monotonic()
            channel.basic_publish("", "q", str(len(numbers)).encode(), pika.BasicProperties(delivery_mode=2))
            longest = max(longest, time.monotonic() - began)
            numbers.append(len(numbers))
        stopper.join(20)
        connection.close()
        for queue in ("q", "r"):  # a master that is deposed by its node's end has no time to say so
            self.await_log(self.one, f"queue '{queue}' in vhost '/'", "this node is not its master any more")
        self.assertEqual(self.drain(self.three, "q"), numbers)
        self.assertLess(longest, 3)

    def test_a_leader_of_the_metadata_that_stops_hands_over_also_without_masters(self):
        """Until there is another leader its copies stay in the in-sync sets, and nothing is confirmed."""
        self.mirror_all()
        leader = self.cluster.leader()
        master = next(each for each in self.cluster if each is not leader)
        self.declare(master, "q")
        self.await_synchronised("q", 2)
        leader.stop()
        self.assertIn("another node leads the metadata now", leader.log())

    def test_dead_letters_and_expiry_go_on_at_the_next_master(self):
        self.mirror_all()
        self.declare(self.one, "dead")
        self.declare(self.one, "q", **{"x-message-ttl": 3000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
        for queue in ("q", "dead"):
            self.await_synchronised(queue, 2)
        self.publish(self.two, "q", range(10))
        self.one.kill()
        self.await_other_master("q", self.two)
        self.await_other_master("dead", self.two)
        process.wait_until(lambda: self.messages(self.three, "dead") >= 10, FAILOVER_S, 0.1)
        self.assertEqual(self.drain(self.three, "q"), [])
        self.assertEqual(sorted(set(self.drain(self.three, "dead"))), list(range(10)))

    def test_everything_survives_when_all_nodes_are_killed(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        self.publish(self.two, "q", range(100))
        for member in self.cluster:
            member.kill()
        for member in self.cluster:
            member.spawn()
        for member in self.cluster:
            member.await_startup()
        self.await_synchronised("q", 2)
        self.assertEqual(self.drain(self.three, "q"), list(range(100)))

    def test_quorum_queues_have_three_copies(self):
        self.declare(self.one, "q", **{"x-queue-type": "quorum"})
        rows = json.loads(self.two.ctl("list_queues", "--formatter", "json", "name", "leader", "members", "online"))
        self.assertEqual(rows[0]["leader"], self.one.node)
        self.assertEqual(sorted(rows[0]["members"]), sorted(each.node for each in self.cluster))
        self.publish(self.three, "q", range(100))
        self.one.kill()
        self.publish(self.three, "q", range(100, 120))
        self.assertEqual(self.drain(self.two, "q"), list(range(120)))

    def test_what_a_consumer_held_comes_back_when_it_goes_while_the_master_is_away(self):
        self.mirror_all()
        self.declare(self.one, "q")
        self.await_synchronised("q", 2)
        self.publish(self.two, "q", range(5))
        for frozen_s in (0.7, 6):  # the master goes on; it has a successor
            master = next(each for each in self.cluster if each.node in self.copies("q", self.two)[0])
            at = next(each for each in self.cluster if each is not master)
            connection = at.pika()
            got = []
            connection.channel().basic_consume("q", lambda *what: got.append(int(what[3])))
            end = time.monotonic() + FAILOVER_S
            while len(got) < 5 and time.monotonic() < end:
                connection.process_data_events(time_limit=0.1)
            self.assertEqual(sorted(got), list(range(5)))
            master.freeze()
            try:
                connection.close()
                time.sleep(frozen_s)
            finally:
                master.thaw()
            ready = lambda: self.rows(at, "messages_ready")["q"]["messages_ready"] == 5
            self.assertTrue(process.wait_until(ready, FAILOVER_S, 0.1), self.rows(at, "messages_ready", "messages", "state"))
            self.await_synchronised("q", 2, at)
        self.assertEqual(sorted(self.drain(self.three, "q")), list(range(5)))


if __name__ == "__main__":
    unittest.main()

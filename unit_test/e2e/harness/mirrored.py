"""Three nodes for each test, and what tests do with mirrored queues on them."""
import json
import threading
import unittest

import pika

from . import process
from .cluster import LocalCluster

FAILOVER_S = 60
SYNC_S = 90


class Consumer(threading.Thread):
    """Collects bodies from a queue through one node, acknowledging each, until `stop`."""

    def __init__(self, member, queue):
        super().__init__(daemon=True)
        self.member, self.queue = member, queue
        self.bodies, self.cancelled, self.error = [], False, None
        self.ready, self.stopping = threading.Event(), threading.Event()
        self.start()
        self.ready.wait(FAILOVER_S)

    def run(self):
        try:
            connection = self.member.pika()
            channel = connection.channel()
            channel.add_on_cancel_callback(lambda _: setattr(self, "cancelled", True))
            channel.basic_qos(prefetch_count=20)
            channel.basic_consume(self.queue, self.take)
            self.ready.set()
            while not self.stopping.is_set():
                connection.process_data_events(time_limit=0.1)
            connection.close()
        except Exception as error:  # for the test's thread
            self.error = error
            self.ready.set()

    def take(self, channel, method, _, body):
        self.bodies.append(int(body))
        channel.basic_ack(method.delivery_tag)

    def stop(self):
        self.stopping.set()
        self.join(FAILOVER_S)
        if self.error:
            raise self.error


class OnMirrors(unittest.TestCase):
    def setUp(self):
        self.cluster = LocalCluster()
        self.addCleanup(self.cluster.close)
        self.cluster.open()
        self.one, self.two, self.three = self.cluster.members

    def mirror_all(self, member=None):
        (member or self.one).ctl("set_policy", "ha-all", "^", '{"ha-mode":"all"}')

    def declare(self, member, queue, **arguments):
        connection = member.pika()
        connection.channel().queue_declare(queue, durable=True, arguments=arguments)
        connection.close()

    def copies(self, queue, at=None):
        """Master, and mirrors in sync, as list_queues tells."""
        rows = json.loads((at or self.two).ctl("list_queues", "--formatter", "json", "name", "pid", "slave_pids",
                                               "synchronised_slave_pids"))
        row = next(each for each in rows if each["name"] == queue)
        return row["pid"], row["synchronised_slave_pids"]

    def await_synchronised(self, queue, mirrors, at=None):
        seen = []

        def reached():
            seen[:] = self.copies(queue, at)
            return len(seen[1]) == mirrors

        if not process.wait_until(reached, SYNC_S, 0.1):
            raise AssertionError(f"{queue} has {seen} after {SYNC_S} s")

    def publish(self, member, queue, numbers):
        """Each is confirmed."""
        connection = member.pika()
        channel = connection.channel()
        channel.confirm_delivery()
        for number in numbers:
            channel.basic_publish("", queue, str(number).encode(), pika.BasicProperties(delivery_mode=2))
        connection.close()

    def drain(self, member, queue):
        connection = member.pika()
        channel = connection.channel()
        bodies = []
        while True:
            method, _, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                break
            bodies.append(int(body))
        connection.close()
        return bodies

    def messages(self, member, queue):
        connection = member.pika()
        count = connection.channel().queue_declare(queue, passive=True).method.message_count
        connection.close()
        return count

    def await_master(self, queue, node, at):
        seen = []

        def reached():
            seen[:] = [self.copies(queue, at)[0]]
            return node in str(seen[0])

        if not process.wait_until(reached, FAILOVER_S, 0.1):
            raise AssertionError(f"the master of {queue} is {seen}, not {node}")

    def drain_when_up(self, member, queue):
        self.await_other_master(queue, member)
        return self.drain(member, queue)

    def await_other_master(self, queue, at):
        gone = self.one.node
        if not process.wait_until(lambda: gone not in str(self.copies(queue, at)[0]), FAILOVER_S, 0.1):
            raise AssertionError(f"{queue} has no other master than {gone}")

    def rows(self, at, *columns):
        return {each["name"]: each for each in json.loads(at.ctl("list_queues", "--formatter", "json", "name", *columns))}

    def await_log(self, member, *texts):
        """Each of them is in one line of the member's log."""
        seen = []

        def told():
            seen[:] = [line for line in member.log().splitlines() if "in vhost '/': " in line]
            return any(all(text in line for text in texts) for line in seen)

        if not process.wait_until(told, FAILOVER_S, 0.1):
            raise AssertionError(f"{member.name} does not tell of {texts}:\n" + "\n".join(seen))

    def await_members_in_sync(self, queue):
        self.await_log(self.one, f"queue '{queue}' in vhost '/'", f"the copy on {self.two.node} is in sync")
        self.await_log(self.one, f"queue '{queue}' in vhost '/'", f"the copy on {self.three.node} is in sync")

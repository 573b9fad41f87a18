"""The patterns of RabbitMQ's tutorial programs, with pika."""
import contextlib
import io
import os
import re
import uuid

import pika

from harness.case import BrokerTest, Collector
from harness.options import options


class Tutorials(BrokerTest):
    def test_hello_world(self):
        channel = self.channel()
        channel.queue_declare("hello")
        channel.basic_publish("", "hello", b"Hello World!")
        method, properties, body = self.get(channel, "hello", auto_ack=True)
        self.assertEqual(body, b"Hello World!")
        self.assertEqual((method.exchange, method.routing_key, method.redelivered), ("", "hello", False))
        self.assertIsNone(properties.delivery_mode)

    def test_work_queue_is_shared_fairly_by_prefetch(self):
        publisher, slow_connection, fast_connection = self.connect(), self.connect(), self.connect()
        channel = publisher.channel()
        channel.queue_declare("task_queue", durable=True)
        slow_channel, fast_channel = slow_connection.channel(), fast_connection.channel()
        for worker in (slow_channel, fast_channel):
            worker.basic_qos(prefetch_count=1)
        slow, fast = Collector(slow_channel, "task_queue"), Collector(fast_channel, "task_queue")
        for number in range(20):
            channel.basic_publish("", "task_queue", b"%d" % number, pika.BasicProperties(delivery_mode=2))
        self.pump(slow_connection, lambda: slow.deliveries, what="one task for the slow worker")

        def fast_is_done():
            fast.ack_all()
            return len(fast.deliveries) == 19
        self.pump(fast_connection, fast_is_done, what="all other tasks at the fast worker")
        self.settle(slow_connection)
        self.assertEqual(len(slow.deliveries), 1)
        self.assertEqual(sorted(map(int, slow.bodies + fast.bodies)), list(range(20)))

    def test_task_of_a_dead_worker_goes_to_another(self):
        worker_connection = self.connect()
        worker = worker_connection.channel()
        worker.queue_declare("task_of_dead")
        dead = Collector(worker, "task_of_dead")
        worker.basic_publish("", "task_of_dead", b"task")
        self.pump(worker_connection, lambda: dead.deliveries)
        worker_connection.close()
        method, _, body = self.get(self.channel(), "task_of_dead", auto_ack=True)
        self.assertEqual((body, method.redelivered), (b"task", True))

    def test_publish_subscribe(self):
        connection = self.connect()
        channel = connection.channel()
        channel.exchange_declare("logs", "fanout")
        queues = [self.queue(channel, exclusive=True) for _ in range(3)]
        for queue in queues:
            channel.queue_bind(queue, "logs")
        channel.basic_publish("logs", "", b"info: hello")
        channel.basic_publish("logs", "ignored.key", b"info: again")
        for queue in queues:
            self.assertEqual(self.drain(channel, queue, 2), [b"info: hello", b"info: again"])

    def test_routing_by_severity(self):
        channel = self.channel()
        channel.exchange_declare("direct_logs", "direct")
        errors, everything = self.queue(channel, exclusive=True), self.queue(channel, exclusive=True)
        channel.queue_bind(errors, "direct_logs", "error")
        for severity in ("info", "warning", "error"):
            channel.queue_bind(everything, "direct_logs", severity)
        for severity in ("info", "warning", "error", "debug"):
            channel.basic_publish("direct_logs", severity, severity.encode())
        self.assertEqual(self.drain(channel, everything, 3), [b"info", b"warning", b"error"])
        self.assertEqual(self.drain(channel, errors, 1), [b"error"])

    def test_topics(self):
        channel = self.channel()
        channel.exchange_declare("topic_logs", "topic")
        patterns = {"#": "all", "kern.*": "kern", "*.critical": "critical", "a.#.z": "middle", "*.*": "two",
                    "#.end.#": "end", "*": "one"}
        names = {pattern: self.queue(channel, exclusive=True) for pattern in patterns}
        for pattern, queue in names.items():
            channel.queue_bind(queue, "topic_logs", pattern)
        keys = ["", "kern", "kern.critical", "a.z", "a.b.z", "a.b.c.z", "x.end.y", "end", "kern.", ".", "a..z"]
        for key in keys:
            channel.basic_publish("topic_logs", key, key.encode() or b"(empty)")
        expected = {"#": keys, "kern.*": ["kern.critical", "kern."], "*.critical": ["kern.critical"],
                    "a.#.z": ["a.z", "a.b.z", "a.b.c.z", "a..z"], "*.*": ["kern.critical", "a.z", "kern.", "."],
                    "#.end.#": ["x.end.y", "end"], "*": ["kern", "end"]}
        for pattern, queue in names.items():
            wanted = [key.encode() or b"(empty)" for key in expected[pattern]]
            self.assertEqual(self.drain(channel, queue, len(wanted)), wanted, pattern)

    def test_rpc(self):
        server_connection, client_connection = self.connect(), self.connect()
        server, client = server_connection.channel(), client_connection.channel()
        server.queue_declare("rpc_queue")
        answered = []

        def answer(channel, method, properties, body):
            channel.basic_publish("", properties.reply_to, b"%d" % (int(body) ** 2),
                                  pika.BasicProperties(correlation_id=properties.correlation_id))
            channel.basic_ack(method.delivery_tag)
            answered.append(body)
        server.basic_qos(prefetch_count=1)
        server.basic_consume("rpc_queue", answer)
        replies = Collector(client, self.queue(client, exclusive=True), auto_ack=True)
        callback = client.queue_declare("", exclusive=True).method.queue
        replies_two = Collector(client, callback, auto_ack=True)
        ids = [str(uuid.uuid4()) for _ in range(10)]
        for number, correlation in enumerate(ids):
            client.basic_publish("", "rpc_queue", b"%d" % number,
                                 pika.BasicProperties(reply_to=callback, correlation_id=correlation))
        self.pump(server_connection, lambda: len(answered) == 10, what="all calls at the server")
        self.pump(client_connection, lambda: len(replies_two.deliveries) == 10)
        got = {properties.correlation_id: int(body) for _, properties, body in replies_two.deliveries}
        self.assertEqual(got, {correlation: number ** 2 for number, correlation in enumerate(ids)})
        self.assertEqual(replies.deliveries, [])


class Readme(BrokerTest):
    def test_the_example_works_when_pasted(self):
        with open(os.path.join(options.repository, "README.md")) as readme:
            example = re.search(r"```python\n(.*?)```", readme.read(), re.S).group(1)
        self.assertLessEqual(len([line for line in example.splitlines() if line.strip()]), 10)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(example.replace('"localhost"', f'"localhost", {self.node.port}'), {})
        self.assertEqual(printed.getvalue(), "one coffee\n")

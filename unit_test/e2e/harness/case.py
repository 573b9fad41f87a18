"""Base of the test cases: one node per class, pika connections that are closed after each test."""
import threading
import time
import unittest

import pika

from . import node as nodes
from .options import options

WAIT_S = 30  # longest time a test waits for something the broker has promised to do at once


class BrokerTest(unittest.TestCase):
    """Starts one node for the class. Its end is part of the test: exit code 0, no process left."""
    config = ""

    @classmethod
    def setUpClass(cls):
        cls.node = nodes.make_node(config=cls.config)
        try:
            cls.node.start()
        except BaseException:
            cls.node.close()
            raise
        cls.addClassCleanup(cls.node.close)

    # -- clients ------------------------------------------------------------------------------------------------------

    def parameters(self, user="guest", password="guest", host="127.0.0.1", **more):
        return pika.ConnectionParameters(host=host, port=self.node.port, socket_timeout=WAIT_S,
                                         blocked_connection_timeout=WAIT_S, connection_attempts=1,
                                         credentials=pika.PlainCredentials(user, password), **more)

    def connect(self, **more):
        connection = pika.BlockingConnection(self.parameters(**more))
        self.addCleanup(close_quietly, connection)
        self.connections = [*getattr(self, "connections", []), connection]
        return connection

    def leave(self):
        """Closes this test's connections: a node that stops waits seconds for those who do not answer it."""
        for connection in getattr(self, "connections", []):
            close_quietly(connection)

    def restart(self):
        self.leave()
        self.node.restart()

    def channel(self, **more):
        return self.connect(**more).channel()

    # -- waiting ------------------------------------------------------------------------------------------------------

    def pump(self, connection, condition, timeout_s=WAIT_S, what="what the test waits for"):
        """Runs the connection's I/O until `condition()` holds; fails after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"not within {timeout_s} s: {what}")
            connection.process_data_events(time_limit=0.05)

    def settle(self, connection, time_s=0.3):
        """Runs I/O for a moment: for checks that something does not happen."""
        deadline = time.monotonic() + time_s
        while time.monotonic() < deadline:
            connection.process_data_events(time_limit=0.05)

    def get(self, channel, queue, timeout_s=WAIT_S, **more):
        """basic.get until a message is there: (method, properties, body)."""
        deadline = time.monotonic() + timeout_s
        while True:
            method, properties, body = channel.basic_get(queue, **more)
            if method is not None:
                return method, properties, body
            if time.monotonic() > deadline:
                self.fail(f"no message in {queue!r} within {timeout_s} s")
            time.sleep(0.02)

    def drain(self, channel, queue, expected=None):
        """Bodies of `queue` in order, taken with auto-ack; waits until `expected` of them have come."""
        bodies, deadline = [], time.monotonic() + WAIT_S
        while True:
            method, _, body = channel.basic_get(queue, auto_ack=True)
            if method is not None:
                bodies.append(body)
            elif expected is None or len(bodies) >= expected or time.monotonic() > deadline:
                return bodies
            else:
                time.sleep(0.02)

    def queue(self, channel, name="", **more):
        return channel.queue_declare(name, **more).method.queue

    def count(self, channel, queue):
        return channel.queue_declare(queue, passive=True).method.message_count

    # -- errors -------------------------------------------------------------------------------------------------------

    def assert_channel_closed(self, code, text, action, *arguments, **keywords):
        """`action` must close its channel with exactly this reply."""
        with self.assertRaises(pika.exceptions.ChannelClosedByBroker) as raised:
            action(*arguments, **keywords)
        self.assertEqual((raised.exception.reply_code, raised.exception.reply_text), (code, text))

    def assert_connection_closed(self, code, text, action, *arguments, **keywords):
        with self.assertRaises(pika.exceptions.ConnectionClosedByBroker) as raised:
            action(*arguments, **keywords)
        self.assertEqual((raised.exception.reply_code, raised.exception.reply_text), (code, text))


class Collector:
    """A consumer that keeps what it receives. Manual ack unless told otherwise."""

    def __init__(self, channel, queue, **more):
        self.channel, self.deliveries = channel, []
        self.tag = channel.basic_consume(queue, self.receive, **more)

    def receive(self, _channel, method, properties, body):
        self.deliveries.append((method, properties, body))

    @property
    def bodies(self):
        return [body for _, _, body in self.deliveries]

    @property
    def tags(self):
        return [method.delivery_tag for method, _, _ in self.deliveries]

    def ack_all(self):
        if self.deliveries:
            self.channel.basic_ack(self.tags[-1], multiple=True)


def close_quietly(connection):
    """Cleanup only: the test may have had the connection closed already, or its node stopped."""
    try:
        if connection.is_open:
            connection.close()
    except pika.exceptions.AMQPError:
        pass


class Background(threading.Thread):
    """Runs a function beside the test and hands its exception to `finish`."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function, self.error, self.value = function, None, None

    def run(self):
        try:
            self.value = self.function()
        except BaseException as error:  # handed on in finish()
            self.error = error

    def finish(self, timeout_s=60):
        self.join(timeout_s)
        if self.is_alive():
            raise AssertionError(f"background work still runs after {timeout_s} s")
        if self.error:
            raise self.error
        return self.value


def scaled(mib):
    """A memory bound in MiB, widened for sanitizer builds (run.py --memory-scale)."""
    return mib * options.memory_scale


def access_refused(how, resource, user):
    """The text of a missing permission; RabbitMQ says which one (configure, write, read) since 3.11."""
    return f"ACCESS_REFUSED - {'' if is_reference() else how + ' '}access to {resource} refused for user '{user}'"


def is_reference():
    return options.broker == "rabbitmq"

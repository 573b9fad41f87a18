"""Bad input: the hostile table, slow clients and floods, with a bystander whose work must go on."""
import itertools
import queue as queues
import socket
import struct
import threading
import time
import unittest

from harness import raw
from harness.case import Background, BrokerTest, is_reference, scaled
from hostile import content, frames, handshake, methods

CASES = [*handshake.CASES, *frames.CASES, *methods.CASES, *content.CASES]
WORKERS = 12  # cases under way at once: most of their time is the broker's own delay before it closes
CLOSE_OK, CHANNEL_CLOSE_OK = raw.method(0, 10, 51), raw.method(1, 20, 41)
RSS_GROWTH_MIB = 96


class Context:
    """What a case may ask about itself."""

    def __init__(self, number):
        self.name = f"hostile-queue-{number}"


class Bystander(threading.Thread):
    """A well-behaved client: publishes and gets, one message at a time, and measures the slowest round."""
    numbers = itertools.count(1)

    def __init__(self, port):
        super().__init__(daemon=True)
        self.queue = f"bystander-{next(self.numbers)}"  # the last one's may be there until its connection is torn down
        self.port, self.stopping, self.rounds, self.slowest_s, self.error = port, threading.Event(), 0, 0.0, None

    def run(self):
        try:
            with raw.RawClient(self.port, timeout_s=20) as client:
                client.login().open_channel()
                client.send(raw.queue_declare(1, self.queue, 4))
                client.expect(50, 11)
                while not self.stopping.is_set():
                    started = time.monotonic()
                    self.round(client, b"round %d" % self.rounds)
                    self.slowest_s = max(self.slowest_s, time.monotonic() - started)
                    self.rounds += 1
                    time.sleep(0.005)
        except Exception as error:  # handed on in finish()
            self.error = error

    def round(self, client, payload):
        client.send(raw.message(1, self.queue, payload) + content.get(self.queue))
        client.expect(60, 71)
        client.frame()
        kind, _, received = client.frame()
        assert (kind, received) == (raw.BODY, payload), (kind, received)

    def finish(self, test, rounds_min, slowest_s=3.0):
        self.stopping.set()
        self.join(30)
        test.assertIsNone(self.error, f"the bystander was disturbed after {self.rounds} rounds: {self.error!r}")
        print(f"  bystander: {self.rounds} rounds, slowest {self.slowest_s * 1000:.0f} ms", flush=True)
        test.assertGreaterEqual(self.rounds, rounds_min)
        test.assertLess(self.slowest_s, slowest_s)


def reach(client, stage, context):
    """Brings a fresh connection to the stage of a case."""
    if stage == "socket":
        return
    client.send(raw.HEADER)
    client.expect(10, 10)
    if stage == "started":
        return
    client.send(raw.start_ok())
    client.expect(10, 30)
    if stage == "tuning":
        return
    client.send(raw.tune_ok())
    if stage == "tuned":
        return
    client.send(raw.connection_open())
    client.expect(10, 41)
    if stage == "opened":
        return
    client.open_channel()
    if stage == "queue":
        client.send(raw.queue_declare(1, context.name, 4))
        client.expect(50, 11)


def send(client, what, context):
    if callable(what):
        what = what(context)
    for data, pause_s in ([(what, 0)] if isinstance(what, bytes) else what):
        client.send(data)
        if pause_s:
            time.sleep(pause_s)


def allowed(expectation, reaction):
    kind = expectation[0]
    if kind in ("connection", "channel"):
        return reaction[0] == kind and reaction[1] in expectation[1]
    if kind in ("connection text", "channel text"):
        return reaction == (kind.split()[0], expectation[1], expectation[2])
    return reaction == expectation


def aftermath(client, reaction):
    """What must follow a reaction; returns the broken promise or None."""
    if reaction[0] == "connection":
        client.send(CLOSE_OK)
        return None if client.closed_within(10) else "the socket stays open after close-ok"
    if reaction[0] == "header":
        return None if client.closed_within(10) else "the socket stays open after the protocol header"
    if reaction[0] == "channel":
        client.send(CHANNEL_CLOSE_OK + raw.channel_open(1))
        client.socket.settimeout(10)
        try:
            client.expect(20, 11)
        except (AssertionError, raw.Closed, OSError) as error:
            return f"the connection does not work after channel.close: {error!r}"
    return None


def reaction_after(client, count, reply, wait_s):
    """Passes over `count` times `reply` and returns the reaction behind them."""
    for _ in range(count):
        reaction = client.reaction(wait_s)
        if reaction != reply:
            return reaction
    return client.reaction(wait_s)


def run_case(port, number, one):
    """None, or how the broker broke the expectation."""
    context = Context(number)
    with raw.RawClient(port, timeout_s=20) as client:
        reach(client, one.stage, context)
        send(client, one.send, context)
        expect = one.expect
        if expect[0][0] == "after":
            _, count, reply, final = expect[0]
            reaction, expect = reaction_after(client, count, reply, one.wait_s), (final,)
        else:
            reaction = client.reaction(one.wait_s)
        if not any(allowed(expectation, reaction) for expectation in expect):
            return f"{one.name!r} at stage {one.stage!r}: got {reaction}, allowed {list(expect)}"
        broken = aftermath(client, reaction)
        return f"{one.name!r} at stage {one.stage!r}: after {reaction} {broken}" if broken else None


class HostileTable(BrokerTest):
    def test_every_case_gets_its_reaction_and_nobody_else_notices(self):
        self.assertGreaterEqual(len(CASES), 100)
        self.assertEqual(len({(one.stage, one.name) for one in CASES}), len(CASES))
        bystander = Bystander(self.node.port)
        bystander.start()
        time.sleep(0.5)
        before = self.node.rss_mib()
        work, failures = queues.SimpleQueue(), []
        for item in enumerate(CASES):
            work.put(item)

        def worker():
            while True:
                try:
                    number, one = work.get_nowait()
                except queues.Empty:
                    return
                try:
                    failure = run_case(self.node.port, number, one)
                except Exception as error:
                    failure = f"{one.name!r} at stage {one.stage!r}: {error!r}"
                if failure:
                    failures.append(failure)
        workers = [Background(worker) for _ in range(WORKERS)]
        for one in workers:
            one.start()
        for one in workers:
            one.finish(120)
        growth = self.node.rss_mib() - before
        print(f"\n  {len(CASES)} hostile cases, {len(failures)} failed, memory grew by {growth:.0f} MiB", flush=True)
        bystander.finish(self, rounds_min=50)
        self.assertFalse(failures, "\n".join(["", *sorted(failures)]))
        if not is_reference():
            self.assertLess(growth, scaled(RSS_GROWTH_MIB))


class Floods(BrokerTest):
    def watch(self):
        bystander = Bystander(self.node.port)
        bystander.start()
        return bystander

    def assert_growth(self, before, bound_mib=RSS_GROWTH_MIB):
        growth = self.node.rss_mib() - before
        print(f"\n  memory grew by {growth:.0f} MiB", flush=True)
        if not is_reference():
            self.assertLess(growth, scaled(bound_mib))

    def test_slow_loris_is_cut_after_the_handshake_timeout(self):
        bystander, before = self.watch(), self.node.rss_mib()
        started = time.monotonic()
        clients = [raw.RawClient(self.node.port) for _ in range(100)]
        for client in clients[50:]:
            client.send(raw.HEADER)
            client.expect(10, 10)
        drip = raw.HEADER + raw.start_ok()
        for step in range(6):  # half of them drip a header, half a start-ok; nobody finishes in ten seconds
            for number, client in enumerate(clients):
                offset = step if number < 50 else len(raw.HEADER) + step
                client.send(drip[offset:offset + 1])
            time.sleep(1)
        for client in clients:
            self.assertTrue(client.closed_within(max(0.1, started + 40 - time.monotonic())),
                            "a slow handshake is still open 40 s after connecting")
            client.close()
        self.assertGreater(time.monotonic() - started, 9)
        self.assert_growth(before)
        bystander.finish(self, rounds_min=100)

    def test_half_open_and_reset_connections(self):
        bystander, before = self.watch(), self.node.rss_mib()
        clients = [raw.RawClient(self.node.port) for _ in range(600)]
        for client in clients[300:]:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.send(raw.HEADER)
            client.close()
        time.sleep(1)
        self.assert_growth(before)
        bystander.finish(self, rounds_min=20)
        for client in clients[:300]:
            client.close()

    def test_ten_thousand_connects(self):
        bystander, before = self.watch(), self.node.rss_mib()
        started, refused = time.monotonic(), 0
        for number in range(10_000):
            try:
                client = raw.RawClient(self.node.port, timeout_s=20)
            except OSError:
                refused += 1
                continue
            if number % 3 == 1:
                client.send(raw.HEADER)
            elif number % 3 == 2:
                client.send(b"AMQP")
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            self.assertLess(time.monotonic() - started, 120, f"only {number} connects in 120 s")
        elapsed = time.monotonic() - started
        print(f"\n  10,000 connects in {elapsed:.1f} s, {refused} refused", flush=True)
        self.assertEqual(refused, 0)
        time.sleep(1)
        self.assert_growth(before)
        bystander.finish(self, rounds_min=50)

    def test_a_silent_client_is_cut_by_its_heartbeat(self):
        with raw.RawClient(self.node.port) as client, raw.RawClient(self.node.port) as without:
            client.login(heartbeat=1)
            without.login(heartbeat=0)
            started = time.monotonic()
            self.assertTrue(client.closed_within(20), "a client silent for 20 s with heartbeat 1 s is still connected")
            self.assertGreaterEqual(time.monotonic() - started, 0.9)
            without.open_channel()

    def test_the_broker_sends_heartbeats(self):
        with raw.RawClient(self.node.port, timeout_s=5) as client:
            client.login(heartbeat=1)
            for _ in range(3):
                self.assertEqual(client.frame(), (raw.HEARTBEAT, 0, b""))
                client.send(raw.frame(raw.HEARTBEAT, 0, b""))

    def test_many_unfinished_bodies_hold_little_memory(self):
        bystander, before = self.watch(), self.node.rss_mib()
        clients = [raw.RawClient(self.node.port) for _ in range(100)]
        for client in clients:
            client.login().open_channel()
            client.send(raw.publish(1, "", "nowhere") + raw.content_header(1, 100 << 20) + raw.body(1, bytes(100_000)))
        time.sleep(1)
        self.assert_growth(before)  # 10 GiB announced, 10 MiB sent
        for client in clients:
            client.close()
        bystander.finish(self, rounds_min=20)


if __name__ == "__main__":
    unittest.main()

"""A steady load on mirrored queues, and a ledger of what became of each message.

Publishers with confirms and consumers with acks, a thread and a connection each, which connect again 0.1 s after a break
as clients behind a proxy do. A message is known by its source (a channel of one connection) and its number there, which
is its delivery tag among confirms. Threads write to parts of the ledger that are their own; it is read when they have
ended, or where a list that only grows is enough.
"""
import heapq
import itertools
import select
import struct
import threading
import time

from . import raw
from .client import Refused

MESSAGE = struct.Struct("!IQ")  # source, number
RECONNECT_S = 0.1
LOGIN_S = 5
WINDOW = 2000  # unconfirmed messages of a channel
PREFETCH = 200
sources = itertools.count(1)


class Broken(Exception):
    """The connection or its channel has ended; the text says how."""


class Wire:
    """A client's connection once it has logged in: bytes out without waiting, whole frames in."""

    def __init__(self, client):
        self.socket, self.inward, self.outward = client.raw.socket, client.raw.buffer, bytearray()
        self.socket.setblocking(False)

    def exchange(self, wait_s):
        """Frames that came within `wait_s`, as (type, channel, payload)."""
        readable, writable, _ = select.select([self.socket], [self.socket] if self.outward else [], [], wait_s)
        try:
            if writable:
                self.push()
            if readable:
                more = self.socket.recv(1 << 18)
                if not more:
                    raise Broken("socket closed")
                self.inward += more
        except BlockingIOError:
            pass
        except OSError as error:
            raise Broken(str(error)) from None
        return self.frames()

    def push(self):
        try:
            del self.outward[:self.socket.send(self.outward)]
        except BlockingIOError:
            pass
        except OSError as error:
            raise Broken(str(error)) from None

    def frames(self):
        found, at, end, buffer = [], 0, len(self.inward), self.inward
        while end - at >= 8:
            kind, channel, size = struct.unpack_from("!BHI", buffer, at)
            if end - at < size + 8:
                break
            found.append((kind, channel, bytes(buffer[at + 7:at + 7 + size])))
            at += size + 8
        del buffer[:at]
        return found


def refuse_close(class_id, method_id, payload):
    if (class_id, method_id) in ((10, 50), (20, 40)):
        code, length = struct.unpack_from("!HB", payload, 4)
        raise Broken(f"{code} {payload[7:7 + length].decode(errors='replace')}")


class Client(threading.Thread):
    """Connects to the first of `members` that answers, works until the connection breaks, and again, until `stop`."""

    def __init__(self, members):
        super().__init__(daemon=True)
        self.members, self.at = members, 0
        self.stopping, self.ready = threading.Event(), threading.Event()
        self.breaks = []  # (time, node, why)
        self.error = None

    @property
    def member(self):
        return self.members[self.at % len(self.members)]

    def run(self):
        try:
            while not self.stopping.is_set():
                member = self.member
                try:
                    self.work(member)
                except (Broken, Refused, raw.Closed, OSError, AssertionError) as error:
                    self.breaks.append((time.monotonic(), member.name, f"{type(error).__name__} {error}"))
                    self.at += 1
                    time.sleep(RECONNECT_S)
        except BaseException as error:  # for whoever asks `error`
            self.error = error
        finally:
            self.ready.set()


class Publisher(Client):
    """`rate` messages a second to each of `queues`, a channel each. What could not be sent in time is not made up for."""

    def __init__(self, members, queues, rate, size=1024):
        super().__init__(members)
        self.queues, self.rate = queues, rate
        self.tail = b"." * (size - MESSAGE.size)
        self.sent = {}  # source: how many
        self.queue_of = {}
        self.outstanding = {}  # source: {number: when sent}; kept after a break
        self.confirmed = {queue: [] for queue in queues}  # (when, how long, source, number)
        self.nacked = {queue: [] for queue in queues}
        self.connected = []  # (time, node)
        self.pausing = threading.Event()
        self.home = []  # sources of the present connection
        self.start()

    def work(self, member):
        channels = range(1, len(self.queues) + 1)
        client = member.client(channels=channels, timeout_s=LOGIN_S)
        try:
            for channel in channels:
                client.confirm(channel)
            self.publish(Wire(client), member)
        finally:
            client.cut()

    def publish(self, wire, member):
        self.home = [next(sources) for _ in self.queues]
        for source, queue in zip(self.home, self.queues):
            self.sent[source], self.queue_of[source], self.outstanding[source] = 0, queue, {}
        heads = [raw.publish(channel, "", queue) + raw.content_header(channel, len(self.tail) + MESSAGE.size, 0x1000, b"\x02")
                 + struct.pack("!BHI", raw.BODY, channel, len(self.tail) + MESSAGE.size)
                 for channel, queue in enumerate(self.queues, 1)]
        self.connected.append((time.monotonic(), member.name))
        self.ready.set()
        last = time.monotonic()
        credit = 0.0
        while not self.stopping.is_set() or any(self.outstanding[source] for source in self.home):
            now = time.monotonic()
            credit = min(credit + (now - last) * self.rate, self.rate * 0.1)
            last = now
            if credit >= 1 and not self.pausing.is_set() and not self.stopping.is_set():
                for source, head in zip(self.home, heads):
                    self.send(wire, source, head, int(credit), now)
                credit -= int(credit)
            for kind, channel, payload in wire.exchange(0.005):
                if kind == raw.METHOD:
                    self.take(self.home[channel - 1] if channel else 0, payload)
            if self.stopping.is_set() and time.monotonic() > self.deadline:
                return

    deadline = float("inf")

    def send(self, wire, source, head, count, now):
        waiting = self.outstanding[source]
        if len(wire.outward) > 1 << 20:
            return
        for _ in range(min(count, WINDOW - len(waiting))):
            number = self.sent[source] = self.sent[source] + 1
            waiting[number] = now
            wire.outward += head + MESSAGE.pack(source, number) + self.tail + b"\xce"

    def take(self, source, payload):
        class_id, method_id = struct.unpack_from("!HH", payload)
        refuse_close(class_id, method_id, payload)
        if class_id != 60 or method_id not in (80, 120):
            raise AssertionError(f"{class_id}.{method_id} among confirms")
        tag, multiple = struct.unpack_from("!QB", payload, 4)
        waiting, now = self.outstanding[source], time.monotonic()
        numbers = list(itertools.takewhile(lambda number: number <= tag, waiting)) if multiple & 1 else [tag]
        to = (self.confirmed if method_id == 80 else self.nacked)[self.queue_of[source]]
        for number in numbers:
            to.append((now, now - waiting.pop(number), source, number))

    def finish(self, timeout_s):
        """Waits for what is not confirmed yet; (what the living connection never heard of, what broken ones did not)."""
        self.deadline = time.monotonic() + timeout_s
        self.stopping.set()
        self.join(timeout_s + 10)
        if self.error:
            raise self.error
        silent = sum(len(self.outstanding[source]) for source in self.home)
        return silent, sum(map(len, self.outstanding.values())) - silent

    def steady_since(self, when):
        """One connection all the time."""
        return not any(at >= when for at, _, _ in self.breaks)


class Consumer(Client):
    """Acknowledges everything at once, with what came together."""

    def __init__(self, members, queue):
        super().__init__(members)
        self.queue = queue
        self.seen = []  # (when, source, number, redelivered)
        self.acked = {}  # (source, number): when, the first time
        self.cancelled = 0
        self.start()

    def work(self, member):
        client = member.client(timeout_s=LOGIN_S)
        try:
            client.qos(PREFETCH)
            client.consume(self.queue)
            wire = Wire(client)
            early = [(each.delivery_tag, each.redelivered, each.body) for each in client.take("deliver")]
            self.ready.set()
            self.consume(wire, early)
        finally:
            client.cut()

    def consume(self, wire, early):
        self.settle(wire, early)
        method = None
        while not self.stopping.is_set():
            came = []
            for kind, _, payload in wire.exchange(0.05):
                if kind == raw.METHOD:
                    class_id, method_id = struct.unpack_from("!HH", payload)
                    refuse_close(class_id, method_id, payload)
                    if (class_id, method_id) == (60, 30):
                        self.cancelled += 1
                        raise Broken("basic.cancel")
                    assert (class_id, method_id) == (60, 60), f"{class_id}.{method_id} among deliveries"
                    at = 5 + payload[4]
                    method = struct.unpack_from("!QB", payload, at)
                elif kind == raw.BODY:
                    came.append((*method, payload))
            self.settle(wire, came)

    def settle(self, wire, came):
        if not came:
            return
        now = time.monotonic()
        for _, redelivered, body in came:
            which = MESSAGE.unpack_from(body)
            self.seen.append((now, *which, redelivered))
            self.acked.setdefault(which, now)
        wire.outward += raw.method(1, 60, 80, struct.pack("!QB", came[-1][0], 1))
        wire.push()

    def finish(self):
        self.stopping.set()
        self.join(10)
        if self.error:
            raise self.error


class Ledger:
    """What all publishers and consumers of a queue know of it, once they have finished."""

    def __init__(self, queue, publishers, consumers):
        self.queue = queue
        self.confirmed = {(source, number) for each in publishers for _, _, source, number in each.confirmed.get(queue, [])}
        self.nacked = sum(len(each.nacked.get(queue, [])) for each in publishers)
        self.sent = {source: count for each in publishers for source, count in each.sent.items()}
        self.consumers = consumers
        self.count, self.doubled, self.unmarked = {}, 0, 0
        for _, source, number, redelivered in heapq.merge(*(consumer.seen for consumer in consumers), key=lambda seen: seen[0]):
            which = source, number
            if which in self.count:
                self.doubled += 1
                self.unmarked += not redelivered
            self.count[which] = self.count.get(which, 0) + 1

    @property
    def lost(self):
        return self.confirmed - self.count.keys()

    @property
    def invented(self):
        return [which for which in self.count if which[1] > self.sent.get(which[0], 0)]

    def out_of_order(self):
        """First deliveries without the redelivered mark that came behind a later message of their channel. Of one consumer:
        several see no order. Marked ones may: a dead node's consumer, that nobody had missed yet, has had them."""
        assert len(self.consumers) == 1
        last, seen, wrong = {}, set(), []
        for _, source, number, redelivered in self.consumers[0].seen:
            if (source, number) in seen:
                continue
            seen.add((source, number))
            if redelivered:
                continue
            if number < last.get(source, 0):
                wrong.append((source, number, last[source]))
            last[source] = max(number, last.get(source, 0))
        return wrong

    def again_after_ack(self, age_s):
        """Deliveries of what had been acknowledged so long ago."""
        acked = {}
        for consumer in self.consumers:
            for which, when in consumer.acked.items():
                acked[which] = min(when, acked.get(which, when))
        return sum(when - acked[source, number] > age_s for consumer in self.consumers
                   for when, source, number, _ in consumer.seen)


def longest_gaps_s(publishers, queue, since):
    """{node: seconds} between two confirms of the publisher there, from a moment on; of those whose connection lived on."""
    gaps, now = {}, time.monotonic()
    for each in publishers:
        if each.steady_since(since):
            times = [since] + [when for when, *_ in list(each.confirmed[queue]) if when >= since] + [now]
            gaps[each.member.name] = max(later - earlier for earlier, later in zip(times, times[1:]))
    return gaps


def latencies_ms(publishers, queue, since, until):
    """(p50, p99) of confirms in that time."""
    took = sorted(took * 1000 for each in publishers for when, took, _, _ in list(each.confirmed[queue]) if since <= when <= until)
    return (took[len(took) // 2], took[len(took) * 99 // 100]) if took else (None, None)

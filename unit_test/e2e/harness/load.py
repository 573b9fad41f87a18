"""Load with confirms over the raw client: fast enough in Python, and it remembers exactly what was confirmed."""
import struct
import time

from . import raw

PERSISTENT = 0x1000, b"\x02"  # property flags and the delivery mode that goes with them
SEQUENCE = struct.Struct("!Q")


def numbered(queue, first, count, size, persistent=True, channel=1):
    """`count` publishes whose bodies of `size` bytes start with their sequence number, as one run of bytes."""
    flags, properties = PERSISTENT if persistent else (0, b"")
    head = raw.publish(channel, "", queue) + raw.content_header(channel, size, flags, properties)
    head += struct.pack("!BHI", raw.BODY, channel, size)
    tail = b"." * (size - SEQUENCE.size) + b"\xce"
    return b"".join(head + SEQUENCE.pack(number) + tail for number in range(first, first + count))


class ConfirmedPublisher:
    """Publishes windows of messages on one connection and keeps the set of confirmed sequence numbers."""

    def __init__(self, port, queue, first, size=256, window=200):
        self.client = raw.RawClient(port, timeout_s=30).login().open_channel()
        self.queue, self.size, self.window = queue, size, window
        self.first = self.next = first
        self.confirmed = set()
        self.nacked = set()
        self.client.send(raw.queue_declare(1, queue, 2))
        self.client.expect(50, 11)
        self.client.send(raw.method(1, 85, 10, b"\x00"))
        self.client.expect(85, 11)
        self.unconfirmed_from = first
        self.close_code = None  # of the broker's connection.close

    def run_until_cut(self, stop=lambda: False):
        """Publishes until the broker goes away or `stop()` holds."""
        try:
            while not stop():
                self.run_window()
        except (raw.Closed, OSError):
            pass
        finally:
            self.client.close()

    def run_window(self):
        run = numbered(self.queue, self.next, self.window, self.size)
        self.next += self.window
        self.client.socket.sendall(run)
        pending = set(range(self.next - self.window, self.next))
        while pending:
            _, class_id, method_id, arguments = self.client.method()
            if (class_id, method_id) == (10, 50):
                self.close_code = struct.unpack("!H", arguments[:2])[0]
                self.client.send(raw.method(0, 10, 51))
                raise raw.Closed()
            assert class_id == 60 and method_id in (80, 120), f"{class_id}.{method_id} among confirms"
            tag, multiple = struct.unpack("!QB", arguments[:9])
            last = self.first + tag - 1
            settled = {number for number in pending if number <= last} if multiple & 1 else {last}
            (self.confirmed if method_id == 80 else self.nacked).update(settled)
            pending -= settled


def drain(port, queue, expected_min=0, quiet_s=1.0, timeout_s=60):
    """Consumes with auto-ack until `expected_min` messages came and the queue is quiet: sequence numbers in order."""
    numbers, started = [], time.monotonic()
    with raw.RawClient(port, timeout_s=30) as client:
        client.login().open_channel()
        client.send(raw.method(1, 60, 20, b"\x00\x00" + raw.short_string(queue) + b"\x00\x02" + bytes(4)))
        client.expect(60, 21)
        buffer, last = bytearray(client.buffer), time.monotonic()
        client.socket.settimeout(0.1)
        while True:
            numbers.extend(take_numbers(buffer))
            try:
                more = client.socket.recv(1 << 20)
                if not more:
                    raise raw.Closed()
                buffer += more
                last = time.monotonic()
            except TimeoutError:
                if len(numbers) >= expected_min and time.monotonic() - last > quiet_s:
                    return numbers
            if time.monotonic() - started > timeout_s:
                raise AssertionError(f"{len(numbers)} of {expected_min} messages from {queue!r} in {timeout_s} s")


def take_numbers(buffer):
    """Sequence numbers of the body frames that are complete in `buffer`, which keeps the rest. One frame per body."""
    numbers, offset, end = [], 0, len(buffer)
    while end - offset >= 8:
        kind, _, size = struct.unpack_from("!BHI", buffer, offset)
        if end - offset < size + 8:
            break
        if kind == raw.BODY:
            numbers.append(SEQUENCE.unpack_from(buffer, offset + 7)[0])
        offset += size + 8
    del buffer[:offset]
    return numbers

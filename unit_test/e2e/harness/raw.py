"""A raw AMQP 0-9-1 client: builds any bytes, right or wrong, and reports how the broker reacts."""
import socket
import struct
import time

HEADER = b"AMQP\x00\x00\x09\x01"
METHOD, CONTENT_HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
CLIENT_CAPABILITIES = {"authentication_failure_close": True, "consumer_cancel_notify": True, "basic.nack": True,
                       "connection.blocked": True, "publisher_confirms": True}


# -- encoding ---------------------------------------------------------------------------------------------------------

def short_string(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("!B", len(value)) + value


def long_string(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("!I", len(value)) + value


def field(kind, payload=b""):
    return kind.encode() + payload


def table(entries):
    """A field table of (name, encoded field) pairs or of a dict of bool, int, str and dict."""
    if isinstance(entries, dict):
        entries = [(name, value_of(value)) for name, value in entries.items()]
    return long_string(b"".join(short_string(name) + value for name, value in entries))


def value_of(value):
    if isinstance(value, bool):
        return field("t", struct.pack("!B", value))
    if isinstance(value, int):
        return field("I", struct.pack("!i", value))
    if isinstance(value, dict):
        return field("F", table(value))
    return field("S", long_string(value))


def frame(kind, channel, payload, end=b"\xce"):
    return struct.pack("!BHI", kind, channel, len(payload)) + payload + end


def method(channel, class_id, method_id, arguments=b""):
    return frame(METHOD, channel, struct.pack("!HH", class_id, method_id) + arguments)


def content_header(channel, size, flags=0, properties=b"", class_id=60, weight=0):
    return frame(CONTENT_HEADER, channel, struct.pack("!HHQH", class_id, weight, size, flags) + properties)


def body(channel, payload):
    return frame(BODY, channel, payload)


def start_ok(mechanism="PLAIN", response=b"\x00guest\x00guest", capabilities=None, locale="en_US"):
    properties = {"product": "raw", "capabilities": CLIENT_CAPABILITIES if capabilities is None else capabilities}
    return method(0, 10, 11, table(properties) + short_string(mechanism) + long_string(response) + short_string(locale))


def tune_ok(channel_max=2047, frame_max=131072, heartbeat=0):
    return method(0, 10, 31, struct.pack("!HIH", channel_max, frame_max, heartbeat))


def connection_open(vhost="/"):
    return method(0, 10, 40, short_string(vhost) + b"\x00\x00")


def channel_open(channel):
    return method(channel, 20, 10, b"\x00")


def queue_declare(channel, name, flags=0, arguments=b"\x00\x00\x00\x00"):
    """flags: 1 passive, 2 durable, 4 exclusive, 8 auto-delete, 16 no-wait."""
    return method(channel, 50, 10, b"\x00\x00" + short_string(name) + bytes([flags]) + arguments)


def publish(channel, exchange, key, flags=0):
    """Only the method; flags: 1 mandatory, 2 immediate."""
    return method(channel, 60, 40, b"\x00\x00" + short_string(exchange) + short_string(key) + bytes([flags]))


def message(channel, key, payload, exchange="", flags=0, properties=b""):
    """basic.publish with its content in one body frame."""
    parts = [publish(channel, exchange, key), content_header(channel, len(payload), flags, properties)]
    return b"".join(parts) + (body(channel, payload) if payload else b"")


# -- client -----------------------------------------------------------------------------------------------------------

class Closed(Exception):
    """The broker closed the socket; `seen` holds the bytes that made no whole frame."""

    def __init__(self, seen=b""):
        super().__init__(f"socket closed after {seen!r}")
        self.seen = seen


class RawClient:
    def __init__(self, port, timeout_s=10, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Sends as much as the broker takes: one that has already answered may have closed."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read(self, size):
        while len(self.buffer) < size:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed(self.buffer)
            self.buffer += more
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def frame(self):
        """(type, channel, payload) of the next frame; checks its end octet."""
        kind, channel, size = struct.unpack("!BHI", self.read(7))
        payload = self.read(size)
        assert self.read(1) == b"\xce", "bad end octet from the broker"
        return kind, channel, payload

    def method(self):
        """(channel, class, method, arguments) of the next method frame; heartbeats are passed over."""
        while True:
            kind, channel, payload = self.frame()
            if kind != HEARTBEAT:
                assert kind == METHOD, f"frame type {kind} where a method was due"
                class_id, method_id = struct.unpack("!HH", payload[:4])
                return channel, class_id, method_id, payload[4:]

    def expect(self, class_id, method_id):
        channel, got_class, got_method, arguments = self.method()
        assert (got_class, got_method) == (class_id, method_id), \
            f"expected {class_id}.{method_id}, got {got_class}.{got_method} {arguments!r} on channel {channel}"
        return arguments

    def login(self, **tune):
        self.send(HEADER)
        self.expect(10, 10)
        self.send(start_ok())
        self.expect(10, 30)
        self.send(tune_ok(**tune) + connection_open())
        self.expect(10, 41)
        return self

    def open_channel(self, channel=1):
        self.send(channel_open(channel))
        self.expect(20, 11)
        return self

    def reaction(self, within_s=8):
        """What the broker does next, heartbeats aside: ("connection", code, text), ("channel", code, text),
        ("method", class, method), ("content", type), ("header", bytes), ("closed",) or ("silence",)."""
        deadline = time.monotonic() + within_s
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return ("silence",)
            self.socket.settimeout(remaining)
            try:
                if self.peek(4) == b"AMQP":
                    return ("header", self.read(8))
                kind, _, payload = self.frame()
            except socket.timeout:
                return ("silence",)
            except Closed:
                return ("closed",)
            if kind == HEARTBEAT:
                continue
            if kind != METHOD:
                return ("content", kind)
            return decode_reaction(payload)

    def peek(self, size):
        while len(self.buffer) < size:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed(self.buffer)
            self.buffer += more
        return self.buffer[:size]

    def closed_within(self, timeout_s):
        """True once the broker has closed the socket; what it sends before is passed over."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                if not self.socket.recv(65536):
                    return True
            except socket.timeout:
                return False
            except ConnectionResetError:
                return True
        return False


def decode_reaction(payload):
    class_id, method_id = struct.unpack("!HH", payload[:4])
    if (class_id, method_id) not in ((10, 50), (20, 40)):
        return ("method", class_id, method_id)
    code, length = struct.unpack("!HB", payload[4:7])
    return ("connection" if class_id == 10 else "channel", code, payload[7:7 + length].decode(errors="replace"))

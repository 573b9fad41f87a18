"""A small synchronous AMQP client over the raw one: sends what it is told, keeps everything that arrives as events.

Unlike pika it never hides or reorders what the broker sent. One thread per client.
"""
import struct
from dataclasses import dataclass, field

from . import raw
from .codec import Reader, WITH_CONTENT, decode_method, decode_properties, encode_properties, encode_table


@dataclass
class Event:
    """A method from the broker, with its content where it has one."""
    channel: int
    name: str
    arguments: dict
    properties: dict = field(default_factory=dict)
    body: bytes = b""

    def __getattr__(self, name):
        try:
            return self.__dict__["arguments"][name]
        except KeyError:
            raise AttributeError(name) from None


class Refused(Exception):
    """The broker closed the channel or the connection; `event` is its close method, None for a bare socket close."""

    def __init__(self, event):
        super().__init__(f"{event.name} {event.code} {event.text}" if event else "socket closed")
        self.event = event


def flags(*values):
    return bytes([sum(1 << index for index, value in enumerate(values) if value)])


class Client:
    def __init__(self, port, user="guest", password="guest", vhost="/", timeout_s=20, channels=(1,), host="127.0.0.1",
                 **tune):
        self.raw = raw.RawClient(port, timeout_s=timeout_s, host=host)
        self.events, self.partial = [], {}
        self.closed = None  # the event that closed the connection
        self.raw.send(raw.HEADER)
        self.server = self.next_event("start")
        self.raw.send(raw.start_ok(response=f"\0{user}\0{password}".encode()))
        self.tune = self.next_event("tune")
        self.raw.send(raw.tune_ok(**tune) + raw.connection_open(vhost))
        self.next_event("open-ok")
        for channel in channels:
            self.open(channel)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def read_event(self):
        """The next event from the socket; contents are put together, heartbeats passed over."""
        while True:
            try:
                kind, channel, payload = self.raw.frame()
            except (raw.Closed, ConnectionError):
                raise Refused(None) from None
            if kind == raw.METHOD:
                name, arguments = decode_method(payload)
                event = Event(channel, name, arguments)
                if name in WITH_CONTENT:
                    self.partial[channel] = [event, None]
                    continue
            elif kind == raw.CONTENT_HEADER:
                reader = Reader(payload)
                reader.run(4)
                waiting = self.partial[channel]
                waiting[1] = reader.take("!Q")
                waiting[0].properties = decode_properties(reader)
                if waiting[1]:
                    continue
                event = self.partial.pop(channel)[0]
            elif kind == raw.BODY:
                waiting = self.partial[channel]
                waiting[0].body += payload
                if len(waiting[0].body) < waiting[1]:
                    continue
                event = self.partial.pop(channel)[0]
            else:
                continue
            if event.name == "channel.close":
                self.raw.send(raw.method(channel, 20, 41))
            elif event.name == "connection.close":
                self.raw.send(raw.method(0, 10, 51))
                self.closed = event
            return event

    def next_event(self, *names):
        """The next event with one of `names`; a close in its place raises Refused, others are kept in `events`."""
        while True:
            event = self.read_event()
            if event.name in names:
                return event
            if event.name in ("connection.close", "channel.close"):
                raise Refused(event)
            self.events.append(event)

    def wait_reply(self, channel, *names):
        """As next_event, on one channel; a close of another channel is kept as an event. One that was kept counts."""
        kept = [e for e in self.events if e.channel == channel and e.name in (*names, "channel.close")]
        if kept:
            self.events.remove(kept[0])
            if kept[0].name == "channel.close":
                raise Refused(kept[0])
            return kept[0]
        while True:
            event = self.read_event()
            if event.name == "connection.close" or event.channel == channel and event.name == "channel.close":
                raise Refused(event)
            if event.channel == channel and event.name in names:
                return event
            self.events.append(event)

    def call(self, channel, data, *replies):
        self.raw.send(data)
        return self.wait_reply(channel, *replies)

    def read_event_or_close(self):
        """As read_event, but a close of the connection raises Refused."""
        event = self.read_event()
        if event.name == "connection.close":
            raise Refused(event)
        return event

    def take(self, *names, channel=None):
        """Removes and returns the kept events with these names."""
        chosen = [e for e in self.events if e.name in names and channel in (None, e.channel)]
        self.events = [e for e in self.events if e not in chosen]
        return chosen

    # -- methods ------------------------------------------------------------------------------------------------------

    def open(self, channel=1):
        return self.call(channel, raw.channel_open(channel), "channel.open-ok")

    def close_channel(self, channel=1):
        data = raw.method(channel, 20, 40, b"\x00\xc8" + raw.short_string("done") + bytes(4))
        return self.call(channel, data, "channel.close-ok")

    def close(self):
        self.call(0, raw.method(0, 10, 50, b"\x00\xc8" + raw.short_string("done") + bytes(4)), "connection.close-ok")
        self.raw.close()

    def cut(self):
        self.raw.close()

    def declare(self, queue="", channel=1, passive=False, durable=False, exclusive=False, auto_delete=False,
                nowait=False, arguments=None):
        data = encode_queue_declare(channel, queue, passive, durable, exclusive, auto_delete, nowait, arguments)
        if nowait:
            return self.raw.send(data)
        return self.call(channel, data, "queue.declare-ok")

    def exchange(self, name, kind="direct", channel=1, passive=False, durable=False, auto_delete=False, internal=False,
                 arguments=None):
        return self.call(channel, encode_exchange_declare(channel, name, kind, passive, durable, auto_delete, internal,
                                                          False, arguments), "exchange.declare-ok")

    def bind(self, queue, exchange, key="", channel=1, arguments=None):
        return self.call(channel, encode_binding(channel, 50, 20, queue, exchange, key, False, arguments),
                         "queue.bind-ok")

    def bind_exchange(self, destination, source, key="", channel=1, arguments=None):
        return self.call(channel, encode_binding(channel, 40, 30, destination, source, key, False, arguments),
                         "exchange.bind-ok")

    def publish(self, exchange, key, body=b"", channel=1, mandatory=False, immediate=False, **properties):
        self.raw.send(encode_publish(channel, exchange, key, body, mandatory, immediate, properties))

    def get(self, queue, channel=1, no_ack=True):
        data = raw.method(channel, 60, 70, b"\x00\x00" + raw.short_string(queue) + flags(no_ack))
        return self.call(channel, data, "get-ok", "get-empty")

    def consume(self, queue, tag="", channel=1, no_local=False, no_ack=False, exclusive=False, arguments=None):
        data = encode_consume(channel, queue, tag, no_local, no_ack, exclusive, False, arguments)
        return self.call(channel, data, "consume-ok")

    def cancel(self, tag, channel=1):
        return self.call(channel, raw.method(channel, 60, 30, raw.short_string(tag) + flags(False)), "cancel-ok")

    def ack(self, tag, multiple=False, channel=1):
        self.raw.send(raw.method(channel, 60, 80, struct.pack("!QB", tag, multiple)))

    def nack(self, tag, multiple=False, requeue=True, channel=1):
        self.raw.send(raw.method(channel, 60, 120, struct.pack("!QB", tag, multiple | requeue << 1)))

    def qos(self, count, shared=False, channel=1):
        return self.call(channel, raw.method(channel, 60, 10, struct.pack("!IHB", 0, count, shared)), "qos-ok")

    def confirm(self, channel=1):
        return self.call(channel, raw.method(channel, 85, 10, b"\x00"), "confirm.select-ok")

    def barrier(self, channel=1):
        """Returns once the broker has done what was sent on this channel before; Refused if that closed it."""
        return self.exchange("amq.direct", "direct", channel=channel, passive=True)


# -- encoding ---------------------------------------------------------------------------------------------------------


def encode_queue_declare(channel, queue, passive, durable, exclusive, auto_delete, nowait, arguments):
    return raw.method(channel, 50, 10, b"\x00\x00" + raw.short_string(queue) +
                      flags(passive, durable, exclusive, auto_delete, nowait) + encode_table(arguments or {}))


def encode_exchange_declare(channel, name, kind, passive, durable, auto_delete, internal, nowait, arguments):
    return raw.method(channel, 40, 10, b"\x00\x00" + raw.short_string(name) + raw.short_string(kind) +
                      flags(passive, durable, auto_delete, internal, nowait) + encode_table(arguments or {}))


def encode_binding(channel, class_id, method_id, destination, source, key, nowait, arguments):
    """queue.bind 50/20, exchange.bind 40/30 and exchange.unbind 40/40; queue.unbind 50/50 has no nowait."""
    bits = b"" if (class_id, method_id) == (50, 50) else flags(nowait)
    return raw.method(channel, class_id, method_id, b"\x00\x00" + raw.short_string(destination) +
                      raw.short_string(source) + raw.short_string(key) + bits + encode_table(arguments or {}))


def encode_publish(channel, exchange, key, body, mandatory, immediate, properties):
    present, encoded = encode_properties(properties)
    head = raw.publish(channel, exchange, key, mandatory | immediate << 1)
    head += raw.content_header(channel, len(body), present, encoded)
    return head + b"".join(raw.body(channel, body[at:at + 100_000]) for at in range(0, len(body), 100_000))


def encode_consume(channel, queue, tag, no_local, no_ack, exclusive, nowait, arguments):
    return raw.method(channel, 60, 20, b"\x00\x00" + raw.short_string(queue) + raw.short_string(tag) +
                      flags(no_local, no_ack, exclusive, nowait) + encode_table(arguments or {}))

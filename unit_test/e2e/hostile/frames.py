"""Frames: size, end, type, channel, order (AMQP 0-9-1 section 4.2, guarantees.md S8 and S9)."""
import struct

from harness import raw
from . import CLOSED, SILENCE, SYNTAX, after, case, connection, connection_text, method

FRAME_MAX = 131072
DECLARE_OK = method(50, 11)

CASES = [
    case("bad frame end", "opened", raw.frame(1, 1, b"\x00\x14\x00\x0a\x00", end=b"\x00"), connection(501)),
    case("bad end of a body frame", "channel", raw.publish(1, "", "q") + raw.content_header(1, 4)
         + raw.frame(3, 1, b"body", end=b"\xcd"), connection(501)),
    case("bad end of a heartbeat", "opened", raw.frame(8, 0, b"", end=b"\x01"), connection(501)),
    case("payload above frame-max", "channel", raw.frame(3, 1, bytes(FRAME_MAX + 9)), connection(501)),
    case("frame claiming 2 GiB", "channel", struct.pack("!BHI", 3, 1, 1 << 31) + bytes(100), connection(501)),
    case("frame claiming 4 GiB", "channel", struct.pack("!BHI", 1, 1, (1 << 32) - 1) + bytes(100), connection(501)),
    case("unknown frame type 0", "opened", raw.frame(0, 0, b"x"), connection(501), CLOSED),
    case("unknown frame type 4", "channel", raw.frame(4, 1, b"x"), connection(501)),
    case("unknown frame type 9", "channel", raw.frame(9, 1, b"x"), connection(501)),
    case("unknown frame type 255", "channel", raw.frame(255, 1, b""), connection(501)),
    case("empty method frame", "channel", raw.frame(1, 1, b""), connection(501)),
    case("method frame of three bytes", "channel", raw.frame(1, 1, b"\x00\x14\x00"), connection(501)),
    case("heartbeat on a channel", "channel", raw.frame(8, 1, b""), connection(501, 504, 505)),
    case("heartbeat with a payload", "opened", raw.frame(8, 0, b"beat"), connection(501), SILENCE, wait_s=1),
    case("frame cut in the middle", "channel", raw.queue_declare(1, "x")[:-5], SILENCE, wait_s=1),
    case("header of a frame only", "channel", b"\x01\x00\x01\x00\x00\x00\x20", SILENCE, wait_s=1),
    case("frame byte by byte", "channel", lambda c: [(bytes([one]), 0.002)
                                                     for one in raw.queue_declare(1, c.name, 4)], DECLARE_OK),
    case("random bytes", "opened", bytes((17 * n + 5) % 251 for n in range(5000)), connection(501), CLOSED),
    case("protocol header again", "opened", raw.HEADER, connection(501), CLOSED, SILENCE, wait_s=3),

    case("method on an unopened channel", "opened", raw.queue_declare(1, "x"),
         connection_text(504, "CHANNEL_ERROR - expected 'channel.open'")),
    case("method on an unopened channel beside an open one", "channel", raw.queue_declare(7, "x"), connection(504)),
    case("body on an unopened channel", "opened", raw.body(3, b"x"), connection(504, 505)),
    case("content header on an unopened channel", "opened", raw.content_header(3, 1), connection(504, 505)),
    case("channel.open on channel 0", "opened", raw.channel_open(0), connection(503, 504), CLOSED),
    case("queue.declare on channel 0", "opened", raw.queue_declare(0, "x"), connection(503, 504), CLOSED),
    case("content header on channel 0", "opened", raw.content_header(0, 1), connection(504, 505, 501), CLOSED),
    case("body on channel 0", "opened", raw.body(0, b"x"), connection(504, 505, 501), CLOSED),
    case("connection.open on channel 1", "channel", raw.method(1, 10, 40, b"\x01/\x00\x00"),
         connection(503, 504, 540), CLOSED),
    case("connection.open twice", "opened", raw.connection_open(), connection(503, 504), CLOSED),
    case("channel opened twice", "channel", raw.channel_open(1),
         connection_text(504, "CHANNEL_ERROR - second 'channel.open' seen")),
    case("channel 65535", "opened", raw.channel_open(65535), method(20, 11)),
    case("channel number above channel-max", "opened", raw.channel_open(3000), method(20, 11)),
    case("one channel more than channel-max", "opened",
         b"".join(raw.channel_open(number) for number in range(1, 2049)), after(2047, method(20, 11), connection(530)), wait_s=20),

    case("content header without publish", "channel", raw.content_header(1, 5), connection(505)),
    case("body without header", "channel", raw.body(1, b"body"), connection(505)),
    case("body right after publish", "channel", raw.publish(1, "", "q") + raw.body(1, b"x"), connection(505)),
    case("method right after publish", "channel", raw.publish(1, "", "q") + raw.queue_declare(1, "x"),
         connection(505)),
    case("publish right after publish", "channel", 2 * raw.publish(1, "", "q"), connection(505)),
    case("method amid a body", "channel", raw.publish(1, "", "q") + raw.content_header(1, 10) + raw.body(1, b"12345")
         + raw.queue_declare(1, "x"), connection(505)),
    case("second header amid a body", "channel", raw.publish(1, "", "q") + raw.content_header(1, 10)
         + raw.content_header(1, 10), connection(505)),
    case("body after its end", "channel", raw.publish(1, "", "q") + raw.content_header(1, 1) + raw.body(1, b"1")
         + raw.body(1, b"2"), connection(505)),
    case("body longer than declared", "channel", raw.publish(1, "", "q") + raw.content_header(1, 3)
         + raw.body(1, b"12345"), SILENCE, connection(501, 505), wait_s=1),
    case("body frame of an empty message", "channel", raw.publish(1, "", "q") + raw.content_header(1, 0)
         + raw.body(1, b""), connection(505)),
    case("declared size 2^63", "channel", raw.publish(1, "", "q") + raw.content_header(1, 1 << 63)
         + raw.body(1, bytes(1000)), SILENCE, connection(501, 505), ("channel", (406,)), wait_s=1),
    case("declared size 2^64 - 1", "channel", raw.publish(1, "", "q") + raw.content_header(1, (1 << 64) - 1)
         + raw.body(1, bytes(1000)), SILENCE, connection(501, 505), ("channel", (406,)), wait_s=1),
    case("content header of another class", "channel", raw.publish(1, "", "q")
         + raw.content_header(1, 1, class_id=50), connection(505, 501), CLOSED),
    case("content header cut short", "channel", raw.publish(1, "", "q") + raw.frame(2, 1, b"\x00\x3c\x00\x00\x00"),
         connection(501, 502, 505, 541), CLOSED),
    case("empty content header", "channel", raw.publish(1, "", "q") + raw.frame(2, 1, b""),
         connection(501, 502, 505, 541), CLOSED),
    case("garbage after close", "opened", raw.method(0, 10, 50, b"\x00\xc8\x02ok\x00\x00\x00\x00")
         + b"\xff" * 4000, method(10, 51)),
    case("close cut short", "opened", raw.method(0, 10, 50, b"\x00"), SYNTAX, connection(541), CLOSED),
    case("close-ok unasked", "opened", raw.method(0, 10, 51), connection(503, 504, 505, 540), CLOSED),
]

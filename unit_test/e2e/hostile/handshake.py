"""Before connection.open-ok: nobody is authenticated yet (guarantees.md S7)."""
import struct

from harness import raw
from . import CLOSED, HEADER, SILENCE, SYNTAX, case, connection, connection_text, method

REFUSED = connection_text(403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
                               "For details see the broker logfile.")

CASES = [
    case("http request", "socket", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", HEADER),
    case("tls hello", "socket", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", HEADER),
    case("amqp 1.0", "socket", b"AMQP\x00\x01\x00\x00", HEADER),
    case("amqp 1.0 sasl", "socket", b"AMQP\x03\x01\x00\x00", HEADER),
    case("amqp 0-10", "socket", b"AMQP\x01\x01\x00\x0a", HEADER),
    case("amqp 0-9-2", "socket", b"AMQP\x00\x00\x09\x02", HEADER),
    case("lower case header", "socket", b"amqp\x00\x00\x09\x01", HEADER),
    case("zeros", "socket", bytes(8), HEADER),
    case("random bytes", "socket", bytes(range(200, 256)), HEADER),
    case("amqp 0-9", "socket", b"AMQP\x01\x01\x00\x09", method(10, 10)),
    case("amqp 0-8", "socket", b"AMQP\x01\x01\x08\x00", method(10, 10)),
    case("header byte by byte", "socket", [(bytes([one]), 0.02) for one in raw.HEADER], method(10, 10)),
    case("half a header", "socket", b"AMQP\x00", SILENCE, wait_s=1),
    case("header twice", "socket", raw.HEADER + raw.HEADER, method(10, 10)),

    case("wrong password", "started", raw.start_ok(response=b"\x00guest\x00wrong"), REFUSED),
    case("unknown user", "started", raw.start_ok(response=b"\x00nobody\x00guest"), REFUSED),
    case("empty password", "started", raw.start_ok(response=b"\x00guest\x00"), REFUSED),
    case("wrong password without the capability", "started",
         raw.start_ok(response=b"\x00guest\x00wrong", capabilities={}), CLOSED),
    case("response without separators", "started", raw.start_ok(response=b"guest"), REFUSED, CLOSED, connection(501, 502, 541)),
    case("empty response", "started", raw.start_ok(response=b""), REFUSED, CLOSED, connection(501, 502, 541)),
    case("response of 3,000 bytes", "started", raw.start_ok(response=b"\x00" + b"u" * 1500 + b"\x00" + b"p" * 1500),
         REFUSED),
    case("unknown mechanism", "started", raw.start_ok(mechanism="KERBEROS"), CLOSED, connection(503, 504)),
    case("empty mechanism", "started", raw.start_ok(mechanism=""), CLOSED, connection(503, 504)),
    case("start-ok with an unknown table type", "started",
         raw.method(0, 10, 11, raw.table([("k", b"?1234")]) + raw.short_string("PLAIN") + raw.long_string(b"\0a\0b")
                    + raw.short_string("en_US")), CLOSED, SYNTAX),
    case("start-ok cut short", "started", raw.method(0, 10, 11, b"\x00\x00"), CLOSED, SYNTAX),
    case("start-ok with a table longer than the frame", "started",
         raw.method(0, 10, 11, struct.pack("!I", 1 << 30) + b"x"), CLOSED, SYNTAX),
    case("tune-ok instead of start-ok", "started", raw.tune_ok(), CLOSED, connection(503, 504)),
    case("open instead of start-ok", "started", raw.connection_open(), CLOSED, connection(503, 504)),
    case("channel.open before login", "started", raw.channel_open(1), CLOSED, connection(503, 504)),
    case("body frame before login", "started", raw.body(1, b"x" * 100), CLOSED, connection(501, 504, 505)),
    case("heartbeat on channel 1 before login", "started", raw.frame(8, 1, b""), CLOSED, connection(501, 504, 505)),
    case("frame of 64 KiB before login", "started", raw.frame(1, 0, bytes(65536)), CLOSED, connection(501)),
    case("frame claiming 2 GiB before login", "started", struct.pack("!BHI", 1, 0, 1 << 31), CLOSED, connection(501)),
    case("bad frame end before login", "started", raw.frame(1, 0, b"\x00\x0a\x00\x0b", end=b"\x00"), CLOSED,
         connection(501)),

    case("open before tune-ok", "tuning", raw.connection_open(), CLOSED, connection(503, 504)),
    case("start-ok twice", "tuning", raw.start_ok(), CLOSED, connection(503, 504)),
    case("channel-max above the limit", "tuning", raw.tune_ok(channel_max=65535) + raw.connection_open(), CLOSED,
         connection(530)),
    case("channel-max 0", "tuning", raw.tune_ok(channel_max=0) + raw.connection_open(), CLOSED, connection(530)),
    case("frame-max above the limit", "tuning", raw.tune_ok(frame_max=1 << 20) + raw.connection_open(), CLOSED,
         connection(530)),
    case("frame-max 0", "tuning", raw.tune_ok(frame_max=0) + raw.connection_open(), CLOSED, connection(530)),
    case("frame-max below 4096", "tuning", raw.tune_ok(frame_max=1000) + raw.connection_open(), CLOSED,
         connection(530)),
    case("lower tune", "tuning", raw.tune_ok(10, 4096, 30) + raw.connection_open(), method(10, 41)),
    case("unknown vhost", "tuned", raw.connection_open("/nowhere"),
         connection_text(530, "NOT_ALLOWED - vhost /nowhere not found")),
    case("vhost of 255 bytes", "tuned", raw.connection_open("v" * 255), connection(530)),
    case("open cut short", "tuned", raw.method(0, 10, 40, b"\x05/"), CLOSED, SYNTAX),
    case("tune-ok twice", "tuned", raw.tune_ok(), CLOSED, connection(503, 504)),
    case("close before open", "tuned", raw.method(0, 10, 50, b"\x00\xc8\x02ok\x00\x00\x00\x00"), method(10, 51),
         CLOSED, connection(503, 504)),
    case("channel.open before open", "tuned", raw.channel_open(1), CLOSED, connection(503, 504, 505)),
]

"""Methods and their arguments on an open channel."""
from harness import raw
from harness.case import is_reference
from . import CLOSED, SILENCE, SYNTAX, after, case, channel, channel_text, connection, connection_text, method

METHOD = raw.method
EMPTY_TABLE = b"\x00\x00\x00\x00"
DECLARE_OK = method(50, 11)
DEEP_OK, DEEPER = 10_000, 20_000


def nested(depth):
    """A table with `depth` tables inside each other, encoded from the inside out."""
    size, parts = 0, []
    for _ in range(depth):
        parts.append(b"\x00F" + size.to_bytes(4, "big"))
        size += 6
    return size.to_bytes(4, "big") + b"".join(reversed(parts))


def consume(channel_number, queue, tag="", flags=0, arguments=EMPTY_TABLE):
    return METHOD(channel_number, 60, 20, b"\x00\x00" + raw.short_string(queue) + raw.short_string(tag)
                  + bytes([flags]) + arguments)


def exchange_declare(name, kind, flags=0, arguments=EMPTY_TABLE):
    return METHOD(1, 40, 10, b"\x00\x00" + raw.short_string(name) + raw.short_string(kind) + bytes([flags])
                  + arguments)


def bind(queue, exchange, key=b"", arguments=EMPTY_TABLE):
    return METHOD(1, 50, 20, b"\x00\x00" + raw.short_string(queue) + raw.short_string(exchange)
                  + raw.short_string(key) + b"\x00" + arguments)


CASES = [
    case("unknown class", "channel", METHOD(1, 99, 10), CLOSED, connection(501, 502, 503, 540)),
    case("unknown method", "channel", METHOD(1, 50, 99), CLOSED, connection(501, 502, 503, 540)),
    case("unknown class on channel 0", "opened", METHOD(0, 77, 1), CLOSED, connection(501, 502, 503, 504, 540)),
    case("class 0 method 0", "channel", METHOD(1, 0, 0), CLOSED, connection(501, 502, 503, 540)),
    case("class 65535", "channel", METHOD(1, 65535, 65535), CLOSED, connection(501, 502, 503, 540)),
    case("a method only servers send", "channel", METHOD(1, 50, 11, b"\x01q" + bytes(8)),
         connection(503, 504, 505, 540), CLOSED),
    case("basic.deliver from the client", "channel", METHOD(1, 60, 60, b"\x01t" + bytes(8) + b"\x00\x00\x00"),
         connection(503, 504, 505, 540), CLOSED, SILENCE, wait_s=1),
    case("arguments cut short", "channel", METHOD(1, 50, 10, b"\x00\x00\x05ab"), SYNTAX, CLOSED),
    case("no arguments", "channel", METHOD(1, 50, 10), SYNTAX, CLOSED),
    case("trailing bytes", "channel", lambda c: METHOD(1, 50, 10, b"\x00\x00" + raw.short_string(c.name) + b"\x04"
                                                       + EMPTY_TABLE + b"trailing"), SYNTAX, CLOSED),
    case("short string longer than the frame", "channel", METHOD(1, 50, 10, b"\x00\x00\xff" + b"a" * 20), SYNTAX,
         CLOSED),
    case("table longer than the frame", "channel", METHOD(1, 50, 10, b"\x00\x00\x01q\x00\x7f\xff\xff\xff"), SYNTAX,
         CLOSED),
    case("table length 2^32 - 1", "channel", METHOD(1, 50, 10, b"\x00\x00\x01q\x00\xff\xff\xff\xff"), SYNTAX, CLOSED),
    case("table cut inside a name", "channel", METHOD(1, 50, 10, b"\x00\x00\x01q\x00\x00\x00\x00\x03\x09ab"), SYNTAX,
         CLOSED),
    case("table cut inside a value", "channel",
         METHOD(1, 50, 10, b"\x00\x00\x01q\x00" + raw.long_string(b"\x01kI\x00")), SYNTAX, CLOSED),
    case("table with a long string past its end", "channel",
         METHOD(1, 50, 10, b"\x00\x00\x01q\x00" + raw.long_string(b"\x01kS\x00\x00\x01\x00ab")), SYNTAX, CLOSED),
    case("table with an array past its end", "channel",
         METHOD(1, 50, 10, b"\x00\x00\x01q\x00" + raw.long_string(b"\x01kA\x00\x00\x01\x00I")), SYNTAX, CLOSED),
    case("unknown table type", "channel", METHOD(1, 50, 10, b"\x00\x00\x01q\x00" + raw.table([("k", b"?1")])), SYNTAX,
         CLOSED),
    case("10,000 nested tables", "channel", exchange_declare("deep", "fanout", 8, nested(DEEP_OK)), method(40, 11)),
    case("20,000 nested tables", "channel", exchange_declare("deeper", "fanout", 8, nested(DEEPER)), method(40, 11),
         SYNTAX),
    case("invalid utf-8 in a queue name", "channel", raw.queue_declare(1, b"\xff\xfe\xfd"), SYNTAX, channel(406),
         CLOSED),
    case("invalid utf-8 in a binding key", "queue", lambda c: bind(c.name, "amq.direct", b"\xff\xfe"), SYNTAX, CLOSED),
    case("newline and nul in a queue name", "channel",
         lambda c: raw.queue_declare(1, f"{c.name}\x00\nend", 4), DECLARE_OK),
    case("queue name of 255 bytes", "channel", raw.queue_declare(1, "h" * 255, 4), DECLARE_OK),
    case("every flag of queue.declare", "channel", lambda c: raw.queue_declare(1, c.name, 0xEF), DECLARE_OK,
         channel(404)),

    case("empty queue name before any declare: bind", "channel", bind("", "amq.direct", "k"), channel(404)),
    case("empty queue name before any declare: consume", "channel", consume(1, ""), channel(404)),
    case("reserved queue name", "channel", raw.queue_declare(1, "amq.stolen"), channel_text(
        403, "ACCESS_REFUSED - queue name 'amq.stolen' contains reserved prefix 'amq.*'")),
    case("reserved exchange name", "channel", exchange_declare("amq.stolen", "direct"), channel(403)),
    case("default exchange deleted", "channel", METHOD(1, 40, 20, bytes(4)), channel(403)),
    case("binding to the default exchange", "queue", lambda c: bind(c.name, "", "k"), channel(403)),
    case("missing queue consumed", "channel", consume(1, "missing"),
         channel_text(404, "NOT_FOUND - no queue 'missing' in vhost '/'")),
    case("missing exchange published to", "channel", raw.message(1, "k", b"x", exchange="missing"),
         channel_text(404, "NOT_FOUND - no exchange 'missing' in vhost '/'")),
    case("missing exchange deleted", "channel", METHOD(1, 40, 20, b"\x00\x00\x07missing\x00"), method(40, 21)),
    case("missing queue deleted", "channel", METHOD(1, 50, 40, b"\x00\x00\x07missing\x00"), method(50, 41)),
    case("missing queue purged", "channel", METHOD(1, 50, 30, b"\x00\x00\x07missing\x00"), channel(404)),
    # W28: 503 up to 3.12, 406 from 3.13 on.
    case("unknown exchange type", "channel", exchange_declare("odd", "odd"),
         connection_text(503, "COMMAND_INVALID - unknown exchange type 'odd'") if is_reference() else
         channel_text(406, "PRECONDITION_FAILED - unknown exchange type 'odd'")),
    case("empty exchange type", "channel", exchange_declare("odd", ""),
         connection(503) if is_reference() else channel(406)),
    case("consumer tag twice", "queue", lambda c: consume(1, c.name, "tag", 8) + consume(1, c.name, "tag"),
         connection(530), wait_s=8),
    case("consumer tag of 255 bytes", "queue", lambda c: consume(1, c.name, "t" * 255), method(60, 21)),
    case("unknown consumer tag cancelled", "channel", METHOD(1, 60, 30, b"\x07unknown\x00"), method(60, 31)),

    case("unknown delivery tag acked", "channel", METHOD(1, 60, 80, (77).to_bytes(8, "big") + b"\x00"),
         channel_text(406, "PRECONDITION_FAILED - unknown delivery tag 77")),
    case("unknown delivery tag nacked", "channel", METHOD(1, 60, 120, (77).to_bytes(8, "big") + b"\x02"),
         channel(406)),
    case("unknown delivery tag rejected", "channel", METHOD(1, 60, 90, (77).to_bytes(8, "big") + b"\x01"),
         channel(406)),
    case("delivery tag 2^64 - 1 with multiple", "channel", METHOD(1, 60, 80, b"\xff" * 8 + b"\x01"), channel(406)),
    case("delivery tag 0 without multiple", "channel", METHOD(1, 60, 80, bytes(9)), channel(406)),
    case("prefetch size", "channel", METHOD(1, 60, 10, b"\x00\x00\x00\x01\x00\x0a\x00"), connection_text(
        540, "NOT_IMPLEMENTED - prefetch_size!=0 (1)")),
    case("immediate", "channel", raw.publish(1, "", "q", flags=2) + raw.content_header(1, 0), connection_text(
        540, "NOT_IMPLEMENTED - immediate=true")),
    case("flow off", "channel", METHOD(1, 20, 20, b"\x00"), connection_text(540, "NOT_IMPLEMENTED - active=false")),
    case("recover without requeue", "channel", METHOD(1, 60, 110, b"\x00"), connection_text(
        540, "NOT_IMPLEMENTED - requeue=false")),
    case("recover-async without requeue", "channel", METHOD(1, 60, 100, b"\x00"), connection(540)),
    case("commit without tx", "channel", METHOD(1, 90, 20), channel_text(
        406, "PRECONDITION_FAILED - channel is not transactional")),
    case("rollback without tx", "channel", METHOD(1, 90, 30), channel(406)),
    case("confirm after tx", "channel", METHOD(1, 90, 10) + METHOD(1, 85, 10, b"\x01"),
         after(1, method(90, 11), channel(406))),
    case("tx after confirm", "channel", METHOD(1, 85, 10, b"\x01") + METHOD(1, 90, 10), channel(406)),
    case("access.request", "channel", METHOD(1, 30, 10, b"\x01/\x1f"), method(30, 11)),
    case("methods after channel.close", "channel", METHOD(1, 20, 40, b"\x00\xc8\x02ok\x00\x00\x00\x00")
         + raw.queue_declare(1, "after"), connection(504), method(20, 41)),
    case("ttl that is a string", "channel", raw.queue_declare(1, "odd", 0, raw.table({"x-message-ttl": "soon"})),
         channel(406)),
    case("negative ttl", "channel", raw.queue_declare(1, "odd", 0, raw.table({"x-message-ttl": -5})), channel(406)),
    case("max-length that is a table", "channel", raw.queue_declare(1, "odd", 0, raw.table({"x-max-length": {}})),
         channel(406)),
    case("unknown queue type", "channel", raw.queue_declare(1, "odd", 0, raw.table({"x-queue-type": "heap"})),
         connection(541), channel(406)),
]

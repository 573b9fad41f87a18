"""Content headers, properties and bodies."""
from harness import raw
from . import CLOSED, SILENCE, case, channel, channel_text, connection, method

GET_OK, GET_EMPTY = method(60, 71), method(60, 72)


def get(queue):
    return raw.method(1, 60, 70, b"\x00\x00" + raw.short_string(queue) + b"\x01")


def with_properties(flags, properties=b""):
    """A publish to a missing queue: a decoding error shows, an accepted message leaves no trace."""
    return raw.publish(1, "", "nowhere") + raw.content_header(1, 0, flags, properties)


def then_get(parts):
    """Publishes to the case's queue and takes the message with basic.get: get-ok shows that it was accepted."""
    return lambda context: [(parts(context), 0.3), (get(context.name), 0)]


CASES = [
    case("properties announced, none there", "channel", with_properties(0xFFFC), connection(501, 502, 541), CLOSED),
    case("property longer than the frame", "channel", with_properties(0x8000, b"\xffabc"), connection(501, 502, 541),
         CLOSED),
    case("trailing bytes after properties", "channel", with_properties(0x8000, b"\x01a" + b"trailing"),
         connection(501, 502, 541), CLOSED, SILENCE, wait_s=1),
    case("unknown type in headers", "channel", with_properties(0x2000, raw.table([("k", b"?12")])),
         connection(501, 502, 541), CLOSED, SILENCE, wait_s=1),
    case("headers cut short", "channel", with_properties(0x2000, b"\x00\x00\x00\xff\x01k"),
         connection(501, 502, 541), CLOSED),
    case("continuation flag without end", "channel", with_properties(0x0001), connection(501, 502, 541), CLOSED,
         SILENCE, wait_s=1),
    case("bad expiration", "channel", with_properties(0x0100, b"\x04soon"), channel(406)),
    case("negative expiration", "channel", with_properties(0x0100, b"\x02-1"), channel(406)),
    case("user-id of another", "channel", with_properties(0x0010, b"\x07mallory"), channel_text(
        406, "PRECONDITION_FAILED - user_id property set to 'mallory' but authenticated user was 'guest'")),
    case("routing key that is not utf-8", "channel", raw.message(1, b"\xff\xfe", b"x")
         + raw.method(1, 60, 30, b"\x04none\x00"), method(60, 31)),
    case("duplicate and empty keys in headers", "queue", then_get(lambda c: raw.message(
        1, c.name, b"x", flags=0x2000, properties=raw.table([("k", b"t\x01"), ("k", b"t\x00"), ("", b"V")]))), GET_OK),
    case("every field type in headers", "queue", then_get(lambda c: raw.message(
        1, c.name, b"x", flags=0x2000, properties=raw.table([
            ("t", b"t\x01"), ("b", b"b\xff"), ("B", b"B\xff"), ("s", b"s\xff\xff"), ("u", b"u\xff\xff"),
            ("I", b"I" + bytes(4)), ("i", b"i" + bytes(4)), ("l", b"l" + bytes(8)), ("L", b"L" + bytes(8)),
            ("f", b"f\x3f\x80\x00\x00"), ("d", b"d\x3f\xf0" + bytes(6)), ("D", b"D\x02" + bytes(4)),
            ("S", b"S" + raw.long_string("text")), ("A", b"A" + raw.long_string(b"t\x01V")), ("T", b"T" + bytes(8)),
            ("F", b"F" + raw.table({"inner": 1})), ("V", b"V"), ("x", b"x" + raw.long_string(b"\x00\xff"))]))), GET_OK),
    case("body in frames of one byte", "queue", then_get(lambda c: raw.publish(1, "", c.name)
         + raw.content_header(1, 300) + b"".join(raw.body(1, b"1") for _ in range(300))), GET_OK),
    case("empty frames inside a body", "queue", then_get(lambda c: raw.publish(1, "", c.name)
         + raw.content_header(1, 2) + raw.body(1, b"") + raw.body(1, b"1") + raw.body(1, b"") + raw.body(1, b"2")),
         GET_OK),
    case("heartbeats inside a body", "queue", then_get(lambda c: raw.publish(1, "", c.name)
         + raw.frame(8, 0, b"") + raw.content_header(1, 2) + raw.frame(8, 0, b"") + raw.body(1, b"12")), GET_OK),
    case("zero-length body", "queue", then_get(lambda c: raw.message(1, c.name, b"")), GET_OK),
    case("body never completed", "queue", lambda c: raw.publish(1, "", c.name) + raw.content_header(1, 1 << 20)
         + raw.body(1, bytes(1000)), SILENCE, wait_s=1),
    case("message above the size limit", "queue", lambda c: raw.publish(1, "", c.name)
         + raw.content_header(1, 600 << 20) + raw.body(1, bytes(1000)), channel(406), SILENCE, connection(501),
         wait_s=1),
    case("weight that is not 0", "queue", then_get(lambda c: raw.publish(1, "", c.name)
         + raw.content_header(1, 1, weight=7) + raw.body(1, b"1")), GET_OK, connection(501, 502, 505)),
    case("an empty queue gives get-empty", "queue", lambda c: get(c.name), GET_EMPTY),
]

"""AMQP 0-9-1's field tables, properties and the methods a broker sends: every type kept, so that two brokers' bytes can be
compared. A field is a pair (type letter, value): ("S", "text"), ("I", 7), ("A", [field, ...]), ("F", {name: field})."""
import struct

from .raw import long_string, short_string

FIXED = {"b": "!b", "B": "!B", "s": "!h", "u": "!H", "I": "!i", "i": "!I", "l": "!q", "L": "!q", "f": "!f", "d": "!d",
         "T": "!Q"}

# -- fields -----------------------------------------------------------------------------------------------------------


def as_field(value):
    """Plain Python values get the type that common clients choose; pairs are taken as they are."""
    if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str) and len(value[0]) == 1:
        return tuple(value)
    if value is None:
        return ("V", None)
    if isinstance(value, bool):
        return ("t", value)
    if isinstance(value, int):
        return ("I", value) if -2 ** 31 <= value < 2 ** 31 else ("l", value)
    if isinstance(value, float):
        return ("d", value)
    if isinstance(value, (str, bytes)):
        return ("S", value)
    if isinstance(value, dict):
        return ("F", value)
    return ("A", list(value))


def encode_field(value):
    kind, value = as_field(value)
    head = kind.encode()
    if kind in FIXED:
        return head + struct.pack(FIXED[kind], value)
    if kind == "t":
        return head + struct.pack("!B", value)
    if kind == "V":
        return head
    if kind == "D":
        return head + struct.pack("!Bi", *value)
    if kind == "F":
        return head + encode_table(value)
    if kind == "A":
        return head + long_string(b"".join(encode_field(item) for item in value))
    return head + long_string(value)  # S, x


def encode_table(entries):
    pairs = entries.items() if isinstance(entries, dict) else entries
    return long_string(b"".join(short_string(name) + encode_field(value) for name, value in pairs))


def text(data):
    """A str where the bytes are UTF-8, else the bytes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return bytes(data)


class Reader:
    """Reads AMQP's primitive types from one frame's payload."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def run(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def short(self):
        return text(self.run(self.take("!B")))

    def long(self):
        return self.run(self.take("!I"))

    def field(self):
        kind = chr(self.take("!B"))
        if kind in FIXED:
            return (kind, self.take(FIXED[kind]))
        if kind == "t":
            return (kind, bool(self.take("!B")))
        if kind == "V":
            return (kind, None)
        if kind == "D":
            return (kind, (self.take("!B"), self.take("!i")))
        if kind == "F":
            return (kind, self.table())
        if kind == "A":
            end, items = self.take("!I") + self.at, []
            while self.at < end:
                items.append(self.field())
            return (kind, items)
        assert kind in "Sx", f"field type {kind!r} from the broker"
        return (kind, text(self.long()))

    def table(self):
        end, entries = self.take("!I") + self.at, {}
        while self.at < end:
            name = self.short()
            entries[name] = self.field()
        return entries


# -- properties -------------------------------------------------------------------------------------------------------

PROPERTIES = [("content_type", "short"), ("content_encoding", "short"), ("headers", "table"), ("delivery_mode", "!B"),
              ("priority", "!B"), ("correlation_id", "short"), ("reply_to", "short"), ("expiration", "short"),
              ("message_id", "short"), ("timestamp", "!Q"), ("type", "short"), ("user_id", "short"), ("app_id", "short"),
              ("cluster_id", "short")]


def encode_properties(properties):
    """(flags, bytes) of a dict of properties."""
    flags, data = 0, b""
    for index, (name, kind) in enumerate(PROPERTIES):
        if name in properties:
            flags |= 0x8000 >> index
            value = properties[name]
            data += (short_string(value) if kind == "short" else encode_table(value) if kind == "table"
                     else struct.pack(kind, value))
    return flags, data


def decode_properties(reader):
    flags, properties = reader.take("!H"), {}
    for index, (name, kind) in enumerate(PROPERTIES):
        if flags & (0x8000 >> index):
            properties[name] = (reader.short() if kind == "short" else reader.table() if kind == "table"
                                else reader.take(kind))
    return properties


# -- methods from the broker: name and the form of its arguments ---------------------------------------------------------
# s short string, l long string, t table, o octet, w 16 bits, i 32 bits, q 64 bits, b bits in one octet

FROM_BROKER = {
    (10, 10): ("start", "o:major o:minor t:server_properties l:mechanisms l:locales"),
    (10, 20): ("secure", "l:challenge"),
    (10, 30): ("tune", "w:channel_max i:frame_max w:heartbeat"),
    (10, 41): ("open-ok", "s:reserved"),
    (10, 50): ("connection.close", "w:code s:text w:class_id w:method_id"),
    (10, 51): ("connection.close-ok", ""),
    (10, 60): ("blocked", "s:reason"),
    (10, 61): ("unblocked", ""),
    (10, 71): ("update-secret-ok", ""),
    (20, 11): ("channel.open-ok", "l:reserved"),
    (20, 20): ("flow", "b:active"),
    (20, 21): ("flow-ok", "b:active"),
    (20, 40): ("channel.close", "w:code s:text w:class_id w:method_id"),
    (20, 41): ("channel.close-ok", ""),
    (30, 11): ("access.request-ok", "w:ticket"),
    (40, 11): ("exchange.declare-ok", ""), (40, 21): ("exchange.delete-ok", ""),
    (40, 31): ("exchange.bind-ok", ""), (40, 51): ("exchange.unbind-ok", ""),
    (50, 11): ("queue.declare-ok", "s:queue i:messages i:consumers"),
    (50, 21): ("queue.bind-ok", ""), (50, 31): ("queue.purge-ok", "i:messages"),
    (50, 41): ("queue.delete-ok", "i:messages"), (50, 51): ("queue.unbind-ok", ""),
    (60, 11): ("qos-ok", ""), (60, 21): ("consume-ok", "s:tag"), (60, 30): ("cancel", "s:tag b:nowait"),
    (60, 31): ("cancel-ok", "s:tag"),
    (60, 50): ("return", "w:code s:text s:exchange s:key"),
    (60, 60): ("deliver", "s:tag q:delivery_tag b:redelivered s:exchange s:key"),
    (60, 71): ("get-ok", "q:delivery_tag b:redelivered s:exchange s:key i:messages"),
    (60, 72): ("get-empty", "s:reserved"),
    (60, 80): ("ack", "q:delivery_tag b:multiple"), (60, 111): ("recover-ok", ""),
    (60, 120): ("nack", "q:delivery_tag b:multiple"),
    (85, 11): ("confirm.select-ok", ""),
    (90, 11): ("tx.select-ok", ""), (90, 21): ("tx.commit-ok", ""), (90, 31): ("tx.rollback-ok", ""),
}
WITH_CONTENT = ("return", "deliver", "get-ok")
_READ = {"o": lambda r: r.take("!B"), "w": lambda r: r.take("!H"), "i": lambda r: r.take("!I"),
         "q": lambda r: r.take("!Q"), "b": lambda r: r.take("!B"), "s": Reader.short, "t": Reader.table,
         "l": lambda r: text(r.long())}
_FORMS = {key: (name, [part.split(":") for part in form.split()]) for key, (name, form) in FROM_BROKER.items()}


def decode_method(payload):
    """(name, {argument: value}) of a method frame's payload."""
    reader = Reader(payload)
    key = reader.take("!H"), reader.take("!H")
    name, form = _FORMS[key]
    return name, {argument: _READ[kind](reader) for kind, argument in form}

"""The rows of the AMQP part of the feature map (W01-W72) and the tests that prove them.

A test named test_w17_... proves row W17; `@row("W17", ...)` says the same of a test with another name. scripts/conformance
writes docs/conformance.md from this.
"""
import re

ROWS = {
    "W01": "protocol header", "W02": "server properties", "W03": "server capabilities", "W04": "client capabilities",
    "W05": "authentication mechanisms", "W06": "tune", "W07": "heartbeats", "W08": "connection.open",
    "W09": "frame rules", "W10": "connection.update-secret", "W11": "connection.blocked and unblocked",
    "W12": "class connection", "W13": "class channel", "W14": "class access", "W15": "class exchange",
    "W16": "class queue", "W17": "class basic", "W18": "class confirm", "W19": "class tx", "W20": "nowait",
    "W21": "311 CONTENT_TOO_LARGE", "W22": "312 NO_ROUTE, 313 NO_CONSUMERS", "W23": "320 CONNECTION_FORCED",
    "W24": "402 INVALID_PATH", "W25": "403 ACCESS_REFUSED", "W26": "404 NOT_FOUND", "W27": "405 RESOURCE_LOCKED",
    "W28": "406 PRECONDITION_FAILED", "W29": "501 to 505", "W30": "506 RESOURCE_ERROR", "W31": "530 NOT_ALLOWED",
    "W32": "540 NOT_IMPLEMENTED", "W33": "541 INTERNAL_ERROR", "W34": "close: class, method and text",
    "W35": "exchanges", "W36": "equivalence of exchanges", "W37": "equivalence of queues", "W38": "passive declare",
    "W39": "exclusive queues", "W40": "auto-delete queues", "W41": "server-named queues", "W42": "permissions",
    "W43": "exchange-to-exchange bindings", "W44": "topic matching", "W45": "headers matching",
    "W46": "alternate exchange", "W47": "CC and BCC", "W48": "x-message-ttl and expiration", "W49": "x-expires",
    "W50": "x-max-length, x-max-length-bytes", "W51": "x-overflow", "W52": "dead lettering", "W53": "x-death",
    "W54": "x-single-active-consumer", "W55": "x-max-priority", "W56": "x-queue-type", "W57": "x-delivery-limit",
    "W58": "x-consumer-timeout", "W59": "x-queue-leader-locator", "W60": "other queue arguments", "W61": "basic.qos",
    "W62": "consumer priorities", "W63": "ordering", "W64": "basic.ack", "W65": "basic.cancel", "W66": "mandatory",
    "W67": "publisher confirms", "W68": "user-id", "W69": "direct reply-to", "W70": "message size",
    "W71": "field table types", "W72": "message properties",
}
# Rows that pass with a difference on purpose: what, in one phrase. Each has its line in docs/differences.md.
DIFFERS = {
    "W29": "an unknown class or method is answered with 503 instead of a bare socket close",
    "W30": "506 is a code of streams, which are not offered",
}


def row(*ids):
    """Marks a test as proof of these rows."""
    unknown = set(ids) - set(ROWS)
    assert not unknown, f"no such rows: {unknown}"

    def mark(function):
        function.rows = getattr(function, "rows", ()) + ids
        return function
    return mark


def rows_of(test):
    """The rows that a TestCase instance proves."""
    method = getattr(test, test._testMethodName)
    named = re.match(r"test_w(\d\d)_", test._testMethodName)
    return set(getattr(method, "rows", ())) | ({f"W{named[1]}"} if named else set())

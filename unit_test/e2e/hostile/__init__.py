"""The table of hostile clients: what is sent, at which stage of a connection, and how a broker must react.

The reactions are RabbitMQ 3.10's, observed (run.py --broker rabbitmq test_hostile). Where a client cannot tell the
difference, more than one is allowed: a syntax error (502) for a frame error (501), a reply for a bare close.
"""
from collections import namedtuple

# stage: "socket" nothing sent, "started" start received, "tuning" tune received, "tuned" tune-ok sent,
#        "opened" open-ok received, "channel" channel 1 open, "queue" exclusive queue "hostile-queue-N" declared on it
# send:  bytes, a list of (bytes, pause in s), or a function of the context (see test_hostile.Context) that returns those
# expect: the reactions allowed
Case = namedtuple("Case", "name stage send expect wait_s")


def case(name, stage, send, *expect, wait_s=8):
    return Case(name, stage, send, expect, wait_s)


def connection(*codes):
    """connection.close with one of the codes; then close-ok ends the socket."""
    return ("connection", codes)


def connection_text(code, text):
    return ("connection text", code, text)


def channel(code):
    """channel.close with this code; then the connection still works."""
    return ("channel", (code,))


def channel_text(code, text):
    return ("channel text", code, text)


def method(class_id, method_id):
    """An ordinary reply: what was sent is not an error."""
    return ("method", class_id, method_id)


def after(count, reply, expectation):
    """`count` times the ordinary `reply`, then the expectation."""
    return ("after", count, reply, expectation)


CLOSED = ("closed",)
SILENCE = ("silence",)  # waits for more; no reaction within wait_s, the socket stays open
HEADER = ("header", b"AMQP\x00\x00\x09\x01")  # its own protocol header, then close

SYNTAX = connection(501, 502)  # undecodable arguments: RabbitMQ says 501 or 502, both are hard errors of the same cause

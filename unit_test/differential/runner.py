"""Runs programs on one broker and writes down what a client can see.

Nothing is waited for by time: after each operation the runner polls the counts of the program's queues until three polls
agree, then passes a barrier on every channel, so that each delivery, return, confirm and error has arrived. Only `wait`
sleeps, for a message's time to live to pass.
"""
import itertools
import os
import struct
import time

from harness import client as amqp
from harness import raw
from lane import Lane
from names import Names

OBSERVER = 9          # channel on which counts are asked; the program never uses it
AGREEING_POLLS = 3
CONFIRM_S = 5         # time for a confirm
GLIMPSES = 50         # times each queue is asked for a message that does not rest
POLL_LIMIT = 400      # polls after which a program is said not to come to rest
SETTLED_BY_REPLY = {"declare_exchange", "bind", "unbind", "bind_exchange", "unbind_exchange", "passive_queue",
                    "passive_exchange", "confirm_select", "tx_select", "declare_queue"}
_runs = itertools.count(1)
_process = os.urandom(3).hex()  # a node may keep names of an earlier process


class NotAtRest(Exception):
    """The counts of the queues never stopped changing: the broker loops, or the program does."""


class Runner:
    """`strict`: confirming a publish twice is a fault. RabbitMQ's nacks of several publishes also cover some that it acks
    right after: with it the last word counts."""

    def __init__(self, port, label="", vhost="/", strict=True):
        self.port, self.label, self.vhost, self.strict = port, label, vhost, strict
        self.connections = {}

    def close(self):
        for connection in self.connections.values():
            connection.cut()
        self.connections = {}

    # -- a program ----------------------------------------------------------------------------------------------------

    def run(self, program, patience=1):
        """The trace: one list of observations per operation, and a last one of what was left in the queues. Waits last
        `patience` times as long as the program says."""
        self.patience = patience
        self.names = Names(f"p{next(_runs)}-{_process}{self.label}.")
        self.lanes, self.exchanges, self.counter = {}, [], 0
        self.queues, self.exclusive = {}, set()  # queue: the connection it is counted on
        trace = []
        try:
            for operation, following in zip(program, [*program[1:], {"op": "end"}]):
                trace.append(self.step(operation, following["op"] == "wait"))
            trace.append(self.finish())
        except NotAtRest as error:
            trace.append([["broken", type(error).__name__, str(error), self.glimpse()]])
            self.close()
        except (AssertionError, OSError) as error:
            trace.append([["broken", type(error).__name__, str(error)]])
            self.close()
        finally:
            self.clean_up()
        return self.names.shown(trace)

    def step(self, operation, expiring):
        """`expiring`: a wait follows, since messages may be about to expire: counts at this moment say nothing."""
        seen = []
        kind = operation["op"]
        try:
            getattr(self, "do_" + kind)(operation, seen)
        except amqp.Refused as refusal:
            self.refused(operation, refusal, seen)
        if kind not in SETTLED_BY_REPLY or operation.get("nowait"):
            self.settle(seen)
            if expiring:
                seen.pop()
        return seen

    def finish(self):
        """Closes the program's channels and shows what is left in each queue, in order."""
        seen = []
        for lane in list(self.lanes.values()):
            self.close_lane(lane, seen)
        self.settle(seen)
        for queue in sorted(self.queues, key=self.names.shown):
            connection = self.connection(self.queues[queue])
            while True:
                try:
                    event = connection.get(queue, channel=OBSERVER)
                except amqp.Refused as refusal:
                    seen.append(["left", queue, "refused", refusal.event.code, refusal.event.text])
                    self.observer_closed(self.queues[queue])
                    break
                if event.name == "get-empty":
                    break
                seen.append(["left", queue, *content(event), event.redelivered])
        return seen

    def glimpse(self):
        """The properties of a message that does not rest, if one can be caught: they tell what keeps it going."""
        try:
            for queue in GLIMPSES * sorted(self.queues):
                event = self.connection(self.queues[queue]).get(queue, channel=OBSERVER)
                if event.name == "get-ok":
                    return event.properties
        except (amqp.Refused, AssertionError, OSError):
            pass  # the connection is given up in any case
        return None

    def clean_up(self):
        for queue, owner in list(self.queues.items()):
            if owner in self.connections:
                self.quietly(owner, raw.method(OBSERVER, 50, 40, b"\0\0" + raw.short_string(queue) + b"\0"),
                             "queue.delete-ok")
        for exchange in self.exchanges:
            if "a" in self.connections:
                self.quietly("a", raw.method(OBSERVER, 40, 20, b"\0\0" + raw.short_string(exchange) + b"\0"),
                             "exchange.delete-ok")

    def quietly(self, owner, data, reply):
        try:
            self.connections[owner].call(OBSERVER, data, reply)
        except amqp.Refused:
            self.observer_closed(owner)
        except (OSError, AssertionError):
            self.close()

    # -- connections and channels --------------------------------------------------------------------------------------

    def connection(self, name):
        if name not in self.connections:
            self.connections[name] = amqp.Client(self.port, vhost=self.vhost, channels=(OBSERVER,))
        return self.connections[name]

    def observer_closed(self, owner):
        connection = self.connections[owner]
        if connection.closed:
            self.connection_gone(owner)
        else:
            connection.open(OBSERVER)

    def connection_gone(self, name):
        """Its channels are gone, and its exclusive queues with them; shared queues are counted on a new one."""
        self.connections.pop(name).cut()
        self.lanes = {key: lane for key, lane in self.lanes.items() if lane.connection != name}
        for queue in [queue for queue, owner in self.queues.items() if owner == name and queue in self.exclusive]:
            del self.queues[queue]

    def lane(self, operation):
        """The operation's channel, opened when it is not: (client, lane)."""
        key = operation["c"]
        client = self.connection(key[0])
        if key not in self.lanes:
            client.open(int(key[1]))
            self.lanes[key] = Lane(key[0], int(key[1]))
        return client, self.lanes[key]

    def refused(self, operation, refusal, seen):
        event = refusal.event
        self.events(seen, None if event is None or event.channel == 0 else event.channel)
        if event is None:
            seen.append(["socket closed"])
            self.connection_gone(operation["c"][0])
            return
        seen.append([event.name, event.code, event.text, event.class_id, event.method_id])
        if event.name == "connection.close":
            self.connection_gone(operation["c"][0])
        else:
            self.lanes.pop(f"{operation['c'][0]}{event.channel}", None)

    def close_lane(self, lane, seen):
        client = self.connections[lane.connection]
        try:
            client.close_channel(lane.number)
        except amqp.Refused as refusal:
            self.refused({"c": f"{lane.connection}{lane.number}"}, refusal, seen)
        self.events(seen)
        self.lanes.pop(f"{lane.connection}{lane.number}", None)

    # -- rest ---------------------------------------------------------------------------------------------------------

    def settle(self, seen):
        """Waits until the broker has nothing left to do for this program; adds what came meanwhile and the counts."""
        self.barriers(seen)
        for _ in range(POLL_LIMIT):
            now, agreed = self.poll()
            if agreed:
                break
        else:
            raise NotAtRest(f"{now}")
        self.barriers(seen)
        self.events(seen)
        self.await_confirms(seen)
        seen.append(["counts", {self.names.shown(queue): counts for queue, counts in sorted(now.items())}])

    def await_confirms(self, seen):
        """A confirm may wait for a disk: until each publish has one."""
        until = time.monotonic() + CONFIRM_S
        while any(len(lane.settled) < len(lane.published) for lane in self.lanes.values()):
            if time.monotonic() > until:
                seen.append(["unconfirmed", {f"{lane.connection}{lane.number}": sorted(set(lane.published.values()) -
                                                                                       lane.settled)
                                             for lane in self.lanes.values()}])
                return
            time.sleep(0.001)
            self.barriers(seen)
            self.events(seen)

    def poll(self):
        """Asks for all counts AGREEING_POLLS times in one go: (the last counts, did all agree)."""
        polls = [{} for _ in range(AGREEING_POLLS)]
        for owner in sorted(set(self.queues.values())):
            mine = [queue for queue, of in self.queues.items() if of == owner]
            client = self.connection(owner)
            client.raw.send(AGREEING_POLLS * b"".join(encode_passive(queue) for queue in mine))
            answered = 0
            try:
                for counts in polls:
                    for queue in mine:
                        event = client.wait_reply(OBSERVER, "queue.declare-ok")
                        counts[queue] = [event.messages, event.consumers]
                        answered += 1
            except amqp.Refused as refusal:
                if refusal.event is None or refusal.event.code != 404:
                    raise AssertionError(f"counting {mine}: {refusal}") from None
                del self.queues[mine[answered % len(mine)]]
                self.observer_closed(owner)
                return self.poll()
        return polls[-1], all(counts == polls[0] for counts in polls)

    def barriers(self, seen):
        """What was sent on each channel has been done, and what the broker sent in return has come."""
        for lane in self.lanes.values():
            self.connections[lane.connection].raw.send(encode_barrier(lane.number))
        for key, lane in list(self.lanes.items()):
            if self.lanes.get(key) is not lane:
                continue  # closed by what came for another one
            try:
                self.connections[lane.connection].wait_reply(lane.number, "exchange.declare-ok")
            except amqp.Refused as refusal:
                self.refused({"c": key}, refusal, seen)

    def events(self, seen, channel=None):
        """Moves what arrived (on one channel) into `seen`. Order is kept within a consumer, within returns, and nowhere else."""
        found = []
        for name, client in self.connections.items():
            later = [event for event in client.events
                     if event.name == "exchange.declare-ok" or channel not in (None, event.channel)]
            for event in [event for event in client.events if event not in later]:
                lane = self.lanes.get(f"{name}{event.channel}")
                found.append(self.observed(name, lane, event))
                if event.name == "channel.close":
                    self.lanes.pop(f"{name}{event.channel}", None)
            client.events = later
        confirms = {(e[0], e[1]): set(e[2]) for e in seen if e[0] in ("ack", "nack")}
        others = [e for e in seen if e[0] not in ("ack", "nack")]
        fresh = []
        for entry in found:
            if entry[0] in ("ack", "nack"):
                confirms.setdefault((entry[0], entry[1]), set()).update(entry[2])
                confirms.setdefault(("nack" if entry[0] == "ack" else "ack", entry[1]), set()).difference_update(entry[2])
            else:
                fresh.append(entry)
        seen[:] = others + sorted(fresh, key=lambda entry: (entry[0], str(entry[1])))
        seen.extend([kind, where, sorted(numbers)] for (kind, where), numbers in sorted(confirms.items()) if numbers)

    def observed(self, connection, lane, event):
        where = f"{connection}{event.channel}"
        if lane is None:
            return ["stray", where, event.name]
        if event.name == "deliver":
            queue, no_ack = lane.consumers.get(event.tag, ("?", False))
            due = lane.delivered(event.tag, event.delivery_tag, no_ack)
            return ["deliver", f"{where} {self.names.shown(event.tag)}", *content(event), event.redelivered, due]
        if event.name == "return":
            late = lane.published.get(event.body) in lane.settled
            return ["return", where, event.code, event.text, *content(event), "late" if late else "in time"]
        if event.name in ("ack", "nack"):
            numbers, again = lane.confirmed(event)
            return [event.name, where, numbers] if not again or not self.strict else ["confirmed twice", where, again]
        if event.name == "cancel":
            lane.consumers.pop(event.tag, None)
        return [event.name, where, event.arguments]

    # -- operations ---------------------------------------------------------------------------------------------------

    def reply(self, operation, seen, data, *names):
        """Sends and takes the reply; with `nowait` there is none."""
        client, lane = self.lane(operation)
        if operation.get("nowait"):
            client.raw.send(data)
            return None
        event = client.call(lane.number, data, *names)
        seen.append([event.name, {key: value for key, value in event.arguments.items() if key != "reserved"}])
        return event

    def do_declare_queue(self, operation, seen):
        name = self.names.real(operation.get("queue", ""))
        bits = operation.get("flags", "")
        data = amqp.encode_queue_declare(int(operation["c"][1]), name, False, "d" in bits, "e" in bits, "a" in bits,
                                         operation.get("nowait"), self.names.real(operation.get("args", {})))
        event = self.reply(operation, [], data, "queue.declare-ok")
        if event is not None:
            if "as" in operation:
                self.names.note_made(operation["as"], event.queue)
            seen.append([event.name, event.arguments])
            name = event.queue
        if name not in self.queues:
            self.queues[name] = operation["c"][0] if "e" in bits else "a"
            (self.exclusive.add if "e" in bits else self.exclusive.discard)(name)

    def do_declare_exchange(self, operation, seen):
        name, bits = self.names.real(operation["exchange"]), operation.get("flags", "")
        data = amqp.encode_exchange_declare(int(operation["c"][1]), name, operation.get("type", "direct"), False,
                                            "d" in bits, "a" in bits, "i" in bits, operation.get("nowait"),
                                            self.names.real(operation.get("args", {})))
        self.reply(operation, seen, data, "exchange.declare-ok")
        if name not in self.exchanges and not name.startswith("amq."):
            self.exchanges.append(name)

    def do_passive_queue(self, operation, seen):
        data = amqp.encode_queue_declare(int(operation["c"][1]), self.names.real(operation["queue"]), True, False, False,
                                         False, False, None)
        self.reply(operation, seen, data, "queue.declare-ok")

    def do_passive_exchange(self, operation, seen):
        data = amqp.encode_exchange_declare(int(operation["c"][1]), self.names.real(operation["exchange"]), "direct",
                                            True, False, False, False, False, None)
        self.reply(operation, seen, data, "exchange.declare-ok")

    def binding(self, operation, seen, ids, reply):
        data = amqp.encode_binding(int(operation["c"][1]), *ids, self.names.real(operation["to"]),
                                   self.names.real(operation["from"]), self.names.real(operation.get("key", "")),
                                   operation.get("nowait"), self.names.real(operation.get("args", {})))
        self.reply(operation, seen, data, reply)

    def do_bind(self, operation, seen):
        self.binding(operation, seen, (50, 20), "queue.bind-ok")

    def do_unbind(self, operation, seen):
        self.binding(operation, seen, (50, 50), "queue.unbind-ok")

    def do_bind_exchange(self, operation, seen):
        self.binding(operation, seen, (40, 30), "exchange.bind-ok")

    def do_unbind_exchange(self, operation, seen):
        self.binding(operation, seen, (40, 40), "exchange.unbind-ok")

    def do_delete_queue(self, operation, seen):
        bits = operation.get("flags", "")
        data = raw.method(int(operation["c"][1]), 50, 40, b"\0\0" + raw.short_string(self.names.real(operation["queue"])) +
                          amqp.flags("u" in bits, "e" in bits, operation.get("nowait")))
        self.reply(operation, seen, data, "queue.delete-ok")
        self.queues.pop(self.names.real(operation["queue"]), None)

    def do_delete_exchange(self, operation, seen):
        data = raw.method(int(operation["c"][1]), 40, 20, b"\0\0" +
                          raw.short_string(self.names.real(operation["exchange"])) +
                          amqp.flags("u" in operation.get("flags", ""), operation.get("nowait")))
        self.reply(operation, seen, data, "exchange.delete-ok")

    def do_purge(self, operation, seen):
        data = raw.method(int(operation["c"][1]), 50, 30, b"\0\0" + raw.short_string(self.names.real(operation["queue"])) +
                          amqp.flags(operation.get("nowait")))
        self.reply(operation, seen, data, "queue.purge-ok")

    def do_publish(self, operation, seen):
        client, lane = self.lane(operation)
        properties = self.names.real(operation.get("props", {}))
        parts = []
        for _ in range(operation.get("n", 1)):
            self.counter += 1
            payload = b"m%d" % self.counter
            payload += b"." * (operation.get("size", 0) - len(payload))
            if lane.mode == "confirm":
                lane.published[payload] = len(lane.published) + 1
            parts.append(amqp.encode_publish(lane.number, self.names.real(operation["exchange"]),
                                             self.names.real(operation["key"]), payload, operation.get("mandatory", False),
                                             operation.get("immediate", False), properties))
        client.raw.send(b"".join(parts))

    def do_get(self, operation, seen):
        client, lane = self.lane(operation)
        queue = self.names.real(operation["queue"])
        event = client.get(queue, lane.number, operation.get("no_ack", False))
        if event.name == "get-empty":
            seen.append(["get-empty"])
            return
        due = lane.delivered("get " + queue, event.delivery_tag, operation.get("no_ack", False))
        seen.append(["get-ok", *content(event), event.redelivered, event.messages, due])

    def do_consume(self, operation, seen):
        client, lane = self.lane(operation)
        queue, bits = self.names.real(operation["queue"]), operation.get("flags", "")
        tag = operation.get("tag", "")
        lane.consumers.setdefault(tag, (queue, "n" in bits))
        data = amqp.encode_consume(lane.number, queue, tag, "l" in bits, "n" in bits, "x" in bits, False,
                                   self.names.real(operation.get("args", {})))
        event = self.reply(operation, [], data, "consume-ok")
        if "as" in operation:
            self.names.note_made(operation["as"], event.tag)
            lane.consumers[event.tag] = lane.consumers.pop("")
        seen.append(["consume-ok", event.tag])

    def do_cancel(self, operation, seen):
        data = raw.method(int(operation["c"][1]), 60, 30, raw.short_string(self.names.real(operation["tag"])) +
                          amqp.flags(operation.get("nowait")))
        self.reply(operation, seen, data, "cancel-ok")

    def do_settle(self, operation, seen):
        """ack, nack or reject of one unacknowledged delivery, of all up to it, or of a tag that was never given."""
        client, lane = self.lane(operation)
        which, how = operation.get("which", 0), operation["how"]
        multiple, requeue = operation.get("multiple", False) and how != "reject", operation.get("requeue", False)
        if which == "unknown":
            entries, tag = [], lane.last_tag + 7
        elif which == "all":
            entries, tag, multiple = list(lane.unacked), 0, True
            if how == "reject":
                how = "nack"
        elif not lane.unacked:
            seen.append(["nothing to settle"])
            return
        else:
            chosen = lane.unacked[which % len(lane.unacked)]
            multiple = multiple and len(lane.sources()) == 1
            entries = [e for e in lane.unacked if e[1] <= chosen[1]] if multiple else [chosen]
            tag = chosen[1]
        lane.settle(entries)
        if how == "ack":
            client.ack(tag, multiple, lane.number)
        elif how == "nack":
            client.nack(tag, multiple, requeue, lane.number)
        else:
            client.raw.send(raw.method(lane.number, 60, 90, struct.pack("!QB", tag, requeue)))

    def do_recover(self, operation, seen):
        client, lane = self.lane(operation)
        requeue = operation.get("requeue", True)
        self.reply(operation, seen, raw.method(lane.number, 60, 110, amqp.flags(requeue)), "recover-ok")
        lane.unacked = []

    def do_qos(self, operation, seen):
        data = raw.method(int(operation["c"][1]), 60, 10, struct.pack("!IHB", operation.get("size", 0),
                                                                      operation["count"], operation.get("shared", 0)))
        self.reply(operation, seen, data, "qos-ok")

    def select(self, operation, seen, class_id, reply, mode):
        _, lane = self.lane(operation)
        data = raw.method(lane.number, class_id, 10, b"\0" if class_id == 85 else b"")
        self.reply(operation, seen, data, reply)
        lane.mode = mode

    def do_confirm_select(self, operation, seen):
        self.select(operation, seen, 85, "confirm.select-ok", "confirm")

    def do_tx_select(self, operation, seen):
        self.select(operation, seen, 90, "tx.select-ok", "tx")

    def do_commit(self, operation, seen):
        _, lane = self.lane(operation)
        self.reply(operation, seen, raw.method(lane.number, 90, 20), "tx.commit-ok")
        lane.committed()

    def do_rollback(self, operation, seen):
        _, lane = self.lane(operation)
        self.reply(operation, seen, raw.method(lane.number, 90, 30), "tx.rollback-ok")
        lane.rolled_back()

    def do_close_channel(self, operation, seen):
        if operation["c"] in self.lanes:
            self.close_lane(self.lanes[operation["c"]], seen)

    def do_close_connection(self, operation, seen):
        """Connection "b" only: "a" holds the observer of the shared queues."""
        name = operation["c"][0]
        if name in self.connections:
            for lane in [lane for lane in self.lanes.values() if lane.connection == name]:
                self.barriers(seen)
            self.events(seen)
            self.connections[name].close()
            self.connection_gone(name)

    def do_wait(self, operation, seen):
        time.sleep(operation["ms"] * self.patience / 1000)


def encode_passive(queue):
    return amqp.encode_queue_declare(OBSERVER, queue, True, False, False, False, False, None)


def encode_barrier(channel):
    return amqp.encode_exchange_declare(channel, "amq.direct", "direct", True, False, False, False, False, None)


def content(event):
    """What a message carries: exchange, key, properties and body."""
    return [event.exchange, event.key, event.properties, event.body.decode("latin-1")]

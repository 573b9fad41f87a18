"""What may differ between two brokers that behave the same is taken out of the traces; the first difference is found, and
what several runs of both brokers prove is judged."""
import json
import time

HOUR_S = 3600
# Brought by RabbitMQ 3.13; the oracle here may be an older one. Proven by unit_test/e2e/test_conformance_arguments.py.
SINCE_3_13 = ("x-last-death-exchange", "x-last-death-queue", "x-last-death-reason")


def normal(value):
    """Times of death become "now", keys that the older oracle does not know go, tables lose their order, and so do the deaths
    before the latest (docs/differences.md)."""
    if isinstance(value, dict):
        return {name: older_deaths_in_order(normal(item)) if name == "x-death" else normal(item)
                for name, item in sorted(value.items()) if name not in SINCE_3_13}
    if isinstance(value, (list, tuple)):
        if len(value) == 2 and value[0] == "T" and abs(value[1] - time.time()) < HOUR_S:
            return ["T", "now"]
        return [normal(item) for item in value]
    return value


def older_deaths_in_order(array):
    kind, tables = array if len(array) == 2 else (None, None)
    return [kind, tables[:1] + sorted(tables[1:], key=json.dumps)] if kind == "A" else array


def is_broken(seen):
    """Whether this is where a run ended: its broker never came to rest, or refused what it must not."""
    return bool(seen) and seen[0][:1] == ["broken"]


def differ(one, other):
    return json.dumps(one) != json.dumps(other)


def first_difference(one, other):
    """(index of the operation, what `one` shows, what `other` shows) of two traces that are normal(), or None. A broken run
    always differs."""
    for index in range(max(len(one), len(other))):
        left = one[index] if index < len(one) else None
        right = other[index] if index < len(other) else None
        if differ(left, right) or is_broken(left):
            return index, left, right
    return None


def certain(references):
    """How many operations of a program have an outcome that is certain: the same in each of the reference's traces, and not
    where the reference itself was broken off. None: all of them."""
    for index in range(max(map(len, references))):
        seen = [trace[index] if index < len(trace) else None for trace in references]
        if is_broken(seen[0]) or any(differ(seen[0], other) for other in seen[1:]):
            return index
    return None


def judged(references, others):
    """The difference that the traces of several runs prove, or None: at some operation the reference showed the same in every
    run, and the other broker never did all that is certain. What depends on a race inside the reference (two queues that
    dead-letter at once, expiry against delivery) comes out one way and the other, and proves nothing."""
    upto = certain(references)
    found = [first_difference(references[0][:upto], trace[:upto]) for trace in others]
    return found[0] if all(found) else None


def deaths(trace):
    """Each x-death of a trace, as a list of (reason, count)."""
    if isinstance(trace, dict):
        if "x-death" in trace and trace["x-death"][:1] == ["A"]:
            yield [(table["reason"][1], table["count"][1]) for kind, table in trace["x-death"][1] if kind == "F"]
        trace = trace.values()
    if not isinstance(trace, str):
        for item in trace if hasattr(trace, "__iter__") else ():
            yield from deaths(item)


def rejects(operation):
    return operation["op"] == "settle" and operation["how"] != "ack" and not operation.get("requeue", False)


def circles(program, index, reference):
    """Whether a message circles on its own in RabbitMQ: 3.10 and 3.13 do not look at deaths in the order of time, so that a
    reject long ago can hide a cycle that nobody takes part in. It must have died of itself more often than it was rejected
    (docs/differences.md)."""
    for found in deaths(reference):
        rejected = sum(count for reason, count in found if reason == "rejected")
        if rejected > 0 and any(reason != "rejected" and count > rejected for reason, count in found):
            return any(rejects(operation) for operation in program[:index + 1])
    return False


def delivered_while_closing(program, index, reference):
    """Whether a channel that was being closed still got a message that its own end had returned to a queue, and that had died
    there at once: it is in the other queue in any case, as delivered already or not."""
    return index == len(program) < len(reference) and any(event[0] == "deliver" for event in reference[index])


def overdue_and_too_many(program, index, reference, other):
    """Whether nothing but the reason of a death differs, of a message that may have been overdue when there were too many: of
    which of the two RabbitMQ has it die depends on whether it comes anew or back (docs/differences.md)."""
    text = json.dumps(program)
    if "max-length" not in text or ("message-ttl" not in text and "expiration" not in text) or index >= len(other):
        return False
    return all("maxlen" in shown or "expired" in shown for shown in map(json.dumps, (reference[index], other[index]))) and \
        json.dumps(reference[index]).replace("maxlen", "expired") == json.dumps(other[index]).replace("maxlen", "expired")


def leaves_with_its_queue(program, index):
    """Whether an auto-delete queue with dead letters may have lost its last consumer with the channel: what comes back then, and
    dies at once, is a dead letter of Warren's and gone in RabbitMQ (docs/differences.md)."""
    before = program[:index + 1]
    return any(one["op"] == "declare_queue" and "a" in one.get("flags", "") and "x-dead-letter-exchange" in one.get("args", {})
               for one in before) and (index == len(program) or any(one["op"].startswith("close_") for one in before))


def is_known(program, index, reference, other):
    """Whether a difference at operation `index` is one that is there on purpose; `reference` is RabbitMQ's trace."""
    return (circles(program, index, reference) or delivered_while_closing(program, index, reference)
            or overdue_and_too_many(program, index, reference, other) or leaves_with_its_queue(program, index))

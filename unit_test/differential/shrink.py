"""Makes a failing program small: operations go in ever smaller runs, then what is left loses its details."""


def shrink(program, fails, budget=400):
    """The smallest program found for which `fails(program)` still holds; at most `budget` runs."""
    runs = 0

    def still(candidate):
        nonlocal runs
        runs += 1
        return runs <= budget and fails(candidate)

    program = fewer_operations(program, still)
    program = fewer_details(program, still)
    return fewer_operations(program, still)


def units(program):
    """An operation and the wait that goes with it stay together: without it time would decide what happens."""
    parts = []
    for operation in program:
        if operation["op"] == "wait" and parts:
            parts[-1].append(operation)
        else:
            parts.append([operation])
    return parts


def fewer_operations(program, still):
    parts = units(program)
    size = max(1, len(parts) // 2)
    while True:
        at, removed = 0, False
        while at < len(parts):
            candidate = parts[:at] + parts[at + size:]
            if candidate and still([operation for part in candidate for operation in part]):
                parts, removed = candidate, True
            else:
                at += size
        if size == 1 and not removed:
            return [operation for part in parts for operation in part]
        size = max(1, size // 2)


def fewer_details(program, still):
    """Drops optional members of each operation, and entries of its tables."""
    for index in range(len(program)):
        for smaller in details(program[index]):
            candidate = program[:index] + [smaller(program[index])] + program[index + 1:]
            if candidate[index] != program[index] and still(candidate):
                program = candidate
    return program


def details(operation):
    """Functions that each make one simplification."""
    def without(name):
        return lambda op: {key: value for key, value in op.items() if key != name}

    def without_entry(name, entry):
        return lambda op: {**op, name: {k: v for k, v in op.get(name, {}).items() if k != entry}}

    for name in ("n", "props", "mandatory", "size", "flags", "args", "multiple", "no_ack", "requeue", "type", "key"):
        if name in operation and not (name == "key" and operation["op"] == "publish"):
            yield without(name)
    for name in ("args", "props"):
        for entry in operation.get(name, {}):
            yield without_entry(name, entry)
    if operation.get("n", 1) > 2:
        yield lambda op: {**op, "n": 2}
    if operation["c"] != "a1" and operation["op"] != "wait" and operation["op"] != "close_connection":
        yield lambda op: {**op, "c": "a1"}

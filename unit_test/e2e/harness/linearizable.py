"""Is a recorded history of operations that of one object which did them one by one? (Wing and Gong's search, with the
states that were reached remembered.)

The object: a set of names. `add` answers "ok" or "exists", `remove` "ok" or "missing". An operation without an answer may
have happened at any time since it was begun, or never.
"""
from dataclasses import dataclass
from typing import Optional

FOREVER = float("inf")


@dataclass(frozen=True)
class Operation:
    kind: str  # add, remove
    name: str
    began: float
    ended: float = FOREVER
    answer: Optional[str] = None  # None: unknown

    def step(self, present):
        """(fits, what is afterwards) for a name that is there or not."""
        expected = {"add": "exists" if present else "ok", "remove": "ok" if present else "missing"}[self.kind]
        return self.answer in (None, expected), self.kind == "add"


def first_violation(history):
    """The operations on a name that no order explains, or None. Names do not touch each other: each is judged alone."""
    for name in sorted({each.name for each in history}):
        operations = sorted((each for each in history if each.name == name), key=lambda each: each.began)
        if not is_linearizable(operations):
            return operations
    return None


def is_linearizable(operations):
    """For one name. The search takes operations in any order that their times allow, answered ones all, others if need
    be; a set of taken operations and the state after it are tried once."""
    answered = frozenset(index for index, each in enumerate(operations) if each.answer is not None)
    todo, seen = [(frozenset(), False)], set()
    while todo:
        taken, present = todo.pop()
        if answered <= taken:
            return True
        if (taken, present) in seen:
            continue
        seen.add((taken, present))
        # Whoever had ended before another began comes first.
        left = [index for index in range(len(operations)) if index not in taken]
        earliest_end = min(operations[index].ended for index in left)
        for index in left:
            if operations[index].began > earliest_end:
                break
            fits, after = operations[index].step(present)
            if fits:
                todo.append((taken | {index}, after))
    return False

"""The checker of recorded histories accepts what one object could have answered, and finds planted lies."""
import random
import unittest

from harness.linearizable import FOREVER, Operation, first_violation


def op(kind, began, ended, answer, name="u"):
    return Operation(kind, name, began, FOREVER if answer is None else ended, answer)


class Histories(unittest.TestCase):
    def assert_good(self, *history):
        self.assertIsNone(first_violation(list(history)))

    def assert_bad(self, *history):
        self.assertIsNotNone(first_violation(list(history)))

    def test_one_after_the_other(self):
        self.assert_good(op("add", 0, 1, "ok"), op("add", 2, 3, "exists"), op("remove", 4, 5, "ok"),
                         op("remove", 6, 7, "missing"))

    def test_operations_that_overlap_may_have_happened_in_any_order(self):
        self.assert_good(op("add", 0, 10, "ok"), op("remove", 1, 9, "missing"), op("remove", 2, 8, "ok"))

    def test_one_without_an_answer_may_have_happened_late_or_never(self):
        self.assert_good(op("add", 0, 0, None), op("remove", 1, 2, "missing"), op("add", 3, 4, "exists"))
        self.assert_good(op("add", 0, 0, None), op("add", 1, 2, "ok"))

    def test_a_lost_change_is_found(self):
        self.assert_bad(op("add", 0, 1, "ok"), op("remove", 2, 3, "missing"))

    def test_a_change_made_twice_is_found(self):
        self.assert_bad(op("add", 0, 1, "ok"), op("add", 2, 3, "ok"))

    def test_an_answer_from_the_past_is_found(self):
        self.assert_bad(op("add", 0, 1, "ok"), op("remove", 2, 3, "ok"), op("add", 4, 5, "exists"))

    def test_two_sides_of_a_split_brain_are_found(self):
        self.assert_bad(op("add", 0, 1, "ok"), op("remove", 2, 3, "ok"), op("remove", 2.5, 3.5, "ok"))

    def test_a_change_that_happens_without_an_answer_happens_once(self):
        self.assert_bad(op("add", 0, 0, None), op("remove", 1, 2, "ok"), op("remove", 3, 4, "ok"))

    def test_a_lie_in_a_long_history_is_found(self):
        """A true history of several clients, then the same with one answer turned."""
        seed = 7
        dice = random.Random(seed)
        history, present, now = [], set(), 0.0
        for _ in range(600):
            name, kind = f"u{dice.randrange(3)}", dice.choice(("add", "remove"))
            there = name in present
            answer = {"add": "exists" if there else "ok", "remove": "ok" if there else "missing"}[kind]
            (present.add if kind == "add" else present.discard)(name)
            now += 1
            history.append(op(kind, now - dice.random() * 3, now + dice.random() * 3, answer, name))
        self.assertIsNone(first_violation(history))
        other = {"ok": "exists", "exists": "ok"}, {"ok": "missing", "missing": "ok"}
        found = 0
        for _ in range(30):
            at = dice.randrange(len(history))
            one = history[at]
            lie = (other[0] if one.kind == "add" else other[1])[one.answer]
            planted = [*history[:at], Operation(one.kind, one.name, one.began, one.ended, lie), *history[at + 1:]]
            found += first_violation(planted) is not None
        self.assertGreaterEqual(found, 24, "a turned answer may happen to be true; most are not")


if __name__ == "__main__":
    unittest.main()

"""The arithmetic of bench/compare: ratios, spreads, verdicts, and what counts as a broken promise."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench"))

import scenarios  # noqa: E402
import summary  # noqa: E402

RATE = scenarios.Metric("rate", "messages/s", at_least=5)
DELAY = scenarios.Metric("delay", "us", lower_is_better=True, at_least=2)
MEMORY = scenarios.Metric("memory", "MiB", lower_is_better=True, limit=256)


class Summary(unittest.TestCase):
    def test_ratios_are_taken_within_a_repetition(self):
        ours, theirs = [{"rate": 10}, {"rate": 90}], [{"rate": 5}, {"rate": 10}]
        self.assertEqual(summary.ratios(RATE, ours, theirs), [2, 9])

    def test_a_lower_figure_is_better_by_its_inverse(self):
        self.assertEqual(summary.ratios(DELAY, [{"delay": 2}], [{"delay": 8}]), [4])

    def test_a_failed_run_has_no_ratio(self):
        self.assertEqual(summary.ratios(RATE, [None, {"rate": 6}], [{"rate": 1}, {"rate": 2}]), [3])
        self.assertEqual(summary.ratios(RATE, [{"rate": 6}], [{"rate": 0}]), [])

    def test_the_median_decides(self):
        reached = summary.spread([1, 5, 6])
        self.assertEqual(summary.verdict(RATE, None, reached), "met")
        self.assertEqual(summary.verdict(RATE, None, summary.spread([1, 4.9, 60])), "missed")
        self.assertEqual(summary.verdict(RATE, reached, None), "")
        self.assertEqual(summary.verdict(MEMORY, summary.spread([257]), None), "missed")
        self.assertEqual(summary.verdict(MEMORY, summary.spread([256]), None), "met")

    def test_lost_messages_and_failed_runs_are_named(self):
        runs = {"warren": [{"lost": 3, "duplicated": 0}, None]}
        self.assertEqual(summary.broken_promises(runs),
                         ["warren, repetition 1: 3 lost", "warren, repetition 2: the run failed"])

    def test_every_scenario_reports_what_its_mode_gives(self):
        names = [scenario.name for scenario in scenarios.SCENARIOS]
        self.assertEqual(len(names), len(set(names)))
        for scenario in scenarios.SCENARIOS:
            self.assertTrue(scenario.metrics, scenario.name)
            arguments = scenario.bench_arguments(scenario.mode, 0.5)
            self.assertEqual(arguments[0], scenario.mode)
            self.assertEqual("--seconds" in arguments, scenario.timed)


if __name__ == "__main__":
    unittest.main()

"""A project outside of this tree finds the installed libraries and simulates a behaviour of its own."""
import os
import shutil
import subprocess
import tempfile
import unittest

from harness.options import options

TIMEOUT_S = 200


class SampleProject(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="warren-sample-")
        cls.addClassCleanup(folder.cleanup)
        prefix, source, build = (os.path.join(folder.name, name) for name in ("prefix", "source", "build"))
        shutil.copytree(os.path.join(options.repository, "examples", "simulated_behaviour"), source)
        cls.run_tool("cmake", "--install", options.build, "--prefix", prefix)
        cls.run_tool("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
        cls.run_tool("cmake", "--build", build)
        cls.program = os.path.join(build, "simulate_gathering")

    @staticmethod
    def run_tool(*words):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}")

    def simulate(self, *words):
        done = subprocess.run([self.program, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=TIMEOUT_S)
        return done.returncode, done.stdout

    def test_the_behaviour_keeps_every_promise(self):
        for nodes in ("1", "3"):
            code, text = self.simulate("sweep", "--seeds", "1-12", "--minutes", "0.2", "--nodes", nodes)
            self.assertEqual(code, 0, text)
            self.assertIn("12 seeds, 0 failed", text)

    def test_its_mistakes_are_noticed(self):
        for mistake, broken in (("backwards", "C3: "), ("forgetful", "C12: ")):
            code, text = self.simulate("--mistake", mistake, "sweep", "--seeds", "1-5", "--minutes", "0.2")
            self.assertEqual(code, 1, f"{mistake}: {text}")
            self.assertIn(broken, text)

    def test_the_same_seed_gives_the_same_run(self):
        code, text = self.simulate("--seed", "3", "--minutes", "0.2", "--verify-determinism")
        self.assertEqual(code, 0, text)
        self.assertIn("deterministic: twice the same trace", text)

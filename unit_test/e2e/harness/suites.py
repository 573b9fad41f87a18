"""Test suites of other people's clients: fetched from their registries when a test runs, never kept in this repository.

What is left out is written, with its reason, in clients/NAME.txt: one `test | reason` a line; a test is a pattern for pytest
node ids without their file, or a mocha title in full.
"""
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as xml

INSTALL_S, SUITE_S = 600, 600
CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../clients")


class Unavailable(Exception):
    """The suite cannot be had on this machine; the text names why."""


def left_out(name):
    """{test: reason} of clients/NAME.txt."""
    with open(os.path.join(CLIENTS, name + ".txt")) as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return dict(tuple(part.strip() for part in line.rsplit(" | ", 1)) for line in lines)


def run(line, folder, timeout_s, **env):
    return subprocess.run(line, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=timeout_s,
                          stdin=subprocess.DEVNULL)


def fetched(line, folder):
    done = run(line, folder, INSTALL_S)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(line[:4])}...: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return done.stdout


class PythonEnvironment:
    """A virtual environment of Debian's Python with these packages, inside `folder`."""

    def __init__(self, folder, *packages):
        self.folder = os.path.join(folder, "venv")
        fetched([sys.executable, "-m", "venv", self.folder], folder)
        self.python = os.path.join(self.folder, "bin/python")
        fetched([self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "setuptools", "wheel", "pytest<9",
                 *packages], folder)

    def source(self, package, folder):
        """Unpacks a package's source distribution, which has its tests."""
        target = os.path.join(folder, "sdist-" + package.split("=")[0])
        if os.path.isdir(target):
            return self.unpacked(target)
        fetched([self.python, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-binary", ":all:",
                 "--no-deps", "--no-build-isolation", "-d", target, package], folder)
        with tarfile.open(os.path.join(target, os.listdir(target)[0])) as file:
            file.extractall(target)
        return self.unpacked(target)

    @staticmethod
    def unpacked(target):
        return next(entry.path for entry in os.scandir(target) if entry.is_dir())

    def pytest(self, folder, file, skip, **env):
        """{test: "pass", "skip" or the failure's text} of one file's tests, those that match one of `skip` left out."""
        report = os.path.join(folder, "report.xml")
        listed = run([self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", file], folder, SUITE_S,
                     **env).stdout
        tests = [line for line in listed.splitlines() if line.startswith(file + "::")]
        deselected = [test for test in tests if any(fnmatch.fnmatch(test.split("::", 1)[1], name) for name in skip)]
        done = run([self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", file,
                    *(f"--deselect={test}" for test in deselected)], folder, SUITE_S, **env)
        if not os.path.exists(report):
            raise AssertionError(f"no report from pytest: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        results = {}
        for case in xml.parse(report).getroot().iter("testcase"):
            scope = case.get("classname").rsplit(".", 1)[-1]
            name = case.get("name") if scope.startswith("test_py_amqp") or scope.startswith("test_rmq") or \
                scope == os.path.basename(file)[:-3] else f"{scope}::{case.get('name')}"
            bad = [child for child in case if child.tag in ("failure", "error")]
            results[name] = bad[0].get("message") or bad[0].text if bad else \
                "skip" if case.find("skipped") is not None else "pass"
        return results


def change(folder, files, changes):
    found = set()
    for name in files:
        path = os.path.join(folder, name)
        with open(path, encoding="utf-8") as source:
            text = source.read()
        for old, new in changes.items():
            if old in text:
                found.add(old)
                text = text.replace(old, new)
        with open(path, "w", encoding="utf-8") as target:
            target.write(text)
    assert found == set(changes), f"not in the tests any more: {set(changes) - found}"


def mocha(folder, package, skip, files, changes, **env):
    """As PythonEnvironment.pytest, for a package of the npm registry whose package has its tests inside. `changes`: {text of a
    test: other text}, for tests that look for their broker elsewhere; each must be found."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise Unavailable(f"no {tool} on this machine")
    with open(os.path.join(folder, "package.json"), "w") as file:
        file.write("{}")
    fetched(["npm", "install", "--no-audit", "--no-fund", "--silent", package, "mocha@9.2.2"], folder)
    home = os.path.join(folder, "node_modules", package.rsplit("@", 1)[0])
    change(os.path.join(home, "test"), files, changes)
    report = os.path.join(folder, "report.json")
    line = ["node", os.path.join(folder, "node_modules/mocha/bin/mocha"), "--ui", "tdd", "--reporter", "json", "--exit",
            "--timeout", "60000", *(os.path.join(home, "test", file) for file in files)]
    with open(report, "w") as output:
        subprocess.run(line, cwd=home, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=output,
                       stderr=subprocess.PIPE, timeout=SUITE_S)
    with open(report) as file:
        text = file.read()
    found = json.loads(text[text.index('{\n  "stats"'):])
    results = {test["fullTitle"]: "pass" for test in found["passes"]}
    results.update({test["fullTitle"]: test["err"].get("message", "failed") for test in found["failures"]})
    results.update({test["fullTitle"]: "skip" for test in found["pending"]})
    return {name: result for name, result in results.items() if name not in skip}

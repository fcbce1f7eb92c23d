"""A page of docs/tutorial, whose commands are run as they stand there."""
import os
import pathlib
import re
import subprocess
import tempfile
import time


class Page:
    """A page, and a folder that looks like the project's root after a build, in which its commands run."""

    def __init__(self, nacre, source, name):
        self.nacre, self.source = os.path.abspath(nacre), pathlib.Path(source).resolve()
        self.text = (self.source / "docs/tutorial" / name).read_text()
        self.failures = []

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        os.chdir(self.folder.name)
        for name in ("models", "runtime"):
            os.symlink(self.source / name, name)
        os.makedirs("build/bin")
        os.symlink(self.nacre, "build/bin/nacre")
        os.mkdir("out")
        return self

    def __exit__(self, *_):
        os.chdir("/")
        self.folder.cleanup()

    def check(self, what, got, expected):
        if got != expected:
            self.failures.append(what)
            print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")

    def shows(self, what, pattern, file):
        """An indented or fenced part of the page stands in a file."""
        shown = re.search(pattern, self.text, re.S).group(1)
        lines = [line.removeprefix("    ") for line in shown.splitlines()] if shown.startswith("    ") else [shown]
        self.check(f"{what} stands in {file}", "\n".join(lines).strip() in (self.source / file).read_text(), True)

    def run(self):
        """Runs `$ COMMAND`s; a line behind one is what it prints."""
        for command, printed in re.findall(r"^    \$ (.*)\n((?:    [^$].*\n)*)", self.text, re.M):
            start = time.monotonic()
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=600)
            self.check(f"{command}\n{done.stderr}", done.returncode, 0)
            if printed:
                self.check(command, done.stdout, "".join(line[4:] + "\n" for line in printed.splitlines()))
            print(f"{time.monotonic() - start:.1f} s: {command}", flush=True)

    def end(self):
        print(f"{len(self.failures)} failures")
        return 1 if self.failures else 0

#!/usr/bin/env python3
"""rules.py - the table of docs/runtime.md and the suites of all runtimes name the same rules.

conformance.c holds native objects and OpenCL to them, webgpu.test.mjs WebGPU. A rule that a suite cannot test is
named there too, with the reason.
"""
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
SUITES = {
    "docs/runtime.md": (HERE / "../../../docs/runtime.md", r"## Rules\n(.*?)(?:\n## |\Z)",
                        r"^\| ([a-z-]+) \|(?! what )"),
    "conformance.c": (HERE / "conformance.c", r"rules\[\] = \{(.*?)\};", r'\{"([^"]+)"'),
    "webgpu.test.mjs": (HERE / "webgpu.test.mjs", r"(.*)", r"^rule\(\s*'([^']+)'"),
}


def names(path, part, each):
    return re.findall(each, re.search(part, path.read_text(), re.S)[1], re.M)


def main():
    found = {suite: names(*where) for suite, where in SUITES.items()}
    problems = [f"{suite}: rule '{name}' is there twice"
                for suite, rules in found.items() for name in sorted(set(rules)) if rules.count(name) > 1]
    every = {name for rules in found.values() for name in rules}
    problems += [f"{suite}: rule '{name}' is missing"
                 for suite, rules in found.items() for name in sorted(every - set(rules))]
    problems += [f"{suite}: no rules found" for suite, rules in found.items() if not rules]
    if problems:
        raise SystemExit("\n".join(problems))
    print(f"{len(every)} rules in {len(found)} places: {', '.join(found['docs/runtime.md'])}")


if __name__ == "__main__":
    main()

"""The tables of against_peers.py: times and ratios, then how far outputs are apart and how long peers prepare."""

import math
import pathlib
import platform
import statistics

from peers import PEERS

REFERENCE, NACRE = "onnxruntime", "nacre"


def number(value, digits=3):
    """Three significant digits, without an exponent."""
    if value is None:
        return "-"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}" if value else "0"


def processor_name():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def ratio(row, name):
    """How many times as fast as the peer Nacre is, or None where one of them has no time."""
    return row.ms[name] / row.ms[NACRE] if name in row.ms and NACRE in row.ms else None


def best_other(row):
    """The name of the fastest peer besides ONNX Runtime, or None."""
    others = {name: ms for name, ms in row.ms.items() if name not in (REFERENCE, NACRE)}
    return min(others, key=others.get) if others else None


def best_ratio(row):
    best = best_other(row)
    found = ratio(row, best) if best else None
    return f"{found:.2f} ({PEERS[best].title})" if found else "-"


def one_line(row):
    """A row as it is said while the script runs."""
    times = [f"{name} {number(ms)}" for name, ms in row.ms.items()]
    return f"{row.model}, {row.threads} thread(s): {', '.join(times)} ms" + "".join(
        f"; {reason}" for reason in row.reasons.values() if not reason.endswith("not installed"))


def line(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def times(rows, peers):
    several = len(peers) > 1
    head = ["model", "threads", *(f"{PEERS[name].title}, ms" for name in peers), "Nacre, ms"]
    head += ["by ONNX Runtime"] * (REFERENCE in peers) + ["by the best other"] * several
    head += ["compile, s", "compile peak, MB"]
    lines = [line(*head), "|---" + "|--:" * (len(head) - 1) + "|"]
    for row in rows:
        cells = [row.model, row.threads, *(number(row.ms.get(name)) for name in [*peers, NACRE])]
        if REFERENCE in peers:
            found = ratio(row, REFERENCE)
            cells.append(f"{found:.2f}" if found else "-")
        cells += [best_ratio(row)] * several
        cells += [number(row.compiled.seconds), f"{row.compiled.peak_mb:.0f}"] if row.compiled else ["-", "-"]
        lines.append(line(*cells))
    return lines


def means(rows, peers, threads):
    """For each number of threads and peer: the geometric mean of the ratios, and the smallest."""
    for count in threads:
        for name in peers:
            found = {row.model: ratio(row, name) for row in rows if row.threads == count and ratio(row, name)}
            if found:
                mean = math.exp(statistics.fmean(map(math.log, found.values())))
                worst = min(found, key=found.get)
                yield (f"- {count} thread{'s' * (count > 1)}, {PEERS[name].title}, {len(found)} "
                       f"model{'s' * (len(found) > 1)}: geometric mean {mean:.2f}, smallest {found[worst]:.2f} "
                       f"({worst}).")


def errors(rows, peers):
    """Of the first row of each model: relative error and seconds to prepare."""
    lines = [line("model", *(PEERS[name].title for name in peers), "Nacre"), "|---" + "|--:" * (len(peers) + 1) + "|"]
    for row in {row.model: row for row in reversed(rows)}.values():
        cells = []
        for name in [*peers, NACRE]:
            error = f"{row.errors[name]:.1e}" if name in row.errors else "-"
            cells.append(f"{error}, {number(row.prepared[name])} s" if name in row.prepared else error)
        lines.append(line(row.model, *cells))
    return lines[:2] + lines[:1:-1]


def markdown(rows, arguments, versions, empty_us):
    peers = [name for name in arguments.peers if versions[name]]
    said = ", ".join(f"{PEERS[name].title} {versions[name]}" for name in peers)
    lines = [f"{said or 'No peer'} and Nacre on {processor_name()}, f32 unless the name says int8, {arguments.rounds} "
             f"interleaved rounds of {arguments.min_time:g} s; ratios above 1: Nacre is faster.", "",
             *times(rows, peers), "", *means(rows, peers, arguments.threads), ""]
    if empty_us:
        costs = ", ".join(f"{PEERS[name].title} {us:.1f}" for name, us in empty_us.items())
        lines += [f"A call of an empty model costs, in us: {costs}.", ""]
    if REFERENCE in peers:
        lines += ["Norm of the difference from ONNX Runtime's outputs by their norm, and the time to prepare:", "",
                  *errors(rows, peers), ""]
    reasons = {(row.model, reason): None for row in rows for reason in row.reasons.values()
               if not reason.endswith("not installed")}
    absent = [PEERS[name].title for name in arguments.peers if not versions[name]]
    if absent:
        lines += [f"Not installed: {', '.join(absent)}.", ""]
    if reasons:
        lines += ["Not timed:", "", *(f"- {model}, {reason}" for model, reason in reasons), ""]
    return "\n".join(lines).rstrip("\n") + "\n"

#!/usr/bin/env python3
"""What a run of each network has to do, counted and not timed, is what counted_work.tsv says.

    counted_work.py NACRE            compares
    counted_work.py NACRE --remake   writes the table anew

A pass that leaves every result right can make networks twice as slow, as by copying the image of each convolution. The
kernels, their bytes and their operations show that on any machine: the processors are named (--cpu), and nothing runs.

A kernel more than in the table is a failure, and so is any other number that grew by more than 2%. A number that is
smaller than in the table is one too: remake the table then, so that it stays true, and commit it. Rows of networks
that are not here stay as they are.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE.parent.parent / "models"
TABLE = HERE / "counted_work.tsv"
# Short and long vectors; vectors of four, on which convolutions of 3x3 stay direct. The second sums bytes by one
# instruction.
TRIPLES = {"x86-64-v3": "x86_64-linux-gnu", "rocketlake": "x86_64-linux-gnu", "cortex-a76": "aarch64-linux-gnu"}
KINDS = ["contract", "map", "border", "scatter"]  # of schedules, docs/schedule.md
# `moves` are the kernels that compute nothing: they copy, pack, pad or fill.
KERNELS = [*KINDS, "moves"]
# `vector_flops` and `vector_bytes` are those of each kernel divided by its lanes: they grow where vectors get shorter.
SIZES = ["macs", "flops", "bytes", "vector_flops", "vector_bytes", "arena_bytes", "constant_bytes"]
COLUMNS = ["network", "cpu", *KERNELS, *SIZES]
GROWTH = 0.02

# Extents of open dims in the real networks, those of their data but for texts, which are longer here.
REAL = {
    "arch_bert_tiny": ["--dim", "B=1", "--dim", "T=32"],
    "arch_gpt2_tiny_kv": ["--dim", "B=1", "--dim", "T=1", "--dim", "P=31"],
    "arch_rnn_stack": ["--dim", "B=1", "--dim", "T=7"],
    "arch_sd_vae_dec_tiny": ["--dim", "B=1", "--dim", "H=16", "--dim", "W=16"],
    "blazeface_front_128": [],
    "dtln_model_1": [],
    "mlperf_tiny_ad_ae_f32": [],
    "mlperf_tiny_ad_ae_int8": [],
    "mlperf_tiny_ic_resnet8_f32": [],
    "mlperf_tiny_ic_resnet8_int8": [],
    "mlperf_tiny_ic_resnet_large_f32": [],
    "mlperf_tiny_kws_dscnn_f32": [],
    "mlperf_tiny_kws_dscnn_int8": [],
    "mlperf_tiny_strww_int8": [],
    "mlperf_tiny_vww_mbv1_f32": [],
    "mlsd_320_large": [],
    "mlsd_320_tiny": [],
    "ppocr_v2_cls": [f"--dim=p2o.DynamicDimension.{i}={extent}" for i, extent in enumerate([1, 48, 192])],
    "ppocr_v4_det": [f"--dim=p2o.DynamicDimension.{i}={extent}" for i, extent in enumerate([1, 320, 320])],
    "silero_vad_half": ["--dim", "batch=1", "--dim", "sequence=512"],
    "silero_vad_legacy": ["--dim", "batch=1", "--dim", "sequence=512", "--fix", "sr=16000"],
    "silero_vad_op18_ifless": ["--dim", "batch=1", "--dim", "sequence=512", "--fix", "sr=16000"],
    "ultraface_slim_320": [],
}


def own_networks():
    """Yields name, file and options of the networks of the project."""
    for path in sorted([*MODELS.rglob("*.ngl"), *MODELS.rglob("*.onnx")]):
        yield path.relative_to(MODELS).as_posix(), path, ["--dim", "N=1"]


def light_networks(folder):
    """The same of the light networks of the onnx package, which are written into the folder."""
    oracles = subprocess.run([HERE / "fetch_oracles.sh"], capture_output=True, text=True)
    if oracles.returncode:
        print("outside oracles: not available, light networks skipped")
        return
    python = pathlib.Path(oracles.stdout.strip(), "bin", "python")
    written = subprocess.run([python, HERE / "light_shapes.py", folder], stdout=subprocess.PIPE, text=True, check=True)
    for name in written.stdout.split():
        yield name, folder / f"{name}.onnx", []


def real_networks():
    """The same of the real networks, where they are (real_models.sh)."""
    found = os.environ.get("NACRE_REAL_MODELS")
    folders = [pathlib.Path(found)] if found else sorted(HERE.parent.parent.parent.glob("*/real-models"))
    if not folders or not folders[-1].is_dir():
        print("real networks: not found, skipped")
        return
    for name, options in REAL.items():
        path = folders[-1] / name / "model.onnx"
        if path.exists():
            yield name, path, options
        else:
            print(f"{name}: not found, skipped")


def may_be_absent(name):
    return name in REAL or name.startswith("light_")


def inspect(nacre, path, cpu, options):
    """The report of a network's program."""
    words = [nacre, "inspect", path, "--triple", TRIPLES[cpu], "--cpu", cpu, *options, "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    if done.returncode:
        sys.exit(f"FAIL {path}: exit code {done.returncode}\n{done.stderr}")
    report = json.loads(done.stdout)
    if "kernels" not in report:
        sys.exit(f"FAIL {path}: not supported: {report['unsupported']}")
    return report


def count(report):
    """Column -> number."""
    kernels = report["kernels"]
    kinds = [k["kind"] for k in kernels]
    unknown = set(kinds) - set(KINDS)
    if unknown:
        sys.exit(f"FAIL {report['file']}: kernels of kind {sorted(unknown)}, which the table has not")
    numbers = {kind: kinds.count(kind) for kind in KINDS}
    numbers["moves"] = sum(k["flops"] == 0 for k in kernels)
    for size in "macs", "flops", "bytes":
        numbers[size] = sum(k[size] for k in kernels)
    for size in "flops", "bytes":
        numbers[f"vector_{size}"] = sum(-(-k[size] // k["lanes"]) for k in kernels)
    for size in "arena_bytes", "constant_bytes":
        numbers[size] = report[size]
    return numbers


def measure(nacre):
    """(network, cpu) -> numbers of all networks that are here."""
    counted = {}
    with tempfile.TemporaryDirectory() as folder:
        for networks in own_networks(), light_networks(pathlib.Path(folder)), real_networks():
            for name, path, options in networks:
                for cpu in TRIPLES:
                    counted[name, cpu] = count(inspect(nacre, path, cpu, options))
    return counted


def read_table():
    lines = [line.split("\t") for line in TABLE.read_text().splitlines()]
    if not lines or lines[0] != COLUMNS:
        sys.exit(f"FAIL {TABLE.name}: its columns are not {COLUMNS}")
    return {(name, cpu): dict(zip(COLUMNS[2:], map(int, numbers), strict=True)) for name, cpu, *numbers in lines[1:]}


def write_table(rows):
    lines = [COLUMNS] + [[name, cpu, *(str(numbers[c]) for c in COLUMNS[2:])] for (name, cpu), numbers in rows.items()]
    TABLE.write_text("".join("\t".join(line) + "\n" for line in lines))


def difference(column, got, expected):
    """What is wrong with a number, or None."""
    allowed = expected if column in KERNELS else expected * (1 + GROWTH)
    if expected <= got <= allowed:
        return None
    return f"{column} {expected} -> {got}" + (f" ({got / expected - 1:+.1%})" if expected else "")


def compare(counted, table):
    """Prints the differences, a line for each network and processor, and returns how many lines."""
    lines = []
    for (name, cpu), numbers in counted.items():
        expected = table.get((name, cpu))
        found = (list(filter(None, (difference(c, numbers[c], expected[c]) for c in numbers))) if expected
                 else ["not in the table"])
        if found:
            lines.append(f"FAIL {name}, {cpu}: {', '.join(found)}")
    here = {name for name, _, _ in own_networks()}
    for name, cpu in table:
        if cpu not in TRIPLES or not (name in here or may_be_absent(name)):
            lines.append(f"FAIL {name}, {cpu}: in the table, but there is no such network")
    print(*lines, sep="\n", end="\n" if lines else "")
    return len(lines)


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--remake"]):
        sys.exit("usage: counted_work.py NACRE [--remake]")
    counted = measure(os.path.abspath(sys.argv[1]))
    if sys.argv[2:]:
        rows = read_table() if TABLE.exists() else {}
        kept = {key: numbers for key, numbers in rows.items()
                if key[1] in TRIPLES and may_be_absent(key[0])}
        write_table(dict(sorted((kept | counted).items())))
        return
    failures = compare(counted, read_table())
    if failures:
        print("Left is the table, right what is counted now. If more is meant, or it is less, remake the table:\n"
              "  test/Integration/counted_work.py NACRE --remake")
    print(f"counted_work: {len({name for name, _ in counted})} networks, {failures} differences")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()

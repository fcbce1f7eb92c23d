"""The scripts of this folder work; nothing is said of times.

    scripts_test.py NACRE
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest

import numpy as np
import onnx

import against_peers
import comparison_tables
import contractions
import networks
import peer_process

HERE = pathlib.Path(__file__).resolve().parent
LARGE = ["bert_base", "gpt2_decode", "lstm_stack"]
nacre = ""


def script(name, *arguments):
    """Runs a script of this folder and returns its exit code, stdout and stderr."""
    done = subprocess.run([sys.executable, HERE / name, *map(str, arguments)], capture_output=True, text=True,
                          timeout=300)
    return done.returncode, done.stdout, done.stderr


class LargeModels(unittest.TestCase):
    def test_small_ones_are_valid_and_agree_with_onnxruntime(self):
        with tempfile.TemporaryDirectory() as work:
            code, out, err = script("large_models.py", work, "--small")
            self.assertEqual((code, out.split()), (0, [f"{work}/{name}" for name in LARGE]), err)
            for name in LARGE:
                folder = pathlib.Path(work, name)
                onnx.checker.check_model(folder / "model.onnx", full_check=True)
                done = subprocess.run([nacre, "verify", folder / "model.onnx", "--data", folder / "test_data_set_0"],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_seed_decides(self):
        with tempfile.TemporaryDirectory() as work:
            models = []
            for folder, seed in ("a", 0), ("b", 0), ("c", 1):
                code, _, err = script("large_models.py", f"{work}/{folder}", "--small", "--only", "lstm_stack",
                                      "--seed", seed)
                self.assertEqual(code, 0, err)
                models.append(pathlib.Path(work, folder, "lstm_stack", "model.onnx").read_bytes())
            self.assertEqual(models[0], models[1])
            self.assertNotEqual(models[0], models[2])


class Comparison(unittest.TestCase):
    def test_one_peer_on_one_network(self):
        with tempfile.TemporaryDirectory() as work:
            code, _, err = script("large_models.py", work, "--small", "--only", "gpt2_decode")
            self.assertEqual(code, 0, err)
            code, out, err = script("against_peers.py", "--models", work, "--no-light", "--no-large", "--nacre", nacre,
                                    "--peers", "onnxruntime", "--threads", "1", "--rounds", "1", "--min-time", "0.01")
            self.assertEqual(code, 0, err + out)
            cells = [line.strip("| ").split(" | ") for line in out.splitlines() if line.startswith("| gpt2_decode")]
            self.assertEqual(len(cells), 2, out)
            model, threads, reference, own, ratio, *_ = cells[0]
            self.assertEqual((model, threads), ("gpt2_decode", "1"))
            self.assertAlmostEqual(float(ratio) / (float(reference) / float(own)), 1, delta=0.02)
            self.assertLess(float(cells[1][2]), 1e-5)  # Nacre's outputs
            self.assertIn("\n- 1 thread, ONNX Runtime, 1 model: geometric mean ", out)
            self.assertNotIn("Not timed", out)

    def test_a_peer_that_cannot_take_a_model_is_named(self):
        with tempfile.TemporaryDirectory() as work:
            data = pathlib.Path(work, "odd", "test_data_set_0")
            data.mkdir(parents=True)
            value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
            graph = onnx.helper.make_graph([onnx.helper.make_node("Odd", ["x"], ["y"])], "odd", value[:1], value[1:])
            onnx.save(onnx.helper.make_model(graph), data.parent / "model.onnx")
            one = onnx.numpy_helper.from_array(np.ones(1, np.float32), "x")
            (data / "input_0.pb").write_bytes(one.SerializeToString())
            code, out, err = script("against_peers.py", "--models", data.parent, "--no-light", "--no-large", "--nacre",
                                    nacre, "--peers", "onnxruntime", "--threads", "1")
            self.assertEqual(code, 1, err)
            self.assertIn("| odd | 1 | - | - | - | - | - |", out)
            self.assertRegex(out, r"\n- odd, ONNX Runtime: .*Odd")
            self.assertRegex(out, r"\n- odd, Nacre: exit 3: ")

    def test_wrong_outputs_are_not_timed(self):
        row = against_peers.Row("net", 1)
        comparison = against_peers.Comparison(row, types.SimpleNamespace(error=1e-2))
        right = [np.array([3.0, 4.0])]
        self.assertTrue(comparison.agrees("tvm", [np.array([3.0, 4.03])], right))
        self.assertAlmostEqual(row.errors["tvm"], 0.006)
        self.assertFalse(comparison.agrees("iree", [np.array([3.0, 4.5])], right))
        self.assertFalse(comparison.agrees("openvino", [np.array([3.0, np.nan])], right))
        self.assertFalse(comparison.agrees("tinygrad", [np.zeros((1, 2))], right))
        self.assertEqual(row.reasons, {"iree": "IREE: wrong outputs, relative error 0.1",
                                       "openvino": "OpenVINO: wrong outputs, relative error inf",
                                       "tinygrad": "tinygrad: an output of [1, 2] in place of [2]"})

    def test_tables(self):
        rows = [against_peers.Row("a", 1, {"onnxruntime": 2.0, "openvino": 3.0, "tvm": 40.0, "nacre": 1.0},
                                  {"onnxruntime": 0.0, "openvino": 1e-6, "tvm": 2e-6, "nacre": 3e-6},
                                  {"onnxruntime": 0.5, "openvino": 1.0, "tvm": 20.0}, {"torch": "torch.compile: no"}),
                against_peers.Row("b", 1, {"onnxruntime": 1.0, "nacre": 2.0}, {"onnxruntime": 0.0, "nacre": 0.0},
                                  {"onnxruntime": 0.25}, {"openvino": "OpenVINO: no", "tvm": "TVM: not so"})]
        arguments = types.SimpleNamespace(peers=["onnxruntime", "openvino", "tvm", "torch", "iree"], threads=[1],
                                          rounds=3, min_time=1)
        versions = dict.fromkeys(arguments.peers, "1") | {"iree": None}
        text = comparison_tables.markdown(rows, arguments, versions, {"onnxruntime": 2.0})
        self.assertIn("| a | 1 | 2.00 | 3.00 | 40.0 | - | 1.00 | 2.00 | 3.00 (OpenVINO) | - | - |\n"
                      "| b | 1 | 1.00 | - | - | - | 2.00 | 0.50 | - | - | - |\n", text)
        self.assertIn("- 1 thread, ONNX Runtime, 2 models: geometric mean 1.00, smallest 0.50 (b).\n"
                      "- 1 thread, OpenVINO, 1 model: geometric mean 3.00, smallest 3.00 (a).\n", text)
        self.assertIn("| a | 0.0e+00, 0.500 s | 1.0e-06, 1.00 s | 2.0e-06, 20.0 s | - | 3.0e-06 |\n"
                      "| b | 0.0e+00, 0.250 s | - | - | - | 0.0e+00 |\n", text)
        self.assertTrue(text.endswith("Not installed: IREE.\n\nNot timed:\n\n- a, torch.compile: no\n"
                                      "- b, OpenVINO: no\n- b, TVM: not so\n"), text)


def shapes(values):
    return {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in values}


class Networks(unittest.TestCase):
    def test_open_dims_get_the_extents_of_the_data(self):
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            code, _, err = script("large_models.py", work, "--small", "--only", "gpt2_decode")
            self.assertEqual(code, 0, err)
            inputs = networks.read_inputs(work / "gpt2_decode")
            fixed = networks.without_open_dims(work / "gpt2_decode", inputs, work)
            self.assertEqual(shapes(onnx.load(fixed).graph.input),
                             {name: list(array.shape) for name, array in inputs.items()})
            folded = onnx.load(networks.in_other_words(fixed, work)).graph
            self.assertEqual(shapes(folded.output)["present.1.value"], [1, 4, 17, 16])
            self.assertNotIn("Range", {node.op_type for node in folded.node})

    def test_old_models_get_a_newer_opset(self):
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in "xy"]
            node = onnx.helper.make_node("Slice", ["x"], ["y"], starts=[1], ends=[2])
            value[1].type.tensor_type.shape.dim[0].dim_value = 1
            graph = onnx.helper.make_graph([node], "old", value[:1], value[1:])
            old = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 9)], ir_version=4)
            onnx.save(old, work / "old.onnx")
            newer = onnx.load(networks.in_other_words(work / "old.onnx", work))
            versions = {entry.domain: entry.version for entry in newer.opset_import}
            self.assertEqual(versions, {"": 17})
            self.assertGreater(len(newer.graph.node[-1].input), 2)


class Contractions(unittest.TestCase):
    def test_one_kernel(self):
        code, out, err = script("contractions.py", "--only", "batched*", "--threads", "1", "--rounds", "1",
                                "--min-time", "0.01", "--read-mib", "4", "--nacre", nacre)
        self.assertEqual(code, 0, err + out)
        cells = next(line.strip("| ").split(" | ") for line in out.splitlines() if line.startswith("| batched"))
        self.assertEqual(cells[:2], ["batched 12 x 128 x 64 x 128", "1"])
        reference, own, ratio, flops, _, speed, _ = (float(cell.rstrip("%")) for cell in cells[2:])
        self.assertAlmostEqual(ratio / (reference / own), 1, delta=0.02)
        self.assertAlmostEqual(flops / (2 * 12 * 128 * 64 * 128 / own / 1e3), 1, delta=0.02)
        self.assertAlmostEqual(speed / (4 * 12 * (2 * 128 * 64 + 128 * 128) / own / 1e3), 1, delta=0.02)

    def test_arithmetic_and_bytes(self):
        found = {kernel.name: (kernel.flops, kernel.bytes) for kernel in contractions.KERNELS}
        self.assertEqual(found["1024 x 1024 x 1024"], (1 << 31, 12 << 20))
        self.assertEqual(found["conv 3x3, 64 to 64 at 56x56"], (2 * 56 * 56 * 64 * 64 * 9,
                                                               4 * (2 * 64 * 56 * 56 + 64 * 64 * 9 + 64)))
        self.assertEqual(found["depthwise 3x3, 32 to 32 at 112x112"], (2 * 112 * 112 * 32 * 9,
                                                                      4 * (2 * 32 * 112 * 112 + 32 * 9 + 32)))


class PeerProcesses(unittest.TestCase):
    def test_one_that_does_not_end_is_ended(self):
        with tempfile.TemporaryDirectory() as work:
            model = networks.empty(pathlib.Path(work))
            with self.assertRaisesRegex(peer_process.Failure, "^ONNX Runtime: no end after 0.001 s$"):
                peer_process.PeerProcess("onnxruntime", [model], {"x": np.ones(1, np.float32)}, 1,
                                         sorted(os.sched_getaffinity(0))[:1], pathlib.Path(work), 0.001)

    def test_the_first_model_that_a_peer_takes(self):
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            models = [work / "none.onnx", networks.empty(work)]
            inputs, processors = {"x": np.array([-1, 2], np.float32)[1:]}, sorted(os.sched_getaffinity(0))[:1]
            peer = peer_process.PeerProcess("onnxruntime", models, inputs, 1, processors, work, 60)
            self.assertEqual(peer.outputs[0].tolist(), [2])
            self.assertGreater(peer.median_ms(0.01), 0)
            peer.close()
            with self.assertRaisesRegex(peer_process.Failure, "^ONNX Runtime: NoSuchFile: .*none.onnx"):
                peer_process.PeerProcess("onnxruntime", models[:1], inputs, 1, processors, work, 60)

    def test_none_outlives_the_script(self):
        program = """if __name__ == "__main__":
            import os, pathlib, signal, sys, tempfile
            import numpy as np
            import networks, peer_process
            work = pathlib.Path(sys.argv[1])
            peer = peer_process.PeerProcess("onnxruntime", [networks.empty(work)], {"x": np.ones(1, np.float32)}, 1,
                                            sorted(os.sched_getaffinity(0)), work, 60)
            print(peer.process.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)"""
        with tempfile.TemporaryDirectory() as work:
            path = pathlib.Path(work, "program.py")
            path.write_text(program)
            done = subprocess.run([sys.executable, path, work], env=os.environ | {"PYTHONPATH": str(HERE)},
                                  capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
            state = pathlib.Path("/proc", done.stdout.strip(), "stat")
            for _ in range(100):
                if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
                    return
                time.sleep(0.1)
            self.fail("the process is still there")

    def test_a_long_round_ends(self):
        runs = []
        peer_process.median_ms(lambda: (runs.append(0), time.sleep(0.02)), 0.001)
        self.assertEqual(len(runs), 1)


if __name__ == "__main__":
    nacre = sys.argv.pop(1)
    unittest.main()

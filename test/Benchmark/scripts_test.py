"""The scripts of this folder work; nothing is said of times.

    scripts_test.py NACRE
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import onnx

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


if __name__ == "__main__":
    nacre = sys.argv.pop(1)
    unittest.main()

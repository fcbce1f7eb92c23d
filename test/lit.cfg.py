"""lit: one file a pass, named as the pass is. FileCheck and not come with LLVM."""

import os

import lit.formats

config.name = "Nacre"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".ngl"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.nacre_binary_dir, "test", "lit")
# Only the folders that mirror lib hold lit tests; the rest have runners of their own.
config.excludes = ["Runtime", "Codegen", "Unit", "Integration", "Errors", "Benchmark", "Inputs"]
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.nacre_binary_dir, "bin"), config.llvm_tools_dir, os.environ["PATH"]]
)
# Where the npm package is that checks WGSL; such checks are skipped without it.
if "NACRE_WEBGPU_MODULE" in os.environ:
    config.environment["NACRE_WEBGPU_MODULE"] = os.environ["NACRE_WEBGPU_MODULE"]

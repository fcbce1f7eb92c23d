// A symbolic extent of the signature must lead: outputs are dense in the
// extents of the run.
// RUN: not nacre compile %s -o %t.o 2>&1 | FileCheck %s
// CHECK: error: {{.*}}symbolic-axis.mlir:8:3: result 0 has the symbolic extent N on axis 1; only the leading one may be symbolic, bind it with --dim N=VALUE

module {

  func.func @main(%arg0: tensor<?x5x17xf32, #lazy.dims<["N"], [9]>>) -> tensor<5x?x17xf32, #lazy.dims<["N"], [9]>> {
    %1 = lazy.permute %arg0, [1, 0, 2] : tensor<?x5x17xf32, #lazy.dims<["N"], [9]>> -> tensor<5x?x17xf32, #lazy.dims<["N"], [9]>>
    return %1 : tensor<5x?x17xf32, #lazy.dims<["N"], [9]>>
  }
}

// A program of a training as text, which the other verbs read.
// RUN: rm -rf %t && mkdir %t
// RUN: nacre compile %S/../../models/mlp.ngl --train --batch 4 --emit step -o %t/step.mlir
// RUN: FileCheck %s --check-prefix=STEP --input-file %t/step.mlir
// RUN: nacre compile %t/step.mlir -o %t
// RUN: nacre compile %S/../../models/mlp.ngl --train --batch 4 --emit eval | FileCheck %s --check-prefix=EVAL
// RUN: not nacre compile %S/../../models/mlp.ngl --train --emit apply 2>&1 | FileCheck %s --check-prefix=NONE

// STEP: func.func @main(%arg0: tensor<4x784xf32> {lazy.name = "x"}
// STEP-SAME: lazy.state = "linear.weight/sgd.momentum"
// STEP-SAME: -> (tensor<f32> {lazy.name = "loss"}
// STEP-SAME: lazy.name = "learning_rate"
// EVAL: func.func @main(%arg0: tensor<4x784xf32> {lazy.name = "x"}
// EVAL-NOT: sgd.momentum
// EVAL-SAME: -> (tensor<f32> {lazy.name = "loss"}, tensor<f32> {lazy.name = "accuracy"})
// NONE: error: --emit: no program 'apply' in this training, expected init, step or eval

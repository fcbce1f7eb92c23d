// A loop that collects the carried value as it was before the step: it must be
// copied before the step replaces it.
module {
  func.func private @step(%i: tensor<i64>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %two = lazy.splat 2.0 : f32 : tensor<4xf32>
    %y = lazy.add %x, %two : tensor<4xf32>
    return %y, %x : tensor<4xf32>, tensor<4xf32>
  }
  func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
    %r:2 = lazy.loop @step bound 3 carried %x : tensor<4xf32> backward [false] -> (tensor<4xf32>, tensor<3x4xf32>)
    return %r#0, %r#1 : tensor<4xf32>, tensor<3x4xf32>
  }
}

module {
  func.func @main(%arg0: tensor<?xf32, #lazy.dims<["N"], [5]>>) -> (tensor<f32>, tensor<f32>) {
    %0 = lazy.splat 1.0 : f32 : tensor<?xf32, #lazy.dims<["N"], [5]>>
    %1 = lazy.reduce add, %0, [0] : tensor<?xf32, #lazy.dims<["N"], [5]>> -> tensor<f32>
    %2 = lazy.reduce add, %arg0, [0] : tensor<?xf32, #lazy.dims<["N"], [5]>> -> tensor<f32>
    return %1, %2 : tensor<f32>, tensor<f32>
  }
}

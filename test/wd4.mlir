module {
  func.func @main(%arg0: tensor<11xf32> {lazy.name = "x"}, %arg1: tensor<3x4xf32> {lazy.name = "g"}) -> (tensor<f32> {lazy.name = "y"}, tensor<11xf32> {lazy.name = "d_x"}) {
    %0 = lazy.window %arg0, axes [0] sizes [4] strides [2] dilations [2] : tensor<11xf32> -> tensor<3x4xf32>
    %1 = lazy.mul %0, %arg1 : tensor<3x4xf32>
    %2 = lazy.reduce add, %1, [0, 1] : tensor<3x4xf32> -> tensor<f32>
    %3 = lazy.splat 1.000000e+00 : f32 : tensor<f32>
    %4 = lazy.reshape %3 : tensor<f32> -> tensor<1x1xf32>
    %5 = lazy.expand %4 : tensor<1x1xf32> -> tensor<3x4xf32>
    %6 = lazy.mul %5, %arg1 : tensor<3x4xf32>
    %7 = lazy.slice %6, [0, 0], [1, 1] : tensor<3x4xf32> -> tensor<1x4xf32>
    %8 = lazy.reshape %7 : tensor<1x4xf32> -> tensor<4x1xf32>
    %9 = lazy.pad %8, [0, 0], [0, 1], 0.000000e+00 : f32 : tensor<4x1xf32> -> tensor<4x2xf32>
    %10 = lazy.reshape %9 : tensor<4x2xf32> -> tensor<8xf32>
    %11 = lazy.pad %10, [0], [3], 0.000000e+00 : f32 : tensor<8xf32> -> tensor<11xf32>
    %12 = lazy.slice %6, [1, 0], [1, 1] : tensor<3x4xf32> -> tensor<1x4xf32>
    %13 = lazy.reshape %12 : tensor<1x4xf32> -> tensor<4x1xf32>
    %14 = lazy.pad %13, [0, 0], [0, 1], 0.000000e+00 : f32 : tensor<4x1xf32> -> tensor<4x2xf32>
    %15 = lazy.reshape %14 : tensor<4x2xf32> -> tensor<8xf32>
    %16 = lazy.pad %15, [2], [1], 0.000000e+00 : f32 : tensor<8xf32> -> tensor<11xf32>
    %17 = lazy.add %11, %16 : tensor<11xf32>
    %18 = lazy.slice %6, [2, 0], [1, 1] : tensor<3x4xf32> -> tensor<1x4xf32>
    %19 = lazy.reshape %18 : tensor<1x4xf32> -> tensor<4x1xf32>
    %20 = lazy.pad %19, [0, 0], [0, 1], 0.000000e+00 : f32 : tensor<4x1xf32> -> tensor<4x2xf32>
    %21 = lazy.reshape %20 : tensor<4x2xf32> -> tensor<8xf32>
    %22 = lazy.slice %21, [0], [1] : tensor<8xf32> -> tensor<7xf32>
    %23 = lazy.pad %22, [4], [0], 0.000000e+00 : f32 : tensor<7xf32> -> tensor<11xf32>
    %24 = lazy.add %17, %23 : tensor<11xf32>
    return %2, %24 : tensor<f32>, tensor<11xf32>
  }
}


module {
  func.func @main(%arg0: tensor<11xf32> {lazy.name = "x"}, %arg1: tensor<3x3xf32> {lazy.name = "g"}) -> (tensor<f32> {lazy.name = "y"}, tensor<11xf32> {lazy.name = "d_x"}) {
    %0 = lazy.window %arg0, axes [0] sizes [3] strides [3] dilations [2] : tensor<11xf32> -> tensor<3x3xf32>
    %1 = lazy.mul %0, %arg1 : tensor<3x3xf32>
    %2 = lazy.reduce add, %1, [0, 1] : tensor<3x3xf32> -> tensor<f32>
    %3 = lazy.splat 1.000000e+00 : f32 : tensor<f32>
    %4 = lazy.reshape %3 : tensor<f32> -> tensor<1x1xf32>
    %5 = lazy.expand %4 : tensor<1x1xf32> -> tensor<3x3xf32>
    %6 = lazy.mul %5, %arg1 : tensor<3x3xf32>
    %7 = lazy.slice %6, [0, 0], [1, 1] : tensor<3x3xf32> -> tensor<3x1xf32>
    %8 = lazy.pad %7, [0, 0], [0, 2], 0.000000e+00 : f32 : tensor<3x1xf32> -> tensor<3x3xf32>
    %9 = lazy.reshape %8 : tensor<3x3xf32> -> tensor<9xf32>
    %10 = lazy.pad %9, [0], [2], 0.000000e+00 : f32 : tensor<9xf32> -> tensor<11xf32>
    %11 = lazy.slice %6, [0, 1], [1, 1] : tensor<3x3xf32> -> tensor<3x1xf32>
    %12 = lazy.pad %11, [0, 0], [0, 2], 0.000000e+00 : f32 : tensor<3x1xf32> -> tensor<3x3xf32>
    %13 = lazy.reshape %12 : tensor<3x3xf32> -> tensor<9xf32>
    %14 = lazy.pad %13, [2], [0], 0.000000e+00 : f32 : tensor<9xf32> -> tensor<11xf32>
    %15 = lazy.add %10, %14 : tensor<11xf32>
    %16 = lazy.slice %6, [0, 2], [1, 1] : tensor<3x3xf32> -> tensor<3x1xf32>
    %17 = lazy.pad %16, [0, 0], [0, 2], 0.000000e+00 : f32 : tensor<3x1xf32> -> tensor<3x3xf32>
    %18 = lazy.reshape %17 : tensor<3x3xf32> -> tensor<9xf32>
    %19 = lazy.slice %18, [0], [1] : tensor<9xf32> -> tensor<7xf32>
    %20 = lazy.pad %19, [4], [0], 0.000000e+00 : f32 : tensor<7xf32> -> tensor<11xf32>
    %21 = lazy.add %15, %20 : tensor<11xf32>
    return %2, %21 : tensor<f32>, tensor<11xf32>
  }
}


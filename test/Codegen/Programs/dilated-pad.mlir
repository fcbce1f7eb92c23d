// Zeros between elements are a guard that is not linear in the lane.
func.func @main(%x: tensor<3x3xf32>) -> tensor<11xf32> {
  %0 = lazy.slice %x, [0, 1], [1, 1] : tensor<3x3xf32> -> tensor<3x1xf32>
  %1 = lazy.pad %0, [0, 0], [0, 2], 0.0 : f32 : tensor<3x1xf32> -> tensor<3x3xf32>
  %2 = lazy.reshape %1 : tensor<3x3xf32> -> tensor<9xf32>
  %3 = lazy.pad %2, [2], [0], 0.0 : f32 : tensor<9xf32> -> tensor<11xf32>
  %4 = lazy.neg %3 : tensor<11xf32>
  return %4 : tensor<11xf32>
}

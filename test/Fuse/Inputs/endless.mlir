func.func private @step(%i: tensor<i64>, %s: tensor<f32>) -> tensor<f32> {
  return %s : tensor<f32>
}
func.func @main(%n: tensor<i64>, %s: tensor<f32>) -> tensor<f32> {
  %0 = lazy.loop @step bound 9223372036854775807 trips %n : tensor<i64> carried %s : tensor<f32> backward [] -> (tensor<f32>)
  return %0 : tensor<f32>
}

// A number of times that the data says and a condition that ends it earlier,
// with a loop and a branch inside.
func.func private @inner(%i: tensor<i64>, %s: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = lazy.contract %s, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %1 = lazy.tanh %0 : tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}
func.func private @odd(%s: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = lazy.neg %s : tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
func.func private @even(%s: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = lazy.permute %s, [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
func.func private @outer(%i: tensor<i64>, %s: tensor<4x4xf32>, %done: tensor<i64>, %w: tensor<4x4xf32>, %limit: tensor<i64>) -> (tensor<i1>, tensor<4x4xf32>, tensor<i64>) {
  %0 = lazy.loop @inner bound 3 carried %s : tensor<4x4xf32> captured %w : tensor<4x4xf32> backward [] -> (tensor<4x4xf32>)
  %two = lazy.splat 2 : i64 : tensor<i64>
  %one = lazy.splat 1 : i64 : tensor<i64>
  %1 = lazy.rem %i, %two : tensor<i64>
  %2 = lazy.cmp eq, %1, %one : tensor<i64> -> tensor<i1>
  %3 = lazy.if %2 then @odd else @even captured %0 : tensor<i1>, tensor<4x4xf32> -> (tensor<4x4xf32>)
  %4 = lazy.add %done, %one : tensor<i64>
  %5 = lazy.cmp lt, %4, %limit : tensor<i64> -> tensor<i1>
  return %5, %3, %4 : tensor<i1>, tensor<4x4xf32>, tensor<i64>
}
func.func @main(%s: tensor<4x4xf32>, %w: tensor<4x4xf32>, %n: tensor<i64>) -> (tensor<4x4xf32>, tensor<i64>, tensor<4x4xf32>, tensor<i64>, tensor<4x4xf32>) {
  %zero = lazy.splat 0 : i64 : tensor<i64>
  %seven = lazy.splat 7 : i64 : tensor<i64>
  %two = lazy.splat 2 : i64 : tensor<i64>
  %0 = lazy.rem %n, %seven : tensor<i64>
  %2 = lazy.abs %0 : tensor<i64>
  %1 = lazy.add %2, %two : tensor<i64>
  %five = lazy.splat 5 : i64 : tensor<i64>
  %4:2 = lazy.loop @outer bound 6 trips %1 : tensor<i64> conditional carried %s, %zero : tensor<4x4xf32>, tensor<i64> captured %w, %five : tensor<4x4xf32>, tensor<i64> backward [] -> (tensor<4x4xf32>, tensor<i64>)
  %3:2 = lazy.loop @never bound 6 trips %zero : tensor<i64> carried %s, %seven : tensor<4x4xf32>, tensor<i64> backward [] -> (tensor<4x4xf32>, tensor<i64>)
  %5 = lazy.add %4#0, %s : tensor<4x4xf32>
  return %4#0, %4#1, %3#0, %3#1, %5 : tensor<4x4xf32>, tensor<i64>, tensor<4x4xf32>, tensor<i64>, tensor<4x4xf32>
}
func.func private @never(%i: tensor<i64>, %s: tensor<4x4xf32>, %done: tensor<i64>) -> (tensor<4x4xf32>, tensor<i64>) {
  %0 = lazy.exp %s : tensor<4x4xf32>
  return %0, %i : tensor<4x4xf32>, tensor<i64>
}

// Carried values that change places, slices that begin at no cache line, one
// scanned and one collected backwards, the counter, and captured values of an
// argument, of a kernel and of a constant.
func.func private @step(%i: tensor<i64>, %a: tensor<3xf32>, %b: tensor<3xf32>, %x: tensor<3xf32>, %z: tensor<5xf32>, %k: tensor<3xf32>, %n: tensor<3xf32>, %c: tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<5xf32>) {
  %0 = lazy.cast %i : tensor<i64> -> tensor<f32>
  %1 = lazy.add %0, %c : tensor<f32>
  %2 = lazy.reshape %1 : tensor<f32> -> tensor<1xf32>
  %3 = lazy.expand %2 : tensor<1xf32> -> tensor<3xf32>
  %4 = lazy.mul %a, %k : tensor<3xf32>
  %5 = lazy.add %4, %x : tensor<3xf32>
  %6 = lazy.add %5, %3 : tensor<3xf32>
  %7 = lazy.tanh %6 : tensor<3xf32>
  %8 = lazy.sub %7, %n : tensor<3xf32>
  %9 = lazy.neg %z : tensor<5xf32>
  return %b, %8, %7, %9 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<5xf32>
}
func.func @main(%a: tensor<3xf32>, %x: tensor<7x3xf32>, %z: tensor<7x5xf32>, %k: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<7x3xf32>, tensor<7x5xf32>, tensor<3xf32>) {
  %b = lazy.neg %a : tensor<3xf32>
  %n = lazy.exp %a : tensor<3xf32>
  %c = lazy.splat 5.0e-01 : f32 : tensor<f32>
  %0:4 = lazy.loop @step bound 7 carried %a, %b : tensor<3xf32>, tensor<3xf32> scanned %x, %z : tensor<7x3xf32>, tensor<7x5xf32> captured %k, %n, %c : tensor<3xf32>, tensor<3xf32>, tensor<f32> backward [false, true, true, false] -> (tensor<3xf32>, tensor<3xf32>, tensor<7x3xf32>, tensor<7x5xf32>)
  %1 = lazy.add %0#1, %b : tensor<3xf32>
  return %0#0, %1, %0#2, %0#3, %n : tensor<3xf32>, tensor<3xf32>, tensor<7x3xf32>, tensor<7x5xf32>, tensor<3xf32>
}

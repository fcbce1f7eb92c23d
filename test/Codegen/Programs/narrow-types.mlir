// Elements of eight bits and fewer, one byte each: moved by every view, chosen,
// joined, picked and carried by a loop; with fills of bits other than 0 in a
// kernel and in a border of its own.
func.func private @body(%i: tensor<i64>, %c: tensor<5x7xi4>, %s: tensor<7xi4>) -> (tensor<5x7xi4>, tensor<7xf4E2M1FN>) {
  %0 = lazy.flip %c, [1] : tensor<5x7xi4> -> tensor<5x7xi4>
  %1 = lazy.bitcast %s : tensor<7xi4> -> tensor<7xf4E2M1FN>
  return %0, %1 : tensor<5x7xi4>, tensor<7xf4E2M1FN>
}

func.func @main(%a: tensor<5x7xf8E4M3FN>, %b: tensor<7x5xf8E4M3FN>, %n: tensor<5x7xi4>, %u: tensor<4x33xui2>, %e: tensor<33xf8E8M0FNU>, %x: tensor<5x7xf32>)
    -> (tensor<6x11xf8E4M3FN>, tensor<10x7xf8E4M3FN>, tensor<5x7xi4>, tensor<3x7xf4E2M1FN>, tensor<2x33xui2>, tensor<4x35xf32>, tensor<5x9xf8E5M2FNUZ>, tensor<31x3xf8E8M0FNU>) {
  %p = lazy.pad %a, [0, 2], [1, 2], -1.5 : f8E4M3FN : tensor<5x7xf8E4M3FN> -> tensor<6x11xf8E4M3FN>
  %t = lazy.permute %b, [1, 0] : tensor<7x5xf8E4M3FN> -> tensor<5x7xf8E4M3FN>
  %zero = lazy.splat 0.0 : f32 : tensor<5x7xf32>
  %less = lazy.cmp lt, %x, %zero : tensor<5x7xf32> -> tensor<5x7xi1>
  %w = lazy.where %less, %a, %t : tensor<5x7xi1>, tensor<5x7xf8E4M3FN>
  %j = lazy.concat %w, %t axis 0 : (tensor<5x7xf8E4M3FN>, tensor<5x7xf8E4M3FN>) -> tensor<10x7xf8E4M3FN>
  %m1 = lazy.splat -3 : i4 : tensor<5x7xi4>
  %n2 = lazy.where %less, %m1, %n : tensor<5x7xi1>, tensor<5x7xi4>
  %part = lazy.slice %n, [1, 0], [1, 1] : tensor<5x7xi4> -> tensor<3x7xi4>
  %l:2 = lazy.loop @body bound 3 carried %n2 : tensor<5x7xi4> scanned %part : tensor<3x7xi4> backward [false, true] -> (tensor<5x7xi4>, tensor<3x7xf4E2M1FN>)
  %row = lazy.slice %n, [0, 0], [1, 1] : tensor<5x7xi4> -> tensor<2x1xi4>
  %two = lazy.reshape %row : tensor<2x1xi4> -> tensor<2xi4>
  %low = lazy.cast %two : tensor<2xi4> -> tensor<2xui2>
  %at = lazy.cast %low : tensor<2xui2> -> tensor<2xi64>
  %g = lazy.gather %u, %at, 0 : tensor<4x33xui2>, tensor<2xi64> -> tensor<2x33xui2>
  %ones = lazy.pad %u, [0, 1], [0, 1], 3 : ui2 : tensor<4x33xui2> -> tensor<4x35xui2>
  %f = lazy.cast %ones : tensor<4x35xui2> -> tensor<4x35xf32>
  %h = lazy.pad %x, [0, 1], [0, 1], -3.0e5 : f32 : tensor<5x7xf32> -> tensor<5x9xf32>
  %q = lazy.cast %h : tensor<5x9xf32> -> tensor<5x9xf8E5M2FNUZ>
  %v = lazy.window %e, axes [0] sizes [3] strides [1] dilations [1] : tensor<33xf8E8M0FNU> -> tensor<31x3xf8E8M0FNU>
  return %p, %j, %l#0, %l#1, %g, %f, %q, %v : tensor<6x11xf8E4M3FN>, tensor<10x7xf8E4M3FN>, tensor<5x7xi4>, tensor<3x7xf4E2M1FN>, tensor<2x33xui2>, tensor<4x35xf32>, tensor<5x9xf8E5M2FNUZ>, tensor<31x3xf8E8M0FNU>
}

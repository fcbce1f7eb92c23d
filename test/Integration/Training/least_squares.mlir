// Programs of a training, written by hand: y = x w + b, fitted by gradient
// descent at rate 0.5 on the mean of squared differences, four examples a step.
// A label index picks the target from a table of three, so that there is an
// index to be out of range. The step fails where its loss is not finite.
module {
  module @init {
    func.func @main(%seed: tensor<i64> {lazy.name = "nacre.seed"})
        -> (tensor<2xf32> {lazy.name = "w", lazy.state = "w", lazy.state_kind = "parameter"},
            tensor<f32> {lazy.name = "b", lazy.state = "b", lazy.state_kind = "parameter"}) {
      %w = lazy.splat 0.0 : f32 : tensor<2xf32>
      %b = lazy.cast %seed : tensor<i64> -> tensor<f32>
      return %w, %b : tensor<2xf32>, tensor<f32>
    }
  }
  module @step {
    func.func @main(%x: tensor<4x2xf32> {lazy.name = "x"}, %label: tensor<4xi64> {lazy.name = "label"},
                    %w: tensor<2xf32> {lazy.name = "w", lazy.state = "w", lazy.state_kind = "parameter"},
                    %b: tensor<f32> {lazy.name = "b", lazy.state = "b", lazy.state_kind = "parameter"},
                    %n: tensor<i64> {lazy.name = "nacre.step", lazy.state = "nacre.step", lazy.state_kind = "counter"})
        -> (tensor<f32> {lazy.name = "loss"},
            tensor<2xf32> {lazy.name = "w", lazy.state = "w", lazy.state_kind = "parameter"},
            tensor<f32> {lazy.name = "b", lazy.state = "b", lazy.state_kind = "parameter"},
            tensor<i64> {lazy.name = "nacre.step", lazy.state = "nacre.step", lazy.state_kind = "counter"}) {
      %i = lazy.iota 0 : tensor<3xf32>
      %t = lazy.gather %i, %label, 0 : tensor<3xf32>, tensor<4xi64> -> tensor<4xf32>
      %w1 = lazy.reshape %w : tensor<2xf32> -> tensor<1x2xf32>
      %w2 = lazy.expand %w1 : tensor<1x2xf32> -> tensor<4x2xf32>
      %xw = lazy.mul %x, %w2 : tensor<4x2xf32>
      %s = lazy.reduce add, %xw, [1] : tensor<4x2xf32> -> tensor<4xf32>
      %b1 = lazy.reshape %b : tensor<f32> -> tensor<1xf32>
      %b2 = lazy.expand %b1 : tensor<1xf32> -> tensor<4xf32>
      %y = lazy.add %s, %b2 : tensor<4xf32>
      %d = lazy.sub %y, %t : tensor<4xf32>
      %dd = lazy.mul %d, %d : tensor<4xf32>
      %sum = lazy.reduce add, %dd, [0] : tensor<4xf32> -> tensor<f32>
      %quarter = lazy.splat 0.25 : f32 : tensor<f32>
      %loss = lazy.mul %sum, %quarter : tensor<f32>
      // Half the gradient, times a rate of 0.5, is the sum over four times 0.25.
      %d1 = lazy.reshape %d : tensor<4xf32> -> tensor<4x1xf32>
      %d2 = lazy.expand %d1 : tensor<4x1xf32> -> tensor<4x2xf32>
      %xd = lazy.mul %x, %d2 : tensor<4x2xf32>
      %gw = lazy.reduce add, %xd, [0] : tensor<4x2xf32> -> tensor<2xf32>
      %quarters = lazy.splat 0.25 : f32 : tensor<2xf32>
      %rw = lazy.mul %gw, %quarters : tensor<2xf32>
      %wn = lazy.sub %w, %rw : tensor<2xf32>
      %gb = lazy.reduce add, %d, [0] : tensor<4xf32> -> tensor<f32>
      %rb = lazy.mul %gb, %quarter : tensor<f32>
      %bn = lazy.sub %b, %rb : tensor<f32>
      %one = lazy.splat 1 : i64 : tensor<i64>
      %nn = lazy.add %n, %one : tensor<i64>
      %zero = lazy.sub %loss, %loss : tensor<f32>
      %ok = lazy.cmp eq, %zero, %zero : tensor<f32> -> tensor<i1>
      %told = lazy.require %loss, %ok {status = 9 : i32, message = "loss is not finite"} : tensor<f32>
      return %told, %wn, %bn, %nn : tensor<f32>, tensor<2xf32>, tensor<f32>, tensor<i64>
    }
  }
  module @eval {
    func.func @main(%x: tensor<4x2xf32> {lazy.name = "x"}, %label: tensor<4xi64> {lazy.name = "label"},
                    %w: tensor<2xf32> {lazy.name = "w", lazy.state = "w", lazy.state_kind = "parameter"},
                    %b: tensor<f32> {lazy.name = "b", lazy.state = "b", lazy.state_kind = "parameter"})
        -> (tensor<f32> {lazy.name = "loss"}, tensor<f32> {lazy.name = "first"}) {
      %i = lazy.iota 0 : tensor<3xf32>
      %t = lazy.gather %i, %label, 0 : tensor<3xf32>, tensor<4xi64> -> tensor<4xf32>
      %w1 = lazy.reshape %w : tensor<2xf32> -> tensor<1x2xf32>
      %w2 = lazy.expand %w1 : tensor<1x2xf32> -> tensor<4x2xf32>
      %xw = lazy.mul %x, %w2 : tensor<4x2xf32>
      %s = lazy.reduce add, %xw, [1] : tensor<4x2xf32> -> tensor<4xf32>
      %b1 = lazy.reshape %b : tensor<f32> -> tensor<1xf32>
      %b2 = lazy.expand %b1 : tensor<1xf32> -> tensor<4xf32>
      %y = lazy.add %s, %b2 : tensor<4xf32>
      %d = lazy.sub %y, %t : tensor<4xf32>
      %dd = lazy.mul %d, %d : tensor<4xf32>
      %sum = lazy.reduce add, %dd, [0] : tensor<4xf32> -> tensor<f32>
      %quarter = lazy.splat 0.25 : f32 : tensor<f32>
      %loss = lazy.mul %sum, %quarter : tensor<f32>
      %x0 = lazy.slice %x, [0, 0], [1, 1] : tensor<4x2xf32> -> tensor<4x1xf32>
      %x1 = lazy.reduce add, %x0, [0, 1] : tensor<4x1xf32> -> tensor<f32>
      %first = lazy.mul %x1, %quarter : tensor<f32>
      return %loss, %first : tensor<f32>, tensor<f32>
    }
  }
}

// RUN: nacre-opt -split-input-file -verify-diagnostics %s

func.func @f(%s: tensor<f32>) {
  // expected-error@+1 {{'lazy.loop' op needs a private function @nothing with a body of one block}}
  %0 = lazy.loop @nothing bound 2 carried %s : tensor<f32> backward [] -> (tensor<f32>)
  return
}

// -----

func.func private @step(%i: tensor<i64>, %s: tensor<f64>) -> tensor<f32> {
  %0 = lazy.cast %s : tensor<f64> -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @f(%s: tensor<f32>) {
  // expected-error@+1 {{'lazy.loop' op arguments 1 of @step is 'tensor<f64>', expected 'tensor<f32>'}}
  %0 = lazy.loop @step bound 2 carried %s : tensor<f32> backward [] -> (tensor<f32>)
  return
}

// -----

func.func private @step(%i: tensor<i64>) -> tensor<f32> {
  %0 = lazy.splat 1.0 : f32 : tensor<f32>
  return %0 : tensor<f32>
}
func.func @f(%n: tensor<i64>) {
  // expected-error@+1 {{'lazy.loop' op scans or collects without a known number of times}}
  %0 = lazy.loop @step bound 2 trips %n : tensor<i64> backward [false] -> (tensor<2xf32>)
  return
}

// -----

func.func private @step(%i: tensor<i64>, %s: tensor<f32>, %x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
func.func @f(%s: tensor<f32>, %x: tensor<3xf32>) {
  // expected-error@+1 {{'lazy.loop' op scans 'tensor<3xf32>' 2 times}}
  %0 = lazy.loop @step bound 2 carried %s : tensor<f32> scanned %x : tensor<3xf32> backward [false] -> (tensor<f32>)
  return
}

// -----

func.func private @a(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
func.func private @b() -> tensor<3xf32> {
  %0 = lazy.splat 1.0 : f32 : tensor<3xf32>
  return %0 : tensor<3xf32>
}
func.func @f(%c: tensor<i1>, %x: tensor<3xf32>) {
  // expected-error@+1 {{'lazy.if' op @b has 0 arguments, expected 1}}
  %0 = lazy.if %c then @a else @b captured %x : tensor<i1>, tensor<3xf32> -> (tensor<3xf32>)
  return
}

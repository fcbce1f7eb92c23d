// RUN: nacre-opt -verify-program -split-input-file -verify-diagnostics %s

// A vector that stands for a tensor of open extents, and a count.
func.func @main(
    %x: tensor<12xf32> {lazy.shape = array<i64: 4, 3>, lazy.dims = ["N", ""]},
    %n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 4>})
    -> (tensor<12xf32> {lazy.shape = array<i64: 4, 3>, lazy.dims = ["x.0", ""]},
        tensor<i64> {lazy.dim = "x.0", lazy.range = array<i64: 0, 4>})
    attributes {lazy.extents = {N = [array<i64: 1, 0>], "3*N*N + 2" = [array<i64: 2>, array<i64: 3, 0, 0>]}} {
  %y = lazy.neg %x {lazy.open = ["3*N*N + 2"]} : tensor<12xf32>
  return %y, %n : tensor<12xf32>, tensor<i64>
}

// -----

// expected-error@+1 {{argument 0 of main: lazy.shape is array<i64: 4, -3>, expected extents}}
func.func @main(%x: tensor<12xf32> {lazy.shape = array<i64: 4, -3>, lazy.dims = ["", ""]}) -> tensor<12xf32> {
  return %x : tensor<12xf32>
}

// -----

// expected-error@+1 {{argument 0 of main: lazy.shape is 12 : i64, expected extents}}
func.func @main(%x: tensor<12xf32> {lazy.shape = 12 : i64, lazy.dims = ["", ""]}) -> tensor<12xf32> {
  return %x : tensor<12xf32>
}

// -----

// expected-error@+1 {{argument 0 of main is 'tensor<12xf32>', expected a vector as long as lazy.shape, array<i64: 4, 4>}}
func.func @main(%x: tensor<12xf32> {lazy.shape = array<i64: 4, 4>, lazy.dims = ["", ""]}) -> tensor<12xf32> {
  return %x : tensor<12xf32>
}

// -----

// expected-error@+1 {{expected a vector as long as lazy.shape, array<i64: 4611686018427387904, 4>}}
func.func @main(%x: tensor<0xf32> {lazy.shape = array<i64: 4611686018427387904, 4>, lazy.dims = ["", ""]}) -> tensor<0xf32> {
  return %x : tensor<0xf32>
}

// -----

// expected-error@+1 {{argument 0 of main is 'tensor<4x3xf32>', expected a vector as long as lazy.shape, array<i64: 4, 3>}}
func.func @main(%x: tensor<4x3xf32> {lazy.shape = array<i64: 4, 3>, lazy.dims = ["", ""]}) -> tensor<4x3xf32> {
  return %x : tensor<4x3xf32>
}

// -----

// expected-error@+1 {{argument 0 of main: lazy.dims is ["N"], expected a name for each axis of array<i64: 4, 3>}}
func.func @main(%x: tensor<12xf32> {lazy.shape = array<i64: 4, 3>, lazy.dims = ["N"]}) -> tensor<12xf32> {
  return %x : tensor<12xf32>
}

// -----

// expected-error@+1 {{argument 0 of main: lazy.dims is missing, expected a name for each axis of array<i64: 4, 3>}}
func.func @main(%x: tensor<12xf32> {lazy.shape = array<i64: 4, 3>}) -> tensor<12xf32> {
  return %x : tensor<12xf32>
}

// -----

// expected-error@+1 {{argument 0 of main: axis 0 is the dim N, which nothing holds}}
func.func @main(%x: tensor<12xf32> {lazy.shape = array<i64: 4, 3>, lazy.dims = ["N", ""]}) -> tensor<12xf32> {
  return %x : tensor<12xf32>
}

// -----

// expected-error@+1 {{result 0 of main: axis 0 has room for 4, the dim N goes to 5}}
func.func @main(%x: tensor<4xf32>, %n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>})
    -> (tensor<4xf32> {lazy.shape = array<i64: 4>, lazy.dims = ["N"]}) {
  return %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{argument 0 of main: lazy.dim is 3 : i64, expected a name}}
func.func @main(%n: tensor<i64> {lazy.dim = 3 : i64, lazy.range = array<i64: 0, 5>}) -> tensor<i64> {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{argument 0 of main: lazy.range is array<i64: 5>, expected the least and the most of N}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 5>}) -> tensor<i64> {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{argument 0 of main: lazy.range is array<i64: -1, 5>, expected the least and the most of N}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: -1, 5>}) -> tensor<i64> {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{argument 0 of main: the dim N is 'tensor<i32>', expected a scalar of i64}}
func.func @main(%n: tensor<i32> {lazy.dim = "N", lazy.range = array<i64: 0, 5>}) -> tensor<i32> {
  return %n : tensor<i32>
}

// -----

// expected-error@+1 {{argument 1 of main comes after the dims}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>}, %x: tensor<4xf32>) -> tensor<i64> {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{argument 1 of main: the dim N is there twice}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>},
                %m: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>}) -> tensor<i64> {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{result 0 of main: the dim N is there twice}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>})
    -> (tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>}) {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{lazy.extents is [], expected a dictionary of sums}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>}) -> tensor<i64> attributes {lazy.extents = []} {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{lazy.extents: M is array<i64: 1, 0>, expected a list of products}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>}) -> tensor<i64> attributes {lazy.extents = {M = array<i64: 1, 0>}} {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{lazy.extents: M is [array<i64>], expected a list of products}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>}) -> tensor<i64> attributes {lazy.extents = {M = [array<i64>]}} {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{lazy.extents: M has the dim 1 of 1}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>}) -> tensor<i64> attributes {lazy.extents = {M = [array<i64: 1, 1>]}} {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{lazy.extents: M has the dim -1 of 1}}
func.func @main(%n: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 0, 5>}) -> tensor<i64> attributes {lazy.extents = {M = [array<i64: 1, -1>]}} {
  return %n : tensor<i64>
}

// -----

// expected-error@+1 {{lazy.extents is there, but no dim}}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> attributes {lazy.extents = {M = [array<i64: 3>]}} {
  return %x : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'lazy.neg' op lazy.open has the extent M, which main has not}}
  %y = lazy.neg %x {lazy.open = ["M"]} : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'lazy.neg' op lazy.open is 3 : i64, expected a list of names}}
  %y = lazy.neg %x {lazy.open = 3} : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4x4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'lazy.reduce' op lazy.open_dims has the extent M, which main has not}}
  %y = lazy.reduce add, %x, [0] {lazy.open_dims = ["M"]} : tensor<4x4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

!n = tensor<?xf32, #lazy.dims<["N"], [4]>>
!m = tensor<?xf32, #lazy.dims<["M"], [4]>>
func.func @main(%x: !n) -> tensor<f32> {
  // expected-error@+1 {{'lazy.splat' op has the symbolic extent M, which no argument and no result of main has}}
  %m = lazy.splat 1.0 : f32 : !m
  %y = lazy.reduce add, %m, [0] : !m -> tensor<f32>
  return %y : tensor<f32>
}

// -----

!n = tensor<?xf32, #lazy.dims<["N"], [4]>>
!less = tensor<?xf32, #lazy.dims<["N"], [2]>>
func.func @main(%x: !n) -> tensor<f32> {
  // expected-error@+1 {{'lazy.splat' op has the symbolic extent N up to 2, elsewhere up to 4}}
  %m = lazy.splat 1.0 : f32 : !less
  %y = lazy.reduce add, %m, [0] : !less -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// expected-error@+1 {{argument 0 of main has type 'i64', expected a tensor}}
func.func @main(%x: i64) -> tensor<4xf32> {
  %y = lazy.splat 1.0 : f32 : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xi32> {lazy.of_strings}) -> (tensor<4xi32> {lazy.of_strings}) attributes {lazy.strings = ["a", "", "\C3\BC"]} {
  return %x : tensor<4xi32>
}

// -----

// expected-error@+1 {{argument 0 of main is of strings, but lazy.strings is missing}}
func.func @main(%x: tensor<4xi32> {lazy.of_strings}) -> tensor<4xi32> {
  return %x : tensor<4xi32>
}

// -----

// expected-error@+1 {{result 0 of main is of strings and 'tensor<4xi64>', expected codes of i32}}
func.func @main(%x: tensor<4xi64>) -> (tensor<4xi64> {lazy.of_strings}) attributes {lazy.strings = []} {
  return %x : tensor<4xi64>
}

// -----

// expected-error@+1 {{lazy.strings is ["a", "a"], expected different strings of UTF-8 without zero bytes}}
func.func @main(%x: tensor<4xi32> {lazy.of_strings}) -> tensor<4xi32> attributes {lazy.strings = ["a", "a"]} {
  return %x : tensor<4xi32>
}

// -----

// expected-error@+1 {{lazy.strings is ["a\00"], expected different strings of UTF-8 without zero bytes}}
func.func @main(%x: tensor<4xi32> {lazy.of_strings}) -> tensor<4xi32> attributes {lazy.strings = ["a\00"]} {
  return %x : tensor<4xi32>
}

// -----

// expected-error@+1 {{lazy.strings is ["\FF"], expected different strings of UTF-8 without zero bytes}}
func.func @main(%x: tensor<4xi32> {lazy.of_strings}) -> tensor<4xi32> attributes {lazy.strings = ["\FF"]} {
  return %x : tensor<4xi32>
}

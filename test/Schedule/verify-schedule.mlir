// RUN: nacre-opt -verify-schedule -split-input-file -verify-diagnostics %s
// Plans that a person may have edited wrongly, each with its message.

// expected-error@+1 {{has no memory plan (lazy.arena_bytes)}}
module {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}

// -----

// A good one.
module attributes {lazy.arena_bytes = 64 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

module attributes {lazy.arena_bytes = 64 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg has no schedule or no places}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>]} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// Past the arena's end.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: a result lies outside the arena of 16 bytes}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, 1, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// Before its beginning.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: a result lies outside the arena of 16 bytes}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, -1, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// An operand outside it.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: an operand lies outside the arena of 16 bytes}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"arena", 0, 4, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// Writes to an input.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg writes to read-only memory}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"input", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// Writes to a weight.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg writes to read-only memory}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"weights", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

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
    // expected-error@+1 {{'lazy.kernel' op kernel neg: has no schedule or no places}}
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
    // expected-error@+1 {{'lazy.kernel' op kernel neg: a result lies outside its buffer of 4 elements}}
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
    // expected-error@+1 {{'lazy.kernel' op kernel neg: a result lies outside its buffer of 4 elements}}
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
    // expected-error@+1 {{'lazy.kernel' op kernel neg: an operand lies outside its buffer of 4 elements}}
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
    // expected-error@+1 {{'lazy.kernel' op kernel neg: writes to read-only memory}}
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
    // expected-error@+1 {{'lazy.kernel' op kernel neg: writes to read-only memory}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"weights", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----
// Plans that --from=schedule could be given and that would touch memory that is
// not the tensor's, or compute part of it. Whatever the words, each is refused.

// Backwards out of the arena.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: a result lies outside its buffer of 4 elements}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, 0, [-1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// Past the end of an input.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: an operand lies outside its buffer of 4 elements}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 1, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// Past the end of an output.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: a result lies outside its buffer of 4 elements}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [2]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// No such input.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: an operand is placed in "input" 1, which is no buffer of it}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 1, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// No such output.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: a result is placed in "output" 7, which is no buffer of it}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 7, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// No such weight.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: an operand is placed in "weights" 0, which is no buffer of it}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"weights", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// A negative slot.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: an operand is placed in "input" -1, which is no buffer of it}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", -1, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// No such space.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: an operand is placed in "stack" 0, which is no buffer of it}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"stack", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// The address overflows.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: a result lies outside its buffer of 4 elements}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, 0, [4611686018427387904]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// A schedule of nothing.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: the schedule has no 'extents'}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// A kind that does not exist.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: 'kind' is "mop", this kernel has "map"}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "mop", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// A loop that does not exist.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: 'loops' is array<i64: 3>, this kernel has array<i64: 0>}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 3>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// No loop: three elements stay unwritten.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: 'loops' is array<i64>, this kernel has array<i64: 0>}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// Loops past the tensor.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: 'extents' is array<i64: 400>, this kernel has array<i64: 4>}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 400>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// No lanes.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: 'lanes' is 0 : i64, expected a number from 1 to 64}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 0 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// A lane that does not exist.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: 'lane' is 5 : i64, this kernel has 0 : i64}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 5 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// A prefix longer than the loops.
module attributes {lazy.arena_bytes = 16 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: 'prefix' is 9 : i64, this kernel has 0 : i64}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 9 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// Blocks of a scatter.
module attributes {lazy.arena_bytes = 0 : i64} {
  func.func @main(%x: tensor<4x8xf32>, %i: tensor<4xi64>) -> tensor<3x8xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel scatter: 'block_rows' is 0 : i64, expected a number from 1 to 1099511627776}}
    %0 = lazy.kernel "scatter" (%a = %i : tensor<4xi64>, %b = %x : tensor<4x8xf32>) -> (tensor<3x8xf32>) attributes {operand_places = [#lazy.place<"input", 1, 0, [1]>, #lazy.place<"input", 0, 0, [8, 1]>], result_places = [#lazy.place<"output", 0, 0, [8, 1]>], schedule = {block_columns = 8 : i64, block_rows = 0 : i64, extents = array<i64: 3, 8>, inner = array<i64: 1>, kind = "scatter", lane = 1 : i64, lanes = 4 : i64, loops = array<i64>}} {
      %1 = lazy.scatter %b, %a, 0 : tensor<4x8xf32>, tensor<4xi64> -> tensor<3x8xf32>
      lazy.yield %1 : tensor<3x8xf32>
    }
    return %0 : tensor<3x8xf32>
  }
}

// -----

// Slices are for groups.
module attributes {lazy.arena_bytes = 64 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: an operand is stored by slices, which only a group has}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"slice", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

// -----

// A group of one.
module attributes {lazy.arena_bytes = 64 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error@+1 {{'lazy.kernel' op kernel neg: its group is not one: 'members' kernels in a row, two at least, with slices of 'points'}}
    %0 = lazy.kernel "neg" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {lazy.group = {members = 1 : i64, points = 1 : i64, slots = 1 : i64, slot_bytes = 64 : i64, offset = 0 : i64}, lazy.slice = array<i64: 0>, operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 4>, grain = 4096 : i64, kind = "map", lane = 0 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
      %1 = lazy.neg %a : tensor<4xf32>
      lazy.yield %1 : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  }
}

module {
  func.func @main(%arg0: tensor<30xf32> {lazy.dims = ["B", "T", ""], lazy.name = "x", lazy.shape = array<i64: 2, 5, 3>}, %arg1: tensor<i64> {lazy.dim = "B", lazy.range = array<i64: 1, 2>}, %arg2: tensor<i64> {lazy.dim = "T", lazy.range = array<i64: 1, 5>}) -> (tensor<20xf32> {lazy.dims = ["B", "2*T"], lazy.name = "y", lazy.shape = array<i64: 2, 10>}, tensor<i64> {lazy.dim = "2*T", lazy.range = array<i64: 2, 10>}) attributes {lazy.extents = {"2*T" = [array<i64: 2, 1>], B = [array<i64: 1, 0>], T = [array<i64: 1, 1>]}} {
    %0 = lazy.reshape %arg0 : tensor<30xf32> -> tensor<10x3xf32>
    %1 = lazy.iota 0 : tensor<2x1xi64>
    %2 = lazy.iota 1 : tensor<1x5xi64>
    %3 = lazy.reshape %arg2 : tensor<i64> -> tensor<1x1xi64>
    %4 = lazy.expand %3 : tensor<1x1xi64> -> tensor<2x1xi64>
    %5 = lazy.mul %1, %4 : tensor<2x1xi64>
    %6 = lazy.expand %5 : tensor<2x1xi64> -> tensor<2x5xi64>
    %7 = lazy.expand %2 : tensor<1x5xi64> -> tensor<2x5xi64>
    %8 = lazy.add %6, %7 : tensor<2x5xi64>
    %9 = lazy.iota 0 : tensor<2x1xi64>
    %10 = lazy.reshape %arg1 : tensor<i64> -> tensor<1x1xi64>
    %11 = lazy.expand %10 : tensor<1x1xi64> -> tensor<2x1xi64>
    %12 = lazy.cmp lt, %9, %11 : tensor<2x1xi64> -> tensor<2x1xi1>
    %13 = lazy.iota 1 : tensor<1x5xi64>
    %14 = lazy.reshape %arg2 : tensor<i64> -> tensor<1x1xi64>
    %15 = lazy.expand %14 : tensor<1x1xi64> -> tensor<1x5xi64>
    %16 = lazy.cmp lt, %13, %15 : tensor<1x5xi64> -> tensor<1x5xi1>
    %17 = lazy.expand %12 : tensor<2x1xi1> -> tensor<2x5xi1>
    %18 = lazy.expand %16 : tensor<1x5xi1> -> tensor<2x5xi1>
    %19 = lazy.and %17, %18 : tensor<2x5xi1>
    %20 = lazy.splat 0 : i64 : tensor<i64>
    %21 = lazy.reshape %20 : tensor<i64> -> tensor<1x1xi64>
    %22 = lazy.expand %21 : tensor<1x1xi64> -> tensor<2x5xi64>
    %23 = lazy.where %19, %8, %22 : tensor<2x5xi1>, tensor<2x5xi64>
    %24 = lazy.reshape %23 : tensor<2x5xi64> -> tensor<10xi64>
    %25 = lazy.gather %0, %24, 0 : tensor<10x3xf32>, tensor<10xi64> -> tensor<10x3xf32>
    %26 = lazy.reshape %25 {lazy.open = ["B", "T", ""]} : tensor<10x3xf32> -> tensor<2x5x3xf32>
    %27 = lazy.permute %26, [0, 2, 1] {lazy.open = ["B", "", "T"]} : tensor<2x5x3xf32> -> tensor<2x3x5xf32>
    %28 = lazy.concat %27, %27 axis 2 {lazy.open = ["B", "", ""]} : (tensor<2x3x5xf32>, tensor<2x3x5xf32>) -> tensor<2x3x10xf32>
    %29 = lazy.iota 0 : tensor<10xi64>
    %30 = lazy.reshape %arg2 : tensor<i64> -> tensor<1xi64>
    %31 = lazy.expand %30 : tensor<1xi64> -> tensor<10xi64>
    %32 = lazy.cmp ge, %29, %31 : tensor<10xi64> -> tensor<10xi1>
    %33 = lazy.splat 5 : i64 : tensor<i64>
    %34 = lazy.splat -1 : i64 : tensor<i64>
    %35 = lazy.mul %arg2, %34 : tensor<i64>
    %36 = lazy.add %33, %35 : tensor<i64>
    %37 = lazy.splat 0 : i64 : tensor<10xi64>
    %38 = lazy.reshape %36 : tensor<i64> -> tensor<1xi64>
    %39 = lazy.expand %38 : tensor<1xi64> -> tensor<10xi64>
    %40 = lazy.where %32, %39, %37 : tensor<10xi1>, tensor<10xi64>
    %41 = lazy.add %29, %40 {lazy.open = ["2*T"]} : tensor<10xi64>
    %42 = lazy.iota 0 : tensor<10xi64>
    %43 = lazy.splat 2 : i64 : tensor<i64>
    %44 = lazy.mul %arg2, %43 : tensor<i64>
    %45 = lazy.reshape %44 : tensor<i64> -> tensor<1xi64>
    %46 = lazy.expand %45 : tensor<1xi64> -> tensor<10xi64>
    %47 = lazy.cmp lt, %42, %46 : tensor<10xi64> -> tensor<10xi1>
    %48 = lazy.splat 0 : i64 : tensor<i64>
    %49 = lazy.reshape %48 : tensor<i64> -> tensor<1xi64>
    %50 = lazy.expand %49 : tensor<1xi64> -> tensor<10xi64>
    %51 = lazy.where %47, %41, %50 {lazy.open = [""]} : tensor<10xi1>, tensor<10xi64>
    %52 = lazy.gather %28, %51, 2 {lazy.open = ["B", "", "2*T"]} : tensor<2x3x10xf32>, tensor<10xi64> -> tensor<2x3x10xf32>
    %53 = lazy.contract %26, %52, [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>] {lazy.open = ["B", "T", "2*T"], lazy.open_dims = ["B", "T", "2*T", ""]} : tensor<2x5x3xf32>, tensor<2x3x10xf32> -> tensor<2x5x10xf32>
    %54 = lazy.tanh %53 {lazy.open = ["B", "T", "2*T"]} : tensor<2x5x10xf32>
    %55 = lazy.iota 1 : tensor<1x5x1xi64>
    %56 = lazy.reshape %arg2 : tensor<i64> -> tensor<1x1x1xi64>
    %57 = lazy.expand %56 : tensor<1x1x1xi64> -> tensor<1x5x1xi64>
    %58 = lazy.cmp lt, %55, %57 : tensor<1x5x1xi64> -> tensor<1x5x1xi1>
    %59 = lazy.splat 0.000000e+00 : f32 : tensor<f32>
    %60 = lazy.reshape %59 : tensor<f32> -> tensor<1x1x1xf32>
    %61 = lazy.expand %60 : tensor<1x1x1xf32> -> tensor<2x5x10xf32>
    %62 = lazy.expand %58 : tensor<1x5x1xi1> -> tensor<2x5x10xi1>
    %63 = lazy.where %62, %54, %61 {lazy.open = ["B", "", "2*T"]} : tensor<2x5x10xi1>, tensor<2x5x10xf32>
    %64 = lazy.reduce add, %63, [1] {lazy.open = ["B", "2*T"], lazy.open_dims = ["T"]} : tensor<2x5x10xf32> -> tensor<2x10xf32>
    %65 = lazy.slice %64, [0, 0], [1, 1] : tensor<2x10xf32> -> tensor<2x10xf32>
    %66 = lazy.reshape %65 : tensor<2x10xf32> -> tensor<20x1xf32>
    %67 = lazy.iota 0 : tensor<20xi64>
    %68 = lazy.mul %arg1, %arg2 : tensor<i64>
    %69 = lazy.splat 2 : i64 : tensor<i64>
    %70 = lazy.mul %68, %69 : tensor<i64>
    %71 = lazy.reshape %70 : tensor<i64> -> tensor<1xi64>
    %72 = lazy.expand %71 : tensor<1xi64> -> tensor<20xi64>
    %73 = lazy.cmp lt, %67, %72 : tensor<20xi64> -> tensor<20xi1>
    %74 = lazy.splat 2 : i64 : tensor<i64>
    %75 = lazy.mul %arg2, %74 : tensor<i64>
    %76 = lazy.reshape %75 : tensor<i64> -> tensor<1xi64>
    %77 = lazy.expand %76 : tensor<1xi64> -> tensor<20xi64>
    %78 = lazy.rem %67, %77 : tensor<20xi64>
    %79 = lazy.reshape %75 : tensor<i64> -> tensor<1xi64>
    %80 = lazy.expand %79 : tensor<1xi64> -> tensor<20xi64>
    %81 = lazy.div %67, %80 : tensor<20xi64>
    %82 = lazy.splat 1 : i64 : tensor<i64>
    %83 = lazy.reshape %82 : tensor<i64> -> tensor<1xi64>
    %84 = lazy.expand %83 : tensor<1xi64> -> tensor<20xi64>
    %85 = lazy.mul %78, %84 : tensor<20xi64>
    %86 = lazy.splat 10 : i64 : tensor<i64>
    %87 = lazy.reshape %86 : tensor<i64> -> tensor<1xi64>
    %88 = lazy.expand %87 : tensor<1xi64> -> tensor<20xi64>
    %89 = lazy.mul %81, %88 : tensor<20xi64>
    %90 = lazy.add %85, %89 : tensor<20xi64>
    %91 = lazy.splat 0 : i64 : tensor<i64>
    %92 = lazy.reshape %91 : tensor<i64> -> tensor<1xi64>
    %93 = lazy.expand %92 : tensor<1xi64> -> tensor<20xi64>
    %94 = lazy.where %73, %90, %93 : tensor<20xi1>, tensor<20xi64>
    %95 = lazy.gather %66, %94, 0 : tensor<20x1xf32>, tensor<20xi64> -> tensor<20x1xf32>
    %96 = lazy.reshape %95 : tensor<20x1xf32> -> tensor<20xf32>
    %97 = lazy.splat 2 : i64 : tensor<i64>
    %98 = lazy.mul %arg2, %97 : tensor<i64>
    return %96, %98 : tensor<20xf32>, tensor<i64>
  }
}

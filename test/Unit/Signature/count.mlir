module {
  func.func @main(%arg0: tensor<6xf32> {lazy.dims = ["N", ""], lazy.name = "x", lazy.shape = array<i64: 3, 2>}, %arg1: tensor<i64> {lazy.dim = "N", lazy.range = array<i64: 1, 3>}) -> (tensor<12xi64> {lazy.dims = ["", "i.1"], lazy.name = "i", lazy.shape = array<i64: 2, 6>}, tensor<2xf32> {lazy.name = "y"}, tensor<i64> {lazy.dim = "i.1", lazy.range = array<i64: 0, 6>}) attributes {lazy.extents = {N = [array<i64: 1, 0>]}} {
    %0 = lazy.reshape %arg0 : tensor<6xf32> -> tensor<3x2xf32>
    %1 = lazy.iota 0 : tensor<3xi64>
    %2 = lazy.iota 0 : tensor<3xi64>
    %3 = lazy.reshape %arg1 : tensor<i64> -> tensor<1xi64>
    %4 = lazy.expand %3 : tensor<1xi64> -> tensor<3xi64>
    %5 = lazy.cmp lt, %2, %4 : tensor<3xi64> -> tensor<3xi1>
    %6 = lazy.splat 0 : i64 : tensor<i64>
    %7 = lazy.reshape %6 : tensor<i64> -> tensor<1xi64>
    %8 = lazy.expand %7 : tensor<1xi64> -> tensor<3xi64>
    %9 = lazy.where %5, %1, %8 : tensor<3xi1>, tensor<3xi64>
    %10 = lazy.gather %0, %9, 0 {lazy.open = ["N", ""]} : tensor<3x2xf32>, tensor<3xi64> -> tensor<3x2xf32>
    %11 = lazy.splat 0.000000e+00 : f32 : tensor<3x2xf32>
    %12 = lazy.cmp ne, %10, %11 {lazy.open = ["N", ""]} : tensor<3x2xf32> -> tensor<3x2xi1>
    %13 = lazy.iota 0 : tensor<3x1xi64>
    %14 = lazy.reshape %arg1 : tensor<i64> -> tensor<1x1xi64>
    %15 = lazy.expand %14 : tensor<1x1xi64> -> tensor<3x1xi64>
    %16 = lazy.cmp lt, %13, %15 : tensor<3x1xi64> -> tensor<3x1xi1>
    %17 = lazy.expand %16 : tensor<3x1xi1> -> tensor<3x2xi1>
    %18 = lazy.and %12, %17 : tensor<3x2xi1>
    %19 = lazy.reshape %18 : tensor<3x2xi1> -> tensor<6xi1>
    %20 = lazy.cast %19 : tensor<6xi1> -> tensor<6xi64>
    %21 = lazy.iota 1 : tensor<1x6xi64>
    %22 = lazy.iota 0 : tensor<6x1xi64>
    %23 = lazy.expand %21 : tensor<1x6xi64> -> tensor<6x6xi64>
    %24 = lazy.expand %22 : tensor<6x1xi64> -> tensor<6x6xi64>
    %25 = lazy.cmp le, %23, %24 : tensor<6x6xi64> -> tensor<6x6xi1>
    %26 = lazy.reshape %20 : tensor<6xi64> -> tensor<1x6xi64>
    %27 = lazy.splat 0 : i64 : tensor<6x6xi64>
    %28 = lazy.expand %26 : tensor<1x6xi64> -> tensor<6x6xi64>
    %29 = lazy.where %25, %28, %27 : tensor<6x6xi1>, tensor<6x6xi64>
    %30 = lazy.reduce add, %29, [1] : tensor<6x6xi64> -> tensor<6xi64>
    %31 = lazy.slice %30, [5], [1] : tensor<6xi64> -> tensor<1xi64>
    %32 = lazy.reshape %31 : tensor<1xi64> -> tensor<i64>
    %33 = lazy.splat 1 : i64 : tensor<6xi64>
    %34 = lazy.sub %30, %33 : tensor<6xi64>
    %35 = lazy.splat 6 : i64 : tensor<6xi64>
    %36 = lazy.where %19, %34, %35 : tensor<6xi1>, tensor<6xi64>
    %37 = lazy.iota 0 : tensor<6xi64>
    %38 = lazy.scatter %37, %36, 0 : tensor<6xi64>, tensor<6xi64> -> tensor<7xi64>
    %39 = lazy.slice %38, [0], [1] {lazy.open = [""]} : tensor<7xi64> -> tensor<6xi64>
    %40 = lazy.splat 1 : i64 : tensor<6xi64>
    %41 = lazy.div %39, %40 {lazy.open = [""]} : tensor<6xi64>
    %42 = lazy.splat 2 : i64 : tensor<6xi64>
    %43 = lazy.rem %41, %42 {lazy.open = [""]} : tensor<6xi64>
    %44 = lazy.reshape %43 {lazy.open = ["", ""]} : tensor<6xi64> -> tensor<1x6xi64>
    %45 = lazy.splat 2 : i64 : tensor<6xi64>
    %46 = lazy.div %39, %45 {lazy.open = [""]} : tensor<6xi64>
    %47 = lazy.reshape %46 {lazy.open = ["", ""]} : tensor<6xi64> -> tensor<1x6xi64>
    %48 = lazy.concat %47, %44 axis 0 {lazy.open = ["", ""]} : (tensor<1x6xi64>, tensor<1x6xi64>) -> tensor<2x6xi64>
    %49 = lazy.cast %48 {lazy.open = ["", ""]} : tensor<2x6xi64> -> tensor<2x6xf32>
    %50 = lazy.iota 1 : tensor<1x6xi64>
    %51 = lazy.reshape %32 : tensor<i64> -> tensor<1x1xi64>
    %52 = lazy.expand %51 : tensor<1x1xi64> -> tensor<1x6xi64>
    %53 = lazy.cmp lt, %50, %52 : tensor<1x6xi64> -> tensor<1x6xi1>
    %54 = lazy.splat 0.000000e+00 : f32 : tensor<f32>
    %55 = lazy.reshape %54 : tensor<f32> -> tensor<1x1xf32>
    %56 = lazy.expand %55 : tensor<1x1xf32> -> tensor<2x6xf32>
    %57 = lazy.expand %53 : tensor<1x6xi1> -> tensor<2x6xi1>
    %58 = lazy.where %57, %49, %56 {lazy.open = ["", ""]} : tensor<2x6xi1>, tensor<2x6xf32>
    %59 = lazy.reduce add, %58, [1] {lazy.open_dims = [""]} : tensor<2x6xf32> -> tensor<2xf32>
    %60 = lazy.slice %48, [0, 0], [1, 1] : tensor<2x6xi64> -> tensor<2x6xi64>
    %61 = lazy.reshape %60 : tensor<2x6xi64> -> tensor<12x1xi64>
    %62 = lazy.iota 0 : tensor<12xi64>
    %63 = lazy.splat 2 : i64 : tensor<i64>
    %64 = lazy.mul %32, %63 : tensor<i64>
    %65 = lazy.reshape %64 : tensor<i64> -> tensor<1xi64>
    %66 = lazy.expand %65 : tensor<1xi64> -> tensor<12xi64>
    %67 = lazy.cmp lt, %62, %66 : tensor<12xi64> -> tensor<12xi1>
    %68 = lazy.reshape %32 : tensor<i64> -> tensor<1xi64>
    %69 = lazy.expand %68 : tensor<1xi64> -> tensor<12xi64>
    %70 = lazy.rem %62, %69 : tensor<12xi64>
    %71 = lazy.reshape %32 : tensor<i64> -> tensor<1xi64>
    %72 = lazy.expand %71 : tensor<1xi64> -> tensor<12xi64>
    %73 = lazy.div %62, %72 : tensor<12xi64>
    %74 = lazy.splat 1 : i64 : tensor<i64>
    %75 = lazy.reshape %74 : tensor<i64> -> tensor<1xi64>
    %76 = lazy.expand %75 : tensor<1xi64> -> tensor<12xi64>
    %77 = lazy.mul %70, %76 : tensor<12xi64>
    %78 = lazy.splat 6 : i64 : tensor<i64>
    %79 = lazy.reshape %78 : tensor<i64> -> tensor<1xi64>
    %80 = lazy.expand %79 : tensor<1xi64> -> tensor<12xi64>
    %81 = lazy.mul %73, %80 : tensor<12xi64>
    %82 = lazy.add %77, %81 : tensor<12xi64>
    %83 = lazy.splat 0 : i64 : tensor<i64>
    %84 = lazy.reshape %83 : tensor<i64> -> tensor<1xi64>
    %85 = lazy.expand %84 : tensor<1xi64> -> tensor<12xi64>
    %86 = lazy.where %67, %82, %85 : tensor<12xi1>, tensor<12xi64>
    %87 = lazy.gather %61, %86, 0 : tensor<12x1xi64>, tensor<12xi64> -> tensor<12x1xi64>
    %88 = lazy.reshape %87 : tensor<12x1xi64> -> tensor<12xi64>
    return %88, %59, %32 : tensor<12xi64>, tensor<2xf32>, tensor<i64>
  }
}

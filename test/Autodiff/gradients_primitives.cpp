//===- gradients_primitives.cpp - every primitive with a rule -------------===//

#include "Gradients.h"
#include "llvm/ADT/StringExtras.h"

using namespace nacre::lazy;
using mlir::dyn_cast;

namespace nacre::test {

static const std::vector<Shape> plainShapes{{7}, {3, 5}, {}, {2, 3, 4}, {65}};

/// f on each of the shapes.
template <typename F>
static Case onShapes(std::string name, const std::vector<Shape> &shapes, F f) {
  Case one{std::move(name), {}};
  for (const Shape &shape : shapes)
    one.samples.push_back(
        {inWords({shape}), [=](Sample &s) -> Value { return f(s, shape); }});
  return one;
}

template <typename Op> static Case unary(std::string name, Values values) {
  return onShapes(std::move(name), plainShapes,
                  [=](Sample &s, const Shape &shape) {
                    return s.build.unary<Op>(s.in(shape, values));
                  });
}

template <typename Op>
static Case binary(std::string name, Values a, Values b) {
  return onShapes(std::move(name), plainShapes,
                  [=](Sample &s, const Shape &shape) {
                    Value x = s.in(shape, a), y = s.in(shape, b);
                    return s.build.binary<Op>(x, y);
                  });
}

static void elementwise(std::vector<Case> &cases) {
  cases.push_back(unary<NegOp>("neg", Values::Any));
  cases.push_back(unary<AbsOp>("abs", Values::Apart));
  cases.push_back(unary<ExpOp>("exp", Values::Any));
  cases.push_back(unary<LogOp>("log", Values::Positive));
  cases.push_back(unary<SqrtOp>("sqrt", Values::Positive));
  cases.push_back(unary<SinOp>("sin", Values::Any));
  cases.push_back(unary<CosOp>("cos", Values::Any));
  cases.push_back(unary<TanhOp>("tanh", Values::Any));
  cases.push_back(unary<ErfOp>("erf", Values::Any));
  cases.push_back(unary<FloorOp>("floor", Values::Apart));
  cases.push_back(unary<CeilOp>("ceil", Values::Apart));
  cases.push_back(unary<RoundOp>("round", Values::Apart));
  cases.push_back(binary<AddOp>("add", Values::Any, Values::Any));
  cases.push_back(binary<SubOp>("sub", Values::Any, Values::Any));
  cases.push_back(binary<MulOp>("mul", Values::Any, Values::Any));
  cases.push_back(binary<DivOp>("div", Values::Any, Values::Positive));
  // Far from multiples of the divisor.
  cases.push_back(
      onShapes("rem", plainShapes, [](Sample &s, const Shape &shape) {
        Value times = s.build.cast(s.index(shape, 5), s.element);
        Value b = s.in(shape, Values::Positive), r = s.in(shape);
        Value rest = s.build.binary<AddOp>(
            s.build.binary<MulOp>(r, s.build.splatLike(r, 0.1)),
            s.build.splatLike(r, 0.25));
        Value a = s.build.binary<AddOp>(s.build.binary<MulOp>(b, times), rest);
        return s.build.binary<RemOp>(a, b);
      }));
  Case pow = binary<PowOp>("pow", Values::Positive, Values::Any);
  for (double c : {0.0, 1.0, 2.0, 3.0, -0.5})
    pow.samples.push_back(
        {"4x3 by " + std::to_string(c).substr(0, 4), [c](Sample &s) {
           Value x = s.in({4, 3}, Values::Positive);
           return s.build.binary<PowOp>(x, s.build.splatLike(x, c));
         }});
  pow.samples.push_back({"4, zeros to the power 2", [](Sample &s) {
                           Value x = s.literal({4}, {0, -0.5, 0, 1.5});
                           return s.build.binary<PowOp>(
                               x, s.build.splatLike(x, 2));
                         }});
  cases.push_back(pow);
  cases.push_back(binary<MaxOp>("max", Values::Apart, Values::Apart));
  cases.push_back(binary<MinOp>("min", Values::Apart, Values::Apart));
  for (bool largest : {true, false})
    cases.end()[largest ? -2 : -1].samples.push_back(
        {"9 and a constant", [=](Sample &s) -> Value {
           Value x = s.in({9}, Values::Apart), c = s.build.splatLike(x, 0.03);
           return largest ? s.build.binary<MaxOp>(x, c)
                          : s.build.binary<MinOp>(c, x);
         }});
  cases.push_back(
      onShapes("where", plainShapes, [](Sample &s, const Shape &shape) {
        Value c = s.build.cmp(CmpKind::gt, s.in(shape, Values::Apart),
                              s.fixed(shape, Values::Apart));
        Value x = s.in(shape);
        return s.build.where(c, x, s.in(shape));
      }));
  // Through a wider type and back; what goes through integers is flat.
  cases.push_back(
      onShapes("cast", plainShapes, [](Sample &s, const Shape &shape) {
        Value x = s.in(shape, Values::Apart);
        Value wide = s.build.cast(x, s.build.b.getF64Type());
        Value flat =
            s.build.cast(s.build.cast(x, s.build.b.getI32Type()), s.element);
        return s.build.binary<AddOp>(
            s.build.cast(s.build.binary<MulOp>(wide, wide), s.element), flat);
      }));
}

static void reductions(std::vector<Case> &cases) {
  struct Of {
    Shape shape, axes;
  };
  const std::vector<Of> list{
      {{5}, {0}},          {{3, 4}, {0}},          {{3, 4}, {1}},
      {{2, 3, 4}, {0, 2}}, {{4, 1, 9}, {0, 1, 2}}, {{2, 3, 2, 5}, {1, 3}}};
  Case one{"reduce", {}};
  for (auto [kind, name] : {std::pair(ReduceKind::add, "add"),
                            {ReduceKind::mul, "mul"},
                            {ReduceKind::max, "max"},
                            {ReduceKind::min, "min"}})
    for (const Of &of : list)
      one.samples.push_back(
          {std::string(name) + " " + inWords({of.shape}) + " over " +
               llvm::join(llvm::map_range(of.axes,
                                          [](int64_t axis) {
                                            return std::to_string(axis);
                                          }),
                          "+"),
           [=, kind = kind](Sample &s) {
             bool extreme = kind == ReduceKind::max || kind == ReduceKind::min;
             return s.build.reduce(
                 kind, s.in(of.shape, extreme ? Values::Apart : Values::Any),
                 of.axes);
           }});
  one.samples.push_back(
      {"mul 3x4 with no, one and two zeros", [](Sample &s) {
         return s.build.reduce(
             ReduceKind::mul,
             s.literal({3, 4}, {2, -1, .5, 3, 2, 0, -1.5, 4, 0, 3, 0, 1}), {1});
       }});
  cases.push_back(one);
}

static void views(std::vector<Case> &cases) {
  auto add =
      [&](std::string name,
          std::vector<std::pair<Shape, std::function<Value(Build &, Value)>>>
              list) {
        Case one{std::move(name), {}};
        for (auto &[shape, f] : list)
          one.samples.push_back(
              {inWords({shape}), [shape = shape, f = f](Sample &s) {
                 return f(s.build, s.in(shape));
               }});
        cases.push_back(one);
      };
  using B = Build &;
  add("reshape",
      {{{6}, [](B b, Value x) { return b.reshape(x, {2, 3}); }},
       {{2, 3}, [](B b, Value x) { return b.reshape(x, {6}); }},
       {{4, 6}, [](B b, Value x) { return b.reshape(x, {2, 2, 3, 2}); }},
       {{1}, [](B b, Value x) { return b.reshape(x, {}); }},
       {{3, 1, 5}, [](B b, Value x) { return b.reshape(x, {5, 3}); }}});
  add("permute",
      {{{2, 3}, [](B b, Value x) { return b.permute(x, {1, 0}); }},
       {{2, 3, 4}, [](B b, Value x) { return b.permute(x, {2, 0, 1}); }},
       {{2, 3, 4}, [](B b, Value x) { return b.permute(x, {0, 2, 1}); }},
       {{2, 1, 3, 4}, [](B b, Value x) { return b.permute(x, {3, 1, 0, 2}); }},
       {{7, 9}, [](B b, Value x) { return b.permute(x, {1, 0}); }}});
  add("expand",
      {{{1}, [](B b, Value x) { return b.expand(x, {5}); }},
       {{3, 1}, [](B b, Value x) { return b.expand(x, {3, 4}); }},
       {{1, 4}, [](B b, Value x) { return b.expand(x, {3, 4}); }},
       {{}, [](B b, Value x) { return b.expand(x, {2, 3}); }},
       {{2, 1, 3, 1}, [](B b, Value x) { return b.expand(x, {2, 5, 3, 2}); }}});
  add("pad",
      {{{4}, [](B b, Value x) { return b.pad(x, {1}, {2}, 0); }},
       {{3, 4}, [](B b, Value x) { return b.pad(x, {0, 2}, {1, 0}, 5); }},
       {{2, 2}, [](B b, Value x) { return b.pad(x, {3, 3}, {3, 3}, -1); }},
       {{2, 3, 4},
        [](B b, Value x) { return b.pad(x, {1, 0, 1}, {0, 0, 1}, 0); }},
       {{1}, [](B b, Value x) { return b.pad(x, {0}, {7}, 1); }}});
  add("slice",
      {{{7}, [](B b, Value x) { return b.slice(x, {2}, {3}); }},
       {{7}, [](B b, Value x) { return b.slice(x, {1}, {3}, {2}); }},
       {{7}, [](B b, Value x) { return b.slice(x, {0}, {3}, {3}); }},
       {{5, 6},
        [](B b, Value x) { return b.slice(x, {1, 0}, {2, 2}, {3, 5}); }},
       {{5, 9},
        [](B b, Value x) { return b.slice(x, {0, 2}, {5, 2}, {1, 4}); }},
       {{2, 8, 3}, [](B b, Value x) {
          return b.slice(x, {1, 0, 0}, {1, 4, 2}, {1, 2, 2});
        }}});
  add("flip", {{{5}, [](B b, Value x) { return b.flip(x, {0}); }},
               {{3, 4}, [](B b, Value x) { return b.flip(x, {1}); }},
               {{3, 4}, [](B b, Value x) { return b.flip(x, {0, 1}); }},
               {{2, 3, 4}, [](B b, Value x) { return b.flip(x, {0, 2}); }},
               {{1, 6}, [](B b, Value x) { return b.flip(x, {1}); }}});
  // Apart; as wide as the step; overlapping, with steps and dilations; longer
  // than there are positions; so many places that axes are summed in turn.
  add("window",
      {{{9}, [](B b, Value x) { return b.window(x, {0}, {2}, {3}, {1}); }},
       {{9}, [](B b, Value x) { return b.window(x, {0}, {2}, {5}, {3}); }},
       {{2, 6}, [](B b, Value x) { return b.window(x, {1}, {2}, {2}, {1}); }},
       {{3, 7}, [](B b, Value x) { return b.window(x, {1}, {3}, {1}, {1}); }},
       {{11}, [](B b, Value x) { return b.window(x, {0}, {4}, {2}, {2}); }},
       {{11}, [](B b, Value x) { return b.window(x, {0}, {3}, {3}, {2}); }},
       {{12}, [](B b, Value x) { return b.window(x, {0}, {10}, {1}, {1}); }},
       {{2, 7, 8},
        [](B b, Value x) {
          return b.window(x, {1, 2}, {3, 2}, {2, 2}, {1, 1});
        }},
       {{2, 6, 7},
        [](B b, Value x) {
          return b.window(x, {2, 1}, {3, 2}, {1, 1}, {2, 1});
        }},
       {{13, 14}, [](B b, Value x) {
          return b.window(x, {0, 1}, {6, 7}, {1, 1}, {1, 1});
        }}});
}

static void joins(std::vector<Case> &cases) {
  Case concat{"concat", {}}, gather{"gather", {}};
  for (auto &[shapes, axis] : std::vector<std::pair<std::vector<Shape>, int>>{
           {{{2}, {3}}, 0},
           {{{2, 3}, {2, 1}, {2, 4}}, 1},
           {{{1, 3}, {4, 3}}, 0},
           {{{2, 1, 2}, {2, 3, 2}}, 1},
           {{{2, 2}}, 1}})
    concat.samples.push_back(
        {inWords(shapes), [=, shapes = shapes, axis = axis](Sample &s) {
           SmallVector<Value> xs;
           for (const Shape &shape : shapes)
             xs.push_back(s.in(shape));
           return s.build.concat(xs, axis);
         }});
  for (auto &[x, index, axis] :
       std::vector<std::tuple<Shape, Shape, int>>{{{5}, {7}, 0},
                                                  {{5, 3}, {4}, 0},
                                                  {{3, 6}, {2, 4}, 1},
                                                  {{2, 5, 3}, {}, 1},
                                                  {{4, 2}, {3, 2, 2}, 0},
                                                  {{30, 8}, {40}, 0}})
    gather.samples.push_back(
        {inWords({x, index}),
         [=, x = x, index = index, axis = axis](Sample &s) {
           return s.build.gather(s.in(x), s.index(index, x[axis]), axis);
         }});
  cases.push_back(concat);
  cases.push_back(gather);
}

/// Where differences of losses say nothing.
static void kinks(std::vector<Case> &cases) {
  auto add = [&](StringRef name, Case::One one) {
    auto at = llvm::find_if(cases, [&](Case &c) { return c.name == name; });
    at->samples.push_back(std::move(one));
  };
  add("abs", {"3 with a zero",
              [](Sample &s) {
                return s.build.unary<AbsOp>(s.literal({3}, {-2, 0, 3}));
              },
              {-1, 0, 1}});
  // Equals share; a constant takes all, as relu has it.
  add("max", {"3 and 3 with equals",
              [](Sample &s) {
                Value x = s.literal({3}, {1, 2, 3});
                return s.build.binary<MaxOp>(x, s.literal({3}, {2, 2, 2}));
              },
              {0, 0.5, 1, 1, 0.5, 0}});
  add("max", {"3 and zeros",
              [](Sample &s) {
                Value x = s.literal({3}, {-1, 0, 2});
                return s.build.binary<MaxOp>(x, s.build.splatLike(x, 0));
              },
              {0, 0, 1}});
  add("min", {"3 and 3 with equals",
              [](Sample &s) {
                Value x = s.literal({3}, {1, 2, 3});
                return s.build.binary<MinOp>(x, s.literal({3}, {2, 2, 2}));
              },
              {1, 0.5, 0, 0, 0.5, 1}});
  add("reduce", {"max 2x3 with equals",
                 [](Sample &s) {
                   return s.build.reduce(ReduceKind::max,
                                         s.literal({2, 3}, {4, 1, 4, 5, 5, 5}),
                                         {1});
                 },
                 {0.5, 0, 0.5, 1. / 3, 1. / 3, 1. / 3}});
  add("reduce", {"min 4 with equals",
                 [](Sample &s) {
                   return s.build.reduce(ReduceKind::min,
                                         s.literal({4}, {1, 2, 1, 3}), {0});
                 },
                 {0.5, 0, 0.5, 0}});
  // 0^0 = 1 and 0^2 = 0, whatever the logarithm of 0 is.
  add("pow", {"2 zeros and exponents",
              [](Sample &s) {
                Value a = s.literal({2}, {0, 0});
                return s.build.binary<PowOp>(a, s.literal({2}, {0, 2}));
              },
              {0, 0, 0, 0}});
  // A tensor that the loss does not depend on.
  add("sub", {"2, one of them unread",
              [](Sample &s) {
                Value x = s.literal({2}, {1, 2});
                s.literal({1}, {5});
                return s.build.binary<SubOp>(s.build.splatLike(x, 1), x);
              },
              {-1, -1, 0}});
}

void addPrimitives(std::vector<Case> &cases) {
  elementwise(cases);
  reductions(cases);
  views(cases);
  joins(cases);
  kinks(cases);
}

} // namespace nacre::test

//===- graph_programs.cpp - the programs that texts become ----------------===//

#include "GraphText.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Reference/Interpreter.h"
#include "llvm/ADT/StringExtras.h"
#include <catch2/catch.hpp>

using namespace mlir;
using namespace nacre;
using namespace nacre::test;
using graph_frontend::TrainingOptions;

namespace {

TrainingOptions dims(std::vector<Dim> given) {
  TrainingOptions options;
  for (const Dim &dim : given)
    options.dims[dim.name] = dim.value;
  return options;
}

Tensor scalar(int64_t value) {
  return Tensor::of<int64_t>(DType::I64, {}, {value});
}
Tensor floats(ArrayRef<int64_t> shape, ArrayRef<float> values) {
  return Tensor::of<float>(DType::F32, shape, values);
}

SmallVector<Tensor> run(const Program &program, ArrayRef<Tensor> inputs) {
  auto results = reference::run(program, inputs);
  if (!results)
    FAIL(llvm::toString(results.takeError()));
  return std::move(*results);
}

std::string failureOf(const Program &program, ArrayRef<Tensor> inputs) {
  auto results = reference::run(program, inputs);
  REQUIRE(!results);
  return llvm::toString(results.takeError());
}

std::vector<float> list(const Tensor &tensor) {
  std::vector<float> values;
  for (int64_t i = 0; i < tensor.count(); ++i)
    values.push_back(tensor.numberAt(i));
  return values;
}

} // namespace

TEST_CASE("a train block becomes three programs over states") {
  auto model = trainingText(R"(
model net(x: f32[N, 3]) { x |> linear(2) |> unsqueeze(2) |> batch_norm |> squeeze(2) }
train {
  data x: f32[N, 3], label: i64[N]
  y = net(x)
  loss cross_entropy(y, label)
  metric accuracy = mean(cast(argmax(y, -1) == label, f32))
  optimizer adamw(lr = cosine(1e-3, warmup = 10, total = 200, last = 1e-5), weight_decay = 0.01, beta2 = 0.95)
  clip norm = 2
  accumulate 4
  precision bf16
  loss_scale 128
  seed 9
}
)",
                            dims({{"N", 5}}));
  CHECK(signature(model.train) ==
        "x tensor<5x3xf32>\n"
        "label tensor<5xi64>\n"
        "linear.weight parameter tensor<2x3xf32>\n"
        "linear.bias parameter tensor<2xf32>\n"
        "batch_norm.weight parameter tensor<2xf32>\n"
        "batch_norm.bias parameter tensor<2xf32>\n"
        "batch_norm.running_mean buffer tensor<2xf32>\n"
        "batch_norm.running_var buffer tensor<2xf32>\n"
        "nacre.seed counter tensor<i64>\n"
        "nacre.step counter tensor<i64>\n"
        "-> loss tensor<f32>\n"
        "-> accuracy tensor<f32>\n"
        "-> batch_norm.running_mean buffer tensor<2xf32>\n"
        "-> batch_norm.running_var buffer tensor<2xf32>\n");
  std::string train = signature(model.train), eval = signature(model.eval);
  CHECK(eval == train.substr(0, train.find("-> batch_norm")));
  CHECK(signature(model.init) ==
        "nacre.seed tensor<i64>\n"
        "-> linear.weight parameter tensor<2x3xf32>\n"
        "-> linear.bias parameter tensor<2xf32>\n"
        "-> batch_norm.weight parameter tensor<2xf32>\n"
        "-> batch_norm.bias parameter tensor<2xf32>\n"
        "-> batch_norm.running_mean buffer tensor<2xf32>\n"
        "-> batch_norm.running_var buffer tensor<2xf32>\n");
  const autodiff::TrainingSpec &spec = model.spec;
  CHECK(spec.optimizer.kind == autodiff::Optimizer::AdamW);
  CHECK(spec.optimizer.weightDecay == 0.01);
  CHECK(spec.optimizer.beta2 == 0.95);
  CHECK(spec.optimizer.rate.kind == autodiff::LearningRate::Cosine);
  CHECK(spec.optimizer.rate.base == 1e-3);
  CHECK(spec.optimizer.rate.last == 1e-5);
  CHECK(spec.optimizer.rate.warmup == 10);
  CHECK(spec.optimizer.rate.total == 200);
  CHECK(spec.clipNorm == 2);
  CHECK(spec.accumulate == 4);
  CHECK(spec.bf16);
  CHECK(spec.lossScale == 128);
  CHECK(spec.seed == 9);
}

TEST_CASE("initial values follow the seed and stay in their bounds") {
  auto model = trainingText(R"(
model net(x: f32[1, 16]) {
  param narrow: f32[64] = truncated_normal(std = 0.5)
  linear(x, 64) + narrow
}
train {
  data x: f32[1, 16]
  loss mean(net(x))
}
)",
                            {});
  auto first = run(model.init, {scalar(1)}),
       again = run(model.init, {scalar(1)}),
       other = run(model.init, {scalar(2)});
  REQUIRE(first.size() == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(list(first[i]) == list(again[i]));
    CHECK(list(first[i]) != list(other[i]));
    // kaiming_uniform and biases of 16 inputs: 1 / sqrt(16)
    double bound = i == 0 ? 1.0 : 0.25, largest = 0;
    for (float value : list(first[i]))
      largest = std::max<double>(largest, std::abs(value));
    CHECK(largest <= bound);
    CHECK(largest > 0.8 * bound);
  }
}

TEST_CASE("dropout follows seed, step and place; inference has none") {
  auto model = trainingText(R"(
model net(x: f32[1000]) {
  param one: f32[] = 1
  [dropout(x * one, 0.25), dropout(x * one, 0.25)]
}
train {
  data x: f32[1000]
  a, b = net(x)
  loss sum(a)
  metric kept = sum(cast(a > 0, f32))
  metric both = sum(cast(a > 0 and b > 0, f32))
}
)",
                            {});
  Tensor ones = floats({1000}, std::vector<float>(1000, 1));
  Tensor one = floats({}, {1});
  auto at = [&](int64_t seed, int64_t step) {
    auto results = run(model.train, {ones, one, scalar(seed), scalar(step)});
    return std::vector<float>{list(results[0])[0], list(results[1])[0],
                              list(results[2])[0]};
  };
  std::vector<float> first = at(1, 0);
  CHECK(first == at(1, 0));
  CHECK(first != at(1, 1));
  CHECK(first != at(2, 0));
  CHECK(std::abs(first[1] - 750) < 60);
  CHECK(std::abs(first[2] - 562) < 80);
  CHECK(std::abs(first[0] - first[1] / 0.75f) < 1e-2f);
  auto eval = run(model.eval, {ones, one, scalar(1), scalar(0)});
  CHECK(list(eval[0]) == std::vector<float>{1000});
}

TEST_CASE("a label out of range fails the run") {
  auto model = trainingText(R"(
model net(x: f32[2, 3]) { linear(x, 3) }
train {
  data x: f32[2, 3], label: i64[2]
  loss cross_entropy(net(x), label)
}
)",
                            {});
  auto states = run(model.init, {scalar(0)});
  Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  auto with = [&](int64_t label) {
    return SmallVector<Tensor>{
        x,         Tensor::of<int64_t>(DType::I64, {2}, {0, label}),
        states[0], states[1],
        scalar(0), scalar(0)};
  };
  run(model.train, with(2));
  for (int64_t label : {3, -1})
    CHECK(failureOf(model.train, with(label)).find("label out of range") !=
          std::string::npos);
}

TEST_CASE("patterns decide what learns; adapters start at the weight") {
  StringRef text = R"(
layer block(x: tensor) { x |> linear(3, name = "q") |> linear(3, bias = false) }
model net(x: f32[2, 3]) {
  for i in 0..2 { x = block(x) }
  x
}
train {
  data x: f32[2, 3]
  loss mean(net(x))
)";
  auto states = [&](StringRef more, TrainingOptions options = {}) {
    auto model = trainingText((text + more + "\n}\n").str(), options);
    std::string found;
    for (const autodiff::State &state : autodiff::statesOf(model.train))
      found +=
          state.name + " " + autodiff::stateKindName(state.kind).str() + "\n";
    return found;
  };
  CHECK(states("freeze \"block.0.*\"") == "block.0.q.weight frozen\n"
                                          "block.0.q.bias frozen\n"
                                          "block.0.linear.weight frozen\n"
                                          "block.1.q.weight parameter\n"
                                          "block.1.q.bias parameter\n"
                                          "block.1.linear.weight parameter\n"
                                          "nacre.seed counter\n"
                                          "nacre.step counter\n");
  CHECK(states("learn \"*.bias\"")
            .find("block.0.q.weight frozen\n"
                  "block.0.q.bias parameter\n") == 0);
  TrainingOptions learn;
  learn.learn = {"*.1.*"};
  CHECK(states("freeze \"*.bias\"", learn) == "block.0.q.weight frozen\n"
                                              "block.0.q.bias frozen\n"
                                              "block.0.linear.weight frozen\n"
                                              "block.1.q.weight parameter\n"
                                              "block.1.q.bias frozen\n"
                                              "block.1.linear.weight "
                                              "parameter\n"
                                              "nacre.seed counter\n"
                                              "nacre.step counter\n");
  CHECK(states("lora rank = 2, alpha = 4 on \"*.q.weight\"") ==
        "block.0.q.weight frozen\n"
        "block.0.q.weight.lora_down parameter\n"
        "block.0.q.weight.lora_up parameter\n"
        "block.0.q.bias frozen\n"
        "block.0.linear.weight frozen\n"
        "block.1.q.weight frozen\n"
        "block.1.q.weight.lora_down parameter\n"
        "block.1.q.weight.lora_up parameter\n"
        "block.1.q.bias frozen\n"
        "block.1.linear.weight frozen\n"
        "nacre.seed counter\n"
        "nacre.step counter\n");

  auto model =
      trainingText((text + "lora rank = 2 on \"*.0.q.weight\"\n}").str(), {});
  auto values = run(model.init, {scalar(3)});
  SmallVector<Tensor> inputs{floats({2, 3}, {1, 2, 3, 4, 5, 6})};
  inputs.append(values.begin(), values.end());
  inputs.append({scalar(0), scalar(0)});
  float before = list(run(model.train, inputs)[0])[0];
  // What is added is (up @ down) * 1: not the weight alone any more.
  inputs[3] = floats({3, 2}, {1, 0, 0, 1, 1, 1});
  CHECK(list(run(model.train, inputs)[0])[0] != before);
  auto plain = trainingText((text + "}").str(), {});
  SmallVector<Tensor> same{inputs[0], inputs[1]};
  same.append(inputs.begin() + 4, inputs.end());
  CHECK(list(run(plain.train, same)[0])[0] == before);
}

TEST_CASE("an ONNX model is a function whose weights learn") {
  TrainingOptions options = dims({{"batch", 2}});
  options.loss = "cross_entropy";
  options.optimizer = "sgd(lr = 0.5, momentum = 0.9)";
  options.freeze = {"fc.*"};
  std::vector<std::string> errors;
  auto model = graph_frontend::importTraining(
      *context(), GRAPH_DATA "/network.onnx", options, errors);
  INFO(llvm::join(errors, "\n"));
  REQUIRE(succeeded(model));
  CHECK(signature(model->train) == "image tensor<2x1x4x4xf32>\n"
                                   "label tensor<2xi64>\n"
                                   "conv.weight parameter tensor<2x1x3x3xf32>\n"
                                   "conv.bias parameter tensor<2xf32>\n"
                                   "bn.weight parameter tensor<2xf32>\n"
                                   "bn.bias parameter tensor<2xf32>\n"
                                   "bn.mean frozen tensor<2xf32>\n"
                                   "bn.var frozen tensor<2xf32>\n"
                                   "fc.weight frozen tensor<3x8xf32>\n"
                                   "fc.bias frozen tensor<3xf32>\n"
                                   "nacre.seed counter tensor<i64>\n"
                                   "nacre.step counter tensor<i64>\n"
                                   "-> loss tensor<f32>\n"
                                   "-> accuracy tensor<f32>\n");
  CHECK(model->spec.optimizer.kind == autodiff::Optimizer::Sgd);
  CHECK(model->spec.optimizer.rate.base == 0.5);

  // By hand, with the model as an expression, and the same numbers.
  Tensor image = floats({2, 1, 4, 4}, std::vector<float>(32, 0.5f));
  Tensor label = Tensor::of<int64_t>(DType::I64, {2}, {0, 2});
  SmallVector<Tensor> inputs{image, label};
  inputs.append(run(model->init, {scalar(0)}));
  inputs.append({scalar(0), scalar(0)});
  float loss = list(run(model->train, inputs)[0])[0];
  onnx_frontend::ImportOptions bound;
  bound.dims["batch"] = 2;
  auto plain = onnx_frontend::import(*context(), GRAPH_DATA "/network.onnx",
                                     bound, errors);
  REQUIRE(succeeded(plain));
  std::vector<float> logits = list(run(*plain, {image})[0]);
  double expected = 0;
  for (int row = 0; row < 2; ++row) {
    double sum = 0;
    for (int k = 0; k < 3; ++k)
      sum += std::exp(logits[3 * row + k]);
    expected += (std::log(sum) - logits[3 * row + (row ? 2 : 0)]) / 2;
  }
  CHECK(std::abs(loss - expected) < 1e-5);
}

TEST_CASE(
    "the command line overrides the file, and its mistakes have a place") {
  StringRef text = "model m(x: f32[2, 3]) { linear(x, 4) }\n"
                   "train {\n"
                   "  data x: f32[2, 3]\n"
                   "  loss mean(m(x))\n"
                   "  optimizer sgd(lr = 1)\n"
                   "}\n";
  TrainingOptions options;
  options.optimizer = "muon(lr = line(0.5, total = 10), nesterov = true)";
  options.lora = 2;
  auto model = trainingText(text, options);
  CHECK(model.spec.optimizer.kind == autodiff::Optimizer::Muon);
  CHECK(model.spec.optimizer.momentum == 0.95);
  CHECK(model.spec.optimizer.nesterov);
  CHECK(model.spec.optimizer.rate.kind == autodiff::LearningRate::Linear);
  CHECK(autodiff::statesOf(model.train)[1].name == "linear.weight.lora_down");

  auto errorsOf = [&](StringRef path, const TrainingOptions &asked) {
    std::vector<std::string> errors;
    CHECK(failed(
        graph_frontend::importTraining(*context(), path, asked, errors)));
    return llvm::join(errors, "\n");
  };
  TextFile file(text);
  options.optimizer = "adam(beta1 = 2)";
  CHECK(errorsOf(file.path, options) ==
        "--optimizer:1:14: 'beta1' must be in 0..1, got the integer 2\n"
        "  adam(beta1 = 2)\n"
        "               ^");
  options.optimizer = "adam(lr";
  CHECK(errorsOf(file.path, options) ==
        "--optimizer:1:8: expected ')' after the arguments, got the end of the "
        "text\n"
        "  adam(lr\n"
        "         ^");
  TrainingOptions wrong;
  wrong.freeze = {"["};
  CHECK(errorsOf(file.path, wrong) ==
        "wrong pattern '[': invalid glob pattern, unmatched '['");

  const char *onnx = GRAPH_DATA "/network.onnx";
  TrainingOptions network;
  CHECK(errorsOf(onnx, network) ==
        "network.onnx: an ONNX model has no loss; give one with --loss "
        "cross_entropy or the like");
  network.loss = "hinge";
  CHECK(errorsOf(onnx, network) ==
        "network.onnx: input 'image' has open dim 'batch'; bind it with --dim "
        "batch=VALUE");
  network.dims["batch"] = 2;
  CHECK(errorsOf(onnx, network) ==
        "--loss: no loss 'hinge', expected cross_entropy, nll, mse, l1, huber, "
        "bce or bce_with_logits");
}

TEST_CASE("a loss makes a train block for a model without one") {
  TrainingOptions options = dims({{"N", 3}});
  options.loss = "mse";
  auto model =
      trainingText("model m(x: f32[N, 2]) { linear(x, 4) }\n", options);
  CHECK(signature(model.eval) == "x tensor<3x2xf32>\n"
                                 "label tensor<3x4xf32>\n"
                                 "linear.weight parameter tensor<4x2xf32>\n"
                                 "linear.bias parameter tensor<4xf32>\n"
                                 "nacre.seed counter tensor<i64>\n"
                                 "nacre.step counter tensor<i64>\n"
                                 "-> loss tensor<f32>\n");
}

TEST_CASE("the signature of a file") {
  auto shown = [](StringRef text, std::vector<Dim> given = {}) {
    TextFile file(text);
    std::vector<std::string> errors;
    onnx_frontend::ImportOptions options;
    for (const Dim &dim : given)
      options.dims[dim.name] = dim.value;
    auto info = graph_frontend::readInfo(file.path, errors, options);
    INFO(llvm::join(errors, "\n"));
    REQUIRE(succeeded(info));
    std::string made = std::to_string(info->parameterCount);
    for (const auto *list : {&info->inputs, &info->outputs})
      for (const onnx_frontend::Signature &tensor : *list) {
        made += (list == &info->inputs ? ", " : " -> ") + tensor.name + " " +
                dtypeName(tensor.dtype);
        for (auto [dim, name] : llvm::zip_equal(tensor.dims, tensor.dimNames))
          made += " " + (dim < 0 ? name : std::to_string(dim));
      }
    return made;
  };
  StringRef text = "model m(x: f32[N, 3], y: i64[N, K]) -> z: f32[N, 4] {\n"
                   "  linear(x, 4)\n"
                   "}\n";
  CHECK(shown(text) == "16, x f32 N 3, y i64 N K -> z f32 N 4");
  CHECK(shown(text, {{"K", 7}}) == "16, x f32 N 3, y i64 N K -> z f32 N 4");
  // What depends on an open dim is not known before it is bound.
  CHECK(shown("model m(x: f32[N, 6]) { reshape(x, [3, 2, 8]) }") ==
        "0, x f32 N 6");
  CHECK(shown("import \"net.onnx\" as net\n"
              "width = 5\n"
              "train {\n"
              "  data x: f32[N, width], label: i64[N]\n"
              "  loss cross_entropy(net(x), label)\n"
              "}\n") == "0, x f32 N 5, label i64 N");
}

TEST_CASE("a cache of keys and values is a state of inference") {
  StringRef text = R"(
model net(x: f32[1, L, 8]) -> f32[1, L, 8] {
  attention(x, heads = 2, kv_heads = 1, causal = true, rotary_base = 100, cache = C)
}
)";
  auto with = [&](StringRef length, StringRef cache) {
    std::string made = text.str();
    for (auto [from, to] :
         {std::pair<StringRef, StringRef>("L", length), {"cache = C", cache}})
      for (size_t at; (at = made.find(from.str())) != std::string::npos;)
        made.replace(at, from.size(), to);
    return importText(made);
  };
  Program step = with("2", "cache = 6"), whole = with("4", "cache = 0");
  CHECK(signature(step) == "x tensor<1x2x8xf32>\n"
                           "attention.position buffer tensor<i64>\n"
                           "attention.keys buffer tensor<1x1x6x4xf32>\n"
                           "attention.values buffer tensor<1x1x6x4xf32>\n"
                           "-> output tensor<1x2x8xf32>\n"
                           "-> attention.position buffer tensor<i64>\n"
                           "-> attention.keys buffer tensor<1x1x6x4xf32>\n"
                           "-> attention.values buffer tensor<1x1x6x4xf32>\n");
  std::vector<float> x;
  for (int i = 0; i < 32; ++i)
    x.push_back(std::sin(i * 0.7f));
  std::vector<float> expected = list(run(whole, {floats({1, 4, 8}, x)})[0]),
                     got;
  SmallVector<Tensor> states{scalar(0), Tensor::zeros(DType::F32, {1, 1, 6, 4}),
                             Tensor::zeros(DType::F32, {1, 1, 6, 4})};
  for (int half = 0; half < 2; ++half) {
    auto results =
        run(step, {floats({1, 2, 8}, ArrayRef<float>(x).slice(16 * half, 16)),
                   states[0], states[1], states[2]});
    for (float value : list(results[0]))
      got.push_back(value);
    states = {results[1], results[2], results[3]};
  }
  CHECK(states[0].integerAt(0) == 4);
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    CHECK(std::abs(got[i] - expected[i]) < 1e-6f);
}

TEST_CASE("a leading dim may stay open") {
  Program program = importText(R"(
model net(x: f32[N, 1, 6, 6]) -> f32[N, 2] {
  x |> conv2d(2, kernel = 3) |> batch_norm |> relu |> max_pool2d(2) |> flatten |> linear(2) |> softmax
}
)",
                               {{"N<", 4}});
  CHECK(signature(program) ==
        "x tensor<?x1x6x6xf32, #lazy.dims<[\"N\"], [4]>>\n"
        "-> output tensor<?x2xf32, #lazy.dims<[\"N\"], [4]>>\n");
  auto results = run(program, {Tensor::zeros(DType::F32, {3, 1, 6, 6})});
  CHECK(results[0].shape == std::vector<int64_t>{3, 2});
}

TEST_CASE("the models of the repository have their numbers of parameters") {
  struct Row {
    const char *file;
    int64_t parameters;
  };
  for (const Row &row : {Row{"lenet", 61706},
                         {"mlp", 109386},
                         {"resnet8", 77850},
                         {"char_transformer/char_transformer", 834304},
                         {"lstm", 52484},
                         {"mlperf_tiny/ds_cnn", 22604},
                         {"mlperf_tiny/mobilenet_v1", 210850},
                         {"mlperf_tiny/resnet8", 77706},
                         {"mlperf_tiny/autoencoder", 265864}}) {
    std::string path = std::string(NACRE_SOURCE "/models/") + row.file + ".ngl";
    INFO(path);
    std::vector<std::string> errors;
    auto info = graph_frontend::readInfo(path, errors);
    CHECK(errors.empty());
    REQUIRE(succeeded(info));
    CHECK(info->parameterCount == row.parameters);
    auto model = graph_frontend::importTraining(*context(), path,
                                                dims({{"N", 2}}), errors);
    INFO(llvm::join(errors, "\n"));
    REQUIRE(succeeded(model));
    int64_t counted = 0;
    for (const autodiff::State &state : autodiff::statesOf(model->train))
      if (state.kind == autodiff::StateKind::Parameter)
        counted += state.type.getNumElements();
    CHECK(counted == row.parameters);
  }
}

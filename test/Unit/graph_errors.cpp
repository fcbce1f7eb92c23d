//===- graph_errors.cpp - what is said of wrong texts, to the letter ------===//

#include "GraphText.h"
#include <catch2/catch.hpp>

using namespace nacre::test;

TEST_CASE("mistakes of spelling and shape have a place and a caret") {
  CHECK(importErrors("model m(x: f32[2, 3]) {\n"
                     "  h = x |> linaer(5)\n"
                     "  relu(h)\n"
                     "}\n") ==
        "FILE:2:12: unknown name 'linaer', did you mean 'linear'?\n"
        "    h = x |> linaer(5)\n"
        "             ^\n");
  CHECK(importErrors("model m(x: f32[2, 3], w: f32[4, 5]) { x @ w }\n") ==
        "FILE:1:41: '@' of f32[2, 3] and f32[4, 5]: the last extent of the "
        "left must be the last but one of the right\n"
        "  model m(x: f32[2, 3], w: f32[4, 5]) { x @ w }\n"
        "                                          ^\n");
  CHECK(importErrors("model m(x: f32[2, 3]) -> f32[2, 4] { linear(x, 5) }\n") ==
        "FILE:1:7: the result of 'm' is f32[2, 5], expected f32[2, 4]\n"
        "  model m(x: f32[2, 3]) -> f32[2, 4] { linear(x, 5) }\n"
        "        ^\n");
  CHECK(importErrors("model m(x: f32[N, N]) { x }\n", {{"N", 2}}) == "");
  CHECK(importErrors("model m(x: f32[N, 3]) { x }\n") ==
        "FILE:1:16: dim 'N' of input 'x' is open; bind it with --dim N=VALUE\n"
        "  model m(x: f32[N, 3]) { x }\n"
        "                 ^\n");
  CHECK(importErrors("model m(x: f32[2, 3], y: i64[2, 3]) { x + y }\n") ==
        "FILE:1:41: '+' of f32[2, 3] and i64[2, 3]; cast one to the other's "
        "type\n"
        "  model m(x: f32[2, 3], y: i64[2, 3]) { x + y }\n"
        "                                          ^\n");
  CHECK(importErrors("model m(x: f32[2, 3]) { x[:, 5] }\n") ==
        "FILE:1:30: subscript 5 of an axis of 3\n"
        "  model m(x: f32[2, 3]) { x[:, 5] }\n"
        "                               ^\n");
}

TEST_CASE("a mistake inside the prelude is shown at the call") {
  CHECK(importErrors("model m(x: f32[2, 3]) {\n"
                     "  conv2d(x, 4, kernel = 3)\n"
                     "}\n") ==
        "FILE:2:3: 'conv2d': 'x' is f32[2, 3], expected T[N, C, H, W]\n"
        "    conv2d(x, 4, kernel = 3)\n"
        "    ^\n");
  CHECK(importErrors("model m(x: f32[1, 3, 4, 4]) { conv2d(x, 4, kernel = 5) "
                     "}\n") ==
        "FILE:1:31: 'conv2d': 'window': a window of 5 does not fit into axis 2 "
        "of f32[1, 3, 4, 4]\n"
        "  model m(x: f32[1, 3, 4, 4]) { conv2d(x, 4, kernel = 5) }\n"
        "                                ^\n");
  CHECK(importErrors("model m(x: f32[1, 3, 4, 4]) { conv2d(x, 4, 3, goups = "
                     "3) }\n") ==
        "FILE:1:31: 'conv2d' has no parameter 'goups', did you mean "
        "'groups'?\n"
        "  model m(x: f32[1, 3, 4, 4]) { conv2d(x, 4, 3, goups = 3) }\n"
        "                                ^\n");
}

TEST_CASE("several mistakes are said at once, their consequences are not") {
  CHECK(importErrors("model m(x: f32[2, 3]) {\n"
                     "  a = x +\n"
                     "  b = nothing(x)\n"
                     "  c = a + b\n"
                     "  d = [1, 2)\n"
                     "  c\n"
                     "}\n") ==
        "FILE:3:5: expected the end of the statement, got '='\n"
        "    b = nothing(x)\n"
        "      ^\n"
        "FILE:5:12: expected ']' after the list, got ')'\n"
        "    d = [1, 2)\n"
        "             ^\n");
  CHECK(importErrors("model m(x: f32[2, 3]) {\n"
                     "  a = x + nothing\n"
                     "  b = a * 2\n"
                     "  c = reshape(x, [4])\n"
                     "  b + c\n"
                     "}\n") ==
        "FILE:2:11: unknown name 'nothing'\n"
        "    a = x + nothing\n"
        "            ^\n"
        "FILE:4:7: 'reshape': f32[2, 3] has not the elements of the shape "
        "[4]\n"
        "    c = reshape(x, [4])\n"
        "        ^\n");
}

TEST_CASE("limits") {
  CHECK(importErrors("fn f(x: tensor) { f(x) }\n"
                     "model m(x: f32[2]) { f(x) }\n") ==
        "FILE:1:19: calls and expressions nest deeper than 400; does a "
        "function call itself?\n"
        "  fn f(x: tensor) { f(x) }\n"
        "                    ^\n");
  CHECK(importErrors("model m(x: f32[2]) {\n"
                     "  for i in 0..60000 { for j in 0..60000 { k = i * j } }\n"
                     "  x\n"
                     "}\n")
            .find("the program is longer than 20000000 steps when its loops "
                  "are unrolled (--max-nodes)\n") != std::string::npos);
  CHECK(importErrors("model m(x: f32[2]) { zeros([1000000, 1000000]) }\n") ==
        "FILE:1:22: 'zeros': the result takes more than 68719476736 bytes\n"
        "  model m(x: f32[2]) { zeros([1000000, 1000000]) }\n"
        "                       ^\n");
  CHECK(importErrors("model m(x: f32[2]) { x + " + std::string(150, '(') + "1" +
                     std::string(150, ')') + " }\n")
            .find("nesting is deeper than 100\n") != std::string::npos);
  CHECK(importErrors("model m(x: f32[2]) {\n"
                     "  deep = []\n"
                     "  for i in 0..60000 { deep = [deep] }\n"
                     "  x\n"
                     "}\n") == "FILE:3:30: lists nest deeper than 32\n"
                               "    for i in 0..60000 { deep = [deep] }\n"
                               "                               ^\n");
  std::string chain = "x";
  for (int i = 0; i < 300; ++i)
    chain += " + x";
  CHECK(importErrors("model m(x: f32[2]) { " + chain + " }\n")
            .find("the expression has more than 200 steps one inside another; "
                  "give parts of it names\n") != std::string::npos);
  CHECK(importErrors("model m(x: f32[2]) { x * 2 ** 64 }\n") ==
        "FILE:1:28: the result is outside the range of 64-bit integers\n"
        "  model m(x: f32[2]) { x * 2 ** 64 }\n"
        "                             ^\n");
}

TEST_CASE("parameters and states") {
  CHECK(importErrors("fn f(x: tensor) {\n"
                     "  param w: f32[2] = zeros\n"
                     "  x * w\n"
                     "}\n"
                     "model m(x: f32[2]) { f(x) }\n") ==
        "FILE:2:9: param belongs into a layer or a model\n"
        "    param w: f32[2] = zeros\n"
        "          ^\n");
  CHECK(importErrors("model m(x: f32[2]) {\n"
                     "  param w: f32[2] = x\n"
                     "  param v: f32[3] = zeros([2])\n"
                     "  x * w + v\n"
                     "}\n") ==
        "FILE:2:21: an initial value cannot depend on what a run computes\n"
        "    param w: f32[2] = x\n"
        "                      ^\n"
        "FILE:3:21: 'zeros': 'type' must be a type as f32, got a list of 1\n"
        "    param v: f32[3] = zeros([2])\n"
        "                      ^\n");
  CHECK(importErrors("model m(x: f32[2]) {\n"
                     "  a = linear(unsqueeze(x, 0), 2, name = \"q\")\n"
                     "  linear(a, 2, name = \"q\")\n"
                     "}\n") == "FILE:3:3: the name 'q' is taken in this scope\n"
                               "    linear(a, 2, name = \"q\")\n"
                               "    ^\n");
  CHECK(importErrors("model m(x: f32[2]) {\n"
                     "  state s: f32[2] = zeros\n"
                     "  s <- [1]\n"
                     "  x <- s\n"
                     "  x + s\n"
                     "}\n") ==
        "FILE:3:8: expected a tensor or a number, got a list of 1\n"
        "    s <- [1]\n"
        "         ^\n"
        "FILE:4:3: 'x' is not a state\n"
        "    x <- s\n"
        "    ^\n");
}

TEST_CASE("train blocks") {
  std::string model = "model m(x: f32[2, 3]) { linear(x, 4) }\n";
  CHECK(trainingErrors(model) == "FILE: there is no train block; write one, or "
                                 "give a loss with --loss\n");
  CHECK(trainingErrors(model + "train {\n"
                               "  data x: f32[2, 3]\n"
                               "  loss m(x)\n"
                               "  optimizer adamw(rate = 1)\n"
                               "  optimizer adamx\n"
                               "  clip weight = 1\n"
                               "}\n") ==
        "FILE:5:26: 'adamw' has no setting 'rate'\n"
        "    optimizer adamw(rate = 1)\n"
        "                           ^\n"
        "FILE:6:13: unknown optimizer 'adamx', expected sgd, adam, adamw, "
        "lamb, lion or muon\n"
        "    optimizer adamx\n"
        "              ^\n"
        "FILE:7:3: expected clip norm = NUMBER or clip value = NUMBER\n"
        "    clip weight = 1\n"
        "    ^\n"
        "FILE:4:8: the loss must be a scalar of a float type, got f32[2, 4]; "
        "mean(x) makes one of it\n"
        "    loss m(x)\n"
        "         ^\n");
  CHECK(trainingErrors(model + "train {\n"
                               "  data x: f32[2, 3]\n"
                               "  y = m(x)\n"
                               "}\n") ==
        "FILE:2:1: the train block has no loss\n"
        "  train {\n"
        "  ^\n");
  CHECK(trainingErrors(model + "train {\n"
                               "  data x: f32[2, 3]\n"
                               "  loss mean(m(x))\n"
                               "  lora rank = 2 on \"other.*\"\n"
                               "}\n") ==
        "FILE:2:1: lora fits no parameter of two axes\n"
        "  train {\n"
        "  ^\n"
        "FILE:2:1: no parameter learns\n"
        "  train {\n"
        "  ^\n");
  CHECK(trainingErrors("model m(x: f32[2, 3]) {\n"
                       "  if training { x = linear(x, 3) }\n"
                       "  linear(x, 4)\n"
                       "}\n"
                       "train {\n"
                       "  data x: f32[2, 3]\n"
                       "  loss mean(m(x))\n"
                       "}\n") ==
        "FILE:5:1: the model makes other parameters or states where `training` "
        "is false; make them outside of the condition\n"
        "  train {\n"
        "  ^\n");
}

TEST_CASE("imports stay in their folder") {
  auto with = [](const std::string &path) {
    return importErrors("import \"" + path +
                        "\" as net\n"
                        "model m(x: f32[2]) { net(x) }\n");
  };
  CHECK(with("../net.onnx") ==
        "FILE:1:8: the import must lie in the folder of this file, got "
        "'../net.onnx'\n"
        "  import \"../net.onnx\" as net\n"
        "         ^\n");
  CHECK(with("/etc/net.onnx").find("must lie in the folder") !=
        std::string::npos);
  CHECK(with("net.txt") ==
        "FILE:1:8: expected an .ngl or .onnx file, got 'net.txt'\n"
        "  import \"net.txt\" as net\n"
        "         ^\n");
}

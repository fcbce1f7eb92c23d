//===- Trees.cpp - ensembles of decision trees ----------------------------===//
//
// All nodes of all trees are rows of one table. A row of the input holds a
// place in every tree at once and moves down as many steps as the deepest tree
// has; a leaf is a node that leads to itself. Then the weights of the places
// are combined.
//
//===----------------------------------------------------------------------===//
#include "../../OpTable.h"
#include "Scores.h"
#include <map>

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;
using lazy::ReduceKind;

namespace {

struct TreeNode {
  int64_t feature = 0;
  CmpKind test = CmpKind::le;
  double split = 0;
  bool missingHolds = false; ///< where NaN goes
  int64_t holds = -1, fails = -1;
  std::vector<std::pair<int64_t, double>> weights; ///< by target, of leaves
};

struct Forest {
  std::vector<TreeNode> nodes;
  std::vector<int64_t> roots;
  int64_t targets = 1;
};

/// The most steps down; blocks when the trees have a cycle.
int64_t depthOf(const Forest &f) {
  std::vector<int64_t> depth(f.nodes.size(), -1); // -2: being visited
  int64_t deepest = 0;
  for (int64_t root : f.roots) {
    std::vector<int64_t> path{root};
    while (!path.empty()) {
      int64_t at = path.back();
      const TreeNode &node = f.nodes[at];
      if (depth[at] >= 0) {
        path.pop_back();
        continue;
      }
      bool leaf = node.holds == at && node.fails == at;
      bool wait = false;
      for (int64_t child : {node.holds, node.fails})
        if (!leaf && depth[child] < 0) {
          if (depth[child] == -2)
            block("E_ATTR: the nodes of a tree form a cycle");
          path.push_back(child);
          wait = true;
          break;
        }
      depth[at] = -2;
      if (wait)
        continue;
      depth[at] = leaf ? 0 : 1 + std::max(depth[node.holds], depth[node.fails]);
      path.pop_back();
    }
    deepest = std::max(deepest, depth[root]);
  }
  return deepest;
}

/// The places in all trees that each row of x comes to: [rows, trees].
Value descend(Node &n, Value x, const Forest &f) {
  int64_t rows = Node::shape(x)[0], features = Node::shape(x)[1];
  int64_t trees = f.roots.size(), count = f.nodes.size();
  mlir::Type i32 = n.type(DType::I32);
  if (mulChecked(rows, features) >= INT32_MAX || count >= INT32_MAX)
    block("E_LIMIT: more than 2147483647 features or nodes");
  auto table = [&](mlir::Type type, auto read) {
    std::vector<double> values;
    for (const TreeNode &node : f.nodes)
      values.push_back(double(read(node)));
    return constantNumbers(n, type, {count}, values);
  };
  for (const TreeNode &node : f.nodes)
    if (node.feature < 0 || node.feature >= features)
      block("E_ATTR: a node reads feature " + Twine(node.feature) + " of " +
            Twine(features));
  Value feature = table(i32, [](auto &t) { return t.feature; });
  Value split = table(Node::element(x), [](auto &t) { return t.split; });
  Value holds = table(i32, [](auto &t) { return t.holds; });
  Value fails = table(i32, [](auto &t) { return t.fails; });
  Value tests = table(i32, [](auto &t) { return int(t.test); });
  Value missing = table(i32, [](auto &t) { return t.missingHolds; });
  llvm::SmallVector<CmpKind> kinds;
  bool anyMissing = false;
  for (const TreeNode &node : f.nodes) {
    bool leaf = node.holds == node.fails;
    if (!leaf && !llvm::is_contained(kinds, node.test))
      kinds.push_back(node.test);
    anyMissing |= node.missingHolds;
  }
  std::vector<double> roots(f.roots.begin(), f.roots.end());
  Value at =
      n.build.expand(constantNumbers(n, i32, {1, trees}, roots), {rows, trees});
  Value flat = n.reshape(x, {rows * features});
  Value start = n.binary<lazy::MulOp>(
      n.build.iota(mlir::RankedTensorType::get({rows, 1}, i32), 0),
      double(features));
  for (int64_t step = depthOf(f); step > 0; --step) {
    auto read = [&](Value from) { return n.build.gather(from, at, 0); };
    Value v =
        n.build.gather(flat, n.binary<lazy::AddOp>(start, read(feature)), 0);
    Value limit = read(split), met;
    for (CmpKind kind : kinds) {
      Value result = n.cmp(kind, v, limit);
      if (!met) {
        met = result;
        continue;
      }
      Value own = read(tests);
      met = n.where(
          n.cmp(CmpKind::eq, own, n.build.splatLike(own, double(int(kind)))),
          result, met);
    }
    if (anyMissing) {
      Value goes = read(missing);
      goes = n.cmp(CmpKind::ne, goes, n.build.splatLike(goes, 0));
      met = n.build.binary<lazy::OrOp>(
          met, n.build.binary<lazy::AndOp>(goes, n.cmp(CmpKind::ne, v, v)));
    }
    at = n.where(met, read(holds), read(fails));
  }
  return at;
}

/// The weights of the leaves combined over the trees: [rows, targets].
Value combine(Node &n, Value x, const Forest &f, llvm::StringRef how) {
  if (f.roots.empty())
    block("E_ATTR: no trees");
  bool extreme = how == "MIN" || how == "MAX";
  if (!extreme && how != "SUM" && how != "AVERAGE")
    block("E_ATTR: unknown aggregate_function " + quoted(how));
  double none = 0;
  if (extreme)
    none = how == "MIN" ? double(std::numeric_limits<float>::max())
                        : double(std::numeric_limits<float>::lowest());
  std::vector<double> weights(mulChecked(int64_t(f.nodes.size()), f.targets),
                              none);
  for (auto [i, node] : llvm::enumerate(f.nodes))
    for (auto [target, weight] : node.weights) {
      if (target < 0 || target >= f.targets)
        block("E_ATTR: a leaf has target " + Twine(target) + " of " +
              Twine(f.targets));
      double &sum = weights[i * f.targets + target];
      if (!extreme)
        sum += weight;
      else
        sum = how == "MIN" ? std::min(sum, weight) : std::max(sum, weight);
    }
  Value table = constantNumbers(n, Node::element(x),
                                {int64_t(f.nodes.size()), f.targets}, weights);
  Value all = n.build.gather(table, descend(n, x, f), 0);
  ReduceKind kind = how == "MIN"   ? ReduceKind::min
                    : how == "MAX" ? ReduceKind::max
                                   : ReduceKind::add;
  Value y = n.build.reduce(kind, all, {1});
  if (how == "AVERAGE")
    y = n.binary<lazy::DivOp>(y, double(f.roots.size()));
  return y;
}

/// A list attribute that must have one value for each of `count` things.
std::vector<double> sized(Node &n, llvm::StringRef name, size_t count) {
  std::vector<double> values = numbersAttr(n, name);
  if (values.size() != count)
    block("E_ATTR: " + name + " has " + Twine(values.size()) + " values, not " +
          Twine(count));
  return values;
}

//===-- trees of classifier and regressor ---------------------------------===//

/// Leaves have weights by (tree, node) in the attributes `leaves` + "_..".
Forest readForest(Node &n, const std::string &leaves) {
  std::vector<double> trees = numbersAttr(n, "nodes_treeids");
  size_t count = trees.size();
  auto nodes = sized(n, "nodes_nodeids", count);
  auto features = sized(n, "nodes_featureids", count);
  auto values = sized(n, "nodes_values", count);
  auto holds = sized(n, "nodes_truenodeids", count);
  auto fails = sized(n, "nodes_falsenodeids", count);
  auto modes = stringsAttr(n, "nodes_modes");
  auto missing = numbersAttr(n, "nodes_missing_value_tracks_true");
  if (modes.size() != count)
    block("E_ATTR: nodes_modes has " + Twine(modes.size()) + " values, not " +
          Twine(count));
  Forest f;
  std::map<std::pair<double, double>, int64_t> places;
  for (size_t i = 0; i < count; ++i)
    if (!places.try_emplace({trees[i], nodes[i]}, i).second)
      block("E_ATTR: node " + Twine(int64_t(nodes[i])) + " of tree " +
            Twine(int64_t(trees[i])) + " is given twice");
  auto find = [&](double tree, double node) {
    auto found = places.find({tree, node});
    if (found == places.end())
      block("E_ATTR: tree " + Twine(int64_t(tree)) + " has no node " +
            Twine(int64_t(node)));
    return found->second;
  };
  const std::pair<const char *, CmpKind> tests[] = {
      {"BRANCH_LEQ", CmpKind::le}, {"BRANCH_LT", CmpKind::lt},
      {"BRANCH_GTE", CmpKind::ge}, {"BRANCH_GT", CmpKind::gt},
      {"BRANCH_EQ", CmpKind::eq},  {"BRANCH_NEQ", CmpKind::ne}};
  f.nodes.resize(count);
  std::vector<bool> isChild(count, false);
  for (size_t i = 0; i < count; ++i) {
    TreeNode &node = f.nodes[i];
    node.holds = node.fails = int64_t(i);
    if (modes[i] == "LEAF")
      continue;
    auto *test = llvm::find_if(
        tests, [&](const auto &t) { return modes[i] == t.first; });
    if (test == std::end(tests))
      block("E_ATTR: unknown node mode " + quoted(modes[i]));
    node.test = test->second;
    node.feature = int64_t(features[i]);
    node.split = values[i];
    node.missingHolds = i < missing.size() && missing[i] != 0;
    node.holds = find(trees[i], holds[i]);
    node.fails = find(trees[i], fails[i]);
    isChild[node.holds] = isChild[node.fails] = true;
  }
  for (size_t i = 0; i < count; ++i)
    if (!isChild[i])
      f.roots.push_back(int64_t(i));
  std::vector<double> weights = numbersAttr(n, leaves + "_weights");
  auto leafTrees = sized(n, leaves + "_treeids", weights.size());
  auto leafNodes = sized(n, leaves + "_nodeids", weights.size());
  auto targets = sized(n, leaves + "_ids", weights.size());
  for (size_t i = 0; i < weights.size(); ++i)
    f.nodes[find(leafTrees[i], leafNodes[i])].weights.push_back(
        {int64_t(targets[i]), weights[i]});
  return f;
}

Value addBase(Node &n, Value y) {
  std::vector<double> base = numbersAttr(n, "base_values");
  if (base.empty())
    return y;
  return n.binary<lazy::AddOp>(
      y, constantNumbers(n, Node::element(y), {int64_t(base.size())}, base));
}

void treeEnsembleRegressor(Node &n) {
  Value x = readFeatures(n);
  Forest f = readForest(n, "target");
  f.targets = n.intAttr("n_targets", 1);
  Value y =
      addBase(n, combine(n, x, f, n.stringAttr("aggregate_function", "SUM")));
  y = postTransform(n, y, n.stringAttr("post_transform", "NONE"));
  n.set(0, n.build.cast(y, n.type(DType::F32)));
}

void treeEnsembleClassifier(Node &n) {
  Value x = readFeatures(n);
  Forest f = readForest(n, "class");
  std::vector<double> ids = numbersAttr(n, "class_ids");
  int64_t classes = std::max(numbersAttr(n, "classlabels_int64s").size(),
                             stringsAttr(n, "classlabels_strings").size());
  if (classes < 2)
    block("E_ATTR: " + Twine(classes) + " class labels");
  f.targets = classes;
  std::string transform = n.stringAttr("post_transform", "NONE");
  // Leaves of one class only: the score of that of two classes that is so.
  bool binary = classes == 2 && !ids.empty() &&
                llvm::all_of(ids, [&](double id) { return id == ids[0]; });
  if (binary) {
    f.targets = 1;
    for (TreeNode &node : f.nodes)
      for (auto &weight : node.weights)
        weight.first = 0;
  }
  Value y = combine(n, x, f, "SUM");
  std::vector<double> base = numbersAttr(n, "base_values");
  if (binary && base.size() == 2) // that of the class with the leaves
    y = n.binary<lazy::AddOp>(y, base[ids[0] == 0 ? 0 : 1]);
  else
    y = addBase(n, y);
  if (binary) {
    bool probability = transform == "NONE" || transform == "PROBIT";
    Value other = probability
                      ? n.binary<lazy::SubOp>(n.build.splatLike(y, 1), y)
                      : n.build.unary<lazy::NegOp>(y);
    y = n.concat({other, y}, 1);
  }
  y = postTransform(n, y, transform);
  setLabels(n, y, "classlabels_int64s");
  n.set(1, n.build.cast(y, n.type(DType::F32)));
}

//===-- TreeEnsemble ------------------------------------------------------===//

void treeEnsemble(Node &n) {
  Value x = readFeatures(n);
  std::vector<double> features = numbersAttr(n, "nodes_featureids");
  size_t count = features.size();
  auto modes = sized(n, "nodes_modes", count);
  auto splits = sized(n, "nodes_splits", count);
  auto missing = numbersAttr(n, "nodes_missing_value_tracks_true");
  auto members = numbersAttr(n, "membership_values");
  std::vector<double> children[2] = {sized(n, "nodes_truenodeids", count),
                                     sized(n, "nodes_falsenodeids", count)};
  std::vector<double> leafs[2] = {sized(n, "nodes_trueleafs", count),
                                  sized(n, "nodes_falseleafs", count)};
  auto weights = numbersAttr(n, "leaf_weights");
  auto targets = sized(n, "leaf_targetids", weights.size());
  Forest f;
  f.targets = n.intAttr("n_targets", 1);
  f.nodes.resize(count + weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    TreeNode &leaf = f.nodes[count + i];
    leaf.holds = leaf.fails = int64_t(count + i);
    leaf.weights.push_back({int64_t(targets[i]), weights[i]});
  }
  auto child = [&](int side, size_t i) {
    double to = children[side][i];
    size_t limit = leafs[side][i] != 0 ? weights.size() : count;
    if (!(to >= 0 && to < double(limit)))
      block("E_ATTR: node " + Twine(i) + " leads to " + Twine(int64_t(to)) +
            " of " + Twine(limit));
    return int64_t(to) + (leafs[side][i] != 0 ? int64_t(count) : 0);
  };
  const CmpKind tests[] = {CmpKind::le, CmpKind::lt, CmpKind::ge,
                           CmpKind::gt, CmpKind::eq, CmpKind::ne};
  size_t next = 0; // of the members
  for (size_t i = 0; i < count; ++i) {
    TreeNode node;
    node.feature = int64_t(features[i]);
    node.split = splits[i];
    node.missingHolds = i < missing.size() && missing[i] != 0;
    node.holds = child(0, i);
    node.fails = child(1, i);
    if (!(modes[i] >= 0 && modes[i] <= 6))
      block("E_ATTR: unknown node mode " + Twine(int64_t(modes[i])));
    if (modes[i] < 6) {
      node.test = tests[int(modes[i])];
      f.nodes[i] = node;
      continue;
    }
    // A member of a set: a chain of comparisons with each of its values.
    std::vector<double> set;
    while (next < members.size() && members[next] == members[next])
      set.push_back(members[next++]);
    if (next == members.size())
      block("E_ATTR: membership_values has no set for node " + Twine(i));
    ++next;
    node.test = CmpKind::eq;
    if (set.empty())
      set.push_back(std::numeric_limits<double>::quiet_NaN());
    int64_t at = int64_t(i), last = node.fails;
    for (size_t k = 0; k < set.size(); ++k) {
      bool end = k + 1 == set.size();
      node.split = set[k];
      node.fails = end ? last : int64_t(f.nodes.size());
      f.nodes[at] = node;
      if (end)
        break;
      at = int64_t(f.nodes.size());
      f.nodes.emplace_back();
    }
  }
  for (double root : numbersAttr(n, "tree_roots")) {
    if (!(root >= 0 && root < double(count)))
      block("E_ATTR: tree_roots has " + Twine(int64_t(root)) + " for " +
            Twine(count) + " nodes");
    f.roots.push_back(int64_t(root));
  }
  const char *const aggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  const char *const transforms[] = {"NONE", "SOFTMAX", "LOGISTIC",
                                    "SOFTMAX_ZERO", "PROBIT"};
  int64_t how = n.intAttr("aggregate_function", 1);
  int64_t transform = n.intAttr("post_transform", 0);
  if (how < 0 || how > 3 || transform < 0 || transform > 4)
    block("E_ATTR: unknown aggregate_function " + Twine(how) +
          " or post_transform " + Twine(transform));
  Value y = combine(n, x, f, aggregates[how]);
  n.set(0, postTransform(n, y, transforms[transform]));
}

} // namespace

void onnx_frontend::addMlTreeOps(OpTable &t) {
  t["TreeEnsemble"] = treeEnsemble;
  t["TreeEnsembleRegressor"] = treeEnsembleRegressor;
  t["TreeEnsembleClassifier"] = treeEnsembleClassifier;
}

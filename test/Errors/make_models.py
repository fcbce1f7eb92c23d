#!/usr/bin/env python3
"""Writes the wrong models of this folder.

Each is small and wrong in one way. expected.txt holds, for each file, the exit
code and the exact message of `nacre compile`. Path attacks on external data
need links and pipes, which a repository cannot hold well; the test makes those
when it runs. Needs the Python package onnx; the models are kept, so only who
adds one runs this.
"""
import os

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")
F = T.FLOAT


def value(name, shape, dtype=F):
    return h.make_tensor_value_info(name, dtype, shape)


def tensor(name, array):
    return nh.from_array(np.asarray(array), name)


def floats(name, *shape):
    return tensor(name, np.ones(shape, np.float32))


def raw(name, dims, data, dtype=F):
    t = T(name=name, data_type=dtype, raw_data=data)
    t.dims.extend(dims)
    return t


def external(name, dims, **entries):
    t = T(name=name, data_type=F, data_location=T.EXTERNAL)
    t.dims.extend(dims)
    for key, text in entries.items():
        t.external_data.add(key=key, value=text)
    return t


def model(nodes, inputs=None, inits=(), outputs=("y",), opset=13, functions=(),
          domains=()):
    graph = h.make_graph(nodes, "g", inputs or [value("x", [4])],
                         [value(o, None) for o in outputs], list(inits))
    m = h.make_model(graph, functions=list(functions), producer_name="wrong",
                     opset_imports=[h.make_opsetid("", opset)] +
                     [h.make_opsetid(d, 1) for d in domains])
    m.ir_version = 8
    return m


def node(op, inputs, outputs="y", name="n", **attributes):
    return h.make_node(op, inputs.split(), outputs.split(), name=name,
                       **attributes)


def relu(**more):
    return model([node("Relu", "x")], **more)


def with_weight(t):
    return model([node("Add", "x w")], inits=[t])


def conv(x=(1, 3, 8, 8), w=(4, 3, 3, 3), **attributes):
    return model([node("Conv", "x w", name="conv1", **attributes)],
                 [value("x", x)], [floats("w", *w)])


def ints(name, *values):
    return tensor(name, np.array(values, np.int64))


def field(number, payload):
    """One length-delimited protobuf field."""
    size, out = len(payload), bytearray([number << 3 | 2])
    while True:
        out.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes(out) + payload


def nested(levels):
    """If in If in If ..., written by hand: builders refuse such depth."""
    graph = b""
    for _ in range(levels):
        attribute = field(1, b"then_branch") + field(6, graph)
        graph = field(1, field(1, b"c") + field(4, b"If") + field(5, attribute))
    return b"\x08\x08" + field(7, graph) + field(8, b"\x10\x0d")


def laughs(steps):
    """f0 calls f1 twice, f1 calls f2 twice, ..."""
    functions = []
    for i in range(steps):
        op, domain = (f"f{i + 1}", "loc") if i + 1 < steps else ("Relu", "")
        functions.append(h.make_function(
            "loc", f"f{i}", ["a"], ["c"],
            [h.make_node(op, ["a"], ["b"], domain=domain),
             h.make_node(op, ["b"], ["c"], domain=domain)],
            [h.make_opsetid("", 13), h.make_opsetid("loc", 1)]))
    return model([h.make_node("f0", ["x"], ["y"], domain="loc")],
                 functions=functions, domains=["loc"])


def recursive():
    f = h.make_function("loc", "f0", ["a"], ["b"],
                        [h.make_node("f0", ["a"], ["b"], domain="loc")],
                        [h.make_opsetid("loc", 1)])
    return model([h.make_node("f0", ["x"], ["y"], domain="loc")], functions=[f],
                 domains=["loc"])


def changed(m, change):
    change(m)
    return m


def sparse_outside():
    m = with_weight(floats("unused", 1))
    del m.graph.initializer[:]
    s = m.graph.sparse_initializer.add()
    s.values.CopyFrom(external("w", [1], location="../outside.bin"))
    s.indices.CopyFrom(ints("i", 0))
    s.dims.append(4)
    return m


def cases():
    yield "ok_control", relu()
    # The file.
    yield "empty", b""
    yield "text", b"this is not a model, it is a line of text\n"
    yield "zip", b"PK\x03\x04" + b"\0" * 40
    whole = with_weight(floats("w", 4)).SerializeToString()
    yield "truncated", whole[:-20]
    yield "length_past_end", b"\x08\x08\x3a\xff\xff\xff\xff\x07abc"
    yield "no_ir_version", field(7, b"")
    yield "ir_version_new", changed(relu(), lambda m: setattr(
        m, "ir_version", 2**31 - 1))
    yield "ir_version_old", changed(relu(), lambda m: setattr(
        m, "ir_version", 2))
    yield "opset_new", relu(opset=9999)
    yield "opset_old", relu(opset=0)
    yield "opset_none", changed(relu(), lambda m: m.ClearField("opset_import"))
    yield "no_graph", changed(relu(), lambda m: m.ClearField("graph"))
    yield "nest_70", nested(70)
    yield "name_66000", model([node("Relu", "x", name="n" * 66000)])
    # Names and edges.
    yield "unknown_op", model([node("FrobnicateX", "x")])
    yield "unknown_domain", model([node("Fuse", "x", domain="com.vendor")])
    yield "two_blockers", model([node("FooA", "x", "t", name="a"),
                                 node("FooB", "t", name="b")])
    yield "cycle", model([node("Add", "x b", "a", name="n1"),
                          node("Relu", "a", "b", name="n2"),
                          node("Relu", "b", "y", name="n3")])
    yield "duplicate_output", model([node("Relu", "x"), node("Neg", "x")])
    yield "duplicate_initializer", model(
        [node("Add", "x w")], inits=[floats("w", 4), floats("w", 4)])
    yield "duplicate_input", model([node("Relu", "x")],
                                   [value("x", [4]), value("x", [4])])
    yield "missing_input", model([node("Add", "x ghost")])
    yield "missing_output", model([node("Relu", "x")], outputs=["z"])
    yield "no_output", model([node("Relu", "x")], outputs=[])
    yield "control_characters", model([node("Relu\n\x1b[31m", "x",
                                            name="a'b\"\n")])
    # Functions.
    yield "function_laughs", laughs(40)
    yield "function_recursion", recursive()
    # Inputs.
    yield "open_dim", relu(inputs=[value("x", ["N", 4])])
    yield "open_dim_unnamed", relu(inputs=[value("x", [None, 4])])
    yield "negative_input_dim", relu(inputs=[value("x", [-4])])
    yield "input_no_shape", relu(inputs=[value("x", None)])
    yield "input_string", relu(inputs=[value("x", [4], T.STRING)])
    yield "input_sequence", relu(inputs=[
        h.make_tensor_sequence_value_info("x", F, [4])])
    yield "input_optional", relu(inputs=[h.make_value_info(
        "x", h.make_optional_type_proto(h.make_tensor_type_proto(F, [4])))])
    yield "input_overflow", relu(inputs=[value("x", [2**40, 2**40])])
    yield "input_huge", relu(inputs=[value("x", [2**40])])
    # Tensors.
    yield "raw_short", with_weight(raw("w", [4], b"\0" * 12))
    yield "raw_long", with_weight(raw("w", [4], b"\0" * 20))
    yield "typed_short", with_weight(
        T(name="w", data_type=F, dims=[4], float_data=[1, 2]))
    yield "typed_wrong_field", with_weight(
        T(name="w", data_type=F, dims=[1], int64_data=[1]))
    yield "two_payloads", with_weight(
        T(name="w", data_type=F, dims=[1], raw_data=b"\0" * 4, float_data=[1]))
    yield "dim_negative", with_weight(raw("w", [-4], b""))
    yield "dim_overflow", with_weight(raw("w", [2**32, 2**32], b""))
    yield "dim_huge_no_data", with_weight(raw("w", [2**40], b""))
    yield "dtype_unknown", with_weight(raw("w", [1], b"\0" * 4, 9999))
    yield "dtype_float8", with_weight(raw("w", [1], b"\0", T.FLOAT8E4M3FN))
    yield "int4_raw_short", with_weight(raw("w", [3], b"\0", T.INT4))
    yield "rank_65", with_weight(raw("w", [1] * 65, b"\0" * 4))
    yield "segment", changed(with_weight(floats("w", 4)), lambda m: setattr(
        m.graph.initializer[0].segment, "end", 4))
    yield "sparse_index", changed(model([node("Add", "x w")]), lambda m:
        m.graph.sparse_initializer.append(h.make_sparse_tensor(
            floats("w", 1), ints("i", 9), [4])) or
        m.graph.ClearField("initializer"))
    # External data; more of it is made by the test.
    outside = {"location": "../outside.bin"}
    yield "external_dotdot", with_weight(external("w", [4], **outside))
    yield "external_absolute", with_weight(
        external("w", [4], location="/etc/passwd"))
    yield "external_hidden_dotdot", with_weight(
        external("w", [4], location="a/../../outside.bin"))
    yield "external_no_location", with_weight(external("w", [4], offset="0"))
    yield "external_missing", with_weight(
        external("w", [4], location="none.bin"))
    yield "external_offset_negative", with_weight(
        external("w", [4], location="none.bin", offset="-8"))
    yield "external_offset_wrap", with_weight(
        external("w", [4], location="none.bin", offset=str(2**64 - 8),
                 length="16"))
    yield "external_sparse", sparse_outside()
    yield "external_constant", model([
        node("Constant", "", "w", name="c", value=external("w", [4], **outside)),
        node("Add", "x w")])
    # Convolution and pooling.
    yield "conv_channels", conv(x=(1, 5, 8, 8))
    yield "conv_stride0", conv(strides=[0, 1])
    yield "conv_group0", conv(group=0)
    yield "conv_group_uneven", conv(w=(4, 1, 3, 3), group=3)
    yield "conv_dilation_negative", conv(dilations=[-1, 1])
    yield "conv_pad_negative", conv(pads=[-1, 0, 0, 0])
    yield "conv_pad_huge", conv(pads=[2**62, 0, 2**62, 0])
    yield "conv_pads_count", conv(pads=[1, 1])
    yield "conv_auto_pad", conv(auto_pad="SAME")
    yield "conv_kernel_differs", conv(kernel_shape=[5, 5])
    yield "conv_kernel_too_large", conv(x=(1, 3, 2, 2))
    yield "conv_stride_type", conv(strides=1.5)
    pool = [value("x", [1, 1, 8, 8])]
    yield "pool_kernel0", model([node("MaxPool", "x", kernel_shape=[0, 2])],
                                pool)
    yield "pool_no_kernel", model([node("AveragePool", "x")], pool)
    yield "batchnorm_outputs", model(
        [node("BatchNormalization", "x w w w w", "y m")], [value("x", [2, 4])],
        [floats("w", 4)])
    # Shapes.
    yield "matmul_shapes", model([node("MatMul", "x w")], [value("x", [2, 3])],
                                 [floats("w", 4, 5)])
    yield "add_shapes", model([node("Add", "x w")], inits=[floats("w", 3)])
    yield "add_types", model([node("Add", "x w")], inits=[ints("w", 1)])
    yield "sqrt_integer", model([node("Sqrt", "x")], [value("x", [4], T.INT64)])
    yield "reshape_count", model([node("Reshape", "x s")], inits=[ints("s", 3)])
    yield "reshape_two_open", model([node("Reshape", "x s")],
                                    inits=[ints("s", -1, -1)])
    yield "reshape_overflow", model([node("Reshape", "x s")],
                                    inits=[ints("s", 2**33, 2**33)])
    yield "reshape_runtime", model(
        [node("Reshape", "x s")], [value("x", [4]), value("s", [1], T.INT64)])
    yield "transpose_perm", model([node("Transpose", "x", perm=[1, 1])],
                                  [value("x", [2, 2])])
    yield "concat_shapes", model([node("Concat", "x w", axis=0)],
                                 [value("x", [2, 3])], [floats("w", 2, 2)])
    yield "split_negative", model(
        [node("Split", "x s", "y z")], outputs=["y", "z"],
        inits=[ints("s", 2**62, -2**62)])
    yield "axis_outside", model([node("Softmax", "x", axis=3)])
    yield "squeeze_not_one", model([node("Squeeze", "x a")],
                                   inits=[ints("a", 0)])
    yield "expand_bomb", model([node("Expand", "x s")],
                               inits=[ints("s", 2**38, 4)])
    yield "tile_overflow", model([node("Tile", "x s")], inits=[ints("s", 2**62)])
    yield "constantofshape_bomb", model(
        [node("ConstantOfShape", "s", "c"), node("ReduceSum", "c", "r"),
         node("Add", "x r")], inits=[ints("s", 2**40)])
    yield "range_step0", model(
        [node("Range", "a b d", "r"), node("Cast", "r", "f", to=F),
         node("Add", "x f")],
        inits=[tensor("a", np.int64(0)), tensor("b", np.int64(4)),
               tensor("d", np.int64(0))])
    yield "gather_outside", model([node("Gather", "x i", name="pick")],
                                  [value("x", [8])], [ints("i", 1000000)])
    yield "slice_step0", model([node("Slice", "x a b c d")], inits=[
        ints("a", 0), ints("b", 4), ints("c", 0), ints("d", 0)])
    yield "pad_mode", model([node("Pad", "x p", mode="mirror")],
                            inits=[ints("p", 1, 1)])
    yield "resize_both", model(
        [node("Resize", "x  s z".replace("  ", " r "))],
        inits=[floats("r", 0), floats("s", 1), ints("z", 4)])
    yield "cast_unknown", model([node("Cast", "x", to=9999)])
    yield "cast_round_mode", model(
        [node("Cast", "x", to=T.FLOAT8E8M0, round_mode="odd")], opset=24)
    yield "quantize_scale0", model([node("QuantizeLinear", "x s")],
                                   inits=[tensor("s", np.float32(0))])
    yield from picking_cases()
    yield from loss_cases()
    yield from number_cases()
    yield from list_cases()
    yield from string_cases()
    yield from gradient_cases()
    yield from old_cases()
    yield "if_shapes", model(
        [node("If", "c", then_branch=h.make_graph(
            [node("Relu", "x", "t")], "t", [], [value("t", [4])]),
            else_branch=h.make_graph(
            [node("Concat", "x x", "e", axis=0)], "e", [], [value("e", [8])]))],
        [value("x", [4]), value("c", [1], T.BOOL)])
    body = [value("i", [], T.INT64), value("go", [], T.BOOL), value("v", [4])]
    results = [value("on", [], T.BOOL), value("w", None)]
    keep = node("Identity", "go", "on")
    yield "loop_grows", model(
        [node("Loop", "m c x", body=h.make_graph(
            [keep, node("Concat", "v v", "w", axis=0)], "b", body, results))],
        [value("x", [4]), value("m", [], T.INT64), value("c", [], T.BOOL)])
    yield "loop_collects", model(
        [node("Loop", "m c x", "y z", body=h.make_graph(
            [keep, node("Neg", "v", "w"), node("Relu", "v", "s")], "b", body,
            results + [value("s", [4])]))],
        [value("x", [4]), value("m", [], T.INT64), value("c", [], T.BOOL)])
    yield "lstm_weight", model(
        [node("LSTM", "x w r", hidden_size=2)],
        [value("x", [3, 1, 4]), value("w", [1, 8, 4]), value("r", [1, 8, 3])])
    # Attention and its relatives.
    heads = [value(v, [1, 4, 2, 8]) for v in "qkv"]
    yield "attention_heads", model(
        [node("Attention", "q k v")], heads[:1] +
        [value(v, [1, 3, 2, 8]) for v in "kv"], opset=23)
    yield "attention_rank3", model(
        [node("Attention", "q k v", q_num_heads=3, kv_num_heads=3)],
        [value(v, [1, 2, 8]) for v in "qkv"], opset=23)
    yield "attention_mask", model([node("Attention", "q k v m")],
                                  heads + [value("m", [3, 2])], opset=23)
    yield "attention_past", model([node("Attention", "q k v  p".replace(
        "  ", " m "))], heads + [value("m", [2, 2]), value("p", [1, 4, 2, 8])],
        opset=23)
    yield "rotary_angles", model(
        [node("RotaryEmbedding", "x c s")],
        [value("x", [1, 4, 2, 8])] + [value(v, [1, 2, 3]) for v in "cs"],
        opset=23)
    yield "linear_attention_rule", model(
        [node("LinearAttention", "q k v", "y s", q_num_heads=2, kv_num_heads=2,
              update_rule="gated")], [value(v, [1, 2, 8]) for v in "qkv"],
        opset=27)
    # Products, sorting, transforms.
    yield "einsum_rank", model([node("Einsum", "x", equation="ij->i")])
    yield "einsum_letter", model([node("Einsum", "x", equation="1->1")])
    yield "einsum_result", model([node("Einsum", "x", equation="i->j")])
    yield "einsum_extents", model(
        [node("Einsum", "x w", equation="i,i->")], inits=[floats("w", 3)])
    yield "topk_k", model([node("TopK", "x k", "y i")], inits=[ints("k", 5)])
    yield "topk_runtime", model(
        [node("TopK", "x k", "y i")],
        [value("x", [4]), value("k", [2], T.INT64)])
    yield "det_shape", model([node("Det", "x")], [value("x", [2, 3])])
    yield "dft_axis", model([node("DFT", "x", axis=2)],
                            [value("x", [1, 8, 1])], opset=17)
    yield "dft_onesided", model([node("DFT", "x", onesided=1)],
                                [value("x", [1, 8, 2])], opset=17)
    # Images.
    yield "grid_sample_padding", model(
        [node("GridSample", "x g", padding_mode="wrap")],
        [value("x", [1, 1, 4, 4]), value("g", [1, 2, 2, 2])], opset=16)
    yield "grid_sample_grid", model(
        [node("GridSample", "x g")],
        [value("x", [1, 1, 4, 4]), value("g", [1, 2, 2, 3])], opset=16)
    yield "roi_align_ratio", model(
        [node("RoiAlign", "x r b")],
        [value("x", [1, 1, 4, 4]), value("r", [2, 4]),
         value("b", [2], T.INT64)], opset=16)
    yield "deform_conv_offset", model(
        [node("DeformConv", "x w o")],
        [value("x", [1, 1, 4, 4]), value("o", [1, 4, 3, 3])],
        [floats("w", 1, 1, 2, 2)], opset=19)
    yield "col2im_blocks", model(
        [node("Col2Im", "x i b")], [value("x", [1, 5, 6])],
        [ints("i", 5, 5), ints("b", 1, 5)], opset=18)
    # Other domains.
    ml = {"domain": "ai.onnx.ml"}
    yield "ml_no_opset", model([node("Scaler", "x", **ml)])
    yield "ml_unknown_op", model([node("ZipMap", "x", **ml)], domains=[
        "ai.onnx.ml"])
    yield "ml_strings", model(
        [node("LinearClassifier", "x", "y s", coefficients=[1.0] * 8,
              classlabels_strings=["a", "b", "c"], **ml)],
        [value("x", [1, 4])], domains=["ai.onnx.ml"])
    tree = {"nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2],
            "nodes_featureids": [0, 0, 0], "nodes_values": [0.5, 0.0, 0.0],
            "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
            "nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0],
            "target_treeids": [0, 0], "target_nodeids": [1, 2],
            "target_ids": [0, 0], "target_weights": [1.0, 2.0], **ml}
    for name, change in {
            "tree_feature": {"nodes_featureids": [9, 0, 0]},
            "tree_child": {"nodes_truenodeids": [7, 0, 0]},
            "tree_mode": {"nodes_modes": ["BRANCH_XOR", "LEAF", "LEAF"]},
            "tree_cycle": {"nodes_modes": ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"],
                           "nodes_truenodeids": [1, 1, 0],
                           "nodes_falsenodeids": [2, 2, 0]},
            "tree_target": {"target_ids": [0, 3]}}.items():
        yield name, model([node("TreeEnsembleRegressor", "x", **tree | change)],
                          [value("x", [2, 4])], domains=["ai.onnx.ml"])
    yield "adam_inputs", model(
        [node("Adam", "r t x g", domain="ai.onnx.preview.training")],
        [value("r", []), value("t", [], T.INT64), value("x", [4]),
         value("g", [4])], domains=["ai.onnx.preview.training"])
    ms = {"domain": "com.microsoft"}
    yield "microsoft_lengths", model(
        [node("MultiHeadAttention", "q k v", num_heads=2, **ms)],
        [value(v, s) for v, s in zip("qkv", ([1, 2, 8], [1, 3, 8], [1, 4, 8]))],
        domains=["com.microsoft"])
    yield "microsoft_window", model(
        [node("GroupQueryAttention", "q k v", num_heads=2, kv_num_heads=1,
              local_window_size=4, **ms)],
        [value("q", [1, 2, 8])] + [value(v, [1, 2, 4]) for v in "kv"],
        domains=["com.microsoft"])
    yield "microsoft_activation", model(
        [node("FusedGemm", "x w", activation="Swish", **ms)],
        [value("x", [2, 3])], [floats("w", 3, 4)], domains=["com.microsoft"])


def picking_cases():
    square = [value("x", [3, 4])]
    yield "gatherelements_rank", model([node("GatherElements", "x i")], square, [ints("i", 0)])
    yield "gatherelements_outside", model(
        [node("GatherElements", "x i", axis=1)], square,
        [tensor("i", np.array([[0, 4]], np.int64))])
    yield "gathernd_width", model([node("GatherND", "x i")], square, [ints("i", 0, 0, 0)])
    yield "gathernd_batch", model(
        [node("GatherND", "x i", batch_dims=1)], square,
        [tensor("i", np.zeros([2, 1], np.int64))])
    yield "scatterelements_updates", model(
        [node("ScatterElements", "x i u")], square,
        [tensor("i", np.zeros([1, 2], np.int64)), floats("u", 1, 3)], opset=18)
    yield "scatterelements_reduction", model(
        [node("ScatterElements", "x i u", reduction="mean")], square,
        [tensor("i", np.zeros([1, 2], np.int64)), floats("u", 1, 2)], opset=18)
    yield "scatterelements_bool", model(
        [node("ScatterElements", "b i u", reduction="add")],
        [value("b", [4], T.BOOL)],
        [ints("i", 0), tensor("u", np.array([True]))], opset=18)
    yield "scatternd_updates", model(
        [node("ScatterND", "x i u")], square,
        [tensor("i", np.zeros([2, 1], np.int64)), floats("u", 2, 3)])
    yield "scatternd_outside", model(
        [node("ScatterND", "x i u")], square,
        [tensor("i", np.array([[-4]], np.int64)), floats("u", 1, 4)])
    yield "tensorscatter_axis", model(
        [node("TensorScatter", "x u", axis=0)], square, [floats("u", 1, 4)], opset=24)
    yield "tensorscatter_long", model(
        [node("TensorScatter", "x u", axis=1)], square, [floats("u", 3, 5)], opset=24)
    yield "reversesequence_axes", model(
        [node("ReverseSequence", "x s", batch_axis=1, time_axis=1)], square,
        [ints("s", 1, 1, 1, 1)])
    yield "reversesequence_lengths", model(
        [node("ReverseSequence", "x s")], square, [ints("s", 1, 1)])
    yield "compress_runtime", model(
        [node("Compress", "x c")], [value("x", [4]), value("c", [5], T.BOOL)])
    yield "compress_long", model(
        [node("Compress", "x c")], inits=[tensor("c", np.ones(5, bool))])


def loss_cases():
    scores = [value("x", [2, 3]), value("t", [2], T.INT64)]
    for op, name in (("NegativeLogLikelihoodLoss", "nll"),
                     ("SoftmaxCrossEntropyLoss", "crossentropy")):
        yield name + "_labels", model(
            [node(op, "x t")], [scores[0], value("t", [3], T.INT64)])
    yield "nll_reduction", model(
        [node("NegativeLogLikelihoodLoss", "x t", reduction="max")], scores)
    yield "nll_weight", model(
        [node("NegativeLogLikelihoodLoss", "x t w")], scores, [floats("w", 2)])


def number_cases():
    yield "cumsum_axis", model([node("CumSum", "x a")], inits=[tensor("a", np.int64(1))])
    yield "bitshift_signed", model(
        [node("BitShift", "a b", direction="LEFT")],
        [value("a", [4], T.INT32), value("b", [4], T.INT32)])
    yield "bitshift_direction", model(
        [node("BitShift", "a b", direction="UP")],
        [value("a", [4], T.UINT32), value("b", [4], T.UINT32)])
    yield "bitwise_float", model([node("BitwiseNot", "x")], opset=18)
    yield "bitcast_width", model([node("BitCast", "x", to=T.DOUBLE)], opset=26)
    yield "lppool_p", model([node("LpPool", "x", kernel_shape=[2], p=0)],
                            [value("x", [1, 1, 4])], opset=18)
    yield "asin_integer", model([node("Asin", "a")], [value("a", [4], T.INT32)])
    yield "rmsnorm_scale", model([node("RMSNormalization", "x w")],
                                 inits=[floats("w", 2, 4)], opset=23)
    yield "centercroppad_axes", model([node("CenterCropPad", "x s")],
                                      inits=[ints("s", 2, 2)], opset=18)
    yield "dequantize_blocks", model(
        [node("DequantizeLinear", "a s", axis=0, block_size=2)],
        [value("a", [5, 2], T.INT8)], [floats("s", 2, 2)], opset=21)
    yield "qlinearmatmul_scale", model(
        [node("QLinearMatMul", "a s z a s z w z")], [value("a", [2, 2], T.INT8)],
        [floats("s"), tensor("z", np.int8(0)), floats("w", 2)], opset=21)


def sequence(name, dtype=F):
    return h.make_tensor_sequence_value_info(name, dtype, None)


def list_cases():
    x = [value("x", [4, 2])]
    split = node("SplitToSequence", "x", "s", name="split")

    def after(*nodes, inits=(), inputs=x, outputs=("y",)):
        return model([split, *nodes], inputs, inits, outputs, opset=18)
    yield "sequence_as_tensor", after(node("Relu", "s"))
    yield "sequence_of_tensor", after(node("SequenceLength", "x"))
    yield "sequence_place", after(node("SequenceAt", "s i"),
                                  inits=[tensor("i", np.int64(4))])
    yield "sequence_insert_place", after(node("SequenceInsert", "s x i", "t"),
                                         node("SequenceLength", "t"),
                                         inits=[tensor("i", np.int64(5))])
    yield "sequence_place_of_run", after(
        node("SequenceAt", "s i"), inputs=x + [value("i", [], T.INT64)])
    yield "sequence_types", after(
        node("Cast", "x", "c", to=T.INT32), node("SequenceInsert", "s c", "t"),
        node("SequenceLength", "t"))
    yield "sequence_declared_tensor", after(node("Identity", "s"))
    yield "split_sum", model([node("SplitToSequence", "x p", "s"),
                              node("SequenceLength", "s")], x,
                             [ints("p", 1, 2)])
    yield "split_of_run", model([node("SplitToSequence", "x p", "s"),
                                 node("SequenceLength", "s")],
                                x + [value("p", [2], T.INT64)])
    yield "concat_sequence_empty", model(
        [node("SequenceEmpty", "", "s", name="e"),
         node("ConcatFromSequence", "s", axis=0)])
    yield "map_lengths", after(
        node("SplitToSequence", "x", "t", axis=1),
        node("SequenceMap", "s t", "m", body=h.make_graph(
            [h.make_node("Identity", ["a"], ["c"])], "body",
            [value("a", None), value("b", None)], [value("c", None)])),
        node("SequenceLength", "m"))
    yield "optional_absent", model(
        [h.make_node("Optional", [], ["o"], name="o", type=h.make_tensor_type_proto(F, [4])),
         node("OptionalGetElement", "o")], opset=18)
    branch = [h.make_graph([h.make_node("SequenceConstruct", ["x"] * count, ["b"])],
                           "branch", [], [sequence("b")]) for count in (1, 2)]
    yield "if_sequences", model(
        [node("If", "c", "s", then_branch=branch[0], else_branch=branch[1]),
         node("SequenceLength", "s")], [value("x", [4]), value("c", [], T.BOOL)])
    body = h.make_graph(
        [h.make_node("SequenceInsert", ["t", "x"], ["u"]), h.make_node("Identity", ["d"], ["e"])], "body",
        [value("i", [], T.INT64), value("d", [], T.BOOL), sequence("t")],
        [value("e", [], T.BOOL), sequence("u")])
    yield "loop_sequence", after(
        node("Loop", "n true s", "r", body=body), node("SequenceLength", "r"),
        inits=[tensor("true", np.array(True))], inputs=x + [value("n", [], T.INT64)])


def string_cases():
    words = h.make_tensor("w", T.STRING, [3], ["a", "b", "c"])

    def strings(*nodes, **more):
        return model(nodes, inits=[words], opset=20, **more)
    yield "string_output", model([node("Identity", "w")], inits=[
        h.make_tensor("w", T.STRING, [1], [b"a\xff"])])
    yield "string_order", model([node("Unique", "x")], [value("x", [3], T.STRING)])
    yield "string_split", model([node("StringSplit", "x", delimiter=" ")], [value("x", [3], T.STRING)], opset=20)
    yield "string_to_number", model([node("Cast", "x", to=T.FLOAT)], [value("x", [3], T.STRING)])
    yield "string_add", strings(node("Add", "w w"))
    yield "string_and_number", strings(node("Concat", "w x", axis=0))
    yield "string_concat_shapes", model(
        [node("StringConcat", "w v", "u"), node("Shape", "u")],
        inits=[words, h.make_tensor("v", T.STRING, [2], ["a", "b"])], opset=20)
    yield "string_missing", model(
        [node("Shape", "w")], inits=[T(name="w", data_type=T.STRING, dims=[2], string_data=[b"a"])])
    yield "string_number", strings(node("Cast", "w", to=T.FLOAT))
    yield "string_pattern", strings(node("RegexFullMatch", "w", pattern="(a"))
    yield "string_rank", model(
        [node("StringNormalizer", "w", "v"), node("Shape", "v")],
        inits=[h.make_tensor("w", T.STRING, [2, 1], ["a", "b"])])
    yield "string_gather_of_run", strings(
        node("Gather", "w i", "v"), node("StringConcat", "v w"),
        inputs=[value("i", [3], T.INT64)])
    yield "tfidf_mode", model(
        [node("TfIdfVectorizer", "x", mode="TF2", min_gram_length=1, max_gram_length=1, max_skip_count=0,
              ngram_counts=[0], ngram_indexes=[0], pool_int64s=[1])], [value("x", [4], T.INT64)])
    yield "tfidf_pool", model(
        [node("TfIdfVectorizer", "x", mode="TF", min_gram_length=1, max_gram_length=2, max_skip_count=0,
              ngram_counts=[0, 1], ngram_indexes=[0, 1], pool_int64s=[1, 2])], [value("x", [4], T.INT64)])
    yield "dropout_ratio", model(
        [node("Dropout", "x r t")], inits=[tensor("r", np.float32(1)), tensor("t", np.array(True))])


def gradient_cases():
    def gradient(y, x="x", inputs=None, square="Mul"):
        return model(
            [node("ReduceSum", "s", "z", name="sum", keepdims=0), node(square, "x x", "s", name="m"),
             node("Gradient", x, domain="ai.onnx.preview.training", xs=["x"], y=y)],
            inputs, domains=["ai.onnx.preview.training"])
    yield "ok_gradient", gradient("z")
    yield "gradient_of_vector", gradient("s")
    yield "gradient_elsewhere", gradient("z", "s")
    yield "gradient_integer", gradient("z", inputs=[value("x", [4], T.INT32)])


def old_cases():
    yield "old_broadcast_off", model([node("Add", "x w")], inits=[floats("w", 1)], opset=6)
    yield "old_broadcast_axis", model(
        [node("Add", "x w", broadcast=1, axis=1)], [value("x", [2, 3, 4])],
        [floats("w", 2)], opset=6)
    yield "old_dropout", model([node("Dropout", "x")], opset=6)
    yield "old_cast", model([node("Cast", "x", to="FLOAT33")], opset=5)


def main():
    os.makedirs(HERE, exist_ok=True)
    for name, content in cases():
        data = content if isinstance(content, bytes) else (
            content.SerializeToString(deterministic=True))
        with open(os.path.join(HERE, name + ".onnx"), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main()

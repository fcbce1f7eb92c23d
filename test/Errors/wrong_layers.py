"""Attention, products and images, and ops of other domains, that are wrong."""
import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from builders import floats, ints, model, node, tensor, value


def cases():
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
        [h.make_node("GroupQueryAttention", ["q", "k", "v", "", "", "s"], ["y"],
                     name="n", num_heads=2, kv_num_heads=1,
                     local_window_size=0, **ms)],
        [value("q", [1, 2, 8]), value("s", [1], T.INT32)] +
        [value(v, [1, 2, 4]) for v in "kv"], domains=["com.microsoft"])
    yield "microsoft_activation", model(
        [node("FusedGemm", "x w", activation="Swish", **ms)],
        [value("x", [2, 3])], [floats("w", 3, 4)], domains=["com.microsoft"])
    bits = {"K": 64, "N": 3, "block_size": 32, "bits": 4, **ms}
    packed = np.zeros([3, 2, 16], np.uint8)
    for name, change, weights in [
            ("bits", {"bits": 3}, packed), ("block", {"block_size": 24}, packed),
            ("inner", {"K": 65}, packed), ("shape", {"N": 4}, packed),
            ("prepacked", {"weight_prepacked": 1}, packed),
            ("type", {}, packed.astype(np.int8))]:
        yield "microsoft_nbits_" + name, model(
            [node("MatMulNBits", "x w s", **bits | change)],
            [value("x", [2, 64])], [tensor("w", weights), floats("s", 3, 2)],
            domains=["com.microsoft"])
    yield "microsoft_nbits_group", model(
        [h.make_node("MatMulNBits", ["x", "w", "s", "", "g"], ["y"], name="n",
                     **bits)],
        [value("x", [2, 64])],
        [tensor("w", packed), floats("s", 3, 2),
         tensor("g", np.full(64, 2, np.int32))], domains=["com.microsoft"])
    yield "microsoft_nbits_group_rank", model(
        [h.make_node("MatMulNBits", ["x", "w", "s", "", "g"], ["y"], name="n",
                     **bits)],
        [value("x", [2, 64])],
        [tensor("w", packed), floats("s", 3, 2),
         tensor("g", np.zeros([1, 64], np.int32))], domains=["com.microsoft"])
    yield "microsoft_token_rows", model(
        [node("PackedMultiHeadAttention", "q q q b o c", num_heads=2, **ms)],
        [value("q", [4, 8]), value("c", [1], T.INT32)],
        [floats("b", 24), tensor("o", np.zeros([1, 4], np.int32))],
        domains=["com.microsoft"])
    yield "microsoft_cache", model(
        [h.make_node("MultiHeadAttention",
                     ["q", "q", "q", "", "", "", "p", "p", "t"], ["y"],
                     name="n", num_heads=2, **ms)],
        [value("q", [1, 1, 8]), value("p", [1, 2, 5, 3]),
         value("t", [], T.INT32)], domains=["com.microsoft"])
    yield "microsoft_gather_axes", model(
        [node("GatherBlockQuantized", "w i s", block_size=16, bits=8,
              quantize_axis=0, **ms)],
        [value("i", [2], T.INT64)],
        [tensor("w", np.zeros([32, 4], np.uint8)), floats("s", 2, 4)],
        domains=["com.microsoft"])
    byte = [value("a", [2, 3], T.UINT8), value("b", [2, 3], T.UINT8)]
    zero = tensor("z", np.uint8(0))
    yield "microsoft_qlinear_scale", model(
        [node("QLinearAdd", "a s z b s z s z", **ms)], byte,
        [floats("s", 3), zero], domains=["com.microsoft"])
    yield "microsoft_qlinear_type", model(
        [node("QLinearSigmoid", "x s z s z", **ms)], None,
        [floats("s", 1), zero], domains=["com.microsoft"])
    yield "microsoft_qlinear_concat", model(
        [node("QLinearConcat", "s z a s z b", axis=0, **ms)], byte,
        [floats("s", 1), zero], domains=["com.microsoft"])
    yield "microsoft_qgemm", model(
        [node("QGemm", "a s z b s z c", transB=1, **ms)], byte,
        [floats("s", 1), zero, floats("c", 2)], domains=["com.microsoft"])
    yield "microsoft_groups", model(
        [node("GroupNorm", "x g g", groups=3, activation=0, **ms)],
        [value("x", [1, 2, 2, 8])], [floats("g", 8)],
        domains=["com.microsoft"])
    yield "microsoft_inverse", model(
        [node("Inverse", "x", **ms)], [value("x", [2, 3])],
        domains=["com.microsoft"])
    yield "microsoft_metric", model(
        [node("CDist", "x x", metric="cosine", **ms)], [value("x", [2, 3])],
        domains=["com.microsoft"])

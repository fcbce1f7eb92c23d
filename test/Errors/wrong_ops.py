"""Ops whose attributes, shapes or types are wrong."""
import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from builders import floats, ints, model, node, tensor, value


def conv(x=(1, 3, 8, 8), w=(4, 3, 3, 3), **attributes):
    return model([node("Conv", "x w", name="conv1", **attributes)],
                 [value("x", x)], [floats("w", *w)])


def cases():
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
        [node("Range", "a b d", "r"), node("Cast", "r", "f", to=T.FLOAT),
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

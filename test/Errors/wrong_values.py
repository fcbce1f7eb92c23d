"""Sequences, optionals and strings that are wrong, or where something else is wanted."""
import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from builders import ints, model, node, tensor, value


def cases():
    yield from list_cases()
    yield from string_cases()


def sequence(name, dtype=T.FLOAT):
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
        [h.make_node("Optional", [], ["o"], name="o", type=h.make_tensor_type_proto(T.FLOAT, [4])),
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

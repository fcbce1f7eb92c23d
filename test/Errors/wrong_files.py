"""Files, names, functions, inputs and tensors that are wrong, whatever the ops are."""
from onnx import TensorProto as T
from onnx import helper as h

from builders import changed, external, floats, ints, model, node, raw, relu, value, with_weight


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
        h.make_tensor_sequence_value_info("x", T.FLOAT, [4])])
    yield "input_optional", relu(inputs=[h.make_value_info(
        "x", h.make_optional_type_proto(h.make_tensor_type_proto(T.FLOAT, [4])))])
    yield "input_overflow", relu(inputs=[value("x", [2**40, 2**40])])
    yield "input_huge", relu(inputs=[value("x", [2**40])])
    # Tensors.
    yield "raw_short", with_weight(raw("w", [4], b"\0" * 12))
    yield "raw_long", with_weight(raw("w", [4], b"\0" * 20))
    yield "typed_short", with_weight(
        T(name="w", data_type=T.FLOAT, dims=[4], float_data=[1, 2]))
    yield "typed_wrong_field", with_weight(
        T(name="w", data_type=T.FLOAT, dims=[1], int64_data=[1]))
    yield "two_payloads", with_weight(
        T(name="w", data_type=T.FLOAT, dims=[1], raw_data=b"\0" * 4, float_data=[1]))
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

// tensor_proto.mjs - reads ONNX's TensorProto: dims, type and raw or f32 data.
const dtypes = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
};

/** {dtype, dims, base64}; the bytes as text, so that they can go to a page. */
export function readTensor(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(value);
    }
  };
  const dims = [],
    parts = [];
  let dtype;
  while (at < bytes.length) {
    const tag = varint(),
      field = tag >> 3,
      wire = tag & 7;
    const end = wire === 2 ? varint() + at : null;
    if (field === 1 && wire === 0) dims.push(varint());
    else if (field === 1) while (at < end) dims.push(varint());
    else if (field === 2) dtype = dtypes[varint()];
    else if ((field === 4 || field === 9) && wire === 2) parts.push(bytes.subarray(at, end));
    else if ([5, 6, 7, 10, 11].includes(field))
      throw new Error(`a TensorProto with its data in field ${field}`);
    else if (wire === 0) varint();
    else if (wire !== 2) throw new Error(`a TensorProto with field ${field} of wire type ${wire}`);
    if (end !== null) at = end;
  }
  if (!dtype) throw new Error('a TensorProto of an unknown data type');
  return { dtype, dims, base64: Buffer.concat(parts).toString('base64') };
}

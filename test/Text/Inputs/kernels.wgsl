@group(0) @binding(1) var<storage, read_write> memory: array<u32>;
@group(0) @binding(1) var<storage, read_write> memory_atomic: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read> chunk_2: array<u32>;
@group(0) @binding(2) var<storage, read_write> status: atomic<i32>;
@group(0) @binding(3) var<storage, read> chunk_3: array<u32>;
@group(0) @binding(4) var<storage, read> chunk_4: array<u32>;

fn chunk_2_of_3(at: i32) -> u32 {
  if (at < 33554432) {
    return chunk_2[at];
  }
  if (at < 67108864) {
    return chunk_3[at - 33554432];
  }
  return chunk_4[at - 67108864];
}

fn chunk_2_of_3_vec4(at: i32) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4<u32>(
      chunk_2_of_3(at),
      chunk_2_of_3(at + 1),
      chunk_2_of_3(at + 2),
      chunk_2_of_3(at + 3)));
}

fn memory_atomic_i8(at: i32) -> i32 {
  return extractBits(bitcast<i32>(atomicLoad(&memory_atomic[at >> 2u])), u32(at & 3) * 8u, 8u);
}

fn memory_atomic_store_i8(at: i32, value: i32) {
  let shift = u32(at & 3) * 8u;
  atomicAnd(&memory_atomic[at >> 2u], ~(0xffu << shift));
  atomicOr(&memory_atomic[at >> 2u], (u32(value) & 0xffu) << shift);
}

fn memory_atomic_u16(at: i32) -> i32 {
  return i32(extractBits(atomicLoad(&memory_atomic[at >> 1u]), u32(at & 1) * 16u, 16u));
}

fn memory_store_vec4(at: i32, value: vec4<f32>) {
  memory[at] = bitcast<u32>(value.x);
  memory[at + 1] = bitcast<u32>(value.y);
  memory[at + 2] = bitcast<u32>(value.z);
  memory[at + 3] = bitcast<u32>(value.w);
}

fn memory_vec4(at: i32) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4<u32>(
      memory[at],
      memory[at + 1],
      memory[at + 2],
      memory[at + 3]));
}

// scale: out = 1.5 * picture + 1
// of 1024 elements
struct scale_params { picture_at: u32, out_at: u32 }
@group(0) @binding(0) var<uniform> scale_p: scale_params;
@compute @workgroup_size(64)
fn scale(
    @builtin(workgroup_id) workgroup_id: vec3<u32>,
    @builtin(local_invocation_index) local_index: u32) {
  let picture_at = i32(scale_p.picture_at);
  let out_at = i32(scale_p.out_at);
  let group = i32(workgroup_id.x);
  let item = i32(local_index);
  let at0 = group * 64 + item;
  let picture0 = bitcast<f32>(memory[picture_at + at0]);
  memory[out_at + at0] = bitcast<u32>(picture0 * 1.5f + 1.0f);
}

struct row_sums_params { x_at: u32, y_at: u32, N: u32 }
@group(0) @binding(0) var<uniform> row_sums_p: row_sums_params;
var<workgroup> row_sums_shared0: array<f32, 64>;
@compute @workgroup_size(64)
fn row_sums(
    @builtin(workgroup_id) workgroup_id: vec3<u32>,
    @builtin(num_workgroups) num_workgroups: vec3<u32>,
    @builtin(local_invocation_index) local_index: u32) {
  let x_at = i32(row_sums_p.x_at);
  let y_at = i32(row_sums_p.y_at);
  let N = i32(row_sums_p.N);
  let group = i32(workgroup_id.x + workgroup_id.y * num_workgroups.x);
  let item = i32(local_index);
  let is0 = group < N;
  if (is0) {
    var sum0: f32 = 0.0f;
    for (var i: i32 = item; i < 64; i += 64) {
      for (var j: i32 = 0; j < 32; j++) {
        let x0 = bitcast<f32>(memory[x_at + group * 64 + i + j]);
        sum0 += x0;
      }
    }
    row_sums_shared0[item] = sum0;
  }
  workgroupBarrier();
  if (is0 && item == 0) {
    var sum0: f32 = 0.0f;
    for (var i: i32 = 0; i < 64; i++) {
      let s0 = row_sums_shared0[i];
      sum0 += s0;
    }
    memory[y_at + group] = bitcast<u32>(sum0);
  }
}

struct gather_params { table_at: u32, indices_at: u32, y_at: u32 }
@group(0) @binding(0) var<uniform> gather_p: gather_params;
@compute @workgroup_size(256)
fn gather(
    @builtin(workgroup_id) workgroup_id: vec3<u32>,
    @builtin(num_workgroups) num_workgroups: vec3<u32>,
    @builtin(local_invocation_index) local_index: u32) {
  let table_at = i32(gather_p.table_at);
  let indices_at = i32(gather_p.indices_at);
  let y_at = i32(gather_p.y_at);
  let group = i32(workgroup_id.x + workgroup_id.y * num_workgroups.x);
  if (group >= 390625) {
    return;
  }
  let item = i32(local_index);
  let at0 = group * 256 + item;
  let indices0 = bitcast<i32>(memory[indices_at + at0]);
  var t0: f32;
  if (u32(indices0) < 40u) {
    let table0 = bitcast<f32>(chunk_3[table_at + indices0]);
    t0 = table0;
  } else {
    atomicStore(&status, 3);
    t0 = 0.0f;
  }
  memory[y_at + at0] = bitcast<u32>(t0);
}

struct dot4_params { x_at: u32, w_at: u32, y_at: u32 }
@group(0) @binding(0) var<uniform> dot4_p: dot4_params;
@compute @workgroup_size(16)
fn dot4(@builtin(local_invocation_index) local_index: u32) {
  let x_at = i32(dot4_p.x_at);
  let w_at = i32(dot4_p.w_at);
  let y_at = i32(dot4_p.y_at);
  let item = i32(local_index);
  let at0 = item * 64;
  var sum0: vec4<f32> = vec4<f32>(0.0f);
  for (var i: i32 = 0; i < 64; i += 4) {
    let x0 = memory_vec4(x_at + at0 + i);
    let w0 = chunk_2_of_3_vec4(w_at + i + 1023);
    sum0 = fma(x0, w0, sum0);
  }
  let v0 = vec4<f32>(sum0.x + sum0.y + (sum0.z + sum0.w));
  memory_store_vec4(y_at + item + 1, v0 * sum0);
}

struct quantized_params { x_at: u32, u_at: u32, y_at: u32 }
@group(0) @binding(0) var<uniform> quantized_p: quantized_params;
@compute @workgroup_size(64)
fn quantized(
    @builtin(workgroup_id) workgroup_id: vec3<u32>,
    @builtin(local_invocation_index) local_index: u32) {
  let x_at = i32(quantized_p.x_at);
  let u_at = i32(quantized_p.u_at);
  let y_at = i32(quantized_p.y_at);
  let group = i32(workgroup_id.x);
  let item = i32(local_index);
  let at0 = group * 64 + item;
  let x0 = memory_atomic_i8(x_at + at0);
  let u0 = memory_atomic_u16(u_at + at0);
  memory_atomic_store_i8(y_at + at0, max(min(x0 * u0 + 7, 127), -128));
}

fn halve(x: i32) -> i32 {
  var carry0: i32 = x;
  loop {
    if (!((carry0 & 1) == 0)) {
      break;
    }
    carry0 = i32(u32(carry0) >> 1u);
  }
  return carry0;
}

struct divide_result { r0: i32, r1: i32 }
fn divide(x: i32, y: i32) -> divide_result {
  let n0 = halve(y);
  var result0: divide_result;
  result0.r0 = i32(u32(x) / u32(n0));
  result0.r1 = i32(u32(x) % u32(n0));
  return result0;
}

struct helpers_params { x_at: u32, y_at: u32 }
@group(0) @binding(0) var<uniform> helpers_p: helpers_params;
@compute @workgroup_size(64)
fn helpers(@builtin(local_invocation_index) local_index: u32) {
  let x_at = i32(helpers_p.x_at);
  let y_at = i32(helpers_p.y_at);
  let item = i32(local_index);
  let x0 = bitcast<i32>(memory[x_at + item]);
  let r0 = divide(x0, x0 | 1);
  memory[y_at + item] = bitcast<u32>((r0.r0 + r0.r1) * 12);
}

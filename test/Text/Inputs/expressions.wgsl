@group(0) @binding(1) var<storage, read_write> memory: array<u32>;
var<private> bits_7fc00000: u32 = 0x7fc00000u;
var<private> bits_80000000: u32 = 0x80000000u;
var<private> bits_ff800000: u32 = 0xff800000u;

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

struct wrapping_params { x_at: u32, y_at: u32 }
@group(0) @binding(0) var<uniform> wrapping_p: wrapping_params;
@compute @workgroup_size(64)
fn wrapping() {
  let x_at = i32(wrapping_p.x_at);
  let y_at = i32(wrapping_p.y_at);
  let x0 = bitcast<i32>(memory[x_at]);
  let x1 = bitcast<i32>(memory[x_at + 1]);
  memory[y_at] = bitcast<u32>(x0 * x1 + -2147483648);
  memory[y_at + 1] = bitcast<u32>(x1 - -x0);
  memory[y_at + 2] = bitcast<u32>(((i32(u32(x0) / 5u) >> 5u) << u32(x1)) | x0);
  let n0 = 5;
  let n1 = 0;
  let n2 = 0;
  memory[y_at + 3] = bitcast<u32>(n0 / n1 + x0 % n2);
  let n3 = 2147483647;
  memory[y_at + 4] = bitcast<u32>(n3 + 5);
}

struct floats_params { x_at: u32, y_at: u32 }
@group(0) @binding(0) var<uniform> floats_p: floats_params;
@compute @workgroup_size(64)
fn floats(@builtin(local_invocation_index) local_index: u32) {
  let x_at = i32(floats_p.x_at);
  let y_at = i32(floats_p.y_at);
  let item = i32(local_index);
  let x0 = bitcast<f32>(memory[x_at + item]);
  memory[y_at + item] = bitcast<u32>(0x1.fffffep127f / (x0 - (0.33333334f - -x0)));
  let is0 = !(x0 == x0);
  let t0 = select(bitcast<f32>(bits_ff800000), bitcast<f32>(bits_7fc00000), is0);
  let t1 = select(bitcast<f32>(bits_80000000), t0, is0 != !(x0 <= 1e-45f));
  memory[y_at + 1] = bitcast<u32>(t1);
  let t2 = pow(abs(round(exp(x0))), 0.33333334f);
  memory[y_at + 2] = bitcast<u32>(t2);
  memory[y_at + 3] = bitcast<u32>(f32(u32(i32(t2))));
  let t3 = f32(x0 < 0.33333334f || x0 > 0.33333334f);
  memory[y_at + bitcast<i32>(x0)] = bitcast<u32>(t3);
}

// a comment\.
struct loops_params { v_float0_at: u32, fn0_at: u32, batch_size: u32 }
@group(0) @binding(0) var<uniform> loops_p: loops_params;
@compute @workgroup_size(64)
fn loops() {
  let v_float0_at = i32(loops_p.v_float0_at);
  let fn0_at = i32(loops_p.fn0_at);
  let batch_size = i32(loops_p.batch_size);
  var a0: array<f32, 8>;
  var carry0: f32 = 0.0f;
  var sum0: f32 = 1.0f;
  for (var i: i32 = 0; i < batch_size; i++) {
    let t0 = carry0 + sum0;
    a0[i] = t0;
    carry0 = sum0;
    sum0 = t0;
  }
  for (var i: i32 = 1; i < min(batch_size, 8); i++) {
    let e0 = a0[i];
    carry0 = select(carry0, e0, e0 > carry0);
  }
  var carry1: i32 = 0;
  var carry2: f32;
  var carry3: i32;
  loop {
    let at0 = carry1 + 1;
    let go0 = at0 < 8;
    carry2 = carry0 * sum0;
    carry3 = at0;
    if (!go0) {
      break;
    }
    let v_float0_0 = bitcast<f32>(memory[v_float0_at + carry3]);
    carry0 = carry2 + v_float0_0;
    carry1 = carry3;
  }
  memory[fn0_at + carry3] = bitcast<u32>(carry2);
}

struct vectors_params { x_at: u32, y_at: u32 }
@group(0) @binding(0) var<uniform> vectors_p: vectors_params;
var<workgroup> vectors_shared0: array<f32, 64>;
@compute @workgroup_size(16)
fn vectors(@builtin(local_invocation_index) local_index: u32) {
  let x_at = i32(vectors_p.x_at);
  let y_at = i32(vectors_p.y_at);
  let item = i32(local_index);
  let at0 = item * 4;
  let x0 = memory_vec4(x_at + at0);
  vectors_shared0[at0] = x0.x;
  vectors_shared0[at0 + 1] = x0.y;
  vectors_shared0[at0 + 2] = x0.z;
  vectors_shared0[at0 + 3] = x0.w;
  workgroupBarrier();
  let s0 = vec4<f32>(vectors_shared0[item],
      vectors_shared0[item + 1],
      vectors_shared0[item + 2],
      vectors_shared0[item + 3]);
  let v0 = select(vec4<f32>(1.0f, 2.0f, -3.0f, 4.5f), s0, s0 > vec4<f32>(0.0f));
  var v1: vec4<f32> = x0;
  v1.x = v0.z;
  memory_store_vec4(y_at + at0, v1 + vec4<f32>(v0.z, v0.z, v0.z, v0.z));
}

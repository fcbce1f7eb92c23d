/*===- sha256.c - SHA-256 as in FIPS 180-4 --------------------------------===*/
#include "sha256.h"

#include <string.h>

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void add_block(uint32_t *state, const uint8_t *block) {
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; ++i, block += 4)
    w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
           (uint32_t)block[2] << 8 | block[3];
  for (int i = 16; i < 64; ++i) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] +
           (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
  }
  /* The eight words move down by one each round; instead of moving them, rounds
   * count down where the first one is. */
  memcpy(s, state, sizeof s);
#define S(n) s[((n) - i) & 7]
#pragma GCC unroll 8
  for (int i = 0; i < 64; ++i) {
    uint32_t e = S(4), a = S(0);
    uint32_t one = S(7) + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
                   ((e & S(5)) ^ (~e & S(6))) + constants[i] + w[i];
    S(3) += one;
    S(7) = one + (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
           ((a & S(1)) ^ (a & S(2)) ^ (S(1) & S(2)));
  }
#undef S
  for (int i = 0; i < 8; ++i)
    state[i] += s[i];
}

void nacre_sha256_begin(nacre_sha256 *h) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                    0xa54ff53a, 0x510e527f, 0x9b05688c,
                                    0x1f83d9ab, 0x5be0cd19};
  memcpy(h->state, start, sizeof start);
  h->bytes = 0;
}

void nacre_sha256_add(nacre_sha256 *h, const void *bytes, uint64_t size) {
  const uint8_t *from = bytes;
  uint64_t have = h->bytes % 64;
  h->bytes += size;
  if (have && have + size >= 64) {
    memcpy(h->block + have, from, 64 - have);
    add_block(h->state, h->block);
    from += 64 - have;
    size -= 64 - have;
    have = 0;
  }
  for (; have + size >= 64; from += 64, size -= 64)
    add_block(h->state, from);
  if (size)
    memcpy(h->block + have, from, size);
}

nacre_sha256_text nacre_sha256_end(nacre_sha256 *h) {
  uint64_t bits = h->bytes * 8;
  static const uint8_t padding[64] = {0x80};
  uint8_t length[8];
  for (int i = 0; i < 8; ++i)
    length[i] = (uint8_t)(bits >> (56 - 8 * i));
  nacre_sha256_add(h, padding, 1 + (119 - h->bytes % 64) % 64);
  nacre_sha256_add(h, length, sizeof length);
  nacre_sha256_text result;
  for (int i = 0; i < 64; ++i)
    result.text[i] =
        "0123456789abcdef"[h->state[i / 8] >> (28 - i % 8 * 4) & 15];
  result.text[64] = 0;
  return result;
}

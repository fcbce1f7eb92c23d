/* SHA-256, FIPS 180-4. */
#ifndef NACRE_SHA256_H
#define NACRE_SHA256_H

#include "failure.h"

typedef struct nacre_sha256 {
  uint32_t state[8];
  uint64_t bytes;
  uint8_t block[64]; /* the bytes % 64 last ones */
} nacre_sha256;

typedef struct nacre_sha256_text {
  char text[65]; /* lower-case hexadecimal */
} nacre_sha256_text;

NACRE_PRIVATE void nacre_sha256_begin(nacre_sha256 *h);
NACRE_PRIVATE void nacre_sha256_add(nacre_sha256 *h, const void *bytes,
                                    uint64_t size);
/* Ends the hash; `h` is used up. */
NACRE_PRIVATE nacre_sha256_text nacre_sha256_end(nacre_sha256 *h);

#endif

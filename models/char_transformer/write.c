/* write.c - goes on with a text, character by character.
 *
 *   write [TEXT [COUNT [TEMPERATURE [SEED]]]]
 *
 * prints TEXT and COUNT characters that the compiled model draws after it. A temperature below 1 prefers what is
 * likely, 0 takes nothing else. */
#include "char_transformer.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 64, VOCABULARY = 128 };

/* A number in [0, 1): xorshift64*, Vigna 2016. */
static double draw(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (double)(*state * 0x2545F4914F6CDD1Du >> 11) / 9007199254740992.0;
}

/* A character by the scores, which are logarithms of what is to be proportional to probability. */
static int choose(const float *scores, double temperature, uint64_t *state) {
  double weights[VOCABULARY], sum = 0;
  int best = 0;
  for (int c = 1; c < VOCABULARY; ++c)
    best = scores[c] > scores[best] ? c : best;
  if (temperature <= 0)
    return best;
  for (int c = 0; c < VOCABULARY; ++c)
    sum += weights[c] = exp((scores[c] - scores[best]) / temperature);
  double left = draw(state) * sum;
  for (int c = 0; c < VOCABULARY; ++c)
    if ((left -= weights[c]) < 0)
      return c;
  return best;
}

int main(int argc, char **argv) {
  const char *text = argc > 1 && argv[1][0] ? argv[1] : "And ";
  const long count = argc > 2 ? atol(argv[2]) : 400;
  const double temperature = argc > 3 ? atof(argv[3]) : 0.7;
  uint64_t state = 0x9E3779B97F4A7C15u * (argc > 4 ? strtoull(argv[4], NULL, 10) * 2 + 1 : 1);

  static _Alignas(NACRE_ALIGNMENT) char arena[char_transformer_ARENA_BYTES];
  static float scores[CONTEXT][VOCABULARY];
  int64_t tokens[CONTEXT] = {0};
  const char_transformer_inputs in = {.tokens = tokens};
  const char_transformer_outputs out = {.output = &scores[0][0]};

  int length = 0;
  const long given = (long)strlen(text);
  for (long i = 0; i < given + count; ++i) {
    int next = i < given ? (unsigned char)text[i] & 127 : 0;
    if (i >= given) {
      /* What lies behind the text so far does not matter: no score depends on a character after it. */
      const int32_t status = char_transformer_run(&in, &out, arena, NULL);
      if (status != NACRE_OK) {
        fprintf(stderr, "write: status %d\n", (int)status);
        return 1;
      }
      next = choose(scores[length - 1], temperature, &state);
    }
    /* The model sees the last characters. */
    if (length == CONTEXT)
      memmove(tokens, tokens + 1, --length * sizeof *tokens);
    tokens[length++] = next;
    putchar(next);
  }
  putchar('\n');
  return 0;
}

/*===- face_demo.c - find faces with a compiled BlazeFace
 * --------------------===
 *
 *   face_demo PICTURE.png MARKED.png [THRESHOLD]
 *
 * Reads a PNG, runs the network that `nacre compile blazeface.onnx` turned into
 * blazeface.o, prints one line a face and writes the picture with the faces
 * marked. README.md has the commands.
 *
 * The network looks at 128x128 pixels and answers for 896 anchors: two on each
 * cell of a 16x16 grid, six on each cell of an 8x8 grid. An anchor's answer is
 * a score (a logit) and 16 numbers, in pixels of the 128x128 picture: the box
 * centre relative to the cell's centre, the box size, and six points relative
 * to the cell's centre (eyes, nose, mouth, ears). This is the decoding of
 * Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on
 * Mobile GPUs" (2019), and of MediaPipe, with their blending in place of plain
 * suppression: boxes that overlap are averaged, weighted by their scores.
 *===-----------------------------------------------------------------------===*/
#include "blazeface.h"

#include <math.h>
#include <png.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SIDE = 128,   /* of the network's picture, in pixels */
  CHANNELS = 3, /* red, green, blue */
  POINTS = 6,   /* eyes, nose, mouth, ears */
  NUMBERS = 4 + 2 * POINTS,
  GRIDS = 2,
  OUTPUTS = 2 * GRIDS,
  ANCHORS = 16 * 16 * 2 + 8 * 8 * 6
};

/* The anchors of one pair of outputs: cells x cells x per_cell. */
typedef struct {
  int cells, per_cell;
} anchor_grid;

static const anchor_grid grids[GRIDS] = {{16, 2}, {8, 6}};

static const float overlap_limit =
    0.3f; /* MediaPipe's min_suppression_threshold */

typedef struct {
  int width, height;
  png_bytep rgb; /* height x width x CHANNELS */
} picture;

/* In pixels of the picture, but for the score, a probability. */
typedef struct {
  float score;
  float x, y, width, height; /* of the box: centre and size */
  float points[POINTS][2];
} face;

/* Where the picture lies inside the network's square. */
typedef struct {
  float scale;     /* network pixels per picture pixel */
  float left, top; /* margins, in network pixels */
} letterbox;

static _Noreturn void fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("face_demo: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(1);
}

/* Like malloc, aligned as the ABI wants it; never returns NULL. */
static void *allocate(uint64_t bytes) {
  uint64_t rounded =
      (bytes + NACRE_ALIGNMENT - 1) / NACRE_ALIGNMENT * NACRE_ALIGNMENT;
  void *memory =
      aligned_alloc(NACRE_ALIGNMENT, rounded ? rounded : NACRE_ALIGNMENT);
  if (!memory)
    fail("out of memory: %llu bytes", (unsigned long long)bytes);
  return memory;
}

/*===- Pictures -----------------------------------------------------------===*/

static picture read_png(const char *path) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  if (!png_image_begin_read_from_file(&image, path))
    fail("%s: %s", path, image.message);
  image.format = PNG_FORMAT_RGB;
  picture result = {(int)image.width, (int)image.height,
                    allocate(PNG_IMAGE_SIZE(image))};
  png_color white = {255, 255, 255}; /* under what is transparent */
  if (!png_image_finish_read(&image, &white, result.rgb, 0, NULL))
    fail("%s: %s", path, image.message);
  return result;
}

static png_bytep pixel(const picture *p, int x, int y) {
  return p->rgb + ((ptrdiff_t)y * p->width + x) * CHANNELS;
}

static void write_png(const char *path, const picture *p) {
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)p->width,
                     .height = (png_uint_32)p->height,
                     .format = PNG_FORMAT_RGB};
  if (!png_image_write_to_file(&image, path, 0, p->rgb, 0, NULL))
    fail("%s: %s", path, image.message);
}

/* Fills [left, right) x [top, bottom), as far as it lies in the picture. */
static void fill(picture *p, int left, int top, int right, int bottom) {
  static const png_byte green[CHANNELS] = {0, 255, 0};
  for (int y = top < 0 ? 0 : top; y < bottom && y < p->height; ++y)
    for (int x = left < 0 ? 0 : left; x < right && x < p->width; ++x)
      memcpy(pixel(p, x, y), green, CHANNELS);
}

static void mark(picture *p, const face *f) {
  int pen = 1 + (p->width > p->height ? p->width : p->height) / 256;
  int left = (int)lroundf(f->x - f->width / 2),
      right = (int)lroundf(f->x + f->width / 2);
  int top = (int)lroundf(f->y - f->height / 2),
      bottom = (int)lroundf(f->y + f->height / 2);
  fill(p, left, top, right, top + pen);
  fill(p, left, bottom - pen, right, bottom);
  fill(p, left, top, left + pen, bottom);
  fill(p, right - pen, top, right, bottom);
  for (int i = 0; i < POINTS; ++i) {
    int x = (int)lroundf(f->points[i][0]), y = (int)lroundf(f->points[i][1]);
    fill(p, x - pen, y - pen, x + pen, y + pen);
  }
}

/*===- What the network reads ---------------------------------------------===*/

/* The grey value at (x, y), interpolated; positions are of pixel centres. */
static float sample(const picture *p, float x, float y, int channel) {
  x = fminf(fmaxf(x, 0), (float)(p->width - 1));
  y = fminf(fmaxf(y, 0), (float)(p->height - 1));
  int x0 = (int)x, y0 = (int)y;
  int x1 = x0 + 1 < p->width ? x0 + 1 : x0,
      y1 = y0 + 1 < p->height ? y0 + 1 : y0;
  float fx = x - (float)x0, fy = y - (float)y0;
  float above =
      pixel(p, x0, y0)[channel] * (1 - fx) + pixel(p, x1, y0)[channel] * fx;
  float below =
      pixel(p, x0, y1)[channel] * (1 - fx) + pixel(p, x1, y1)[channel] * fx;
  return above * (1 - fy) + below * fy;
}

/* Scales the picture into the square, centred, in [-1,1]; margins are black. */
static letterbox prepare(const picture *p, float *square) {
  letterbox box;
  box.scale =
      (float)SIDE / (float)(p->width > p->height ? p->width : p->height);
  box.left = ((float)SIDE - (float)p->width * box.scale) / 2;
  box.top = ((float)SIDE - (float)p->height * box.scale) / 2;
  for (int y = 0; y < SIDE; ++y)
    for (int x = 0; x < SIDE; ++x) {
      float at_x =
          ((float)x + 0.5f - box.left) / box.scale; /* picture, edges */
      float at_y = ((float)y + 0.5f - box.top) / box.scale;
      bool inside = at_x >= 0 && at_x < (float)p->width && at_y >= 0 &&
                    at_y < (float)p->height;
      for (int c = 0; c < CHANNELS; ++c)
        *square++ =
            inside ? sample(p, at_x - 0.5f, at_y - 0.5f, c) / 127.5f - 1 : -1;
    }
  return box;
}

/*===- What the network says ----------------------------------------------===*/

static bool is_f32(const nacre_tensor *t, int64_t rank, const int64_t *shape) {
  return strcmp(t->dtype, "f32") == 0 && t->rank == rank &&
         memcmp(t->shape, shape, (size_t)rank * sizeof *shape) == 0;
}

/* The position of the output [1, anchors of the grid, last]. The names differ
 * from one conversion of the network to the next; the shapes do not. */
static int find_output(const nacre_model *model, const anchor_grid *grid,
                       int last) {
  int64_t anchors = (int64_t)grid->cells * grid->cells * grid->per_cell;
  for (int i = 0; i < (int)model->output_count; ++i)
    if (is_f32(&model->outputs[i], 3, (int64_t[]){1, anchors, last}))
      return i;
  fail("the network has no output f32[1,%lld,%d]", (long long)anchors, last);
}

/* Runs the network; what outputs[] then point to is the caller's to free. */
static void run(const nacre_model *model, const float *square,
                void *outputs[]) {
  if (model->abi_version != NACRE_ABI_VERSION)
    fail("blazeface.o is of ABI version %llu, this program of %u",
         (unsigned long long)model->abi_version, NACRE_ABI_VERSION);
  if (model->input_count != 1 || model->output_count != OUTPUTS ||
      model->dim_count != 0)
    fail("the network must have one input, %d outputs and no open dimensions",
         OUTPUTS);
  if (!is_f32(&model->inputs[0], 4, (int64_t[]){1, SIDE, SIDE, CHANNELS}))
    fail("the network's input must be f32[1,%d,%d,%d]", SIDE, SIDE, CHANNELS);

  const void *inputs[] = {square};
  for (int i = 0; i < OUTPUTS; ++i)
    outputs[i] = allocate(model->outputs[i].bytes);
  void *arena = allocate(model->arena_bytes);
  int32_t status = model->run(inputs, outputs, arena, NULL, NULL, NULL);
  free(arena);
  if (status != NACRE_OK)
    fail("the network failed with status %d", (int)status);
}

static float sigmoid(float x) { return 1 / (1 + expf(-x)); }

/* Appends the faces of one grid that reach the threshold, in picture pixels. */
static int decode(const anchor_grid *grid, const float *scores,
                  const float *numbers, const letterbox *box, float threshold,
                  face *faces, int count) {
  for (int anchor = 0; anchor < grid->cells * grid->cells * grid->per_cell;
       ++anchor) {
    float score = sigmoid(scores[anchor]);
    if (!(score >= threshold))
      continue;
    int cell = anchor / grid->per_cell;
    float step = (float)SIDE / (float)grid->cells;
    float x = ((float)(cell % grid->cells) + 0.5f) * step - box->left;
    float y = ((float)(cell / grid->cells) + 0.5f) * step - box->top;
    const float *n = numbers + (size_t)anchor * NUMBERS;
    face f = {score,
              (x + n[0]) / box->scale,
              (y + n[1]) / box->scale,
              n[2] / box->scale,
              n[3] / box->scale,
              {{0}}};
    for (int i = 0; i < POINTS; ++i) {
      f.points[i][0] = (x + n[4 + 2 * i]) / box->scale;
      f.points[i][1] = (y + n[5 + 2 * i]) / box->scale;
    }
    faces[count++] = f;
  }
  return count;
}

/* Intersection over union. */
static float overlap(const face *a, const face *b) {
  float width = fminf(a->x + a->width / 2, b->x + b->width / 2) -
                fmaxf(a->x - a->width / 2, b->x - b->width / 2);
  float height = fminf(a->y + a->height / 2, b->y + b->height / 2) -
                 fmaxf(a->y - a->height / 2, b->y - b->height / 2);
  if (width <= 0 || height <= 0)
    return 0;
  float both = width * height;
  return both / (a->width * a->height + b->width * b->height - both);
}

static int by_falling_score(const void *a, const void *b) {
  float left = ((const face *)a)->score, right = ((const face *)b)->score;
  return (left < right) - (left > right);
}

/* sum += weight * f, in everything but the score. */
static void add(face *sum, const face *f, float weight) {
  sum->x += weight * f->x;
  sum->y += weight * f->y;
  sum->width += weight * f->width;
  sum->height += weight * f->height;
  for (int i = 0; i < POINTS; ++i) {
    sum->points[i][0] += weight * f->points[i][0];
    sum->points[i][1] += weight * f->points[i][1];
  }
}

/* Non-maximum suppression: the best face takes in all that overlap it, and so
 * on with the rest. Returns how many are left, best first. */
static int suppress(face *faces, int count) {
  qsort(faces, (size_t)count, sizeof *faces, by_falling_score);
  int kept = 0;
  while (count > kept) {
    face best = faces[kept], blend = {.score = best.score};
    float total = 0;
    int rest = kept + 1;
    for (int i = kept; i < count; ++i)
      if (i == kept || overlap(&best, &faces[i]) > overlap_limit)
        total += faces[i].score;
    for (int i = kept; i < count; ++i) {
      if (i == kept || overlap(&best, &faces[i]) > overlap_limit)
        add(&blend, &faces[i], faces[i].score / total);
      else
        faces[rest++] = faces[i];
    }
    faces[kept++] = blend;
    count = rest;
  }
  return kept;
}

int main(int argc, char **argv) {
  char *end = "";
  float threshold = argc == 4 ? strtof(argv[3], &end) : 0.5f;
  if (argc < 3 || argc > 4 || *end || !(threshold >= 0 && threshold <= 1)) {
    fputs("usage: face_demo PICTURE.png MARKED.png [THRESHOLD from 0 to 1, "
          "default 0.5]\n",
          stderr);
    return 2;
  }

  picture photo = read_png(argv[1]);
  float *square = allocate(sizeof(float) * SIDE * SIDE * CHANNELS);
  letterbox box = prepare(&photo, square);

  const nacre_model *model = &blazeface_model;
  void *outputs[OUTPUTS];
  run(model, square, outputs);

  static face faces[ANCHORS];
  int count = 0;
  for (int g = 0; g < GRIDS; ++g)
    count = decode(&grids[g], outputs[find_output(model, &grids[g], 1)],
                   outputs[find_output(model, &grids[g], NUMBERS)], &box,
                   threshold, faces, count);
  count = suppress(faces, count);

  for (int i = 0; i < count; ++i) {
    const face *f = &faces[i];
    printf("face %d: score %.3f, box %.0f,%.0f to %.0f,%.0f\n", i + 1, f->score,
           f->x - f->width / 2, f->y - f->height / 2, f->x + f->width / 2,
           f->y + f->height / 2);
    mark(&photo, f);
  }
  printf("%d face%s in %s (%dx%d)\n", count, count == 1 ? "" : "s", argv[1],
         photo.width, photo.height);
  write_png(argv[2], &photo);

  for (int i = 0; i < OUTPUTS; ++i)
    free(outputs[i]);
  free(square);
  free(photo.rgb);
  return 0;
}

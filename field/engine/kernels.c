// The arithmetic of the engine: int8 layers over pictures laid out row by row, channels last, in WASM.
//
// Promises the bytes of XNNPACK on x86 (google/XNNPACK: qs8 micro-kernels, "fp32" requantisation). Every address and
// every size comes from operators.ts or convolution.ts, which have checked it; nothing is checked here. Whatever an
// address leads to is followed by spare bytes (step.ts). No libc, no allocation. Built three times: see lanes.h.

#include "lanes.h"

#define EXPORT(name) __attribute__((export_name(#name)))

// How a window moves over a picture, and what becomes of its sums. Written by convolution.ts: keep the order.
typedef struct {
  int32_t height, width, channels;          // of the input
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t top, left;                        // padding; below and to the right it follows from the output's size
  int32_t out_height, out_width, filters;   // of the output
  int32_t zero_in, zero_out;                // zero points
  int32_t padded_width;                     // of a row in which every window that is computed lies as a whole
  float lowest, highest;                    // limits of the output, less its zero point
  int32_t unused[3];                        // blocks follow at a multiple of 16
} Window;

// Eight output channels are packed together: this head, then their weights.
typedef struct {
  Int4 bias[2];      // bias - zero_in * (sum of the weights)
  Float4 scale[2];   // (scale of input * scale of weights) / scale of output
  Int4 weights[];    // by groups of inputs: one vector holds a group for each of four channels, the next for the others
} Block;

// A window with its blocks behind it.
typedef Window Layer;

ALWAYS_INLINE const Block *blocks_of(const Layer *layer) { return (const Block *)(layer + 1); }

// 1.5 * 2^23: a float32 of this size has no fraction, and its last bits count in ones.
#define MAGIC 12582912.0f
#define MAGIC_BITS 0x4B400000

// Sum to output value: float product, limits, nearest integer with ties to even, zero point. The limits are whole
// numbers, so it does not matter that they come before the rounding. Adding MAGIC rounds, and leaves the integer in the
// last bits, which is cheaper than rounding and converting.
// Source: XNNPACK src/qs8-gemm, requantisation "fp32" (its "magic" form for WASM).
ALWAYS_INLINE Int4 requantise(Int4 sums, Float4 scale, const Window *window) {
  Float4 value = limit(__builtin_convertvector(sums, Float4) * scale, window->lowest, window->highest);
  return (Int4)(value + MAGIC) - (MAGIC_BITS - window->zero_out);
}

// Stores the first `count` of eight channels.
ALWAYS_INLINE void store_channels(int8_t *y, Int4 low, Int4 high, const Block *block, const Window *w, int count) {
  Int8x8 bytes = narrow(requantise(low, block->scale[0], w), requantise(high, block->scale[1], w));
  if (count >= 8) {
    *(Int8x8 *)y = bytes;
  } else {
    for (int i = 0; i < count; i++) y[i] = bytes[i];
  }
}

// ---- weights ----

// Writes the blocks of a layer whose window is written, into memory that is 0. Depthwise weights lie tap by tap, others
// filter by filter. Says whether XNNPACK would take them: zero points (int64) are 0, factors of sums between 0 and 256.
// Source of their order: XNNPACK src/operators/convolution-nhwc.c: (input * weights) / output, each step a float.
EXPORT(pack)
int pack(Layer *layer, int is_depthwise, const int8_t *weights, const int32_t *biases, const float *scales,
         const int32_t *zero_points, float scale_in, float scale_out) {
  int depth = layer->kernel_height * layer->kernel_width * (is_depthwise ? 1 : layer->channels), is_sound = 1;
  int step = is_depthwise ? GROUP : 2 * GROUP, groups = (depth + step - 1) / step * step / GROUP;
  for (int n = 0; n < layer->filters; n++) {
    Block *block = (Block *)((int8_t *)(layer + 1) + n / 8 * (sizeof(Block) + groups * 2 * sizeof(Int4)));
    Operand *operands = (Operand *)block->weights + n % 8 * GROUP;
    int sum = 0;
    for (int k = 0; k < depth; k++) {
      int8_t weight = weights[is_depthwise ? k * layer->filters + n : n * depth + k];
      operands[k / GROUP * 8 * GROUP + k % GROUP] = weight;
      sum += weight;
    }
    float scale = scale_in * scales[n] / scale_out;
    is_sound &= scale > 0 && scale < 256 && !zero_points[2 * n] && !zero_points[2 * n + 1];
    ((int32_t *)block->bias)[n % 8] = biases[n] - layer->zero_in * sum;
    ((float *)block->scale)[n % 8] = scale;
  }
  return is_sound;
}

// ---- convolutions ----

#define PIXELS 4

static Operand *fill(Operand *to, int count, int value) {
  for (int i = 0; i < count; i++) to[i] = value;
  return to + count;
}

// Lays the inputs of one output pixel side by side; outside the picture stands the zero point.
static void gather(const Window *w, const int8_t *x, int out_y, int out_x, Operand *row) {
  int x_0 = out_x * w->stride_width - w->left, from = 0, to = w->kernel_width;
  if (x_0 < 0) from = -x_0 < to ? -x_0 : to;
  if (x_0 + to > w->width) to = w->width - x_0 > from ? w->width - x_0 : from;
  for (int k = 0; k < w->kernel_height; k++) {
    int y = out_y * w->stride_height - w->top + k;
    if (y < 0 || y >= w->height) {
      row = fill(row, w->kernel_width * w->channels, w->zero_in);
    } else {
      row = fill(row, from * w->channels, w->zero_in);
      row = take(row, x + (y * w->width + x_0 + from) * w->channels, (to - from) * w->channels);
      row = fill(row, (w->kernel_width - to) * w->channels, w->zero_in);
    }
  }
}

// Four pixels times all filters, two groups at a time. What is missing of the last two has weights of 0, so what lies
// there is no matter.
static void multiply(const Window *w, const Operand *const *rows, int depth, const Block *block, int8_t *y,
                     int pixels) {
  const Operand *row[PIXELS];
  for (int i = 0; i < PIXELS; i++) row[i] = rows[i];
  for (int n = 0; n < w->filters; n += 8) {
    Int4 low[PIXELS], high[PIXELS];
    for (int i = 0; i < PIXELS; i++) low[i] = block->bias[0], high[i] = block->bias[1];
    const Int4 *weights = block->weights;
    for (int k = 0; k < depth; k += 2 * GROUP, weights += 4) {
#pragma unroll
      for (int g = 0; g < 2; g++) {
#pragma unroll
        for (int i = 0; i < PIXELS; i++) {
          Int4 group = splat_group(row[i] + k + g * GROUP);
          low[i] = add_products(low[i], weights[2 * g], group);
          high[i] = add_products(high[i], weights[2 * g + 1], group);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
      if (i < pixels) store_channels(y + i * w->filters + n, low[i], high[i], block, w, w->filters - n);
    }
    block = (const Block *)weights;
  }
}

// One row of a convolution of any kernel. gathered: room for the inputs of four pixels.
static void convolve_row(const Layer *w, const int8_t *x, int out_y, int8_t *y, Operand *gathered) {
  int depth = w->kernel_height * w->kernel_width * w->channels;
  int full_depth = (depth + 2 * GROUP - 1) / (2 * GROUP) * (2 * GROUP);
  int is_pointwise = w->kernel_height * w->kernel_width * w->stride_width * w->stride_height == 1 &&
                     w->height * w->width == w->out_height * w->out_width;
  for (int out_x = 0; out_x < w->out_width; out_x += PIXELS) {
    int pixels = w->out_width - out_x < PIXELS ? w->out_width - out_x : PIXELS;
    const Operand *rows[PIXELS] = {gathered, gathered, gathered, gathered};
    if (is_pointwise) {
      const int8_t *from = x + (out_y * w->width + out_x) * depth;
#if GROUP == 4
      for (int i = 0; i < PIXELS; i++) rows[i] = from + (i < pixels ? i * depth : 0);
#else
      take(gathered, from, pixels * depth);
      for (int i = 0; i < PIXELS; i++) rows[i] = gathered + i * depth;
#endif
    } else {
      for (int i = 0; i < PIXELS; i++) rows[i] = gathered + i * full_depth;
      for (int i = 0; i < pixels; i++) gather(w, x, out_y, out_x + i, gathered + i * full_depth);
    }
    multiply(w, rows, depth, blocks_of(w), y + out_x * w->filters, pixels);
  }
}

// CONV_2D. What is pointwise comes as a picture of one row, so that four pixels always fit.
EXPORT(convolve)
void convolve(const Layer *w, const int8_t *x, int8_t *y, Operand *gathered) {
  for (int out_y = 0; out_y < w->out_height; out_y++, y += w->out_width * w->filters) {
    convolve_row(w, x, out_y, y, gathered);
  }
}

// ---- depthwise convolutions ----

#define MOST_TAPS 52  // 49, in full groups

// One row, two pixels at a time. taps: where each tap of the first output pixel lies, in rows with their padding. The
// groups stay a loop: unrolled, there are more values than a processor has registers.
static void sum_taps(const Layer *w, const int8_t **taps, int8_t *y) {
  const Block *block = blocks_of(w);
  int channels = w->channels, out_width = w->out_width, step = w->stride_width * channels;
  int count = w->kernel_height * w->kernel_width, groups = (count + GROUP - 1) / GROUP;
  for (int i = count; i < groups * GROUP; i++) taps[i] = taps[0];  // their weights are 0
  for (int c = 0; c < channels; c += 8) {
    for (int out_x = 0; out_x < out_width; out_x += 2) {
      int at = out_x * step + c;
      Int4 low[2], high[2];
      for (int i = 0; i < 2; i++) low[i] = block->bias[0], high[i] = block->bias[1];
#pragma clang loop unroll(disable)
      for (int g = 0; g < groups; g++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          Int4 first, second;
          group_taps(taps + g * GROUP, at + i * step, &first, &second);
          low[i] = add_products(low[i], block->weights[2 * g], first);
          high[i] = add_products(high[i], block->weights[2 * g + 1], second);
        }
      }
      int8_t *out = y + out_x * channels + c;
#pragma unroll
      for (int i = 0; i < 2; i++) {
        if (out_x + i < out_width) store_channels(out + i * channels, low[i], high[i], block, w, 8);
      }
    }
    block = (const Block *)(block->weights + 2 * groups);
  }
}

// DEPTHWISE_CONV_2D, channels a multiple of 8, in one go with the convolution before it and the pointwise one after it,
// where there are such: of what lies between them only a few rows exist. `before` and `after` may be 0.
//
// ring: room for kernel_height + 1 rows with padding, the last of which stays blank; line: for one output row;
// gathered: as in `convolve`, for both.
EXPORT(convolve_depthwise)
void convolve_depthwise(const Layer *before, const Layer *w, const Layer *after, const int8_t *x, int8_t *y,
                        int8_t *ring, int8_t *line, Operand *gathered) {
  int row_bytes = w->padded_width * w->channels, next = 0;
  const int8_t *taps[MOST_TAPS];
  __builtin_memset(ring, w->zero_in, (w->kernel_height + 1) * row_bytes);
  for (int out_y = 0; out_y < w->out_height; out_y++) {
    int y_0 = out_y * w->stride_height - w->top;
    if (next < y_0) next = y_0;
    for (; next < y_0 + w->kernel_height && next < w->height; next++) {
      int8_t *row = ring + next % w->kernel_height * row_bytes + w->left * w->channels;
      if (before) convolve_row(before, x, next, row, gathered);
      else __builtin_memcpy(row, x + next * w->width * w->channels, w->width * w->channels);
    }
    for (int j = 0; j < w->kernel_height; j++) {
      int in_y = y_0 + j;
      int slot = in_y >= 0 && in_y < w->height ? in_y % w->kernel_height : w->kernel_height;
      for (int i = 0; i < w->kernel_width; i++) {
        taps[j * w->kernel_width + i] = ring + slot * row_bytes + i * w->channels;
      }
    }
    int8_t *out = after ? line : y;
    sum_taps(w, taps, out);
    if (after) convolve_row(after, line, 0, y, gathered);
    y += w->out_width * (after ? after->filters : w->channels);
  }
}

// ---- the others ----

// ADD: 20-bit multipliers, the sum rounded half up (the half lies in `bias`), limits.
// Source: XNNPACK src/qs8-vadd, src/microparams-init.c. Clang makes SIMD of this loop.
EXPORT(add)
void add(const int8_t *a, const int8_t *b, int8_t *restrict y, int count, int a_multiplier, int b_multiplier, int bias,
         int shift, int zero_out, int lowest, int highest) {
  for (int i = 0; i < count; i++) {
    int value = ((bias + a[i] * a_multiplier + b[i] * b_multiplier) >> shift) + zero_out;
    value = value < lowest ? lowest : value;
    y[i] = value > highest ? highest : value;
  }
}

// Where an output row or column lies between two of the input: their numbers, and how far it is to the second, of 2048.
typedef struct {
  int32_t before, after, share;
} Between;

// RESIZE_BILINEAR: first along the rows, then down the columns, each with 11 bits; one rounding half up at the end.
// Source: XNNPACK src/s8-ibilinear.
EXPORT(resize)
void resize(const int8_t *x, int8_t *restrict y, int width, int channels, int out_height, int out_width,
            const Between *rows, const Between *columns) {
  for (int out_y = 0; out_y < out_height; out_y++) {
    const int8_t *above = x + rows[out_y].before * width * channels, *below = x + rows[out_y].after * width * channels;
    int down = rows[out_y].share;
    for (int out_x = 0; out_x < out_width; out_x++, y += channels) {
      int before = columns[out_x].before * channels, after = columns[out_x].after * channels;
      int right = columns[out_x].share;
      for (int c = 0; c < channels; c++) {
        int top = above[before + c] * 2048 + (above[after + c] - above[before + c]) * right;
        int bottom = below[before + c] * 2048 + (below[after + c] - below[before + c]) * right;
        y[c] = (top * 2048 + (bottom - top) * down + (1 << 21)) >> 22;
      }
    }
  }
}

// LOGISTIC: each of 256 inputs has its output in a table.
EXPORT(look_up)
void look_up(const uint8_t *x, uint8_t *restrict y, int count, const uint8_t *table) {
  for (int i = 0; i < count; i++) y[i] = table[x[i]];
}

// QUANTIZE between uint8 and int8 whose zero points lie 128 apart: the highest bit changes. May be done in place.
EXPORT(flip)
void flip(const int8_t *x, int8_t *y, int count) {
  for (int i = 0; i < count; i += 16) *(Int8x16 *)(y + i) = *(const Int8x16 *)(x + i) ^ -128;
}

// The arithmetic of the engine: int8 layers over pictures laid out row by row, channels last, in WASM with SIMD.
//
// Promises the bytes of XNNPACK on x86 (google/XNNPACK: qs8 micro-kernels, "fp32" requantisation). Every address and
// every size comes from operators.ts, which has checked them; nothing is checked here. A tensor is followed by at
// least 16 spare bytes. No libc, no allocation. Built by `make engine`.

#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

// How a window moves over a picture, and what becomes of its sums. Written by operators.ts: keep the order.
typedef struct {
  int32_t height, width, channels;          // of the input
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t top, left;                        // padding; below and to the right it follows from the output's size
  int32_t out_height, out_width, filters;   // of the output
  int32_t zero_in, zero_out;                // zero points
  float lowest, highest;                    // limits of the output, less its zero point
} Window;

// Eight output channels are packed together: this head, then their weights.
typedef struct {
  v128_t bias[2];    // int32: bias - zero_in * (sum of the weights)
  v128_t scale[2];   // float32: (scale of input * scale of weights) / scale of output
  v128_t weights[];
} Block;

// 1.5 * 2^23: a float32 of this size has no fraction, and its last bits count in ones.
#define MAGIC 12582912.0f
#define MAGIC_BITS 0x4B400000

// Sum to output value: float product, limits, nearest integer with ties to even, zero point. The limits are whole
// numbers, so it does not matter that they come before the rounding. Adding MAGIC rounds, and leaves the integer in the
// last bits, which is cheaper than rounding and converting.
// Source: XNNPACK src/qs8-gemm, requantisation "fp32" (its "magic" form for WASM).
ALWAYS_INLINE v128_t requantise(v128_t sum, v128_t scale, const Window *window) {
  v128_t value = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), scale);
  value = wasm_f32x4_pmin(wasm_f32x4_splat(window->highest), value);
  value = wasm_f32x4_pmax(wasm_f32x4_splat(window->lowest), value);
  value = wasm_f32x4_add(value, wasm_f32x4_splat(MAGIC));
  return wasm_i32x4_sub(value, wasm_i32x4_splat(MAGIC_BITS - window->zero_out));
}

// Stores the first `count` of eight channels.
ALWAYS_INLINE void store_channels(int8_t *y, v128_t low, v128_t high, int count) {
  v128_t bytes = wasm_i16x8_narrow_i32x4(low, high);
  bytes = wasm_i8x16_narrow_i16x8(bytes, bytes);
  if (count >= 8) {
    wasm_v128_store64_lane(y, bytes, 0);
  } else {
    for (int i = 0; i < count; i++) y[i] = ((int8_t *)&bytes)[i];
  }
}

static int16_t *fill(int16_t *row, int count, int16_t value) {
  for (int i = 0; i < count; i++) row[i] = value;
  return row + count;
}

static int16_t *widen(int16_t *restrict row, const int8_t *restrict x, int count) {
  for (int i = 0; i < count; i++) row[i] = x[i];
  return row + count;
}

// Lays the inputs of one output pixel side by side, as int16; outside the picture stands the zero point.
static void gather(const Window *w, const int8_t *x, int out_y, int out_x, int16_t *row) {
  int x_0 = out_x * w->stride_width - w->left, from = 0, to = w->kernel_width;
  if (x_0 < 0) from = -x_0 < to ? -x_0 : to;
  if (x_0 + to > w->width) to = w->width - x_0 > from ? w->width - x_0 : from;
  for (int k = 0; k < w->kernel_height; k++) {
    int y = out_y * w->stride_height - w->top + k;
    if (y < 0 || y >= w->height) {
      row = fill(row, w->kernel_width * w->channels, w->zero_in);
    } else {
      row = fill(row, from * w->channels, w->zero_in);
      row = widen(row, x + (y * w->width + x_0 + from) * w->channels, (to - from) * w->channels);
      row = fill(row, (w->kernel_width - to) * w->channels, w->zero_in);
    }
  }
}

// Four pixels times all filters. The weights are packed by pairs of inputs, as i32x4.dot_i16x8 wants them: one vector
// holds a pair for each of four channels. An odd input has a partner with weight 0, so what lies there is no matter.
static void multiply(const Window *w, const int16_t *rows, int depth, const Block *block, int8_t *y, int pixels) {
  for (int n = 0; n < w->filters; n += 8) {
    v128_t low[4], high[4];
    for (int i = 0; i < 4; i++) low[i] = block->bias[0], high[i] = block->bias[1];
    const v128_t *weights = block->weights;
    for (int k = 0; k < depth; k += 2, weights += 2) {
      v128_t w_low = weights[0], w_high = weights[1];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        v128_t pair = wasm_v128_load32_splat(rows + i * depth + k);
        low[i] = wasm_i32x4_add(low[i], wasm_i32x4_dot_i16x8(pair, w_low));
        high[i] = wasm_i32x4_add(high[i], wasm_i32x4_dot_i16x8(pair, w_high));
      }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
      if (i < pixels) {
        store_channels(y + i * w->filters + n, requantise(low[i], block->scale[0], w),
                       requantise(high[i], block->scale[1], w), w->filters - n);
      }
    }
    block = (const Block *)weights;
  }
}

// CONV_2D of any kernel. A kernel of 1 x 1 with stride 1 comes as a picture of one line.
// rows: room for 4 x depth int16, depth = kernel_height * kernel_width * channels, rounded up to even.
EXPORT(convolve)
void convolve(const Window *w, const int8_t *x, const Block *block, int8_t *y, int16_t *rows) {
  int depth = (w->kernel_height * w->kernel_width * w->channels + 1) & ~1;
  for (int out_y = 0; out_y < w->out_height; out_y++) {
    for (int out_x = 0; out_x < w->out_width; out_x += 4) {
      int pixels = w->out_width - out_x < 4 ? w->out_width - out_x : 4;
      for (int i = 0; i < pixels; i++) gather(w, x, out_y, out_x + i, rows + i * depth);
      multiply(w, rows, depth, block, y, pixels);
      y += pixels * w->filters;
    }
  }
}

#define MOST_TAPS 50

// One output pixel of a depthwise convolution. Two products of int8 are added in int16 before they are widened: with
// weights of at least -127, 2 * 128 * 127 = 32,512 fits; operators.ts refuses -128.
ALWAYS_INLINE void sum_taps(const Window *w, const int8_t *const *taps, int count, const Block *block, int8_t *y) {
  for (int c = 0; c < w->channels; c += 8) {
    v128_t low = block->bias[0], high = block->bias[1];
    const int8_t *weights = (const int8_t *)block->weights;
    for (int i = 0; i < count; i += 2, weights += 16) {
      v128_t first = wasm_i16x8_mul(wasm_i16x8_load8x8(taps[i] + c), wasm_i16x8_load8x8(weights));
      v128_t second = wasm_i16x8_mul(wasm_i16x8_load8x8(taps[i + 1] + c), wasm_i16x8_load8x8(weights + 8));
      v128_t sum = wasm_i16x8_add(first, second);
      low = wasm_i32x4_add(low, wasm_i32x4_extend_low_i16x8(sum));
      high = wasm_i32x4_add(high, wasm_i32x4_extend_high_i16x8(sum));
    }
    store_channels(y + c, requantise(low, block->scale[0], w), requantise(high, block->scale[1], w), 8);
    block = (const Block *)weights;
  }
}

// DEPTHWISE_CONV_2D, channels a multiple of 8. Each output pixel has one pointer per tap; outside the picture it points
// to `blank`, a pixel of zero points. An odd number of taps gets a last one with weight 0.
EXPORT(convolve_depthwise)
void convolve_depthwise(const Window *w, const int8_t *x, const Block *block, int8_t *y, const int8_t *blank) {
  const int8_t *taps[MOST_TAPS];
  int count = w->kernel_height * w->kernel_width;
  taps[count] = blank;
  for (int out_y = 0; out_y < w->out_height; out_y++) {
    int y_0 = out_y * w->stride_height - w->top;
    for (int out_x = 0; out_x < w->out_width; out_x++, y += w->channels) {
      int x_0 = out_x * w->stride_width - w->left;
      for (int j = 0, tap = 0; j < w->kernel_height; j++) {
        for (int i = 0; i < w->kernel_width; i++, tap++) {
          int in_y = y_0 + j, in_x = x_0 + i;
          int is_inside = in_y >= 0 && in_y < w->height && in_x >= 0 && in_x < w->width;
          taps[tap] = is_inside ? x + (in_y * w->width + in_x) * w->channels : blank;
        }
      }
      if (count == 9) sum_taps(w, taps, 10, block, y);
      else sum_taps(w, taps, (count + 1) & ~1, block, y);
    }
  }
}

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

// QUANTIZE between uint8 and int8 whose zero points lie 128 apart: the highest bit changes.
EXPORT(flip)
void flip(const uint8_t *x, uint8_t *restrict y, int count) {
  for (int i = 0; i < count; i++) y[i] = x[i] ^ 0x80;
}

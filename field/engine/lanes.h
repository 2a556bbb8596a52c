// Eight channels at once: the few steps in which the three builds of kernels.c differ.
//
// A group is as many int8 operands as share 32 bits: two as int16, or four as they are where the processor multiplies
// such bytes in one instruction. A build with wasm SIMD, one with relaxed SIMD, one with neither; all give the same sums.

#include <stdint.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef int32_t Int4 __attribute__((vector_size(16)));
typedef float Float4 __attribute__((vector_size(16)));
typedef int16_t Int16x8 __attribute__((vector_size(16)));
typedef int8_t Int8x16 __attribute__((vector_size(16), aligned(1)));
typedef int8_t Int8x8 __attribute__((vector_size(8), aligned(1)));

// The same four bytes at any address.
typedef struct __attribute__((packed)) {
  int32_t bits;
} Unaligned;

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#ifdef __wasm_relaxed_simd__

// One instruction on ARM with dot products. Not defined for every operand: variant.ts tries it out before it takes this
// build. Sums of two products must fit in int16, so convolution.ts refuses a weight of -128.
#define GROUP 4
typedef int8_t Operand;

ALWAYS_INLINE Int4 add_products(Int4 sums, Int4 weights, Int4 groups) {
  return (Int4)wasm_i32x4_relaxed_dot_i8x16_i7x16_add((v128_t)weights, (v128_t)groups, (v128_t)sums);
}

// Groups of four taps for eight channels: those of the first four, then of the others.
ALWAYS_INLINE void group_taps(const int8_t *const *taps, int at, Int4 *low, Int4 *high) {
  v128_t a = wasm_v128_load64_zero(taps[0] + at), b = wasm_v128_load64_zero(taps[1] + at);
  v128_t c = wasm_v128_load64_zero(taps[2] + at), d = wasm_v128_load64_zero(taps[3] + at);
  v128_t ab = wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  v128_t cd = wasm_i8x16_shuffle(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  *low = (Int4)wasm_i16x8_shuffle(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11);
  *high = (Int4)wasm_i16x8_shuffle(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15);
}

#else

#define GROUP 2
typedef int16_t Operand;

ALWAYS_INLINE Int4 add_products(Int4 sums, Int4 weights, Int4 groups) {
#ifdef __wasm_simd128__
  return sums + (Int4)wasm_i32x4_dot_i16x8((v128_t)weights, (v128_t)groups);
#else
  for (int i = 0; i < 4; i++) {
    sums[i] += (int16_t)weights[i] * (int16_t)groups[i] + (weights[i] >> 16) * (groups[i] >> 16);
  }
  return sums;
#endif
}

// Groups of two taps for eight channels: those of the first four, then of the others.
ALWAYS_INLINE void group_taps(const int8_t *const *taps, int at, Int4 *low, Int4 *high) {
#ifdef __wasm_simd128__
  Int16x8 a = __builtin_convertvector(*(const Int8x8 *)(taps[0] + at), Int16x8);
  Int16x8 b = __builtin_convertvector(*(const Int8x8 *)(taps[1] + at), Int16x8);
  *low = (Int4)__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  *high = (Int4)__builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  const int8_t *a = taps[0] + at, *b = taps[1] + at;
  for (int i = 0; i < 4; i++) {
    (*low)[i] = (uint16_t)a[i] | b[i] << 16;
    (*high)[i] = (uint16_t)a[i + 4] | b[i + 4] << 16;
  }
#endif
}

#endif

// The same group for four channels.
ALWAYS_INLINE Int4 splat_group(const Operand *operands) {
#ifdef __wasm_simd128__
  return (Int4)wasm_v128_load32_splat(operands);
#else
  int32_t bits = ((const Unaligned *)operands)->bits;
  return (Int4){bits, bits, bits, bits};
#endif
}

// Int8 as operands; takes and writes eight at once, so up to seven more than `count`.
ALWAYS_INLINE Operand *take(Operand *restrict to, const int8_t *restrict x, int count) {
  for (int i = 0; i < count; i += 8) {
#if GROUP == 4
    *(Int8x8 *)(to + i) = *(const Int8x8 *)(x + i);
#else
    for (int j = i; j < i + 8; j++) to[j] = x[j];
#endif
  }
  return to + count;
}

// Brings each value between the limits.
ALWAYS_INLINE Float4 limit(Float4 values, float lowest, float highest) {
#ifdef __wasm_simd128__
  v128_t value = wasm_f32x4_pmin(wasm_f32x4_splat(highest), (v128_t)values);
  return (Float4)wasm_f32x4_pmax(wasm_f32x4_splat(lowest), value);
#else
  for (int i = 0; i < 4; i++) values[i] = values[i] < lowest ? lowest : values[i] > highest ? highest : values[i];
  return values;
#endif
}

// Values that fit in int8, of eight channels.
ALWAYS_INLINE Int8x8 narrow(Int4 low, Int4 high) {
#ifdef __wasm_simd128__
  v128_t bytes = wasm_i16x8_narrow_i32x4((v128_t)low, (v128_t)high);
  Int8x16 both = (Int8x16)wasm_i8x16_narrow_i16x8(bytes, bytes);
  return __builtin_shufflevector(both, both, 0, 1, 2, 3, 4, 5, 6, 7);
#else
  return (Int8x8){low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]};
#endif
}

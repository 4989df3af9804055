// The derivative of a softmax along the last axis, from its result.

#include <cstdint>

#include "interface.h"
#include "parallel.h"

namespace {

// dx = y (dy - Σ y dy), for every row of `width` numbers
VECTORIZED void gradient(const float *__restrict y, const float *__restrict dy, float *__restrict dx,
                         int64_t width, int64_t begin, int64_t end) {
  for (int64_t at = begin * width; at < end * width; at += width) {
    float mean = 0;
#pragma omp simd reduction(+ : mean)
    for (int64_t i = at; i < at + width; ++i) mean += y[i] * dy[i];
#pragma omp simd
    for (int64_t i = at; i < at + width; ++i) dx[i] = y[i] * (dy[i] - mean);
  }
}

}  // namespace

// y (…, width), dy → dx
KERNEL(softmax_gradient) {
  using namespace ms_ovs;
  if (!typed(count, types, "fff")) return 1;
  const float *y = input(data, 0), *dy = input(data, 1);
  float *dx = result(data, 2);
  const int64_t width = shapes[0][ranks[0] - 1];
  if (width == 0) return 0;
  parallel(size(ranks[0], shapes[0]) / width, width,
           [=](int64_t begin, int64_t end) { gradient(y, dy, dx, width, begin, end); });
  return 0;
}

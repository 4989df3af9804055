// Layer norm over the last axis.

#include <cmath>
#include <cstdint>
#include <vector>

#include "interface.h"
#include "parallel.h"

namespace {

struct Moments {
  float mean, scale;  // scale: 1 / √(variance + epsilon)
};

inline Moments moments(const float *x, int64_t width, float epsilon) {
  float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < width; ++i) sum += x[i];
  const float mean = sum / width;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {mean, 1 / std::sqrt(squares / width + epsilon)};
}

// y = (x - mean) scale gamma + beta, of one row
VECTORIZED void normalize(const float *x, const float *gamma, const float *beta, float epsilon, float *y,
                          int64_t width) {
  const Moments of = moments(x, width, epsilon);
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) y[i] = (x[i] - of.mean) * of.scale * gamma[i] + beta[i];
}

// With g = gamma dy and n = (x - mean) scale, of one row: dx = scale (g - mean of g - n · mean of g n)
VECTORIZED Moments input_gradient(const float *x, const float *gamma, float epsilon, const float *dy,
                                  float *dx, int64_t width) {
  const Moments of = moments(x, width, epsilon);
  float plain = 0, along = 0;
#pragma omp simd reduction(+ : plain, along)
  for (int64_t i = 0; i < width; ++i) {
    plain += gamma[i] * dy[i];
    along += gamma[i] * dy[i] * (x[i] - of.mean) * of.scale;
  }
  plain /= width, along /= width;
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    dx[i] = of.scale * (gamma[i] * dy[i] - plain - (x[i] - of.mean) * of.scale * along);
  }
  return of;
}

// dgamma = Σ dy n and dbeta = Σ dy, over the rows, for some of the columns
VECTORIZED void weight_gradients(const float *x, const float *dy, const Moments *of, float *dgamma,
                                 float *dbeta, int64_t rows, int64_t width, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) dgamma[i] = dbeta[i] = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const float *in = x + row * width, *d = dy + row * width;
    const Moments at = of[row];
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) {
      dgamma[i] += d[i] * (in[i] - at.mean) * at.scale;
      dbeta[i] += d[i];
    }
  }
}

}  // namespace

// x (…, width), gamma (width), beta (width), epsilon (1) → y (…, width)
KERNEL(layer_norm) {
  using namespace ms_ovs;
  if (!typed(count, types, "fffff")) return 1;
  const float *x = input(data, 0), *gamma = input(data, 1), *beta = input(data, 2), epsilon = *input(data, 3);
  float *y = result(data, 4);
  const int64_t width = shapes[1][0], rows = size(ranks[0], shapes[0]) / width;
  parallel(rows, width, [=](int64_t begin, int64_t end) {
    for (int64_t at = begin * width; at < end * width; at += width) {
      normalize(x + at, gamma, beta, epsilon, y + at, width);
    }
  });
  return 0;
}

// x, gamma, epsilon, dy → dx, dgamma, dbeta
KERNEL(layer_norm_gradients) {
  using namespace ms_ovs;
  if (!typed(count, types, "fffffff")) return 1;
  const float *x = input(data, 0), *gamma = input(data, 1), epsilon = *input(data, 2), *dy = input(data, 3);
  float *dx = result(data, 4), *dgamma = result(data, 5), *dbeta = result(data, 6);
  const int64_t width = shapes[1][0], rows = size(ranks[0], shapes[0]) / width;
  std::vector<Moments> found(rows);
  Moments *of = found.data();
  parallel(rows, width, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row * width;
      of[row] = input_gradient(x + at, gamma, epsilon, dy + at, dx + at, width);
    }
  });
  parallel(
      width, rows,
      [=](int64_t begin, int64_t end) {
        weight_gradients(x, dy, of, dgamma, dbeta, rows, width, begin, end);
      },
      kNeighbours);
  return 0;
}

// x Φ(x) and its derivative, each in one pass over the numbers.

#include <cmath>
#include <cstdint>
#include <cstring>

#include "interface.h"
#include "parallel.h"

namespace {

// exp(-a) for a ≥ 0: 2^n times a Taylor series on |r| ≤ ln 2 / 2. Written out, so that compilers vectorise it.
inline float decay(float a) {
  const float bounded = a < 87.0f ? a : 87.0f;  // beyond, exp(-a) is no normal number: 0
  const float n = std::floor(0.5f - bounded * 1.44269504f);
  const float r = (-bounded - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  float series = 1 / 5040.0f;
  series = series * r + 1 / 720.0f;
  series = series * r + 1 / 120.0f;
  series = series * r + 1 / 24.0f;
  series = series * r + 1 / 6.0f;
  series = series * r + 0.5f;
  series = series * r + 1;
  series = series * r + 1;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return a < 87.0f ? series * power : 0;
}

struct Normal {
  float cumulative;  // Φ(x)
  float density;     // Φ'(x)
};

// Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: off by 1.5e-7 at most in erf.
inline Normal normal(float x) {
  const float z = std::fabs(x) * 0.707106781f;
  const float t = 1 / (1 + 0.3275911f * z);
  const float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float bell = decay(z * z);
  const float tail = 0.5f * p * bell;
  return {x > 0 ? 1 - tail : tail, 0.398942280f * bell};
}

VECTORIZED void value(const float *__restrict x, float *__restrict y, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) y[i] = x[i] * normal(x[i]).cumulative;
}

VECTORIZED void gradient(const float *__restrict x, const float *__restrict dy, float *__restrict dx, int64_t begin,
                         int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const Normal at = normal(x[i]);
    dx[i] = dy[i] * (at.cumulative + x[i] * at.density);
  }
}

}  // namespace

// x → y, of any shape
extern "C" int gelu(int count, void **data, int *ranks, int64_t **shapes, const char **types, void *, void *) {
  using namespace ms_ovs;
  if (count != 2 || !all_float32(count, types)) return 1;
  const float *x = input(data, 0);
  float *y = result(data, 1);
  parallel(size(ranks[0], shapes[0]), 1, [=](int64_t begin, int64_t end) { value(x, y, begin, end); });
  return 0;
}

// x, dy → dx, of any shape
extern "C" int gelu_gradient(int count, void **data, int *ranks, int64_t **shapes, const char **types, void *, void *) {
  using namespace ms_ovs;
  if (count != 3 || !all_float32(count, types)) return 1;
  const float *x = input(data, 0), *dy = input(data, 1);
  float *dx = result(data, 2);
  parallel(size(ranks[0], shapes[0]), 1, [=](int64_t begin, int64_t end) { gradient(x, dy, dx, begin, end); });
  return 0;
}

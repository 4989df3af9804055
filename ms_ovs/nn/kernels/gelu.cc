// x Φ(x), exact

#include <cmath>

#include "activation.h"
#include "exponential.h"

namespace {

struct Normal {
  float cumulative;  // Φ(x)
  float density;     // Φ'(x)
};

// Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: off by 1.5e-7 at most in erf.
inline Normal normal(float x) {
  const float z = std::fabs(x) * 0.707106781f;
  const float t = 1 / (1 + 0.3275911f * z);
  const float p =
      t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float bell = ms_ovs::decay(z * z);
  const float tail = 0.5f * p * bell;
  return {x > 0 ? 1 - tail : tail, 0.398942280f * bell};
}

inline float value(float x) { return x * normal(x).cumulative; }

inline float slope(float x) {
  const Normal at = normal(x);
  return at.cumulative + x * at.density;
}

}  // namespace

ACTIVATION(gelu, value, slope)

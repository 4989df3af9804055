// x sigmoid(1.702 x)

#include <cmath>

#include "activation.h"
#include "exponential.h"

namespace {

constexpr float kRate = 1.702f;

inline float sigmoid(float x) {
  const float e = ms_ovs::decay(std::fabs(x));
  return (x > 0 ? 1 : e) / (1 + e);
}

inline float value(float x) { return x * sigmoid(kRate * x); }

inline float slope(float x) {
  const float s = sigmoid(kRate * x);
  return s + kRate * x * s * (1 - s);
}

}  // namespace

ACTIVATION(quick_gelu, value, slope)

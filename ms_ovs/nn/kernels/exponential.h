// An exponential that compilers vectorise: that of the standard library they call number by number.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace ms_ovs {

// exp(-a) for a ≥ 0: 2^n times a Taylor series on |r| ≤ ln 2 / 2.
inline float decay(float a) {
  const float bounded = a >= 87.0f ? 87.0f : a;  // beyond, exp(-a) is no normal number: 0
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
  const uint32_t bits = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return a >= 87.0f ? 0 : series * power;  // what is not a number stays so
}

}  // namespace ms_ovs

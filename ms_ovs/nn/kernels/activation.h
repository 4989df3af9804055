// The kernels of a function of one number.
#pragma once

#include <cstdint>

#include "interface.h"
#include "parallel.h"

// Defines `name`, x → y, and `name_gradient`, x, dy → dx, of tensors of any shape. `value` and `slope` are
// functions of a float.
#define ACTIVATION(name, value, slope)                                                                   \
  VECTORIZED static void name##_values(const float *__restrict x, float *__restrict y, int64_t begin,    \
                                       int64_t end) {                                                    \
    for (int64_t i = begin; i < end; ++i) y[i] = value(x[i]);                                            \
  }                                                                                                      \
  VECTORIZED static void name##_slopes(const float *__restrict x, const float *__restrict dy,            \
                                       float *__restrict dx, int64_t begin, int64_t end) {               \
    for (int64_t i = begin; i < end; ++i) dx[i] = dy[i] * slope(x[i]);                                   \
  }                                                                                                      \
  KERNEL(name) {                                                                                         \
    if (!ms_ovs::typed(count, types, "ff")) return 1;                                                    \
    const float *x = ms_ovs::input(data, 0);                                                             \
    float *y = ms_ovs::result(data, 1);                                                                  \
    ms_ovs::parallel(                                                                                    \
        ms_ovs::size(ranks[0], shapes[0]), 1,                                                            \
        [=](int64_t begin, int64_t end) { name##_values(x, y, begin, end); }, ms_ovs::kNeighbours);      \
    return 0;                                                                                            \
  }                                                                                                      \
  KERNEL(name##_gradient) {                                                                              \
    if (!ms_ovs::typed(count, types, "fff")) return 1;                                                   \
    const float *x = ms_ovs::input(data, 0), *dy = ms_ovs::input(data, 1);                               \
    float *dx = ms_ovs::result(data, 2);                                                                 \
    ms_ovs::parallel(                                                                                    \
        ms_ovs::size(ranks[0], shapes[0]), 1,                                                            \
        [=](int64_t begin, int64_t end) { name##_slopes(x, dy, dx, begin, end); }, ms_ovs::kNeighbours); \
    return 0;                                                                                            \
  }

// The cross entropy of every pixel of maps (B, C, H, W), with the class along C, and its derivative.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "exponential.h"
#include "interface.h"
#include "maps.h"
#include "parallel.h"

namespace {

using ms_ovs::decay;
using ms_ovs::kTile;
using ms_ovs::Maps;
using ms_ovs::Tile;

// The logit of a pixel's class; not a number where there is no such class.
inline float labelled(const float *x, const Maps &maps, const Tile &tile, int64_t pixel, int32_t label) {
  if (label < 0 || label >= maps.channels) return std::numeric_limits<float>::quiet_NaN();
  return x[tile.at + label * maps.pixels + pixel];
}

// whole = log Σ exp x over the channels; loss = whole - x of the label
VECTORIZED void values(const float *x, const int32_t *label, float *loss, float *whole, const Maps &maps,
                       const Tile &tile) {
  float highest[kTile], sum[kTile] = {};
  std::fill_n(highest, kTile, -std::numeric_limits<float>::infinity());
  for (int64_t c = 0; c < maps.channels; ++c) {
    const float *row = x + tile.at + c * maps.pixels;
    for (int64_t i = 0; i < tile.count; ++i) highest[i] = row[i] > highest[i] ? row[i] : highest[i];
  }
  for (int64_t c = 0; c < maps.channels; ++c) {
    const float *row = x + tile.at + c * maps.pixels;
    for (int64_t i = 0; i < tile.count; ++i) sum[i] += decay(highest[i] - row[i]);
  }
  for (int64_t i = 0; i < tile.count; ++i) {
    whole[i] = highest[i] + std::log(sum[i]);
    loss[i] = std::log(sum[i]) - (labelled(x, maps, tile, i, label[i]) - highest[i]);
  }
}

// dx = dloss (softmax x - 1 at the label)
VECTORIZED void gradient(const float *x, const int32_t *label, const float *whole, const float *dloss,
                         float *dx, const Maps &maps, const Tile &tile) {
  for (int64_t c = 0; c < maps.channels; ++c) {
    const int64_t at = tile.at + c * maps.pixels;
    const float *in = x + at;
    float *__restrict out = dx + at;
    for (int64_t i = 0; i < tile.count; ++i) {
      out[i] = dloss[i] * (decay(whole[i] - in[i]) - (label[i] == c ? 1.0f : 0.0f));
    }
  }
}

}  // namespace

// x (B, C, H, W), label (B, H, W) → loss, whole (B, H, W)
KERNEL(cross_entropy) {
  using namespace ms_ovs;
  if (!typed(count, types, "fiff")) return 1;
  const float *x = input(data, 0);
  const int32_t *label = static_cast<const int32_t *>(data[1]);
  float *loss = result(data, 2), *whole = result(data, 3);
  const Maps maps(shapes[0]);
  parallel(maps.batch * maps.tiles(), maps.numbers(), [=](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const Tile tile(maps, index);
      values(x, label + tile.first, loss + tile.first, whole + tile.first, maps, tile);
    }
  });
  return 0;
}

// x, label, whole, dloss → dx
KERNEL(cross_entropy_gradient) {
  using namespace ms_ovs;
  if (!typed(count, types, "fifff")) return 1;
  const float *x = input(data, 0), *whole = input(data, 2), *dloss = input(data, 3);
  const int32_t *label = static_cast<const int32_t *>(data[1]);
  float *dx = result(data, 4);
  const Maps maps(shapes[0]);
  parallel(maps.batch * maps.tiles(), maps.numbers(), [=](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const Tile tile(maps, index);
      gradient(x, label + tile.first, whole + tile.first, dloss + tile.first, dx, maps, tile);
    }
  });
  return 0;
}

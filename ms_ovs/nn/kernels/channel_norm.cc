// Layer norm over the channels of maps (B, C, H, W), each pixel by itself.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "interface.h"
#include "maps.h"
#include "parallel.h"

namespace {

using ms_ovs::kTile;
using ms_ovs::Maps;
using ms_ovs::Tile;

// mean and 1 / √(variance + epsilon) of each pixel
VECTORIZED void moments(const float *x, const Maps &maps, const Tile &tile, float epsilon,
                        float *__restrict mean, float *__restrict scale) {
  const float share = 1.0f / maps.channels;
  std::fill_n(mean, tile.count, 0.0f);
  std::fill_n(scale, tile.count, 0.0f);
  for (int64_t c = 0; c < maps.channels; ++c) {
    const float *row = x + tile.at + c * maps.pixels;
    for (int64_t i = 0; i < tile.count; ++i) mean[i] += row[i];
  }
  for (int64_t i = 0; i < tile.count; ++i) mean[i] *= share;
  for (int64_t c = 0; c < maps.channels; ++c) {
    const float *row = x + tile.at + c * maps.pixels;
    for (int64_t i = 0; i < tile.count; ++i) scale[i] += (row[i] - mean[i]) * (row[i] - mean[i]);
  }
  for (int64_t i = 0; i < tile.count; ++i) scale[i] = 1 / std::sqrt(scale[i] * share + epsilon);
}

// y = (x - mean) scale gamma + beta
VECTORIZED void normalize(const float *x, const float *gamma, const float *beta, float epsilon, float *y,
                          const Maps &maps, const Tile &tile) {
  float mean[kTile], scale[kTile];
  moments(x, maps, tile, epsilon, mean, scale);
  for (int64_t c = 0; c < maps.channels; ++c) {
    const int64_t at = tile.at + c * maps.pixels;
    const float *__restrict in = x + at;
    float *__restrict out = y + at;
    for (int64_t i = 0; i < tile.count; ++i) out[i] = (in[i] - mean[i]) * scale[i] * gamma[c] + beta[c];
  }
}

// With g = gamma dy and n = (x - mean) scale, of each pixel: dx = scale (g - mean of g - n · mean of g n)
VECTORIZED void input_gradient(const float *x, const float *gamma, float epsilon, const float *dy, float *dx,
                               float *mean, float *scale, const Maps &maps, const Tile &tile) {
  const float share = 1.0f / maps.channels;
  float plain[kTile] = {}, along[kTile] = {};
  moments(x, maps, tile, epsilon, mean, scale);
  for (int64_t c = 0; c < maps.channels; ++c) {
    const int64_t at = tile.at + c * maps.pixels;
    const float *in = x + at, *d = dy + at;
    for (int64_t i = 0; i < tile.count; ++i) {
      const float g = gamma[c] * d[i];
      plain[i] += g;
      along[i] += g * (in[i] - mean[i]) * scale[i];
    }
  }
  for (int64_t c = 0; c < maps.channels; ++c) {
    const int64_t at = tile.at + c * maps.pixels;
    const float *in = x + at, *d = dy + at;
    float *__restrict out = dx + at;
    for (int64_t i = 0; i < tile.count; ++i) {
      const float n = (in[i] - mean[i]) * scale[i];
      out[i] = scale[i] * (gamma[c] * d[i] - share * (plain[i] + n * along[i]));
    }
  }
}

// dgamma = Σ dy n and dbeta = Σ dy, of one channel
VECTORIZED void weight_gradients(const float *x, const float *dy, const float *mean, const float *scale,
                                 float *dgamma, float *dbeta, const Maps &maps, int64_t channel) {
  float along = 0, plain = 0;
  for (int64_t image = 0; image < maps.batch; ++image) {
    const int64_t at = (image * maps.channels + channel) * maps.pixels;
    const float *in = x + at, *d = dy + at, *m = mean + image * maps.pixels, *s = scale + image * maps.pixels;
#pragma omp simd reduction(+ : along, plain)
    for (int64_t i = 0; i < maps.pixels; ++i) {
      along += d[i] * (in[i] - m[i]) * s[i];
      plain += d[i];
    }
  }
  dgamma[channel] = along;
  dbeta[channel] = plain;
}

}  // namespace

// x (B, C, H, W), gamma (C), beta (C), epsilon (1) → y (B, C, H, W)
KERNEL(channel_norm) {
  using namespace ms_ovs;
  if (!typed(count, types, "fffff")) return 1;
  const float *x = input(data, 0), *gamma = input(data, 1), *beta = input(data, 2), epsilon = *input(data, 3);
  float *y = result(data, 4);
  const Maps maps(shapes[0]);
  parallel(maps.batch * maps.tiles(), maps.numbers(), [=](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      normalize(x, gamma, beta, epsilon, y, maps, Tile(maps, index));
    }
  });
  return 0;
}

// x, gamma, epsilon, dy → dx, dgamma, dbeta
KERNEL(channel_norm_gradients) {
  using namespace ms_ovs;
  if (!typed(count, types, "fffffff")) return 1;
  const float *x = input(data, 0), *gamma = input(data, 1), epsilon = *input(data, 2), *dy = input(data, 3);
  float *dx = result(data, 4), *dgamma = result(data, 5), *dbeta = result(data, 6);
  const Maps maps(shapes[0]);
  std::vector<float> means(maps.batch * maps.pixels), scales(means.size());
  float *mean = means.data(), *scale = scales.data();
  parallel(maps.batch * maps.tiles(), maps.numbers(), [=](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const Tile tile(maps, index);
      input_gradient(x, gamma, epsilon, dy, dx, mean + tile.first, scale + tile.first, maps, tile);
    }
  });
  parallel(maps.channels, maps.batch * maps.pixels, [=](int64_t begin, int64_t end) {
    for (int64_t channel = begin; channel < end; ++channel) {
      weight_gradients(x, dy, mean, scale, dgamma, dbeta, maps, channel);
    }
  });
  return 0;
}

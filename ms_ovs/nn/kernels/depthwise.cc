// The depthwise 3×3 convolution with zero padding as wide as its dilation, stride 1 and a bias.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "interface.h"
#include "parallel.h"

namespace {

constexpr int64_t kTaps = 9;

// A plane (height, width) within a frame of zeros, so that taps need no borders.
class Framed {
 public:
  Framed(int64_t height, int64_t width, int64_t frame)
      : height_(height), width_(width), frame_(frame), numbers_((height + 2 * frame) * (width + 2 * frame)) {}

  void fill(const float *plane) {
    for (int64_t y = 0; y < height_; ++y) std::copy_n(plane + y * width_, width_, numbers_.data() + at(y));
  }

  int64_t height() const { return height_; }
  int64_t width() const { return width_; }

  // Row y of the plane, as each tap sees it.
  void taps(int64_t y, const float *rows[kTaps]) const {
    for (int64_t tap = 0; tap < kTaps; ++tap) {
      rows[tap] = row(y) + (tap / 3 - 1) * frame_ * stride() + (tap % 3 - 1) * frame_;
    }
  }

  const float *row(int64_t y) const { return numbers_.data() + at(y); }

  // From the first number of the plane to its last, with the frame between rows.
  int64_t span() const { return at(height_ - 1) + width_ - at(0); }

 private:
  int64_t stride() const { return width_ + 2 * frame_; }
  int64_t at(int64_t y) const { return (y + frame_) * stride() + frame_; }

  int64_t height_, width_, frame_;
  std::vector<float> numbers_;
};

// y = bias + Σ weight x, over the taps
VECTORIZED void convolve(const Framed &x, const float *weight, float bias, float *y) {
  const float *in[kTaps];
  for (int64_t row = 0; row < x.height(); ++row) {
    x.taps(row, in);
    float *__restrict out = y + row * x.width();
#pragma omp simd
    for (int64_t i = 0; i < x.width(); ++i) {
      out[i] = bias + weight[0] * in[0][i] + weight[1] * in[1][i] + weight[2] * in[2][i] +
               weight[3] * in[3][i] + weight[4] * in[4][i] + weight[5] * in[5][i] + weight[6] * in[6][i] +
               weight[7] * in[7][i] + weight[8] * in[8][i];
    }
  }
}

// sums += Σ dy x of every tap, and Σ dy. The frame of dy adds nothing.
VECTORIZED void correlate(const Framed &x, const Framed &dy, float *sums) {
  const float *in[kTaps], *g = dy.row(0);
  x.taps(0, in);
  float s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0, s8 = 0, total = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3, s4, s5, s6, s7, s8, total)
  for (int64_t i = 0; i < dy.span(); ++i) {
    s0 += g[i] * in[0][i], s1 += g[i] * in[1][i], s2 += g[i] * in[2][i];
    s3 += g[i] * in[3][i], s4 += g[i] * in[4][i], s5 += g[i] * in[5][i];
    s6 += g[i] * in[6][i], s7 += g[i] * in[7][i], s8 += g[i] * in[8][i];
    total += g[i];
  }
  const float found[] = {s0, s1, s2, s3, s4, s5, s6, s7, s8, total};
  for (int64_t tap = 0; tap <= kTaps; ++tap) sums[tap] += found[tap];
}

}  // namespace

// x (B, C, H, W), weight (C, 1, 3, 3), bias (C), dilation (1) → y (B, C, H, W)
KERNEL(depthwise) {
  using namespace ms_ovs;
  if (!typed(count, types, "fffff")) return 1;
  const float *x = input(data, 0), *weight = input(data, 1), *bias = input(data, 2);
  float *y = result(data, 4);
  const int64_t channels = shapes[0][1], height = shapes[0][2], width = shapes[0][3];
  const int64_t dilation = static_cast<int64_t>(*input(data, 3));
  parallel(shapes[0][0] * channels, height * width, [=](int64_t begin, int64_t end) {
    Framed framed(height, width, dilation);
    for (int64_t plane = begin; plane < end; ++plane) {
      const int64_t channel = plane % channels, at = plane * height * width;
      framed.fill(x + at);
      convolve(framed, weight + channel * kTaps, bias[channel], y + at);
    }
  });
  return 0;
}

// x, weight, dilation, dy → dx, dweight, dbias
KERNEL(depthwise_gradients) {
  using namespace ms_ovs;
  if (!typed(count, types, "fffffff")) return 1;
  const float *x = input(data, 0), *weight = input(data, 1), *dy = input(data, 3);
  float *dx = result(data, 4), *dweight = result(data, 5), *dbias = result(data, 6);
  const int64_t batch = shapes[0][0], channels = shapes[0][1], height = shapes[0][2], width = shapes[0][3];
  const int64_t dilation = static_cast<int64_t>(*input(data, 2));
  parallel(channels, batch * height * width, [=](int64_t begin, int64_t end) {
    Framed framed_x(height, width, dilation), framed_dy(height, width, dilation);
    for (int64_t channel = begin; channel < end; ++channel) {
      float flipped[kTaps], sums[kTaps + 1] = {};
      std::reverse_copy(weight + channel * kTaps, weight + (channel + 1) * kTaps, flipped);
      for (int64_t image = 0; image < batch; ++image) {
        const int64_t at = (image * channels + channel) * height * width;
        framed_x.fill(x + at);
        framed_dy.fill(dy + at);
        convolve(framed_dy, flipped, 0, dx + at);
        correlate(framed_x, framed_dy, sums);
      }
      std::copy_n(sums, kTaps, dweight + channel * kTaps);
      dbias[channel] = sums[kTaps];
    }
  });
  return 0;
}

// The sum of the squares of all numbers, the same in every call: MindSpore's moves in the last digit.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "interface.h"
#include "parallel.h"

namespace {

constexpr int64_t kBlock = 1 << 14;  // numbers summed in float32; the sums of blocks are added in float64

VECTORIZED float squares(const float *x, int64_t begin, int64_t end) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = begin; i < end; ++i) sum += x[i] * x[i];
  return sum;
}

}  // namespace

// x of any shape → a scalar
KERNEL(sum_of_squares) {
  using namespace ms_ovs;
  if (!typed(count, types, "ff")) return 1;
  const float *x = input(data, 0);
  const int64_t numbers = size(ranks[0], shapes[0]), blocks = (numbers + kBlock - 1) / kBlock;
  std::vector<float> sums(blocks);
  float *sum = sums.data();
  parallel(blocks, kBlock, [=](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      sum[block] = squares(x, block * kBlock, std::min(numbers, (block + 1) * kBlock));
    }
  });
  double total = 0;
  for (const float part : sums) total += part;
  *result(data, 1) = static_cast<float>(total);
  return 0;
}

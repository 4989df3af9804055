// Maps (B, C, H, W) whose pixels are gone through in tiles, so that sums over channels stay in caches.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ms_ovs {

constexpr int64_t kTile = 128;  // pixels whose sums are kept beside each other

struct Maps {
  int64_t batch, channels, pixels;

  explicit Maps(const int64_t *shape) : batch(shape[0]), channels(shape[1]), pixels(shape[2] * shape[3]) {}

  int64_t tiles() const { return (pixels + kTile - 1) / kTile; }
  int64_t numbers() const { return channels * kTile; }
};

// Some pixels of one image: number i of channel c is at `at + c * pixels + i`.
struct Tile {
  int64_t at, count, first;  // first: of these pixels among those of the batch

  Tile(const Maps &maps, int64_t index) {
    const int64_t image = index / maps.tiles(), pixel = index % maps.tiles() * kTile;
    at = image * maps.channels * maps.pixels + pixel;
    first = image * maps.pixels + pixel;
    count = std::min(kTile, maps.pixels - pixel);
  }
};

}  // namespace ms_ovs

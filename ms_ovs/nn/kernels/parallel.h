// Work in parts, each on a core of its own.
#pragma once

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace ms_ovs {

// Starting a thread takes as long as some ten thousand numbers.
constexpr int64_t kWorthAThread = 1 << 16;

// Neighbours that one instruction may compute together: parts do not divide them, or the last digits would
// depend on the number of cores.
constexpr int64_t kNeighbours = 64;

// Calls work(begin, end) for parts of [0, count), an item of which are `numbers` numbers. Parts begin at
// multiples of `unit`.
template <class Work>
void parallel(int64_t count, int64_t numbers, Work work, int64_t unit = 1) {
  cpu_set_t cores;
  sched_getaffinity(0, sizeof cores, &cores);
  const int64_t units = count / unit, worth = count * numbers / kWorthAThread;
  const int64_t most = std::max<int64_t>(std::min<int64_t>(CPU_COUNT(&cores), units), 1);
  const int64_t parts = std::clamp<int64_t>(worth, 1, most);
  const auto start = [=](int64_t part) { return part == parts ? count : units * part / parts * unit; };
  std::vector<std::thread> threads;
  for (int64_t part = 1; part < parts; ++part) threads.emplace_back(work, start(part), start(part + 1));
  work(0, start(1));
  for (auto &thread : threads) thread.join();
}

}  // namespace ms_ovs

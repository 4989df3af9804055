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

// Calls work(begin, end) for parts of [0, count), an item of which are `numbers` numbers.
template <class Work>
void parallel(int64_t count, int64_t numbers, Work work) {
  cpu_set_t cores;
  sched_getaffinity(0, sizeof cores, &cores);
  const int64_t worth = std::min(count, count * numbers / kWorthAThread);
  const int64_t parts = std::clamp<int64_t>(worth, 1, std::max(CPU_COUNT(&cores), 1));
  std::vector<std::thread> threads;
  for (int64_t part = 1; part < parts; ++part) {
    threads.emplace_back(work, count * part / parts, count * (part + 1) / parts);
  }
  work(0, count / parts);
  for (auto &thread : threads) thread.join();
}

}  // namespace ms_ovs

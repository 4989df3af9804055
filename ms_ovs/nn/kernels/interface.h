// The functions that MindSpore calls. Their arguments hold the inputs first, then the results.
#pragma once

#include <cstdint>
#include <cstring>

namespace ms_ovs {

inline const float *input(void **data, int index) { return static_cast<const float *>(data[index]); }
inline float *result(void **data, int index) { return static_cast<float *>(data[index]); }

inline int64_t size(int rank, const int64_t *shape) {
  int64_t product = 1;
  for (int axis = 0; axis < rank; ++axis) product *= shape[axis];
  return product;
}

// Whether the tensors are as many and of such types as `letters` say: f float32, i int32. A kernel that
// returns anything but 0 has failed.
inline bool typed(int count, const char **types, const char *letters) {
  if (count != static_cast<int>(std::strlen(letters))) return false;
  for (int index = 0; index < count; ++index) {
    if (std::strcmp(types[index], letters[index] == 'f' ? "float32" : "int32") != 0) return false;
  }
  return true;
}

}  // namespace ms_ovs

#define KERNEL(name)                                                                         \
  extern "C" int name(int count, void **data, [[maybe_unused]] int *ranks, int64_t **shapes, \
                      const char **types, [[maybe_unused]] void *stream, [[maybe_unused]] void *extra)

// Loops in such functions are compiled for several instruction sets; the machine that runs them chooses.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VECTORIZED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTORIZED
#endif

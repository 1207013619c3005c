// The ops around attention. Arithmetic is in float32, and in float64 for float64 arrays; sums have
// an order that depends on shapes alone.
#include <elements.cuh>
#include <rotate.cuh>

// The position of element i of a shape, in row-major order.
DEVICE a4j_int64 offsetOf(const Array& array, const a4j_int64 (&shape)[4], a4j_int64 i) {
  if (shape[0] * shape[1] * shape[2] == 1) {
    return i * array.stride[3];  // flat, as parameters are: no divisions
  }
  const a4j_int64 row = i / shape[3];
  const a4j_int64 plane = row / shape[2];
  return rowOffset(array, plane / shape[1], plane % shape[1], row % shape[2]) +
         i % shape[3] * array.stride[3];
}

DEVICE a4j_int64 elementsOf(const a4j_int64 (&shape)[4]) {
  return shape[0] * shape[1] * shape[2] * shape[3];
}

// Calls f for every element, whatever the grid.
template <class F>
DEVICE void forEach(a4j_int64 elements, F&& f) {
  for (a4j_int64 i = static_cast<a4j_int64>(blockX()) * 256 + threadIndex(); i < elements;
       i += static_cast<a4j_int64>(gridX()) * 256) {
    f(i);
  }
}

#include <cross_entropy.cuh>
#include <elementwise.cuh>
#include <rms_norm.cuh>
#include <sums.cuh>

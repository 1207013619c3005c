// Sums of companions.cu, in parts first.
#pragma once

// A thread a column of a part of the rows.
KERNEL(256, column_sums, ColumnSumsParameters) {
  withReal(p.input.type, [&](auto zero) {
    using Real = decltype(zero);
    const a4j_int64 columns = p.shape[3];
    const int blocks = static_cast<int>((columns + 255) / 256);
    const a4j_int64 part = blockX() / blocks;
    const a4j_int64 c = blockX() % blocks * 256 + threadIndex();
    if (c >= columns) {
      return;
    }
    const a4j_int64 rows = p.shape[0] * p.shape[1] * p.shape[2];
    const a4j_int64 start = part * p.part_rows;
    const a4j_int64 end = start + p.part_rows < rows ? start + p.part_rows : rows;
    Real sum = 0;
    for (a4j_int64 row = start; row < end; row++) {
      sum += loadElement<Real>(p.input, offsetOf(p.input, p.shape, row * columns + c));
    }
    deviceMemory<Real>(p.parts)[part * columns + c] = sum;
  });
}

// A block 8192 elements.
KERNEL(256, sum_of_squares, SumOfSquaresParameters) {
  const a4j_int64 start = static_cast<a4j_int64>(blockX()) * 8192;
  const a4j_int64 elements = elementsOf(p.shape);
  const a4j_int64 end = start + 8192 < elements ? start + 8192 : elements;
  double sum = 0;
  for (a4j_int64 i = start + threadIndex(); i < end; i += 256) {
    const double x = loadElement<double>(p.input, offsetOf(p.input, p.shape, i));
    sum += x * x;
  }
  sum = sumOfBlock(sum);
  if (threadIndex() == 0) {
    deviceMemory<double>(p.parts)[blockX()] = sum;
  }
}

// A thread a column; of a single column all threads take a share.
KERNEL(256, sum_parts, SumPartsParameters) {
  withReal(p.part_type, [&](auto zero) {
    using Real = decltype(zero);
    const Real* parts = deviceMemory<const Real>(p.parts);
    Real sum = 0;
    if (p.columns == 1) {
      for (a4j_int64 i = threadIndex(); i < p.count; i += 256) {
        sum += parts[i];
      }
      sum = sumOfBlock(sum);
      if (threadIndex() == 0) {
        storeElement(p.sums, 0, sum);
      }
      return;
    }
    const a4j_int64 c = static_cast<a4j_int64>(blockX()) * 256 + threadIndex();
    if (c < p.columns) {
      for (a4j_int64 i = 0; i < p.count; i++) {
        sum += parts[i * p.columns + c];
      }
      storeElement(p.sums, c * p.sums.stride[3], sum);
    }
  });
}

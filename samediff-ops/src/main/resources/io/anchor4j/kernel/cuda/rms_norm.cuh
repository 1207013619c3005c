// The root mean square norm of companions.cu.
#pragma once

// One over the root mean square of the row that begins with element `first`.
template <class Real>
DEVICE Real inverseRms(const RmsNormParameters& p, a4j_int64 first) {
  Real squares = 0;
  for (a4j_int64 c = threadIndex(); c < p.shape[3]; c += 256) {
    const Real x = loadElement<Real>(p.input, offsetOf(p.input, p.shape, first + c));
    squares += x * x;
  }
  return 1 / squareRoot(sumOfBlock(squares) / static_cast<Real>(p.shape[3]) +
                        static_cast<Real>(p.epsilon));
}

// A block a row.
KERNEL(256, rms_norm, RmsNormParameters) {
  withReal(p.input.type, [&](auto zero) {
    using Real = decltype(zero);
    const a4j_int64 first = blockX() * p.shape[3];
    const Real inverse = inverseRms<Real>(p, first);
    for (a4j_int64 c = threadIndex(); c < p.shape[3]; c += 256) {
      const Real x = loadElement<Real>(p.input, offsetOf(p.input, p.shape, first + c));
      const Real gain = loadElement<Real>(p.gain, c * p.gain.stride[3]);
      storeElement(p.output, offsetOf(p.output, p.shape, first + c), x * inverse * gain);
    }
  });
}

// A block a part of the rows; a thread adds up the gain's gradient in columns of its own.
KERNEL(256, rms_norm_gradient, RmsNormParameters) {
  withReal(p.input.type, [&](auto zero) {
    using Real = decltype(zero);
    const a4j_int64 columns = p.shape[3];
    const a4j_int64 rows = p.shape[0] * p.shape[1] * p.shape[2];
    Real* gains = deviceMemory<Real>(p.gain_parts) + blockX() * columns;
    for (a4j_int64 c = threadIndex(); p.gain_parts != 0 && c < columns; c += 256) {
      gains[c] = 0;
    }
    const a4j_int64 start = blockX() * p.part_rows;
    const a4j_int64 end = start + p.part_rows < rows ? start + p.part_rows : rows;
    for (a4j_int64 row = start; row < end; row++) {
      const a4j_int64 first = row * columns;
      const Real inverse = inverseRms<Real>(p, first);
      auto at = [&](const Array& array, a4j_int64 c) {
        return loadElement<Real>(array, offsetOf(array, p.shape, first + c));
      };
      Real projection = 0;
      for (a4j_int64 c = threadIndex(); c < columns; c += 256) {
        projection += at(p.output_gradient, c) * loadElement<Real>(p.gain, c * p.gain.stride[3]) *
                      at(p.input, c);
      }
      projection = sumOfBlock(projection) / static_cast<Real>(columns) * inverse * inverse;
      for (a4j_int64 c = threadIndex(); c < columns; c += 256) {
        const Real x = at(p.input, c);
        const Real gradient = at(p.output_gradient, c);
        const Real gain = loadElement<Real>(p.gain, c * p.gain.stride[3]);
        storeElement(p.input_gradient, offsetOf(p.input_gradient, p.shape, first + c),
                     inverse * (gradient * gain - x * projection));
        if (p.gain_parts != 0) {
          gains[c] += gradient * x * inverse;
        }
      }
    }
  });
}

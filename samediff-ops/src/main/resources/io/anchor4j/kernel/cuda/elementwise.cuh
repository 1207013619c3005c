// Kernels of companions.cu that compute each element apart.
#pragma once

KERNEL(256, convert, ConvertParameters) {
  withReal(p.from.type, [&](auto zero) {
    forEach(elementsOf(p.shape), [&](a4j_int64 i) {
      storeElement(p.to, offsetOf(p.to, p.shape, i),
                   loadElement<decltype(zero)>(p.from, offsetOf(p.from, p.shape, i)));
    });
  });
}

KERNEL(256, gated_silu, GatedSiluParameters) {
  withReal(p.gate.type, [&](auto zero) {
    using Real = decltype(zero);
    forEach(elementsOf(p.shape), [&](a4j_int64 i) {
      const Real gate = loadElement<Real>(p.gate, offsetOf(p.gate, p.shape, i));
      const Real up = loadElement<Real>(p.up, offsetOf(p.up, p.shape, i));
      storeElement(p.output, offsetOf(p.output, p.shape, i),
                   gate / (1 + exponential(-gate)) * up);
    });
  });
}

KERNEL(256, gated_silu_gradient, GatedSiluParameters) {
  withReal(p.gate.type, [&](auto zero) {
    using Real = decltype(zero);
    forEach(elementsOf(p.shape), [&](a4j_int64 i) {
      const Real gate = loadElement<Real>(p.gate, offsetOf(p.gate, p.shape, i));
      const Real up = loadElement<Real>(p.up, offsetOf(p.up, p.shape, i));
      const Real gradient =
          loadElement<Real>(p.output_gradient, offsetOf(p.output_gradient, p.shape, i));
      const Real sigmoid = 1 / (1 + exponential(-gate));
      storeElement(p.gate_gradient, offsetOf(p.gate_gradient, p.shape, i),
                   gradient * up * (sigmoid * (1 + gate * (1 - sigmoid))));
      storeElement(p.up_gradient, offsetOf(p.up_gradient, p.shape, i),
                   gradient * (gate * sigmoid));
    });
  });
}

KERNEL(256, rotary, RotaryParameters) {
  withReal(p.heads.type, [&](auto zero) {
    using Real = decltype(zero);
    const a4j_int64 shape[4] = {p.batch, p.head_count, p.tokens, p.head_dim};
    forEach(elementsOf(shape), [&](a4j_int64 i) {
      const int c = static_cast<int>(i % p.head_dim);
      Real x = loadElement<Real>(p.heads, offsetOf(p.heads, shape, i));
      if (c < 2 * p.pairs) {
        const Turn turn = turnOf(c, p.pairs, p.pairing);
        const Real partner =
            loadElement<Real>(p.heads, offsetOf(p.heads, shape, i - c + turn.partner));
        const a4j_int64 row = i / p.head_dim;
        const int b = static_cast<int>(row / p.tokens / p.head_count);
        const int t = static_cast<int>(row % p.tokens);
        x = turned(x, partner, turn, anglesOf<Real>(p.angles, p.pairs, p.tokens, b, t),
                   p.inverse != 0);
      }
      storeElement(p.rotated, offsetOf(p.rotated, shape, i), x);
    });
  });
}

KERNEL(256, adamw, AdamWParameters) {
  withReal(p.parameters.type, [&](auto zero) {
    using Real = decltype(zero);
    const Real beta1 = static_cast<Real>(p.beta1);
    const Real beta2 = static_cast<Real>(p.beta2);
    const Real rest1 = static_cast<Real>(1 - p.beta1);
    const Real rest2 = static_cast<Real>(1 - p.beta2);
    const Real decay = static_cast<Real>(p.learning_rate * p.weight_decay);
    const Real rate = static_cast<Real>(p.learning_rate / p.first_correction);
    const Real second = static_cast<Real>(1 / p.second_correction);
    forEach(elementsOf(p.shape), [&](a4j_int64 i) {
      const a4j_int64 atParameter = offsetOf(p.parameters, p.shape, i);
      const a4j_int64 atFirst = offsetOf(p.first_moment, p.shape, i);
      const a4j_int64 atSecond = offsetOf(p.second_moment, p.shape, i);
      const Real gradient = loadElement<Real>(p.gradients, offsetOf(p.gradients, p.shape, i)) *
                            static_cast<Real>(p.gradient_scale);
      const Real m = beta1 * loadElement<Real>(p.first_moment, atFirst) + rest1 * gradient;
      const Real v =
          beta2 * loadElement<Real>(p.second_moment, atSecond) + rest2 * gradient * gradient;
      const Real update = rate * m / (squareRoot(v * second) + static_cast<Real>(p.epsilon));
      storeElement(p.first_moment, atFirst, m);
      storeElement(p.second_moment, atSecond, v);
      const Real parameter = loadElement<Real>(p.parameters, atParameter);
      // Rounds the parameter once: 1 - decay as a float would be off by up to 6e-8, which is much
      // of a decay of 1e-6.
      storeElement(p.parameters, atParameter, parameter - (parameter * decay + update));
    });
  });
}

// The softmax of companions.cu over logits that come in chunks of columns.
#pragma once

// A block a row: takes a chunk into the row's maximum and its sum of exponentials.
KERNEL(256, cross_entropy_statistics, CrossEntropyParameters) {
  withReal(p.type, [&](auto zero) {
    using Real = decltype(zero);
    const a4j_int64 row = blockX();
    const int target = deviceMemory<const int>(p.targets)[row];
    if (target < 0) {
      return;
    }
    Real& maximum = deviceMemory<Real>(p.row_maximum)[row];
    Real& sum = deviceMemory<Real>(p.row_sum)[row];
    const Real before = p.first ? -infinity<Real>() : maximum;
    const Real sumBefore = p.first ? 0 : sum;
    const a4j_int64 offset = row * p.logits.stride[2];
    Real largest = before;
    for (a4j_int64 c = threadIndex(); c < p.columns; c += 256) {
      largest = larger(largest, loadElement<Real>(p.logits, offset + c * p.logits.stride[3]));
    }
    largest = largestOfBlock(largest);
    const Real reference = largest == -infinity<Real>() ? 0 : largest;
    Real more = 0;
    for (a4j_int64 c = threadIndex(); c < p.columns; c += 256) {
      const Real logit = loadElement<Real>(p.logits, offset + c * p.logits.stride[3]);
      more += exponential(logit - reference);
      if (p.first_column + c == target) {
        deviceMemory<Real>(p.row_target)[row] = logit;
      }
    }
    more = sumOfBlock(more);
    if (threadIndex() == 0) {
      maximum = largest;
      sum = sumBefore * exponential(before - reference) + more;
    }
  });
}

// A thread a row.
KERNEL(256, cross_entropy_finish, CrossEntropyParameters) {
  withReal(p.type, [&](auto zero) {
    using Real = decltype(zero);
    const a4j_int64 row = static_cast<a4j_int64>(blockX()) * 256 + threadIndex();
    if (row >= p.rows) {
      return;
    }
    Real logSumExp = 0;
    Real loss = 0;
    if (deviceMemory<const int>(p.targets)[row] >= 0) {
      logSumExp = deviceMemory<const Real>(p.row_maximum)[row] +
                  logarithm(deviceMemory<const Real>(p.row_sum)[row]);
      loss = logSumExp - deviceMemory<const Real>(p.row_target)[row];
    }
    storeElement(p.log_sum_exp, row * p.log_sum_exp.stride[3], logSumExp);
    storeElement(p.losses, row * p.losses.stride[3], loss);
  });
}

// A block a row.
KERNEL(256, cross_entropy_gradient, CrossEntropyParameters) {
  withReal(p.type, [&](auto zero) {
    using Real = decltype(zero);
    const a4j_int64 row = blockX();
    const int target = deviceMemory<const int>(p.targets)[row];
    const Real logSumExp = loadElement<Real>(p.log_sum_exp, row * p.log_sum_exp.stride[3]);
    const Real weight = loadElement<Real>(p.loss_gradients, row * p.loss_gradients.stride[3]);
    for (a4j_int64 c = threadIndex(); c < p.columns; c += 256) {
      const Real logit = loadElement<Real>(
          p.logits, row * p.logits.stride[2] + c * p.logits.stride[3]);
      const Real probability = exponential(logit - logSumExp);
      const Real gradient = probability - (p.first_column + c == target ? 1 : 0);
      storeElement(p.logit_gradient,
                   row * p.logit_gradient.stride[2] + c * p.logit_gradient.stride[3],
                   target < 0 ? Real(0) : weight * gradient);
    }
  });
}

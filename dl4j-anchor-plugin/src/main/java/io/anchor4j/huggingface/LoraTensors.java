package io.anchor4j.huggingface;

import io.anchor4j.dl4j.layer.LowRank;
import io.anchor4j.huggingface.DecoderTensors.Mapping;
import java.util.List;

/** The names and shapes that PEFT gives the tensors of an adapter. */
record LoraTensors(int rank) {
  private static final String WEIGHT = ".weight";

  /** Returns the module that a linear weight belongs to. */
  static String module(Mapping weight) {
    return weight.tensor().substring(0, weight.tensor().length() - WEIGHT.length());
  }

  /** Returns lora_A [rank, in] and lora_B [out, rank], the transposes of A and B here. */
  List<Mapping> of(Mapping weight) {
    String prefix = "base_model.model." + module(weight);
    long out = weight.shape().get(0);
    long in = weight.shape().get(1);
    return List.of(
        new Mapping(
            prefix + ".lora_A" + WEIGHT,
            weight.layer(),
            LowRank.reducingKey(weight.parameter()),
            true,
            List.of((long) rank, in)),
        new Mapping(
            prefix + ".lora_B" + WEIGHT,
            weight.layer(),
            LowRank.expandingKey(weight.parameter()),
            true,
            List.of(out, (long) rank)));
  }
}

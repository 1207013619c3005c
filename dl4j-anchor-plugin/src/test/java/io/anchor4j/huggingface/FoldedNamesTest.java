package io.anchor4j.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FoldedNamesTest {
  @Test
  void runsOfAnIndexBecomeOneNameInTheFirstOnesPlace() {
    assertEquals(
        List.of(
            "model.embed_tokens.weight",
            "model.layers.{0..2,4}.q_norm.weight",
            "model.layers.1.k_norm.weight",
            "model.layers.{0..1}.v_norm.weight [4] instead of [8]",
            "model.layers.3.v_norm.weight [5] instead of [8]"),
        FoldedNames.of(
            List.of(
                "model.embed_tokens.weight",
                "model.layers.4.q_norm.weight",
                "model.layers.0.q_norm.weight",
                "model.layers.1.q_norm.weight",
                "model.layers.1.k_norm.weight",
                "model.layers.2.q_norm.weight",
                "model.layers.1.v_norm.weight [4] instead of [8]",
                "model.layers.3.v_norm.weight [5] instead of [8]",
                "model.layers.0.v_norm.weight [4] instead of [8]")));
  }

  @Test
  void expertsFoldWithinTheirLayers() {
    List<String> experts =
        IntStream.range(0, 256)
            .mapToObj(i -> "model.layers.%d.mlp.experts.%d.up.weight".formatted(i / 64, i % 64))
            .toList();
    assertEquals(
        List.of("model.layers.{0..3}.mlp.experts.{0..63}.up.weight"), FoldedNames.of(experts));
  }

  @Test
  void whatIsNoIndexStaysAsItIs() {
    List<String> names = List.of("a.01.b", "a.9999999999.b", "a.5", "1.a");
    assertEquals(names, FoldedNames.of(names));
  }
}

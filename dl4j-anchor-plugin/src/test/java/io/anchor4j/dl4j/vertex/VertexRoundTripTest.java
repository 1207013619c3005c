package io.anchor4j.dl4j.vertex;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.dl4j.layer.LanguageModelOutputLayer;
import io.anchor4j.testing.Attentions;
import io.anchor4j.testing.Options;
import java.util.List;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.junit.jupiter.api.Test;

class VertexRoundTripTest {
  private static final AnchorAttentionVertex ATTENTION =
      new AnchorAttentionVertex(4, 2, Attentions.nothingAtItsDefault());

  @Test
  void jsonYamlAndCloneKeepEveryOption() {
    Options.assertNoneStaysAtItsDefault(
        new AnchorAttentionVertex(1, 1, AttentionConfig.DEFAULT), ATTENTION);
    ComputationGraphConfiguration conf = graph();
    for (ComputationGraphConfiguration copy :
        List.of(
            ComputationGraphConfiguration.fromJson(conf.toJson()),
            ComputationGraphConfiguration.fromYaml(conf.toYaml()),
            conf.clone())) {
      assertSameVertices(conf, copy);
      assertEquals(conf, copy);
    }
  }

  /** Graphs that were saved before a change still load: names and meanings of options stay. */
  @Test
  void theCommittedJsonStillReads() throws Exception {
    try (var in = getClass().getResourceAsStream("/golden/vertices.json")) {
      var committed = ComputationGraphConfiguration.fromJson(new String(in.readAllBytes(), UTF_8));
      assertSameVertices(graph(), committed);
    }
  }

  @Test
  void verticesOfOtherOptionsAreNotEqual() {
    AnchorAttentionVertex other = ATTENTION.clone();
    assertEquals(ATTENTION, other);
    other.setAttention(ATTENTION.getAttention().withWindow(8));
    assertNotEquals(ATTENTION, other);
    assertNotEquals(new ResidualVertex(), new TiedEmbeddingVertex());
  }

  private static ComputationGraphConfiguration graph() {
    return new NeuralNetConfiguration.Builder()
        .graphBuilder()
        .addInputs("x")
        .addVertex("attention", ATTENTION, "x", "x", "x")
        .addVertex("sum", new ResidualVertex(), "x", "attention")
        .addVertex("tied", new TiedEmbeddingVertex(), "sum")
        .addLayer(
            "output",
            new LanguageModelOutputLayer.Builder().nIn(2).nOut(3).tiedTo("e").build(),
            "tied")
        .setOutputs("output")
        .build();
  }

  private static void assertSameVertices(
      ComputationGraphConfiguration expected, ComputationGraphConfiguration actual) {
    for (String name : List.of("attention", "sum", "tied")) {
      Options.assertSame(expected.getVertices().get(name), actual.getVertices().get(name));
    }
  }
}

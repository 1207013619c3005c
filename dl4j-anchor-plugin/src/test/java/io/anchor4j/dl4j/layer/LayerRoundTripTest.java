package io.anchor4j.dl4j.layer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.Precision;
import io.anchor4j.data.Positions;
import io.anchor4j.testing.Attentions;
import io.anchor4j.testing.Options;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;

/** Every option of every layer survives being written and read. */
class LayerRoundTripTest {
  private static final AnchorAttentionLayer ATTENTION =
      new AnchorAttentionLayer.Builder()
          .name("a")
          .nIn(6)
          .nOut(5)
          .nHeads(4)
          .kvHeads(2)
          .headSize(8)
          .anchorTokens(3)
          .positions(Positions.PER_DOCUMENT)
          .attention(Attentions.nothingAtItsDefault())
          .build();
  private static final AnchorAttentionLayer UNPROJECTED =
      new AnchorAttentionLayer.Builder().name("a").nIn(6).nHeads(1).projectInput(false).build();
  private static final RmsNormLayer NORM =
      new RmsNormLayer.Builder().name("n").nIn(6).epsilon(0.5).groupSize(3).build();
  private static final TokenLinearLayer LINEAR =
      new TokenLinearLayer.Builder()
          .name("l")
          .nIn(6)
          .nOut(5)
          .hasBias(false)
          .precision(Precision.BFLOAT16)
          .build();
  private static final GatedMlpLayer MLP =
      new GatedMlpLayer.Builder()
          .name("m")
          .nIn(6)
          .nOut(5)
          .intermediateSize(9)
          .hasBias(true)
          .precision(Precision.BFLOAT16)
          .build();
  private static final TokenEmbeddingLayer EMBEDDING =
      new TokenEmbeddingLayer.Builder().name("e").nIn(6).nOut(5).build();
  private static final LanguageModelOutputLayer OUTPUT =
      new LanguageModelOutputLayer.Builder()
          .name("o")
          .nIn(6)
          .nOut(5)
          .precision(Precision.BFLOAT16)
          .tiedTo("e")
          .build();
  private static final BinaryMaskLayer BINARY = new BinaryMaskLayer.Builder().name("b").build();

  static Stream<Layer> layers() {
    return Stream.of(ATTENTION, UNPROJECTED, NORM, LINEAR, MLP, EMBEDDING, OUTPUT, BINARY);
  }

  @Test
  void frozenWeightsAndAdaptersAreKept() {
    var layer = (TokenLinearLayer) LINEAR.clone();
    layer.setFrozen(DataType.BFLOAT16);
    layer.setLowRank(new LowRank(3, 0.5, 0.25, List.of(TokenLinearLayer.WEIGHT_KEY)));
    MultiLayerConfiguration conf = new NeuralNetConfiguration.Builder().list().layer(layer).build();
    Layer copy = layer(MultiLayerConfiguration.fromJson(conf.toJson()));
    assertEquals(layer, copy);
    assertEquals(layer.getLowRank(), ((TokenLinearLayer) copy).getLowRank());
    assertEquals(DataType.BFLOAT16, ((TokenLinearLayer) copy).getFrozen());
    assertNotEquals(LINEAR, copy);
  }

  @Test
  void theseLayersVaryEveryOption() {
    Options.assertNoneStaysAtItsDefault(
        new AnchorAttentionLayer.Builder().nIn(2).nOut(2).nHeads(1).build(),
        ATTENTION,
        UNPROJECTED);
    Options.assertNoneStaysAtItsDefault(
        new AnchorAttentionLayer.Builder().nIn(2).nOut(2).nHeads(1).build().getAttention(),
        ATTENTION.getAttention());
    Options.assertNoneStaysAtItsDefault(new RmsNormLayer.Builder().nIn(2).build(), NORM);
    Options.assertNoneStaysAtItsDefault(
        new TokenLinearLayer.Builder().nIn(2).nOut(2).build(), LINEAR);
    Options.assertNoneStaysAtItsDefault(
        new GatedMlpLayer.Builder().nIn(2).nOut(2).intermediateSize(2).build(), MLP);
    Options.assertNoneStaysAtItsDefault(
        new TokenEmbeddingLayer.Builder().nIn(2).nOut(2).build(), EMBEDDING);
    Options.assertNoneStaysAtItsDefault(
        new LanguageModelOutputLayer.Builder().nIn(2).nOut(2).build(), OUTPUT);
  }

  /** The Builder's short forms set what attention(...) sets. */
  @Test
  void everyAttentionOptionHasAShortForm() {
    AttentionConfig all = Attentions.nothingAtItsDefault();
    var layer =
        new AnchorAttentionLayer.Builder()
            .nOut(8)
            .nHeads(1)
            .mask(all.mask())
            .causal(all.causal())
            .window(all.window())
            .scale(all.scale())
            .alibi(all.alibi())
            .rotary(all.rotary())
            .precision(all.precision())
            .build();
    assertEquals(all, layer.getAttention());
  }

  @ParameterizedTest
  @MethodSource("layers")
  void jsonYamlCloneAndSerializationKeepEveryOption(Layer layer) throws Exception {
    MultiLayerConfiguration conf = new NeuralNetConfiguration.Builder().list().layer(layer).build();
    Layer expected = layer(conf);
    for (MultiLayerConfiguration copy :
        List.of(
            MultiLayerConfiguration.fromJson(conf.toJson()),
            MultiLayerConfiguration.fromYaml(conf.toYaml()),
            conf.clone(),
            serialized(conf))) {
      assertNotSame(expected, layer(copy));
      Options.assertSame(expected, layer(copy));
      assertEquals(expected, layer(copy));
      assertEquals(expected.hashCode(), layer(copy).hashCode());
      assertEquals(expected.toString(), layer(copy).toString());
    }
  }

  /** Networks that were saved before a change still load: names and meanings of options stay. */
  @Test
  void theCommittedJsonStillReads() throws Exception {
    MultiLayerConfiguration committed;
    try (var in = getClass().getResourceAsStream("/golden/layers.json")) {
      committed = MultiLayerConfiguration.fromJson(new String(in.readAllBytes(), UTF_8));
    }
    List<Layer> expected = layers().toList();
    assertEquals(expected.size(), committed.getConfs().size());
    for (int i = 0; i < expected.size(); i++) {
      Options.assertSame(expected.get(i), committed.getConf(i).getLayer());
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void layersThatDifferInOneOptionAreNotEqual(Layer layer) {
    assertEquals(
        1, layers().filter(layer::equals).count(), "equal to itself and to none of the others");
  }

  @Test
  void oneOtherOptionMakesLayersUnequal() {
    var precise = LINEAR.clone();
    ((TokenLinearLayer) precise).setPrecision(Precision.FLOAT32);
    assertNotEquals(LINEAR, precise);
    var wide = ATTENTION.clone();
    ((AnchorAttentionLayer) wide).setAttention(ATTENTION.getAttention().withWindow(10));
    assertNotEquals(ATTENTION, wide);
  }

  private static Layer layer(MultiLayerConfiguration conf) {
    return conf.getConf(0).getLayer();
  }

  private static MultiLayerConfiguration serialized(MultiLayerConfiguration conf) throws Exception {
    var bytes = new ByteArrayOutputStream();
    try (var out = new ObjectOutputStream(bytes)) {
      out.writeObject(conf);
    }
    try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      return (MultiLayerConfiguration) in.readObject();
    }
  }
}

package io.anchor4j.dl4j.retrofit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.dl4j.retrofit.RetrofitReport.Outcome;
import io.anchor4j.rotary.RotaryConfig;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.LearnedSelfAttentionLayer;
import org.deeplearning4j.nn.conf.layers.RecurrentAttentionLayer;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;

/** What the report says, word for word, and what bad input is told. */
class RetrofitReportTest {
  private static final AttentionRetrofit RETROFIT = new AttentionRetrofit.Builder().build();

  @Test
  void aTrainedNetwork() {
    MultiLayerNetwork old = StockNetworks.network(DataType.FLOAT, new Nesterovs(0.1));
    old.fit(StockNetworks.rows(DataType.FLOAT, 1, false));
    assertEquals(
        """
        attention: 2 swapped, 0 kept, 0 refused
          swapped "lower" (SelfAttentionLayer)
          swapped "upper" (SelfAttentionLayer)
        gradients: DL4J multiplied those of some layers, from now on they are true
          by 2: "between", "upper"
          by 4: "lstm", "lower"
        notes:
          "lstm", "lower", "between", "upper": steps are smaller by that factor, a larger learning rate keeps the pace
          "lstm", "lower", "between", "upper": l1 and l2 weigh more by that factor against the gradient
          "lstm", "lower", "between", "upper": gradients are clipped that much later, they had reached the threshold multiplied
          updater state: moved, and divided where gradients had been multiplied""",
        RETROFIT.apply(old).report().toString());
  }

  @Test
  void everyKindOfAttention() {
    MultiLayerConfiguration configuration =
        plain()
            .dropOut(0.9)
            .list()
            .layer(StockNetworks.attention(6, 2, 3).name("plain").build())
            .layer(StockNetworks.attention(6, 2, 300).name("wide").build())
            .layer(recurrent().name("recurrent").build())
            .layer(StockNetworks.attention(6, 1, 6).name("other").build())
            .layer(new Own(StockNetworks.attention(6, 2, 3).name("own")))
            .layer(learned().name("learned").build())
            .layer(StockNetworks.output().build())
            .setInputType(InputType.recurrent(6))
            .build();
    assertEquals(
        """
        attention: 1 swapped, 1 kept, 4 refused
          swapped "plain" (SelfAttentionLayer)
          refused "wide" (SelfAttentionLayer): AnchorAttentionLayer: headSize must be 1 to 256, got 300. Use more, smaller heads.
          refused "recurrent" (RecurrentAttentionLayer): each token's query is computed from the output of the token before
          kept    "other" (SelfAttentionLayer): not picked
          refused "own" (Own): a subclass of SelfAttentionLayer may compute something else
          refused "learned" (LearnedSelfAttentionLayer): its queries are weights, and its output has a token for each of them
        gradients: DL4J multiplied those of some layers, from now on they are true
          by 2: "plain"
        notes:
          "plain": dropout was set and DL4J ignored it, now it applies""",
        new AttentionRetrofit.Builder()
            .only(name -> !name.equals("other"))
            .build()
            .apply(configuration)
            .report()
            .toString());
  }

  @Test
  void aGraphWithSeveralWays() {
    NeuralNetConfiguration.Builder settings =
        plain().gradientNormalization(GradientNormalization.RenormalizeL2PerLayer);
    ComputationGraphConfiguration configuration =
        settings
            .graphBuilder()
            .addInputs("in")
            .setInputTypes(InputType.recurrent(StockNetworks.INPUTS))
            .addLayer("lstm", new LSTM.Builder().nOut(6).activation(Activation.TANH).build(), "in")
            .addLayer("lstm2", new LSTM.Builder().nOut(6).activation(Activation.TANH).build(), "in")
            .addVertex("vertex", StockNetworks.vertex(6, 6), "lstm", "lstm", "lstm")
            .addVertex("cross", StockNetworks.vertex(6, 6), "lstm", "lstm2", "lstm2")
            .addVertex(
                "sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "lstm", "vertex", "cross")
            .addLayer("last", StockNetworks.attention(6, 2, 3).build(), "sum")
            .addLayer("out", StockNetworks.output().build(), "last")
            .setOutputs("out")
            .build();
    var old = new ComputationGraph(configuration);
    old.init();
    old.fit(StockNetworks.rows(DataType.FLOAT, 2, false));
    RetrofitReport report = RETROFIT.apply(old).report();
    assertEquals(2, report.count(Outcome.SWAPPED));
    assertEquals(
        """
        attention: 2 swapped, 0 kept, 1 refused
          swapped "vertex" (AttentionVertex)
          refused "cross" (AttentionVertex): AnchorAttentionLayer has one input, here queries, keys and values are [lstm, lstm2, lstm2]
          swapped "last" (SelfAttentionLayer)
        gradients: DL4J multiplied those of some layers, from now on they are true
          by 2: "lstm2", "cross", "last"
          by 2 to 4: "lstm"
          by 4: "vertex"
        notes:
          "vertex": RenormalizeL2PerLayer was set and DL4J ignored it, now it applies
          updater state: moved, and divided where gradients had been multiplied
          "lstm": updater state moved as it was, no one factor is right for all its ways
          "lstm2", "last": updater state moved as it was, renormalized gradients have no size""",
        report.toString());
  }

  @Test
  void nothingToSwap() {
    MultiLayerConfiguration configuration =
        plain().list().layer(new DenseLayer.Builder().nIn(2).nOut(2).build()).build();
    assertEquals(
        "attention: 0 swapped, 0 kept, 0 refused",
        RETROFIT.apply(configuration).report().toString());
  }

  /** It can compute, not train. */
  @Test
  void aVertexThatLostItsUpdater() {
    var clone = new ComputationGraph(StockNetworks.vertices(plain()).clone());
    clone.init();
    assertEquals(
        "\"vertex\" has no updater, DL4J's clone() of a configuration loses it: swap the original",
        RETROFIT.apply(clone).report().notes().get(0));
  }

  @Test
  void badInputIsToldInOneLine() {
    var network = new MultiLayerNetwork(StockNetworks.layers(plain()));
    assertMessage(
        "AttentionRetrofit: the network has no parameters. Call init() first, or pass its"
            + " configuration.",
        () -> RETROFIT.apply(network));
    var graph = new ComputationGraph(StockNetworks.vertices(plain()));
    assertMessage(
        "AttentionRetrofit: the network has no parameters. Call init() first, or pass its"
            + " configuration.",
        () -> RETROFIT.apply(graph));
    assertMessage(
        "AttentionRetrofit: the network is null", () -> RETROFIT.apply((MultiLayerNetwork) null));
    assertMessage(
        "AttentionRetrofit: anchorTokens must be 0 or more, got -1",
        () -> new AttentionRetrofit.Builder().anchorTokens(-1).build());
    assertMessage(
        "attention: window must be 0 (none) or more, got -1",
        () -> new AttentionRetrofit.Builder().attention(a -> a.withWindow(-1)));
    assertMessage(
        "AttentionRetrofit: attention(...) returned null", () -> build(attention -> null));
    // Rotary embedding of heads of 3 dimensions: no such layer, so it stays as it is.
    var rotary =
        new AttentionRetrofit.Builder()
            .attention(a -> a.withRotary(RotaryConfig.of(10_000)))
            .build();
    assertEquals(2, rotary.apply(StockNetworks.layers(plain())).report().count(Outcome.REFUSED));
  }

  private static void build(UnaryOperator<AttentionConfig> change) {
    new AttentionRetrofit.Builder().attention(change).build();
  }

  private static void assertMessage(String message, Executable call) {
    assertEquals(message, assertThrows(RuntimeException.class, call).getMessage());
  }

  private static NeuralNetConfiguration.Builder plain() {
    return new NeuralNetConfiguration.Builder().updater(new Adam(0.01));
  }

  private static RecurrentAttentionLayer.Builder recurrent() {
    return new RecurrentAttentionLayer.Builder()
        .nIn(6)
        .nOut(6)
        .nHeads(1)
        .activation(Activation.TANH)
        .projectInput(true);
  }

  private static LearnedSelfAttentionLayer.Builder learned() {
    return new LearnedSelfAttentionLayer.Builder()
        .nIn(6)
        .nOut(6)
        .nHeads(1)
        .nQueries(2)
        .projectInput(true);
  }

  /** A user's layer that goes its own ways. */
  private static final class Own extends SelfAttentionLayer {
    private static final long serialVersionUID = 1L;

    Own(SelfAttentionLayer.Builder builder) {
      super(builder);
    }
  }
}

package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.dl4j.layer.TokenLinearLayer;
import io.anchor4j.dl4j.vertex.AnchorAttentionVertex;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Random;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;
import org.deeplearning4j.datasets.iterator.IteratorMultiDataSetIterator;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.deeplearning4j.parallelism.factory.DefaultTrainerContext;
import org.deeplearning4j.parallelism.factory.TrainerContext;
import org.deeplearning4j.parallelism.trainer.Trainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** DL4J's ParallelWrapper: two workers with two rows each train as one network with four. */
class ParallelWrapperTest {
  private static final int ROWS = 16;
  private static final int CHANNELS = 8;
  private static final int TOKENS = 6;
  private static final int CLASSES = 3;
  private static final int FITS = 2;

  @ParameterizedTest(name = "prefetch {0}")
  @ValueSource(ints = {0, 16})
  void aNetworkWithTheLayer(int prefetch) {
    MultiLayerNetwork alone = network(attention());
    MultiLayerNetwork together = network(attention());
    INDArray before = together.params().dup();
    List<DataSet> rows = rows();
    ParallelWrapper workers = workers(together, prefetch, new SameStart());
    for (int i = 0; i < FITS; i++) {
      workers.fit(new ListDataSetIterator<>(rows, 2));
      alone.fit(new ListDataSetIterator<>(rows, 4));
    }
    assertSameTraining(before, alone.params(), together.params());
  }

  @ParameterizedTest(name = "prefetch {0}")
  @ValueSource(ints = {0, 16})
  void aGraphWithTheVertexAndDocuments(int prefetch) {
    ComputationGraph alone = graph();
    ComputationGraph together = graph();
    INDArray before = together.params().dup();
    List<MultiDataSet> rows = rowsOfDocuments();
    ParallelWrapper workers = workers(together, prefetch, new SameStart());
    for (int i = 0; i < FITS; i++) {
      workers.fit(new IteratorMultiDataSetIterator(rows.iterator(), 2));
      alone.fit(new IteratorMultiDataSetIterator(rows.iterator(), 4));
    }
    assertSameTraining(before, alone.params(), together.params());
  }

  /**
   * With trainers of its own, M2.1 gives a late worker a model that another has trained already; a
   * stock network shows it. Once it does not, {@link SameStart} can go.
   */
  @Test
  void aLateWorkerNeedsTheSameStart() {
    List<DataSet> rows = rows();
    assertTrue(differenceWithALateWorker(rows, new DefaultTrainerContext()) > 1e-3);
    assertEquals(0, differenceWithALateWorker(rows, new SameStart()), 1e-6);
  }

  private static double differenceWithALateWorker(List<DataSet> rows, TrainerContext context) {
    MultiLayerNetwork alone = network(new LSTM.Builder().nIn(CHANNELS).nOut(CHANNELS).build());
    MultiLayerNetwork together = alone.clone();
    var late = new LateWorkers(context, together::getIterationCount);
    workers(together, 0, late).fit(new ListDataSetIterator<>(rows, 2));
    alone.fit(new ListDataSetIterator<>(rows, 4));
    return alone.params().sub(together.params()).amaxNumber().doubleValue();
  }

  /** Workers but the first begin once the first has done a step. */
  private static final class LateWorkers extends DefaultTrainerContext {
    private final TrainerContext context;
    private final IntSupplier stepsOfTheFirst;

    LateWorkers(TrainerContext context, IntSupplier stepsOfTheFirst) {
      this.context = context;
      this.stepsOfTheFirst = stepsOfTheFirst;
    }

    @Override
    public Trainer create(
        String uuid,
        int threadId,
        Model model,
        int rootDevice,
        boolean useMDS,
        ParallelWrapper wrapper,
        WorkspaceMode mode,
        int averagingFrequency) {
      Trainer trainer =
          context.create(
              uuid, threadId, model, rootDevice, useMDS, wrapper, mode, averagingFrequency);
      return threadId == 0 ? trainer : late(trainer);
    }

    private Trainer late(Trainer trainer) {
      return (Trainer)
          Proxy.newProxyInstance(
              Trainer.class.getClassLoader(),
              new Class<?>[] {Trainer.class},
              (proxy, method, arguments) -> {
                while (method.getName().equals("run") && stepsOfTheFirst.getAsInt() == 0) {
                  Thread.sleep(1);
                }
                try {
                  return method.invoke(trainer, arguments);
                } catch (InvocationTargetException e) {
                  throw e.getCause();
                }
              });
    }
  }

  private static ParallelWrapper workers(Model model, int prefetch, TrainerContext context) {
    ParallelWrapper workers =
        new ParallelWrapper.Builder<>(model)
            .workers(2)
            .averagingFrequency(1)
            .prefetchBuffer(prefetch)
            .trainingMode(ParallelWrapper.TrainingMode.AVERAGING)
            .build();
    // Not trainerFactory(...): build() overwrites it.
    workers.setTrainerContext(context);
    return workers;
  }

  private static void assertSameTraining(INDArray before, INDArray alone, INDArray together) {
    assertTrue(before.sub(alone).amaxNumber().doubleValue() > 0.05, "hardly trained");
    assertEquals(0, alone.sub(together).amaxNumber().doubleValue(), 1e-6);
  }

  private static Layer attention() {
    return new AnchorAttentionLayer.Builder().nIn(CHANNELS).nOut(CHANNELS).nHeads(2).build();
  }

  private static MultiLayerNetwork network(Layer layer) {
    var net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .updater(new Sgd(0.1))
                .seed(12)
                .list()
                .layer(layer)
                .layer(output())
                .build());
    net.init();
    return net;
  }

  private static ComputationGraph graph() {
    var graph =
        new ComputationGraph(
            new NeuralNetConfiguration.Builder()
                .updater(new Sgd(0.1))
                .seed(12)
                .graphBuilder()
                .addInputs("x", "documents")
                .addLayer("query", linear(), "x")
                .addLayer("key", linear(), "x")
                .addLayer("value", linear(), "x")
                .addVertex(
                    "attention",
                    new AnchorAttentionVertex(
                        2, 2, AttentionConfig.DEFAULT.withMask(AttentionMask.ANCHOR)),
                    "query",
                    "key",
                    "value",
                    "documents")
                .addLayer("output", output(), "attention")
                .setOutputs("output")
                .build());
    graph.init();
    return graph;
  }

  private static TokenLinearLayer linear() {
    return new TokenLinearLayer.Builder().nIn(CHANNELS).nOut(CHANNELS).build();
  }

  private static RnnOutputLayer output() {
    return new RnnOutputLayer.Builder()
        .nIn(CHANNELS)
        .nOut(CLASSES)
        .activation(Activation.SOFTMAX)
        .dataFormat(RNNFormat.NCW)
        .build();
  }

  private static List<DataSet> rows() {
    var random = new Random(1);
    return IntStream.range(0, ROWS)
        .mapToObj(i -> new DataSet(features(random), labels(random)))
        .toList();
  }

  private static List<MultiDataSet> rowsOfDocuments() {
    var random = new Random(1);
    return IntStream.range(0, ROWS)
        .<MultiDataSet>mapToObj(
            i -> {
              INDArray[] inputs = {features(random), documents(1 + i % (TOKENS - 1))};
              return new org.nd4j.linalg.dataset.MultiDataSet(
                  inputs, new INDArray[] {labels(random)});
            })
        .toList();
  }

  private static INDArray features(Random random) {
    double[] numbers = random.doubles(CHANNELS * TOKENS, -1, 1).toArray();
    return Nd4j.createFromArray(numbers).castTo(DataType.FLOAT).reshape(1, CHANNELS, TOKENS);
  }

  private static INDArray labels(Random random) {
    INDArray labels = Nd4j.zeros(DataType.FLOAT, 1, CLASSES, TOKENS);
    for (int t = 0; t < TOKENS; t++) {
      labels.putScalar(0, random.nextInt(CLASSES), t, 1);
    }
    return labels;
  }

  /** Two documents, the second from that token on. */
  private static INDArray documents(int second) {
    return Nd4j.createFromArray(
        new int[][] {IntStream.range(0, TOKENS).map(t -> t < second ? 1 : 2).toArray()});
  }
}

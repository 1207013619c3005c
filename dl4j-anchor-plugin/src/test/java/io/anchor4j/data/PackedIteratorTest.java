package io.anchor4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.data.PackedIterator.Cursor;
import java.io.ByteArrayOutputStream;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Random;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.AsyncMultiDataSetIterator;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions;

class PackedIteratorTest {
  /** Row i holds i as its first token, so that a batch tells which rows it holds. */
  private static PackedDataset rows(int count, int tokens) {
    Random random = new Random(1);
    List<PackedRow> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int length = tokens > 0 ? tokens : 1 + random.nextInt(9);
      int[] ids = random.ints(length, 0, 50).toArray();
      ids[0] = i;
      rows.add(new PackedRow(ids, random.ints(length, -1, 4).toArray()));
    }
    return PackedDataset.of(rows);
  }

  private static int[] rowsOf(MultiDataSet batch) {
    return Arrays.stream(batch.getFeatures(0).toIntMatrix()).mapToInt(row -> row[0]).toArray();
  }

  private static List<Integer> takeEpoch(PackedIterator iterator) {
    List<Integer> taken = new ArrayList<>();
    while (iterator.hasNext()) {
      Arrays.stream(rowsOf(iterator.next())).forEach(taken::add);
    }
    return taken;
  }

  @ParameterizedTest(name = "batch size {0}")
  @ValueSource(ints = {1, 2, 3, 7, 50})
  void batchesHoldTheRowsPaddedToTheLongest(int batchSize) {
    PackedDataset dataset = rows(20, 0);
    PackedIterator iterator =
        new PackedIterator.Builder(dataset)
            .batchSize(batchSize)
            .positions(Positions.PER_DOCUMENT)
            .boundaryLabels(BoundaryLabels.KEEP)
            .paddingId(99)
            .build();
    int index = 0;
    while (iterator.hasNext()) {
      MultiDataSet batch = iterator.next();
      int size = Math.min(batchSize, 20 - index);
      List<PackedRow> expected =
          IntStream.range(index, index + size).mapToObj(dataset::row).toList();
      int tokens = expected.stream().mapToInt(PackedRow::length).max().orElseThrow();
      assertEquals(3, batch.numFeatureArrays());
      assertEquals(1, batch.numLabelsArrays());
      assertNull(batch.getFeaturesMaskArrays());
      assertNull(batch.getLabelsMaskArrays());
      List<INDArray> arrays =
          List.of(
              batch.getFeatures(0), batch.getFeatures(1), batch.getFeatures(2), batch.getLabels(0));
      for (INDArray array : arrays) {
        assertEquals(DataType.INT32, array.dataType());
        assertArrayEquals(new long[] {size, tokens}, array.shape());
        assertEquals('c', array.ordering());
      }
      for (int b = 0; b < size; b++) {
        PackedRow row = expected.get(b);
        int[][] values = {
          row.inputIds(),
          row.documentIds(),
          row.positions(Positions.PER_DOCUMENT),
          row.targets(BoundaryLabels.KEEP)
        };
        int[] fillers = {99, -1, 0, -100};
        for (int a = 0; a < 4; a++) {
          int[] padded = Arrays.copyOf(values[a], tokens);
          Arrays.fill(padded, row.length(), tokens, fillers[a]);
          assertArrayEquals(padded, arrays.get(a).toIntMatrix()[b], "array " + a);
        }
      }
      index += size;
    }
    assertEquals(20, index);
  }

  @Test
  void withoutShufflingEveryEpochIsInOrder() {
    PackedIterator iterator = new PackedIterator.Builder(rows(10, 4)).batchSize(3).build();
    List<Integer> order = IntStream.range(0, 10).boxed().toList();
    assertEquals(order, takeEpoch(iterator));
    iterator.reset();
    assertEquals(order, takeEpoch(iterator));
  }

  @Test
  void eachShuffledEpochTakesEachRowOnceInAnOrderOfItsOwn() {
    PackedIterator iterator =
        new PackedIterator.Builder(rows(40, 4)).batchSize(7).shuffle(3).build();
    List<List<Integer>> epochs = new ArrayList<>();
    for (int epoch = 0; epoch < 4; epoch++) {
      List<Integer> taken = takeEpoch(iterator);
      assertEquals(IntStream.range(0, 40).boxed().toList(), taken.stream().sorted().toList());
      assertFalse(epochs.contains(taken));
      epochs.add(taken);
      iterator.reset();
    }
    PackedIterator again = new PackedIterator.Builder(rows(40, 4)).batchSize(40).shuffle(3).build();
    assertEquals(epochs.get(0), takeEpoch(again));
    PackedIterator other = new PackedIterator.Builder(rows(40, 4)).batchSize(40).shuffle(4).build();
    assertNotEquals(epochs.get(0), takeEpoch(other));
  }

  @ParameterizedTest(name = "endless {0}")
  @ValueSource(booleans = {false, true})
  void resumingAtACursorGivesTheUninterruptedBatches(boolean endless) {
    List<MultiDataSet> uninterrupted = new ArrayList<>();
    List<Cursor> cursors = new ArrayList<>();
    PackedIterator iterator = shuffled(endless);
    for (int step = 0; step < 30; step++) {
      cursors.add(iterator.cursor());
      uninterrupted.add(take(iterator));
    }
    assertTrue(cursors.get(29).epoch() >= 3);
    for (int stop = 0; stop < 30; stop++) {
      PackedIterator resumed = shuffled(endless);
      resumed.seek(cursors.get(stop));
      for (int step = stop; step < 30; step++) {
        assertEquals(cursors.get(step), resumed.cursor());
        assertEquals(uninterrupted.get(step), take(resumed));
      }
    }
  }

  private static PackedIterator shuffled(boolean endless) {
    var builder = new PackedIterator.Builder(rows(17, 0)).batchSize(2).shuffle(9);
    return endless ? builder.endless().build() : builder.build();
  }

  private static MultiDataSet take(PackedIterator iterator) {
    if (!iterator.hasNext()) {
      iterator.reset();
    }
    return iterator.next();
  }

  @Test
  void anEndlessIteratorFillsEveryBatchAcrossEpochs() {
    PackedIterator finite = new PackedIterator.Builder(rows(5, 3)).batchSize(5).shuffle(1).build();
    List<Integer> epochs = new ArrayList<>();
    for (int epoch = 0; epoch < 4; epoch++) {
      epochs.addAll(takeEpoch(finite));
      finite.reset();
    }
    PackedIterator endless =
        new PackedIterator.Builder(rows(5, 3)).batchSize(7).shuffle(1).endless().build();
    List<Integer> taken = new ArrayList<>();
    for (int batch = 0; batch < 2; batch++) {
      assertTrue(endless.hasNext());
      int[] ids = rowsOf(endless.next());
      assertEquals(7, ids.length);
      Arrays.stream(ids).forEach(taken::add);
    }
    assertEquals(epochs.subList(0, 14), taken);
    assertEquals(new Cursor(2, 4), endless.cursor());
  }

  @Test
  void resetBeforeAnyRowChangesNothing() {
    PackedIterator iterator = shuffled(false);
    iterator.reset();
    assertEquals(new Cursor(0, 0), iterator.cursor());
    iterator.next();
    iterator.reset();
    assertEquals(new Cursor(1, 0), iterator.cursor());
  }

  @Test
  void whatCannotBeIsRefused() {
    PackedIterator iterator = new PackedIterator.Builder(rows(2, 3)).batchSize(2).build();
    iterator.next();
    assertEquals(
        "epoch 0 is over after 2 rows: reset() begins the next one",
        assertThrows(NoSuchElementException.class, iterator::next).getMessage());
    assertEquals(
        "Cursor[epoch=0, row=3] is no place in a dataset of 2 rows: was it saved with other data?",
        assertThrows(IllegalArgumentException.class, () -> iterator.seek(new Cursor(0, 3)))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> iterator.seek(new Cursor(-1, 0)));
    assertThrows(IllegalArgumentException.class, () -> iterator.next(0));
    assertEquals(
        "batchSize must be at least 1, got 0",
        assertThrows(
                IllegalArgumentException.class,
                () -> new PackedIterator.Builder(rows(2, 3)).batchSize(0).build())
            .getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> new PackedIterator.Builder(rows(2, 3)).paddingId(-1).build());
    assertThrows(
        NotSerializableException.class,
        () -> new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(iterator));
  }

  @Test
  void dl4jsAsynchronousIteratorGivesTheSameBatches() {
    PackedIterator plain = shuffled(false);
    AsyncMultiDataSetIterator async = new AsyncMultiDataSetIterator(shuffled(false), 3, true);
    for (int epoch = 0; epoch < 3; epoch++) {
      while (plain.hasNext()) {
        assertTrue(async.hasNext());
        assertEquals(plain.next(), async.next());
      }
      assertFalse(async.hasNext());
      plain.reset();
      async.reset();
    }
    async.shutdown();
  }

  /** With a stock network, for which a preprocessor drops the ids and makes targets one-hot. */
  @Test
  void dl4jsOwnFitTakesEveryRowOnceAnEpoch() {
    int vocabulary = 50;
    var graph =
        new ComputationGraph(
            new NeuralNetConfiguration.Builder()
                .seed(1)
                .graphBuilder()
                .addInputs("tokens")
                .setInputTypes(InputType.recurrent(vocabulary))
                .addLayer(
                    "embedding",
                    new EmbeddingSequenceLayer.Builder().nIn(vocabulary).nOut(4).build(),
                    "tokens")
                .addLayer(
                    "output",
                    new RnnOutputLayer.Builder(LossFunctions.LossFunction.MCXENT)
                        .nIn(4)
                        .nOut(vocabulary)
                        .build(),
                    "embedding")
                .setOutputs("output")
                .build());
    graph.init();
    List<Integer> taken = new ArrayList<>();
    PackedIterator iterator =
        new PackedIterator.Builder(rows(9, 6)).batchSize(2).shuffle(5).build();
    iterator.setPreProcessor(
        batch -> {
          Arrays.stream(rowsOf(batch)).forEach(taken::add);
          INDArray tokens = batch.getFeatures(0);
          INDArray oneHot = Nd4j.zeros(DataType.FLOAT, tokens.size(0), vocabulary, tokens.size(1));
          int[][] targets = batch.getLabels(0).toIntMatrix();
          for (int b = 0; b < targets.length; b++) {
            for (int t = 0; t < targets[b].length; t++) {
              if (targets[b][t] != PackedRow.IGNORED) {
                oneHot.putScalar(new int[] {b, targets[b][t], t}, 1);
              }
            }
          }
          batch.setFeatures(new INDArray[] {tokens});
          batch.setLabels(new INDArray[] {oneHot});
        });
    graph.fit(iterator, 3);
    assertEquals(27, taken.size());
    for (int epoch = 0; epoch < 3; epoch++) {
      assertEquals(
          IntStream.range(0, 9).boxed().toList(),
          taken.subList(9 * epoch, 9 * epoch + 9).stream().sorted().toList());
    }
    assertNotEquals(taken.subList(0, 9), taken.subList(9, 18));
    assertTrue(Double.isFinite(graph.score()));
  }
}

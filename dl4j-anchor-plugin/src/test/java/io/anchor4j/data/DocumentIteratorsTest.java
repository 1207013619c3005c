package io.anchor4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.dl4j.layer.BinaryMaskLayer;
import io.anchor4j.dl4j.layer.TokenEmbeddingLayer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.datasets.iterator.utilty.SingletonMultiDataSetIterator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/** Documents for a data set of one's own: by separators, by lengths, in both kinds of network. */
class DocumentIteratorsTest {
  private static final int END = 9;
  private static final INDArray IDS =
      Nd4j.createFromArray(new int[][] {{1, 2, END, 3, END, 4}, {END, 5, 6, 7, END, 8}});
  private static final INDArray LABELS = Nd4j.zeros(DataType.FLOAT, 2, 3, 6);

  static {
    for (int b = 0; b < 2; b++) {
      for (int t = 0; t < 6; t++) {
        LABELS.putScalar(b, IDS.getInt(b, t) % 3, t, 1);
      }
    }
  }

  @Test
  void aSeparatorEndsItsDocument() {
    var iterator = new DocumentMaskIterator(source(null), DocumentBorders.separator(END));
    assertMask(new int[][] {{2, 2, 2, 3, 3, 4}, {2, 3, 3, 3, 3, 4}}, iterator.next());
  }

  @Test
  void leadingTokensMayBeAnchors() {
    var iterator = new DocumentMaskIterator(source(null), DocumentBorders.separator(END), 1);
    assertMask(new int[][] {{1, 2, 2, 3, 3, 4}, {1, 3, 3, 3, 3, 4}}, iterator.next());
  }

  @Test
  void cumulativeLengthsSayWhereDocumentsEndAndWhatIsPadding() {
    var lengths = List.of(new int[] {0, 2, 5}, new int[] {0, 6});
    var iterator =
        new DocumentMaskIterator(source(null), DocumentBorders.cumulativeLengths(lengths));
    DataSet first = iterator.next();
    assertMask(new int[][] {{2, 2, 3, 3, 3, 0}, {2, 2, 2, 2, 2, 2}}, first);
    assertEquals(
        Nd4j.createFromArray(new float[][] {{1, 1, 1, 1, 1, 0}, {1, 1, 1, 1, 1, 1}}),
        first.getLabelsMaskArray());
    iterator.reset();
    assertMask(new int[][] {{2, 2, 3, 3, 3, 0}, {2, 2, 2, 2, 2, 2}}, iterator.next());
  }

  @Test
  void theMaskThatWasThereSaysWhatIsPaddingAndStaysWithItsOwner() {
    INDArray padding = Nd4j.createFromArray(new float[][] {{1, 1, 1, 1, 0, 0}, {1, 1, 1, 1, 1, 1}});
    var source = source(padding);
    var iterator = new DocumentMaskIterator(source, DocumentBorders.separator(END));
    for (int epoch = 0; epoch < 2; epoch++) {
      assertMask(new int[][] {{2, 2, 2, 3, 0, 0}, {2, 3, 3, 3, 3, 4}}, iterator.next());
      iterator.reset();
    }
    assertArrayEquals(padding.toIntMatrix(), source.next().getFeaturesMaskArray().toIntMatrix());
  }

  @Test
  void aGraphGetsDocumentsAndPositionsAsInputs() {
    var source =
        new SingletonMultiDataSetIterator(
            new MultiDataSet(new INDArray[] {IDS}, new INDArray[] {LABELS}));
    var iterator =
        new DocumentInputIterator(
            source, DocumentBorders.separator(END), 1, Positions.PER_DOCUMENT);
    var batch = iterator.next();
    assertEquals(3, batch.getFeatures().length);
    assertArrayEquals(
        new int[][] {{0, 1, 1, 2, 2, 3}, {0, 2, 2, 2, 2, 3}}, batch.getFeatures(1).toIntMatrix());
    assertArrayEquals(
        new int[][] {{0, 1, 2, 1, 2, 1}, {0, 1, 2, 3, 4, 1}}, batch.getFeatures(2).toIntMatrix());
    assertEquals(DataType.INT32, batch.getFeatures(1).dataType());
    assertNull(batch.getFeaturesMaskArrays());
  }

  @Test
  void aNetworkTrainsOnDocumentsThatDoNotSeeEachOther() {
    MultiLayerNetwork net = network();
    var documents =
        new DocumentMaskIterator(source(null), DocumentBorders.cumulativeLengths(halves()));
    INDArray mask = documents.next().getFeaturesMaskArray();
    INDArray before = net.output(IDS, false, mask, null);
    INDArray changed = IDS.dup();
    changed.putScalar(0, 0, 7);
    INDArray after = net.output(changed, false, mask, null);
    for (int t = 0; t < 6; t++) {
      INDArray x = token(before, t);
      INDArray y = token(after, t);
      if (t < 3) {
        assertNotEquals(x, y, "token " + t + " belongs to the document that changed");
      } else {
        assertEquals(x, y, "token " + t + " belongs to another document");
      }
    }
    documents.reset();
    double first = net.score(documents.next());
    for (int i = 0; i < 20; i++) {
      net.fit(documents);
    }
    documents.reset();
    assertTrue(net.score(documents.next()) < first);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1,5     | cumulativeLengths: row 0 must be 0 and the end of each document, got [1, 5]",
        "0       | cumulativeLengths: row 0 must be 0 and the end of each document, got [0]",
        "0,4,4   | cumulativeLengths: row 0 must ascend, got [0, 4, 4]",
        "0,4,7   | cumulativeLengths: row 0 ends at token 7, the data set's row has 6 tokens",
        "0,6     | cumulativeLengths: the data set has a row 1, there are lengths for 1 rows"
      })
  void lengthsThatDoNotFitAreRefused(String row, String message) {
    int[] ends = List.of(row.split(",")).stream().mapToInt(Integer::parseInt).toArray();
    var refusal =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new DocumentMaskIterator(
                        source(null), DocumentBorders.cumulativeLengths(List.of(ends)))
                    .next());
    assertEquals(message, refusal.getMessage());
  }

  /** As DL4J's own embedding takes them: [B, 1, T], or numbers of the network's type. */
  @Test
  void separatorsAreFoundAmongIdsInAnyForm() {
    int[][] expected = {{2, 2, 2, 3, 3, 4}, {2, 3, 3, 3, 3, 4}};
    INDArray numbers = IDS.castTo(DataType.FLOAT);
    for (INDArray ids : List.of(IDS.reshape(2, 1, 6), numbers, numbers.reshape(2, 1, 6))) {
      var source = new ListDataSetIterator<>(List.of(new DataSet(ids, LABELS)), 2);
      assertMask(expected, new DocumentMaskIterator(source, DocumentBorders.separator(END)).next());
    }
    var halves = new DataSet(numbers.add(0.5), LABELS);
    var iterator =
        new DocumentMaskIterator(
            new ListDataSetIterator<>(List.of(halves), 2), DocumentBorders.separator(END));
    assertEquals(
        "to find separators in, features must be whole numbers, got 1.5 at row 0, token 0",
        assertThrows(IllegalArgumentException.class, iterator::next).getMessage());
  }

  @Test
  void anIteratorCanBeWrittenAndReadBack() throws Exception {
    var bytes = new ByteArrayOutputStream();
    try (var out = new ObjectOutputStream(bytes)) {
      out.writeObject(new DocumentMaskIterator(source(null), DocumentBorders.separator(END)));
    }
    try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      var read = (DocumentMaskIterator) in.readObject();
      assertMask(new int[][] {{2, 2, 2, 3, 3, 4}, {2, 3, 3, 3, 3, 4}}, read.next());
    }
  }

  @Test
  void separatorsAreNotLookedForAmongVectors() {
    var floats = new DataSet(Nd4j.rand(DataType.FLOAT, 2, 3, 6), LABELS);
    var iterator =
        new DocumentMaskIterator(
            new ListDataSetIterator<>(List.of(floats), 1), DocumentBorders.separator(END));
    var refusal = assertThrows(IllegalArgumentException.class, iterator::next);
    assertEquals(
        "the features must be token ids [batch, tokens] or [batch, 1, tokens] to find separators in;"
            + " with cumulativeLengths they may be anything [batch, channels, tokens], got FLOAT [2,"
            + " 3, 6]",
        refusal.getMessage());
  }

  private static List<int[]> halves() {
    return List.of(new int[] {0, 3, 6}, new int[] {0, 3, 6});
  }

  private static INDArray token(INDArray output, int t) {
    return output.slice(0).getColumn(t).dup();
  }

  private static void assertMask(int[][] expected, DataSet batch) {
    assertEquals(DataType.INT32, batch.getFeaturesMaskArray().dataType());
    assertArrayEquals(expected, batch.getFeaturesMaskArray().toIntMatrix());
  }

  private static ListDataSetIterator<DataSet> source(INDArray mask) {
    return new ListDataSetIterator<>(List.of(new DataSet(IDS, LABELS, mask, null)), 2);
  }

  private static MultiLayerNetwork network() {
    var net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .updater(new Sgd(0.05))
                .seed(4)
                .list()
                .layer(new TokenEmbeddingLayer.Builder().nIn(10).nOut(8).build())
                .layer(new AnchorAttentionLayer.Builder().nIn(8).nOut(8).nHeads(2).build())
                .layer(new BinaryMaskLayer.Builder().build())
                .layer(
                    new RnnOutputLayer.Builder()
                        .nIn(8)
                        .nOut(3)
                        .activation(Activation.SOFTMAX)
                        .dataFormat(RNNFormat.NCW)
                        .build())
                .build());
    net.init();
    return net;
  }
}

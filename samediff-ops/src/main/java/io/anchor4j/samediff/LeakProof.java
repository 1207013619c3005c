package io.anchor4j.samediff;

import io.anchor4j.ops.AnchorAttention;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * Shows on the probe that the second of two documents in a row does not reach the first's results.
 *
 * <p>The input of the second is rewritten. Which tokens of an attention belong to it is then read
 * off its queries, keys and values, not off what is thought of its rows: a wrong row's documents
 * show. The second begins elsewhere in each row for that.
 */
final class LeakProof {
  private final GraphReading reading;
  private final String documents;
  private final long rows;
  private final long tokens;

  /**
   * @param documents the name of a placeholder INT [rows, tokens], which the graph has by now
   */
  LeakProof(GraphReading reading, String documents, long rows, long tokens) {
    this.reading = reading;
    this.documents = documents;
    this.rows = rows;
    this.tokens = tokens;
  }

  /** The first token of the second document of each row. */
  private long[] starts() {
    return LongStream.range(0, rows).map(row -> 1 + row % (tokens - 1)).toArray();
  }

  /**
   * Compares.
   *
   * @param probe with all that the graph takes but documents
   * @param fixed the placeholders that are not rewritten
   * @param notes gets one for each attention whose tokens are mixed below, so that nothing is shown
   * @return the largest change over the larger of 1 and the largest value, or NaN if none was shown
   * @throws IllegalStateException if one is above {@code tolerance}
   */
  double show(Probe probe, Set<String> fixed, double tolerance, List<String> notes) {
    INDArray ids = Nd4j.ones(DataType.INT32, rows, tokens);
    long[] starts = starts();
    for (int row = 0; row < rows; row++) {
      for (long token = starts[row]; token < tokens; token++) {
        ids.putScalar(row, token, 2);
      }
    }
    Probe first = probe.with(documents, ids);
    Probe second = probe.rewritten(starts, tokens, fixed).with(documents, ids);
    List<SameDiffOp> attentions =
        reading.view().graph().getOps().values().stream().filter(this::readsDocuments).toList();
    var names = new LinkedHashSet<String>();
    for (SameDiffOp op : attentions) {
      names.addAll(GraphView.inputs(op).subList(0, 3));
      names.add(GraphView.outputs(op).get(0));
    }
    Map<String, INDArray> before = reading.run(first, names);
    Map<String, INDArray> after = reading.run(second, names);
    double largest = Double.NaN;
    for (SameDiffOp op : attentions) {
      double change = change(op, before, after);
      if (Double.isNaN(change)) {
        notes.add(
            "'"
                + op.getName()
                + "': documents were not tried on the probe, what is below mixes tokens or is not"
                + " of [B, T]");
      } else if (change > tolerance) {
        throw new IllegalStateException(
            "SameDiffRetrofit: one document would change another's result by "
                + change
                + " at '"
                + op.getName()
                + "', allowed is "
                + tolerance
                + ". The graph is as it was. Rows of its heads are not those of the documents.");
      } else {
        largest = Double.isNaN(largest) ? change : Math.max(largest, change);
      }
    }
    return largest;
  }

  private boolean readsDocuments(SameDiffOp op) {
    List<String> inputs = GraphView.inputs(op);
    return op.getOp() instanceof AnchorAttention
        && inputs.size() > 3
        && reading.view().leaves(inputs.get(3), VariableType.PLACEHOLDER).contains(documents);
  }

  /** By how much results before the second document change, or NaN if that begins elsewhere. */
  private double change(SameDiffOp op, Map<String, INDArray> before, Map<String, INDArray> after) {
    long[][] found =
        GraphView.inputs(op).subList(0, 3).stream()
            .map(name -> firstChanges(before.get(name), after.get(name)))
            .toArray(long[][]::new);
    long[] sorted = found[0].clone();
    Arrays.sort(sorted);
    int copies = sorted.length / (int) rows;
    long[] expected =
        LongStream.range(0, sorted.length).map(n -> starts()[(int) n / copies]).sorted().toArray();
    boolean clear =
        Arrays.equals(sorted, expected)
            && Arrays.equals(found[0], found[1])
            && Arrays.equals(found[0], found[2]);
    if (!clear) {
      return Double.NaN;
    }
    String output = GraphView.outputs(op).get(0);
    double[][] changes = changes(before.get(output), after.get(output));
    double largest = 0;
    for (int row = 0; row < changes.length; row++) {
      for (int token = 0; token < found[0][row]; token++) {
        largest = Math.max(largest, changes[row][token]);
      }
    }
    return largest / Math.max(1, Differences.size(before.get(output)));
  }

  /** The first token that changes in each row of [N, H, T, D]; T where none does. */
  private static long[] firstChanges(INDArray before, INDArray after) {
    return Arrays.stream(changes(before, after))
        .mapToLong(row -> Arrays.stream(row).takeWhile(change -> change == 0).count())
        .toArray();
  }

  /** The largest change of each token, [N, T]. */
  private static double[][] changes(INDArray before, INDArray after) {
    INDArray change = before.castTo(DataType.DOUBLE).sub(after.castTo(DataType.DOUBLE));
    return Transforms.abs(change).max(1, 3).toDoubleMatrix();
  }
}

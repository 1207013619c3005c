package io.anchor4j.samediff;

import io.anchor4j.samediff.AttentionSite.Folding;
import io.anchor4j.samediff.AttentionSite.Operand;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;

/**
 * Tells from the ops above how [B, H, T, D] was folded into the rows of [N, T, D].
 *
 * <p>Sizes alone do not tell: N is B * H in either order. Where the channels were split in two
 * does, as one of the two counts dimensions and the other heads. Of the two axes that were joined
 * to N, the one that does not count heads is the batch, wherever the graph had it.
 */
final class HeadFolding {
  private static final Set<String> SPLITS = Set.of("split", "split_v");

  private final GraphView graph;

  private HeadFolding(GraphView graph) {
    this.graph = graph;
  }

  /** Returns how a variable of rank 3 was folded. */
  static Folding of(GraphView graph, Operand heads) {
    return new HeadFolding(graph).ofRows(heads.variable(), heads.transposed() ? 2 : 1);
  }

  /**
   * Follows rows up while they are those of {@code name}.
   *
   * @param tokens the axis of {@code name} that counts tokens: 1 or 2
   */
  private Folding ofRows(String name, int tokens) {
    while (true) {
      SameDiffOp op = graph.producer(name);
      if (op == null || tokenInputs(op).isEmpty()) {
        return Folding.NONE;
      }
      long[] shape = graph.shape(name);
      String first = GraphView.inputs(op).get(0);
      switch (GraphView.nameOf(op)) {
        case "permute" -> {
          long[] axes = graph.axes(op);
          if (axes.length != 3 || axes[0] != 0) {
            return Folding.UNKNOWN;
          }
          tokens = (int) axes[tokens];
          name = first;
        }
        case "reshape" -> {
          long[] from = graph.shape(first);
          boolean joined = from.length == 4 && from[0] * from[1] == shape[0] && from[2] == shape[1];
          if (joined) {
            return ofSplit(first, tokens + 1);
          }
          if (from.length == 2 && from[0] != shape[0]) {
            return ofFlatRows(first, shape);
          }
          if (from[0] != shape[0] || (from.length == 3 && from[1] != shape[1])) {
            return Folding.UNKNOWN;
          }
          if (from.length != 3) {
            return Folding.NONE; // [B, T, H, D] or [B, T * C]
          }
          name = first;
        }
        case "concat" -> {
          if (graph.shape(first)[0] != shape[0]) {
            return ofParts(op, tokens);
          }
          name = tokenInputs(op).get(0);
        }
        default -> {
          List<String> tokensAbove = tokenInputs(op);
          long size = shape[tokens];
          int axis = tokens;
          Optional<String> same =
              tokensAbove.stream()
                  .filter(input -> graph.shape(input).length == 3)
                  .filter(input -> graph.shape(input)[0] == shape[0])
                  .filter(input -> graph.shape(input)[axis] == size)
                  .findFirst();
          if (same.isEmpty()) {
            boolean fromTokens =
                tokensAbove.stream()
                    .map(graph::shape)
                    .allMatch(from -> from.length < 3 || (from.length > 3 && from[0] == shape[0]));
            return fromTokens ? Folding.NONE : Folding.UNKNOWN;
          }
          name = same.get();
        }
      }
    }
  }

  /** The inputs that depend on what is fed in; others are weights. */
  private List<String> tokenInputs(SameDiffOp op) {
    return GraphView.inputs(op).stream()
        .filter(input -> !graph.leaves(input, VariableType.PLACEHOLDER).isEmpty())
        .toList();
  }

  /** Follows [N * T, C] up to where its rows were [N, T]. */
  private Folding ofFlatRows(String flat, long[] shape) {
    String name = flat;
    while (true) {
      SameDiffOp op = graph.producer(name);
      if (op == null) {
        return Folding.NONE;
      }
      long rows = graph.shape(name)[0];
      if (rows != shape[0] * shape[1]) {
        return Folding.UNKNOWN;
      }
      String first = GraphView.inputs(op).get(0);
      if (GraphView.nameOf(op).equals("reshape")) {
        long[] from = graph.shape(first);
        if (from.length == 4 && from[0] * from[1] == shape[0] && from[2] == shape[1]) {
          return ofSplit(first, 2);
        }
        boolean rowsAndTokens = from.length > 2 && from[0] == shape[0] && from[1] == shape[1];
        if (!rowsAndTokens) {
          return Folding.UNKNOWN;
        }
        return from.length == 3 ? ofRows(first, 1) : Folding.NONE;
      }
      Optional<String> same =
          tokenInputs(op).stream()
              .filter(input -> graph.shape(input).length == 2 && graph.shape(input)[0] == rows)
              .findFirst();
      if (same.isEmpty()) {
        return tokenInputs(op).stream().allMatch(input -> graph.shape(input).length < 3)
            ? Folding.NONE
            : Folding.UNKNOWN;
      }
      name = same.get();
    }
  }

  /** Heads that were split from the channels of one variable and put below each other. */
  private Folding ofParts(SameDiffOp concat, int tokens) {
    List<String> parts = tokenInputs(concat);
    var makers = parts.stream().map(graph::producer).collect(Collectors.toSet());
    SameDiffOp maker = makers.iterator().next();
    if (makers.size() != 1 || maker == null || !SPLITS.contains(GraphView.nameOf(maker))) {
      return Folding.UNKNOWN;
    }
    long[] part = graph.shape(parts.get(0));
    boolean eachOnce =
        Set.copyOf(parts).size() == parts.size()
            && parts.size() == GraphView.outputs(maker).size()
            && parts.stream().allMatch(each -> Arrays.equals(graph.shape(each), part));
    String whole = tokenInputs(maker).get(0);
    long[] from = graph.shape(whole);
    boolean channels = from.length == 3 && from[0] == part[0] && from[tokens] == part[tokens];
    return eachOnce && channels && ofRows(whole, tokens).heads() == 1
        ? new Folding(parts.size(), /* headMajor= */ true)
        : Folding.UNKNOWN;
  }

  /**
   * Follows four axes up to where two of them were the channels.
   *
   * @param name whose axes 0 and 1 are joined
   * @param tokens the axis that counts tokens: 2 or 3
   */
  private Folding ofSplit(String name, int tokens) {
    long[] joined = graph.shape(name);
    int[] at = {0, 1, 5 - tokens}; // where the two and the dimensions are further up
    while (true) {
      SameDiffOp op = graph.producer(name);
      if (op == null) {
        return Folding.UNKNOWN;
      }
      long[] shape = graph.shape(name);
      String first = GraphView.inputs(op).get(0);
      String kind = GraphView.nameOf(op);
      if (kind.equals("permute")) {
        long[] axes = graph.axes(op);
        if (axes.length != 4) {
          return Folding.UNKNOWN;
        }
        at = Arrays.stream(at).map(axis -> (int) axes[axis]).toArray();
        name = first;
      } else if (kind.equals("reshape") && !Arrays.equals(graph.shape(first), shape)) {
        int channels = splitAxis(graph.shape(first), shape);
        boolean[] split = new boolean[3];
        for (int i = 0; i < 3; i++) {
          split[i] = channels > 0 && (at[i] == channels || at[i] == channels + 1);
        }
        return split[2] && split[0] != split[1]
            ? new Folding(joined[split[0] ? 0 : 1], /* headMajor= */ split[0])
            : Folding.UNKNOWN;
      } else {
        Optional<String> same =
            tokenInputs(op).stream()
                .filter(input -> Arrays.equals(graph.shape(input), shape))
                .findFirst();
        if (same.isEmpty()) {
          return Folding.UNKNOWN;
        }
        name = same.get();
      }
    }
  }

  /** The first of the two axes of {@code to} that one of {@code from}, not the first, became. */
  private static int splitAxis(long[] from, long[] to) {
    boolean last = from[from.length - 1] == to[2] * to[3];
    if (from.length == 2 && last && from[0] == to[0] * to[1]) {
      return 2;
    }
    if (from.length != 3 || from[0] != to[0]) {
      return -1;
    }
    if (last && from[1] == to[1]) {
      return 2;
    }
    return from[1] == to[1] * to[2] && from[2] == to[3] ? 1 : -1;
  }
}

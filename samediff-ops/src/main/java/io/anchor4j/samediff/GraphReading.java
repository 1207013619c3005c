package io.anchor4j.samediff;

import static com.google.common.base.Preconditions.checkArgument;

import io.anchor4j.samediff.AttentionSite.KeyBias;
import io.anchor4j.samediff.SameDiffRetrofitReport.Left;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.controlflow.compat.BaseCompatOp;

/** What was found in a graph, and the input that it was found with. */
record GraphReading(GraphView view, Probe probe, List<AttentionSite> sites, List<Left> left) {

  /**
   * Reads a graph.
   *
   * @param given the probe, or null to have one drawn
   * @throws IllegalArgumentException if the graph is eager, has loops or conditions, lacks what is
   *     to be kept, or does not run on the probe
   */
  static GraphReading of(
      SameDiff graph, Set<String> keep, Map<String, INDArray> given, Predicate<String> only) {
    checkArgument(
        !graph.isEagerMode(),
        "SameDiffRetrofit: the graph is in eager mode; call disableEagerMode() first.");
    for (String name : keep) {
      checkArgument(
          graph.hasVariable(name), "SameDiffRetrofit: keep: the graph has no variable '%s'", name);
    }
    graph
        .getOps()
        .forEach(
            (name, op) ->
                checkArgument(
                    !(op.getOp() instanceof BaseCompatOp),
                    "SameDiffRetrofit: the graph has loops or conditions ('%s'), which it does not"
                        + " read.",
                    name));
    var view = new GraphView(graph, keep);
    var finder = new AttentionFinder(view);
    Probe probe = given == null ? draw(view, finder) : Probe.of(given);
    try {
      view.evaluate(probe, finder.needed());
    } catch (RuntimeException e) {
      throw doesNotRun(probe, e);
    }
    finder.read();
    if (given == null) {
      probe = probe.redrawn(maskInputs(view, finder.sites()));
    }
    var left = new ArrayList<>(finder.left());
    var sites = new ArrayList<AttentionSite>();
    for (AttentionSite site : finder.sites()) {
      if (only.test(site.output())) {
        sites.add(site);
      } else {
        left.add(new Left(site.output(), site.form(), "not chosen"));
      }
    }
    return new GraphReading(view, probe, sites, left);
  }

  /** The first drawn input on which the whole graph runs; the last, if there is none. */
  private static Probe draw(GraphView view, AttentionFinder finder) {
    SameDiff graph = view.graph();
    Probe probe = null;
    for (Probe.Sizes sizes : Probe.Sizes.of(graph)) {
      probe = Probe.draw(graph, sizes);
      try {
        var names = new LinkedHashSet<>(finder.needed());
        names.addAll(ends(view));
        probe.run(graph, names);
        return probe;
      } catch (RuntimeException e) {
        graph.getSessions().clear(); // of other sizes: on to the next
      }
    }
    return probe;
  }

  /** The placeholders that masks are computed from. */
  static Set<String> maskInputs(GraphView view, List<AttentionSite> sites) {
    var inputs = new LinkedHashSet<String>();
    for (AttentionSite site : sites) {
      for (KeyBias bias : site.biases()) {
        inputs.addAll(view.leaves(bias.variable(), VariableType.PLACEHOLDER));
      }
    }
    return inputs;
  }

  /** What nothing reads, and what must stay. */
  Set<String> ends() {
    return ends(view);
  }

  private static Set<String> ends(GraphView view) {
    var names = new LinkedHashSet<String>();
    for (SDVariable variable : view.graph().variables()) {
      String name = variable.name();
      boolean end = view.consumers(name).isEmpty() || view.mustStay(name);
      if (variable.getVariableType() == VariableType.ARRAY && end) {
        names.add(name);
      }
    }
    return names;
  }

  /**
   * Returns what the graph gives now.
   *
   * @throws IllegalArgumentException if it does not run on the probe
   */
  Map<String, INDArray> run(Probe probe, Set<String> variables) {
    try {
      return probe.run(view.graph(), variables);
    } catch (IllegalArgumentException e) {
      throw e; // the op's own words
    } catch (RuntimeException e) {
      throw doesNotRun(probe, e);
    }
  }

  private static IllegalArgumentException doesNotRun(Probe probe, RuntimeException cause) {
    return new IllegalArgumentException(
        "SameDiffRetrofit: the graph does not run on the probe ("
            + probe
            + "). Give one that it takes with probe(...). ND4J says: "
            + cause.getMessage(),
        cause);
  }
}

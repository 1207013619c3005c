package io.anchor4j.samediff;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.samediff.SameDiffRetrofitReport.Replaced;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.nd4j.autodiff.samediff.NameScope;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.autodiff.samediff.internal.Variable;

/** Puts the anchor op in the place of one attention's old ops. */
final class AttentionGraft {
  private final SameDiff graph;
  private final GraphView view;
  private final AttentionSite site;

  AttentionGraft(GraphView view, AttentionSite site) {
    this.graph = view.graph();
    this.view = view;
    this.site = site;
  }

  /**
   * Puts the anchor op in for each attention that was found.
   *
   * @param configs what each is to compute
   * @param documents as for {@link #apply}
   * @param positions as for {@link #apply}
   */
  static List<Replaced> all(
      GraphReading reading,
      Function<AttentionSite, AttentionConfig> configs,
      SDVariable documents,
      SDVariable positions) {
    var replaced = new ArrayList<Replaced>();
    for (AttentionSite site : reading.sites()) {
      var graft = new AttentionGraft(reading.view(), site);
      Set<String> gone = graft.apply(configs.apply(site), documents, positions);
      replaced.add(new Replaced(site.output(), site.description(), List.copyOf(gone)));
    }
    return replaced;
  }

  /**
   * Puts the anchor op in.
   *
   * @param documents INT [B, T], or null
   * @param positions INT [B, T], or null
   * @return the variables that went with the old ops
   */
  Set<String> apply(AttentionConfig config, SDVariable documents, SDVariable positions) {
    var before = new LinkedHashSet<>(graph.getOps().keySet());
    SDVariable result;
    try (NameScope scope = graph.withNameScope(site.output() + "-anchor")) {
      result = new AttentionWriter(view, site).write(config, documents, positions);
    }
    var added = new LinkedHashSet<>(graph.getOps().keySet());
    added.removeAll(before);
    Set<String> gone = replace(result.name(), added);
    GraphSnapshot.dropDerived(graph);
    return gone;
  }

  /** Makes {@code result}'s op the maker of the old output and takes the old ops out. */
  private Set<String> replace(String result, Set<String> added) {
    Map<String, Variable> variables = graph.getVariables();
    Variable old = variables.get(site.output());
    String position = old.getOutputOfOp();
    SameDiffOp last = graph.getOps().get(variables.get(result).getOutputOfOp());
    var outputs = new ArrayList<>(last.getOutputsOfOp());
    int index = outputs.indexOf(result);
    outputs.set(index, site.output());
    last.setOutputsOfOp(outputs);
    // The op remembers its outputs in this very array (DynamicCustomOp, M2.1).
    last.getOp().outputVariables()[index] = old.getVariable();
    variables.remove(result);
    old.setOutputOfOp(last.getName());
    old.getVariable().setCreator(last.getOp());

    var order = new LinkedHashMap<String, SameDiffOp>();
    graph
        .getOps()
        .forEach(
            (name, op) -> {
              if (name.equals(position)) {
                added.forEach(fresh -> order.put(fresh, graph.getOps().get(fresh)));
              }
              if (!added.contains(name)) {
                order.put(name, op);
              }
            });
    graph.getOps().clear();
    graph.getOps().putAll(order);
    return removeOld();
  }

  /** Takes out the old ops, and whatever computed something for them alone. */
  private Set<String> removeOld() {
    var gone = new LinkedHashSet<String>();
    var next = new ArrayDeque<>(site.removed());
    while (!next.isEmpty()) {
      SameDiffOp op = graph.getOps().remove(next.remove());
      if (op == null) {
        continue;
      }
      for (String output : GraphView.outputs(op)) {
        if (!output.equals(site.output())) {
          graph.getVariables().remove(output);
          gone.add(output);
        }
      }
      for (String input : GraphView.inputs(op)) {
        Variable known = graph.getVariables().get(input);
        if (known != null && known.getInputsForOp() != null) {
          var readers = new ArrayList<>(known.getInputsForOp());
          readers.remove(op.getName());
          known.setInputsForOp(readers);
          unusedMaker(input).ifPresent(next::add);
        }
      }
    }
    return gone;
  }

  private Optional<String> unusedMaker(String variable) {
    SameDiffOp maker = view.producer(variable);
    boolean unused =
        maker != null
            && GraphView.outputs(maker).stream()
                .allMatch(
                    output ->
                        view.consumers(output).isEmpty()
                            && !view.mustStay(output)
                            && !view.controls(output));
    return unused ? Optional.of(maker.getName()) : Optional.empty();
  }
}

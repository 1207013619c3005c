package io.anchor4j.huggingface;

import com.google.common.collect.ContiguousSet;
import com.google.common.collect.DiscreteDomain;
import com.google.common.collect.Range;
import com.google.common.collect.RangeSet;
import com.google.common.collect.TreeRangeSet;
import io.anchor4j.huggingface.safetensors.SafetensorsException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Names of tensors that differ in an index only, as one: {@code
 * model.layers.{0..3,7}.mlp.up_proj.weight}.
 */
final class FoldedNames {
  private static final Pattern INDEX = Pattern.compile("\\.(0|[1-9][0-9]{0,8})\\.");

  private FoldedNames() {}

  /** A name but for its index; without one, {@code after} is null. */
  private record Template(String before, String after) {}

  /** Returns each name once, in the order of the first of those folded into it. */
  static List<String> of(List<String> names) {
    // Twice: experts have an index within that of their layer.
    return fold(fold(names));
  }

  private static List<String> fold(List<String> names) {
    Map<Template, RangeSet<Integer>> indices = new LinkedHashMap<>();
    for (String name : names) {
      Matcher matcher = INDEX.matcher(name);
      if (matcher.find()) {
        var template =
            new Template(name.substring(0, matcher.start(1)), name.substring(matcher.end(1)));
        int index = Integer.parseInt(matcher.group(1));
        // Half open, so that neighbours join.
        indices
            .computeIfAbsent(template, t -> TreeRangeSet.create())
            .add(Range.closedOpen(index, index + 1));
      } else {
        indices.put(new Template(name, null), TreeRangeSet.create());
      }
    }
    List<String> folded = new ArrayList<>();
    indices.forEach((template, ranges) -> folded.add(text(template, ranges)));
    return folded;
  }

  private static String text(Template template, RangeSet<Integer> indices) {
    if (template.after() == null) {
      return template.before();
    }
    String runs =
        indices.asRanges().stream()
            .map(run -> ContiguousSet.create(run, DiscreteDomain.integers()))
            .map(
                run ->
                    run.size() == 1
                        ? "%d".formatted(run.first())
                        : "%d..%d".formatted(run.first(), run.last()))
            .collect(Collectors.joining(","));
    boolean one = runs.chars().allMatch(Character::isDigit);
    String shown = one ? runs : "{" + SafetensorsException.printable(runs) + "}";
    return template.before() + shown + template.after();
  }
}

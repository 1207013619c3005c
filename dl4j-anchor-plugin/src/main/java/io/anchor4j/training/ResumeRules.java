package io.anchor4j.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Which settings may change when a run goes on: those that change neither the weights nor the
 * metrics of its steps.
 */
final class ResumeRules {
  private static final Set<String> FREE =
      Set.of("output", "data.validation", "training.checkpointEvery", "training.keepCheckpoints");

  private ResumeRules() {}

  /**
   * Compares the settings that a checkpoint was written under with those it is to go on under.
   *
   * @throws IllegalArgumentException naming the first key that differs and matters
   */
  static void check(RunConfig written, RunConfig wanted) {
    boolean stepsAreFree =
        written.training().schedule().type() == LearningRateSchedule.Type.CONSTANT;
    check("", RunFile.tree(written), RunFile.tree(wanted), stepsAreFree);
  }

  private static void check(String path, JsonNode written, JsonNode wanted, boolean stepsAreFree) {
    boolean free = FREE.contains(path) || (stepsAreFree && path.equals("training.steps"));
    if (free || written.equals(wanted)) {
      return;
    }
    if (!(written instanceof ObjectNode && wanted instanceof ObjectNode)) {
      throw new IllegalArgumentException(
          "%s is %s, but the checkpoint was written under %s: resuming would lead to other results. Set it back, or start a new run in another output directory."
              .formatted(path, shown(wanted), shown(written)));
    }
    Set<String> keys = new LinkedHashSet<>();
    written.fieldNames().forEachRemaining(keys::add);
    wanted.fieldNames().forEachRemaining(keys::add);
    for (String key : keys) {
      check(
          path.isEmpty() ? key : path + "." + key,
          written.path(key),
          wanted.path(key),
          stepsAreFree);
    }
  }

  private static String shown(JsonNode value) {
    return value instanceof MissingNode ? "left out" : value.toString();
  }
}

package io.anchor4j.samples.cli;

import io.anchor4j.samples.report.Console;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** What every verb shares: it runs with a console, and reaching the end means success. */
abstract class Verb implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public final Integer call() throws Exception {
    var commandLine = spec.commandLine();
    // The launcher script knows whether standard error is a terminal; Java does not ask.
    boolean terminal = Boolean.getBoolean("anchor4j.terminal");
    run(new Console(commandLine.getOut(), commandLine.getErr(), terminal));
    return 0;
  }

  /** Returns those of the options that stand on the command line. */
  final List<String> given(String... options) {
    var parsed = spec.commandLine().getParseResult();
    return Arrays.stream(options).filter(parsed::hasMatchedOption).toList();
  }

  /** Returns the command as it was typed, for reports. */
  final String commandLine() {
    return "anchor4j "
        + String.join(" ", spec.commandLine().getParent().getParseResult().originalArgs());
  }

  /**
   * Does the work.
   *
   * @throws IllegalArgumentException if the input is at fault; the message is shown as it is
   */
  abstract void run(Console console) throws Exception;
}

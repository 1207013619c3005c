package io.anchor4j.samples.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The program: finds the verb, runs it, and turns what happened into an exit code. */
@Command(
    name = "anchor4j",
    scope = ScopeType.INHERIT,
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "VERB",
    commandListHeading = "%nVerbs:%n",
    optionListHeading = "%nOptions:%n",
    parameterListHeading = "%nArguments:%n",
    usageHelpAutoWidth = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done",
      "2:bad usage or bad input; one line on standard error says what and where",
      "1:anything else; the line names a log with the details"
    },
    header = "Long-context attention for Deeplearning4j: train, extend and measure Llamas.",
    description = "%nResults go to standard output or to --output, progress to standard error.",
    subcommands = {
      DemoVerb.class,
      InspectVerb.class,
      PrepareVerb.class,
      TrainVerb.class,
      ScoreVerb.class,
      GenerateVerb.class,
      PlotVerb.class,
      ExportVerb.class,
    })
public final class Anchor4j implements Runnable {
  @Spec private CommandSpec spec;

  private Anchor4j() {}

  /** Runs the verb that {@code args} name and ends the process with its exit code. */
  public static void main(String[] args) {
    // Not System.out as it is: its encoding follows the locale, and results are UTF-8 everywhere.
    var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    int code = run(out, err, args);
    out.flush();
    err.flush();
    System.exit(code); // ND4J leaves threads behind that would keep the process alive
  }

  /**
   * Returns the exit code of one command: 0 done, 2 bad usage or bad input, 1 anything else.
   *
   * @param out receives results
   * @param err receives progress and the one line that explains a failure
   */
  public static int run(PrintWriter out, PrintWriter err, String... args) {
    NativeMemory.limit();
    System.setProperty("java.awt.headless", "true"); // plots are files; no display is needed
    System.setProperty("org.bytedeco.javacpp.logger", "slf4j"); // else straight to standard error
    Logs.start();
    var failures = new Failures();
    var commandLine =
        Words.register(new CommandLine(new Anchor4j()))
            .setOut(out)
            .setErr(err)
            .setParameterExceptionHandler(failures)
            .setExecutionExceptionHandler(failures);
    try {
      return commandLine.execute(args);
    } catch (Throwable error) { // picocli hands on Exceptions only: an Error also owes one line
      return failures.report(error, commandLine);
    }
  }

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Also print the log of the libraries to standard error.")
  @SuppressWarnings("unused") // picocli calls it
  private void setVerbose(boolean verbose) {
    if (verbose) {
      Logs.verbose();
    }
  }

  /** No verb given. */
  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a verb is missing");
  }
}

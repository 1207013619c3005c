package io.anchor4j.samples.cli;

import io.anchor4j.samples.report.Console;
import io.anchor4j.samples.report.RunReport;
import io.anchor4j.samples.report.TrainingDisplay;
import io.anchor4j.training.RunConfig;
import io.anchor4j.training.SettingException;
import io.anchor4j.training.TrainingRun;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code train RUN.yaml}: trains or fine-tunes as a run file says. */
@Command(
    name = "train",
    header = "Trains or fine-tunes a model as a run file says.",
    description = {
      "%nWrites config.yaml, metrics.jsonl, checkpoints/, model/ (a Hugging Face directory), plots/"
          + " and report.md into the run file's output directory. Ctrl-C saves a checkpoint and"
          + " ends; --resume goes on from there with the same results as if it had never stopped."
    },
    footer = {
      "%nExamples:",
      "  anchor4j train run.yaml",
      "  anchor4j train run.yaml attention.mask=anchor training.steps=500 output=runs/b",
      "  anchor4j train run.yaml --resume"
    })
final class TrainVerb extends Verb {
  private static final String RESUME = "--resume";
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_./:,+@%=-]+");

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "RUN.yaml", description = "The run file.")
  private Path runFile;

  @Parameters(
      index = "1..*",
      paramLabel = "key.path=value",
      description = "Settings that win over the run file's.")
  private List<String> settings = List.of();

  @Option(names = RESUME, description = "Go on from the newest checkpoint.")
  private boolean resume;

  @Mixin private BadLinesOption badLines;

  @Override
  void run(Console console) throws Exception {
    RunConfig config = RunConfig.read(runFile, settings);
    // Around all of it: once it is closed, an interrupted process ends and prints nothing more.
    try (var interrupt = new Interrupt()) {
      boolean finished;
      try (var display = new StoppableDisplay(console, config.output(), interrupt)) {
        finished = new TrainingRun(config, badLines.badLines()).run(resume, display);
      } catch (SettingException e) {
        throw new IllegalArgumentException(runFile + ": " + e.getMessage(), e);
      }
      badLines.report(console);
      if (!finished) {
        console.note("stopped; go on with: " + resumeCommand());
        return;
      }
      RunReport.write(Path.of(config.output()), commandLine(), console);
      console.result(config.output());
    }
  }

  /** Returns what to type in a shell to go on with this very run: all that was given, and more. */
  String resumeCommand() {
    List<String> given = spec.commandLine().getParent().getParseResult().originalArgs();
    return Stream.of(
            Stream.of("anchor4j"),
            given.stream().filter(word -> !word.equals(RESUME)),
            Stream.of(RESUME))
        .flatMap(words -> words)
        .map(TrainVerb::quoted)
        .collect(Collectors.joining(" "));
  }

  /** Quotes a word for a POSIX shell where it needs that. */
  private static String quoted(String word) {
    return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  private static final class StoppableDisplay extends TrainingDisplay {
    private final Console console;
    private final String output;
    private final Interrupt interrupt;

    StoppableDisplay(Console console, String output, Interrupt interrupt) {
      super(console, "train");
      this.console = console;
      this.output = output;
      this.interrupt = interrupt;
    }

    @Override
    public void started(long done, long steps) {
      if (done >= steps) {
        console.note("already finished at step " + done);
        return;
      }
      console.note("training into " + output + ", steps " + (done + 1) + " to " + steps);
      super.started(done, steps);
    }

    @Override
    public boolean stopRequested() {
      return interrupt.requested();
    }
  }
}

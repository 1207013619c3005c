package io.anchor4j.samples.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class TrainVerbTest {
  @Command(name = "anchor4j", subcommands = TrainVerb.class)
  private static final class Program {}

  private static String resumeCommand(String... args) {
    var program = new CommandLine(new Program());
    program.parseArgs(args);
    TrainVerb verb = program.getSubcommands().get("train").getCommand();
    return verb.resumeCommand();
  }

  @Test
  void theHintGoesOnWithThisRunAndNoOther() {
    String plain =
        "anchor4j train run.yaml output=runs/b training.steps=9 --skip-bad-lines --resume";
    assertEquals(
        plain,
        resumeCommand(
            "train", "run.yaml", "output=runs/b", "training.steps=9", "--skip-bad-lines"));
    assertEquals(
        plain,
        resumeCommand(
            "train",
            "run.yaml",
            "--resume",
            "output=runs/b",
            "training.steps=9",
            "--skip-bad-lines"));
  }

  @Test
  void theHintIsQuotedForAShell() {
    assertEquals(
        "anchor4j train 'my run.yaml' 'data.train=[a.jsonl, b.jsonl]' 'output=it'\\''s' 'a.b=$HOME'"
            + " --resume",
        resumeCommand(
            "train", "my run.yaml", "data.train=[a.jsonl, b.jsonl]", "output=it's", "a.b=$HOME"));
  }

  @Test
  void aDirectoryIsNoRunFile(@TempDir Path directory) {
    CommandLineRun run = CommandLineRun.of("train", directory.toString());
    assertEquals(
        "anchor4j train: " + directory + " is a directory; a run file (YAML) is expected",
        run.err().strip());
    assertEquals(2, run.code());
  }
}

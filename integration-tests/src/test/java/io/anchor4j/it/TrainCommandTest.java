package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.samples.cli.Anchor4j;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code train}, {@code plot} and {@code export}, as the README tells them. */
class TrainCommandTest {
  private static final Path MODEL = Fixture.named("llama-gqa").directory();

  @TempDir Path directory;

  private Path runFile() throws IOException {
    var random = new Random(7);
    var rows = new ArrayList<String>();
    for (int row = 0; row < 6; row++) {
      List<Integer> ids = random.ints(16, 3, 96).boxed().toList();
      rows.add("{\"input_ids\": " + ids + "}");
    }
    Path data = Files.write(directory.resolve("ids.jsonl"), rows);
    return Files.writeString(
        directory.resolve("run.yaml"),
        """
        model: {path: %s}
        attention: {mask: anchor}
        data: {train: [%s], validation: [%s], format: tokenized, sequenceLength: 32}
        training: {steps: 6, batchSize: 2, gradientAccumulation: 1, checkpointEvery: 3}
        output: %s
        """
            .formatted(MODEL, data, data, directory.resolve("run")));
  }

  @Test
  void aRunLeavesModelMetricsPlotsAndReportAndCanBeExported() throws IOException {
    Path run = directory.resolve("run");
    Cli train = Cli.run("train", runFile());
    assertEquals(0, train.code(), train.err());
    assertEquals(run + "\n", train.out());
    assertTrue(train.err().contains("train 1/6, loss "), train.err());
    assertEquals(8, Files.readAllLines(run.resolve("metrics.jsonl")).size());
    for (String name : List.of("config.yaml", "model/config.json", "plots/loss.png")) {
      assertTrue(Files.exists(run.resolve(name)), name);
    }
    String report = Files.readString(run.resolve("report.md"));
    assertTrue(report.contains("| steps "), report);
    assertTrue(report.contains("- command: `anchor4j train "), report);
    assertTrue(report.contains("  mask: \"anchor\"") || report.contains("mask: anchor"), report);

    Cli export = Cli.run("export", "--run", run, "--output", directory.resolve("exported"));
    assertEquals(0, export.code(), export.err());
    assertEquals(
        HuggingFaceModel.load(run.resolve("model")).params(),
        HuggingFaceModel.load(directory.resolve("exported")).params());

    Path small = directory.resolve("small");
    Cli sharded =
        Cli.run(
            "export",
            "--run",
            run,
            "--output",
            small,
            "--dtype",
            "bfloat16",
            "--max-shard-size",
            "30KB");
    assertEquals(0, sharded.code(), sharded.err());
    try (var checkpoint = SafetensorsCheckpoint.open(small)) {
      assertTrue(checkpoint.files().size() > 2, checkpoint.files().toString());
      assertTrue(checkpoint.tensors().values().stream().allMatch(t -> t.type() == TensorType.BF16));
    }
    for (String wrong : List.of("--dtype=float64", "--max-shard-size=5")) {
      Cli refused = Cli.run("export", "--run", run, "--output", directory.resolve("no"), wrong);
      assertEquals(2, refused.code());
      assertTrue(refused.err().contains("expected "), refused.err());
    }
    assertTrue(Files.notExists(directory.resolve("no")));

    Cli plot = Cli.run("plot", run, "--output", directory.resolve("pictures"));
    assertEquals(0, plot.code(), plot.err());
    assertEquals(4, plot.out().lines().count());
  }

  @Test
  void aFinishedRunIsNotBegunAnewByMistake() throws IOException {
    Path runFile = runFile();
    assertEquals(0, Cli.run("train", runFile).code());
    Cli again = Cli.run("train", runFile);
    assertEquals(2, again.code());
    assertTrue(again.err().contains("pass --resume to go on from there"), again.err());
    assertEquals(1, again.err().strip().lines().count());
    Cli resumed = Cli.run("train", runFile, "--resume");
    assertEquals(0, resumed.code(), resumed.err());
    assertEquals("already finished at step 6", resumed.err().strip());
    Cli other = Cli.run("train", runFile, "output=" + directory.resolve("other"));
    assertEquals(0, other.code(), other.err());
    assertNotEquals("", other.out());
  }

  @Test
  @Timeout(120)
  void anInterruptedRunSaysHowToGoOnWithIt() throws IOException, InterruptedException {
    Path run = directory.resolve("my run");
    Path log = directory.resolve("log");
    String output = "output=" + run;
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-Dorg.bytedeco.javacpp.maxbytes=1g",
                "-cp",
                System.getProperty("java.class.path"),
                Anchor4j.class.getName(),
                "train",
                runFile().toString(),
                output,
                "training.steps=100000",
                "training.checkpointEvery=100000")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    Path metrics = run.resolve("metrics.jsonl");
    while (process.isAlive() && !(Files.exists(metrics) && Files.size(metrics) > 0)) {
      Thread.sleep(5);
    }
    process.destroy(); // SIGTERM, which ends as Ctrl-C does
    process.waitFor();
    String hint =
        "stopped; go on with: anchor4j train %s '%s' training.steps=100000 training.checkpointEvery=100000 --resume\n"
            .formatted(directory.resolve("run.yaml"), output);
    String said = Files.readString(log);
    assertTrue(said.endsWith(hint), said);
  }
}

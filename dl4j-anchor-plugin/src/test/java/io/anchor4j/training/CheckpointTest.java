package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.data.PackedIterator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {
  private static final String RUN =
      "model: {path: models/base}\ndata: {train: [a.jsonl], format: packed}\noutput: runs/a\n";

  @TempDir Path directory;
  private ComputationGraph graph;
  private Trainer trainer;
  private Checkpoint checkpoint;

  private static RunConfig config(String... overrides) {
    return RunFile.parse(RUN, "run.yaml", List.of(overrides));
  }

  private static Trainer trainer(ComputationGraph graph) {
    PackedIterator batches = TinyDecoder.batches(TinyDecoder.rows(6, 2), 2);
    return new Trainer(graph, batches, TinyDecoder.settings(1));
  }

  @BeforeEach
  void train() throws IOException {
    graph = TinyDecoder.create(1);
    trainer = trainer(graph);
    for (int i = 0; i < 4; i++) {
      trainer.step();
    }
    checkpoint = new Checkpoint(directory);
    checkpoint.write(
        ParameterLayout.of(graph),
        graph.params(),
        trainer.optimizer(),
        config(),
        new Checkpoint.State(trainer.cursor(), trainer.steps(), "hash", 7, 1.5));
  }

  private static Checkpoint.State read(
      Checkpoint checkpoint, ComputationGraph graph, Trainer trainer) {
    Checkpoint.State state = checkpoint.check(config());
    checkpoint.restoreAll(ParameterLayout.of(graph), graph.params(), trainer.optimizer());
    trainer.resume(state);
    return state;
  }

  @Test
  void anotherTrainerGoesOnBitForBit() {
    ComputationGraph other = TinyDecoder.create(99);
    Trainer resumed = trainer(other);
    Checkpoint.State state = read(checkpoint, other, resumed);
    assertEquals(4, state.step());
    assertEquals(new PackedIterator.Cursor(1, 2), state.cursor());
    assertEquals(7, state.seed());
    for (int i = 0; i < 6; i++) {
      StepMetrics expected = trainer.step();
      StepMetrics found = resumed.step();
      assertEquals(expected.step(), found.step());
      assertEquals(expected.loss(), found.loss());
      assertEquals(expected.gradientNorm(), found.gradientNorm());
      assertEquals(expected.learningRate(), found.learningRate());
      assertTrue(found.elapsedSeconds() > 1.5);
    }
    assertArrayEquals(graph.params().toFloatVector(), other.params().toFloatVector());
    assertArrayEquals(
        trainer.optimizer().firstMoment().toFloatVector(),
        resumed.optimizer().firstMoment().toFloatVector());
    assertArrayEquals(
        trainer.optimizer().secondMoment().toFloatVector(),
        resumed.optimizer().secondMoment().toFloatVector());
  }

  @ParameterizedTest
  @ValueSource(strings = {"weights.safetensors", "optimizer.safetensors", "config.yaml"})
  void aFileThatWasChangedIsNamed(String name) throws IOException {
    byte[] bytes = Files.readAllBytes(directory.resolve(name));
    bytes[bytes.length - 1] ^= 1;
    Files.write(directory.resolve(name), bytes);
    assertEquals(
        "checkpoint "
            + directory
            + " is damaged: "
            + name
            + " is not what was written. Delete this directory to resume from an older checkpoint,"
            + " if there is one.",
        assertThrows(IllegalArgumentException.class, () -> checkpoint.check(config()))
            .getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"weights.safetensors", "optimizer.safetensors", "config.yaml", "state.json"})
  void aFileThatIsMissingOrCutIsNamed(String name) throws IOException {
    Path file = directory.resolve(name);
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, List.of("{\"step\": 4"));
    String cut =
        assertThrows(IllegalArgumentException.class, () -> checkpoint.check(config())).getMessage();
    assertTrue(cut.startsWith("checkpoint " + directory + " is damaged: "), cut);
    Files.delete(file);
    String missing =
        assertThrows(IllegalArgumentException.class, () -> checkpoint.check(config())).getMessage();
    assertTrue(missing.contains(name), missing);
    assertEquals(1, missing.lines().count());
    Files.write(file, bytes);
    assertEquals(4, checkpoint.check(config()).step());
  }

  @Test
  void aStateWithoutItsChecksumsIsDamaged() throws IOException {
    Path file = directory.resolve("state.json");
    String state = Files.readString(file);
    Files.writeString(file, state.replaceAll("\"checksums\":\\{[^}]*}", "\"checksums\":null"));
    String message =
        assertThrows(IllegalArgumentException.class, () -> checkpoint.check(config())).getMessage();
    assertTrue(message.startsWith("checkpoint " + directory + " is damaged: "), message);
  }

  @Test
  void anotherNetworkIsRefusedByTheTensorThatDiffers() {
    ComputationGraph wider = TinyDecoder.create(1, 16);
    Trainer other = trainer(wider);
    assertEquals(
        directory.resolve("weights.safetensors")
            + ": tensor \"embedding.W\" is F32 [17, 8], the network has F32 [17, 16]",
        assertThrows(IllegalArgumentException.class, () -> read(checkpoint, wider, other))
            .getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "training.seed=1 | training.seed is 1, but the checkpoint was written under 0",
        "training.steps=9 | training.steps is 9, but the checkpoint was written under 2000",
        "training.gradientClip=null | training.gradientClip is null, but the checkpoint was written under 1.0",
        "attention.mask=full | attention.mask is \"full\", but the checkpoint was written under \"anchor\"",
        "data.train=[b] | data.train is [\"b\"], but the checkpoint was written under [\"a.jsonl\"]",
        "rope.scaling.factor=2 | rope.scaling.factor is 2, but the checkpoint was written under left out",
        "model={path: models/base, tokenizer: t} | model.tokenizer is \"t\", but the checkpoint was written under null",
      })
  void aSettingThatChangesResultsIsRefused(String override, String message) {
    assertEquals(
        message
            + ": resuming would lead to other results. Set it back, or start a new run in another"
            + " output directory.",
        assertThrows(IllegalArgumentException.class, () -> checkpoint.check(config(override)))
            .getMessage());
  }

  @Test
  void aSettingThatChangesNoStepMayChange() {
    RunConfig changed =
        config(
            "output=runs/b",
            "data.validation=[v]",
            "training.checkpointEvery=3",
            "training.keepCheckpoints=9");
    assertEquals(4, checkpoint.check(changed).step());
  }
}

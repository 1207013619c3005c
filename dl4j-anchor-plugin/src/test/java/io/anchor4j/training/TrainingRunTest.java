package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.data.BadLines;
import io.anchor4j.data.PackedDataset;
import io.anchor4j.data.PackedRow;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.rotary.RotaryScaling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingRunTest {
  @TempDir Path directory;

  /** Seven steps of two batches, checkpoints after 3, 6 and 7. */
  private RunConfig config(String output, String... overrides) {
    List<String> all = new ArrayList<>(List.of("output=" + directory.resolve(output)));
    all.addAll(List.of(overrides));
    String text =
        """
        model:
          config: {model_type: llama, vocab_size: 17, hidden_size: 8, intermediate_size: 12,
            num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1, initializer_range: 0.2,
            tie_word_embeddings: false, max_position_embeddings: 8}
        rope: {theta: 500, scaling: {type: yarn, factor: 2}}
        data: {train: [DIR/train.jsonl], validation: [DIR/held-out.jsonl], format: packed, sequenceLength: 12}
        training:
          steps: 7
          batchSize: 2
          gradientAccumulation: 2
          learningRate: 1e-2
          checkpointEvery: 3
        """
            .replace("DIR", directory.toString());
    return RunFile.parse(text, "run.yaml", all);
  }

  @BeforeEach
  void writeData() throws IOException {
    write("train.jsonl", TinyDecoder.rows(9, 3));
    write("held-out.jsonl", TinyDecoder.rows(3, 4));
  }

  private void write(String name, PackedDataset rows) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      PackedRow row = rows.row(i);
      lines.add(
          "{\"input_ids\": %s, \"document_ids\": %s}"
              .formatted(Arrays.toString(row.inputIds()), Arrays.toString(row.documentIds())));
    }
    Files.write(directory.resolve(name), lines);
  }

  private static boolean run(RunConfig config, boolean resume, TrainingProgress progress)
      throws IOException {
    return new TrainingRun(config, BadLines.refuse()).run(resume, progress);
  }

  private static TrainingProgress stopAfter(long step) {
    return new TrainingProgress() {
      private long last;

      @Override
      public void step(StepMetrics metrics, long steps, double secondsLeft) {
        last = metrics.step();
      }

      @Override
      public boolean stopRequested() {
        return last == step;
      }
    };
  }

  /** The metrics without the fields that are times. */
  private String metrics(String output) throws IOException {
    return Files.readString(directory.resolve(output).resolve("metrics.jsonl"))
        .replaceAll(",\"tokens_per_second\":[^}]*", "");
  }

  private byte[] bytes(String output, String file) throws IOException {
    return Files.readAllBytes(directory.resolve(output).resolve(file));
  }

  private List<String> checkpoints(String output) throws IOException {
    try (var entries = Files.list(directory.resolve(output).resolve("checkpoints"))) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  private void assertSameResult(String expected, String found) throws IOException {
    assertEquals(metrics(expected), metrics(found));
    assertEquals(checkpoints(expected), checkpoints(found));
    for (String file :
        List.of(
            "model/model.safetensors",
            "checkpoints/step-7/weights.safetensors",
            "checkpoints/step-7/optimizer.safetensors")) {
      assertArrayEquals(bytes(expected, file), bytes(found, file), file);
    }
  }

  @Test
  void aResumedRunEqualsAnUninterruptedOneBitForBit() throws IOException {
    assertTrue(run(config("whole"), false, TrainingProgress.NONE));
    assertEquals(10, metrics("whole").lines().count(), "7 steps, validation at 3, 6 and 7");
    assertEquals(List.of("step-6", "step-7"), checkpoints("whole"));
    for (int stop : new int[] {1, 3, 5}) {
      String output = "stopped-" + stop;
      assertFalse(run(config(output), false, stopAfter(stop)));
      assertFalse(Files.exists(directory.resolve(output).resolve("model")));
      assertTrue(run(config(output), true, TrainingProgress.NONE));
      assertSameResult("whole", output);
    }
  }

  @Test
  void aRunThatDiedAfterItsCheckpointGoesOnFromThere() throws IOException {
    run(config("whole"), false, TrainingProgress.NONE);
    var dies =
        new TrainingProgress() {
          @Override
          public void step(StepMetrics metrics, long steps, double secondsLeft) {
            if (metrics.step() == 5) {
              throw new IllegalStateException("died");
            }
          }
        };
    RunConfig died = config("died");
    assertThrows(IllegalStateException.class, () -> run(died, false, dies));
    assertEquals(6, metrics("died").lines().count(), "5 steps and a validation");
    // What a process that is killed while it writes leaves behind.
    Path leftover = directory.resolve("died/checkpoints/.anchor4j-unfinished-step-6");
    Files.createDirectories(leftover);
    Files.writeString(leftover.resolve("weights.safetensors"), "half");
    Files.writeString(
        directory.resolve("died/metrics.jsonl"),
        Files.readString(directory.resolve("died/metrics.jsonl")) + "{\"step\":6,\"lo");
    assertTrue(run(died, true, TrainingProgress.NONE));
    assertSameResult("whole", "died");
  }

  @Test
  void aFinishedRunResumesToItsModel() throws IOException {
    run(config("whole"), false, TrainingProgress.NONE);
    byte[] model = bytes("whole", "model/model.safetensors");
    String metrics = metrics("whole");
    Files.delete(directory.resolve("whole/model/model.safetensors"));
    assertTrue(run(config("whole"), true, TrainingProgress.NONE));
    assertArrayEquals(model, bytes("whole", "model/model.safetensors"));
    assertEquals(metrics, metrics("whole"));
  }

  @Test
  void theModelDirectoryHoldsTheNetworkThatWasTrained() throws IOException {
    run(config("whole"), false, TrainingProgress.NONE);
    Path model = directory.resolve("whole/model");
    DecoderConfig decoder = HuggingFaceConfig.read(model).toDecoderConfig();
    assertEquals(12, decoder.maxPositions());
    assertEquals(500, decoder.attention().rotary().theta());
    var yarn = (RotaryScaling.Yarn) decoder.attention().rotary().scaling();
    assertEquals(8, yarn.originalMaxPositions());
    RunConfig more =
        config("more", "model={path: '" + model + "'}", "rope=null", "training.learningRate=0");
    run(more, false, TrainingProgress.NONE);
    assertArrayEquals(
        bytes("whole", "model/model.safetensors"), bytes("more", "model/model.safetensors"));
    assertEquals(
        decoder, HuggingFaceConfig.read(directory.resolve("more/model")).toDecoderConfig());
    assertEquals(
        HuggingFaceModel.load(model).params(),
        HuggingFaceModel.load(directory.resolve("more/model")).params());
  }

  @Test
  void theResolvedRunFileIsKept() throws IOException {
    RunConfig config = config("whole", "training.steps=1");
    run(config, false, TrainingProgress.NONE);
    assertEquals(config, RunConfig.read(directory.resolve("whole/config.yaml"), List.of()));
  }

  @Test
  void divergenceLeavesTheNewestCheckpoint() throws IOException {
    RunConfig config =
        config(
            "diverged",
            "training.learningRate=1e30",
            "training.schedule={type: constant}",
            "training.checkpointEvery=1");
    String message =
        assertThrows(DivergenceException.class, () -> run(config, false, TrainingProgress.NONE))
            .getMessage();
    assertTrue(message.startsWith("step 2: the loss is "), message);
    assertTrue(
        message.endsWith(
            "so training stops before this update. The newest checkpoint is "
                + directory.resolve("diverged/checkpoints/step-1")
                + ". Try a lower training.learningRate (1.0E30) or training.gradientClip (1.0) in a"
                + " new run."),
        message);
    assertEquals(List.of("step-1"), checkpoints("diverged"));
    assertEquals(2, metrics("diverged").lines().count());
  }

  @Test
  void aRunIsNotOverwritten() throws IOException {
    RunConfig config = config("whole", "training.steps=1");
    run(config, false, TrainingProgress.NONE);
    assertEquals(
        directory.resolve("whole")
            + " holds a run already ("
            + directory.resolve("whole/checkpoints/step-1")
            + "): pass --resume to go on from there, or choose another output",
        assertThrows(
                IllegalArgumentException.class, () -> run(config, false, TrainingProgress.NONE))
            .getMessage());
  }

  @Test
  void filesOfOthersAreNotOverwritten() throws IOException {
    RunConfig config = config("mine", "training.steps=1");
    Path mine = Files.createDirectories(directory.resolve("mine"));
    Path runFile = Files.writeString(mine.resolve("config.yaml"), "my own");
    assertEquals(
        runFile + " is there already, and no run beside it: choose another output",
        assertThrows(
                IllegalArgumentException.class, () -> run(config, false, TrainingProgress.NONE))
            .getMessage());
    assertEquals("my own", Files.readString(runFile));
    Path model = Files.createDirectory(mine.resolve("model"));
    assertEquals(
        model + " is there already, and no checkpoint beside it: choose another output",
        assertThrows(
                IllegalArgumentException.class, () -> run(config, false, TrainingProgress.NONE))
            .getMessage());
  }

  @Test
  void aDirectoryOfOthersIsNotWrittenTo() throws IOException {
    Path mine = Files.createDirectories(directory.resolve("mine"));
    RunConfig config = config("mine", "training.steps=1");
    Files.writeString(mine.resolve("photo.png"), "");
    Files.writeString(mine.resolve("notes.txt"), "");
    assertEquals(
        mine + " holds notes.txt, which is no file of a run: choose another output",
        assertThrows(
                IllegalArgumentException.class, () -> run(config, false, TrainingProgress.NONE))
            .getMessage());
    Files.delete(mine.resolve("photo.png"));
    Files.delete(mine.resolve("notes.txt"));
    assertTrue(run(config, false, TrainingProgress.NONE), "an empty directory is fine");
  }

  @Test
  void resumingNeedsARun() throws IOException {
    RunConfig config = config("early");
    var dies =
        new TrainingProgress() {
          @Override
          public void step(StepMetrics metrics, long steps, double secondsLeft) {
            throw new IllegalStateException("died");
          }
        };
    String message =
        "no checkpoint in "
            + directory.resolve("early/checkpoints")
            + " to resume from; leave out --resume to start";
    assertEquals(
        message,
        assertThrows(IllegalArgumentException.class, () -> run(config, true, TrainingProgress.NONE))
            .getMessage());
    assertThrows(IllegalStateException.class, () -> run(config, false, dies));
    assertThrows(IllegalStateException.class, () -> run(config, true, dies));
    run(config("whole"), false, TrainingProgress.NONE);
    assertTrue(run(config, true, TrainingProgress.NONE), "it starts over");
    assertSameResult("whole", "early");
  }

  @Test
  void badInputLeavesNoDirectoryBehind() throws IOException {
    for (String bad :
        List.of("data.train=[nowhere.jsonl]", "data.validation=[" + directory + "/bad.jsonl]")) {
      Files.writeString(directory.resolve("bad.jsonl"), "{\n");
      assertThrows(
          IllegalArgumentException.class,
          () -> run(config("runs/deep/bad", bad), false, TrainingProgress.NONE));
      assertFalse(Files.exists(directory.resolve("runs")), bad);
    }
    Path empty = Files.createDirectories(directory.resolve("runs/empty"));
    assertThrows(
        IllegalArgumentException.class,
        () -> run(config("runs/empty", "model={path: none}"), false, TrainingProgress.NONE));
    assertTrue(Files.isDirectory(empty), "it was there before");
  }

  @Test
  void anUnfinishedRunExportsItsNewestCheckpoint() throws IOException {
    run(config("whole"), false, TrainingProgress.NONE);
    assertFalse(run(config("early"), false, stopAfter(2)));
    Path copy = directory.resolve("copy");
    TrainingRun.export(directory.resolve("whole"), copy, TensorType.F32, 1 << 20);
    for (String file : List.of("model.safetensors", "config.json")) {
      assertArrayEquals(bytes("whole", "model/" + file), Files.readAllBytes(copy.resolve(file)));
    }
    assertEquals(
        copy + " is there already: choose another output",
        assertThrows(
                IllegalArgumentException.class,
                () -> TrainingRun.export(directory.resolve("early"), copy, TensorType.F32, 1 << 20))
            .getMessage());
    Path early = Files.createDirectory(directory.resolve("early-model"));
    TrainingRun.export(directory.resolve("early"), early, TensorType.F32, 1 << 20);
    assertEquals(HuggingFaceModel.load(copy).numParams(), HuggingFaceModel.load(early).numParams());
    assertEquals(
        directory + " has no checkpoint, and so nothing to export",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    TrainingRun.export(
                        directory, directory.resolve("none"), TensorType.F32, 1 << 20))
            .getMessage());
  }

  @Test
  void otherDataIsRefused() throws IOException {
    assertFalse(run(config("whole"), false, stopAfter(2)));
    Path file = directory.resolve("train.jsonl");
    String text = Files.readString(file);
    Files.writeString(file, text.replaceFirst("\\[([0-9]+), ", "[16, "));
    assertEquals(
        "data.train makes other rows (9 now) than it did when the checkpoint was written: resuming"
            + " would lead to other results. Restore the files, or start a new run in another"
            + " output directory.",
        assertThrows(
                IllegalArgumentException.class,
                () -> run(config("whole"), true, TrainingProgress.NONE))
            .getMessage());
  }

  @Test
  void aModelThatIsNotThereIsNamed() {
    assertEquals(
        "model.path: there is no directory /models/none",
        assertThrows(
                IllegalArgumentException.class,
                () -> run(config("x", "model={path: /models/none}"), false, TrainingProgress.NONE))
            .getMessage());
  }

  /** As in many fine-tuned models: the padding token has no row in the embedding. */
  @Test
  void aPaddingTokenThatTheModelLacksIsNotUsed() throws IOException {
    Files.writeString(
        directory.resolve("tokenizer.json"),
        """
        {"version": "1.0", "added_tokens": [
          {"id": 16, "content": "<s>", "special": true, "normalized": false, "single_word": false, "lstrip": false, "rstrip": false},
          {"id": 17, "content": "<pad>", "special": true, "normalized": false, "single_word": false, "lstrip": false, "rstrip": false}],
         "pre_tokenizer": {"type": "WhitespaceSplit"},
         "model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"}}
        """);
    Files.writeString(
        directory.resolve("tokenizer_config.json"),
        "{\"bos_token\": \"<s>\", \"pad_token\": \"<pad>\"}");
    Path raw = directory.resolve("raw.jsonl");
    Files.writeString(raw, "{\"text\": \"a b a\"}\n");
    RunConfig config =
        config(
            "padded",
            "model.tokenizer=" + directory,
            "data.format=raw",
            "data.train=[" + raw + "]",
            "data.validation=[]",
            "training.steps=1");
    assertTrue(run(config, /* resume= */ false, TrainingProgress.NONE));
  }
}

package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.data.BoundaryLabels;
import io.anchor4j.data.DataFormat;
import io.anchor4j.data.Packing;
import io.anchor4j.data.Positions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunConfigTest {
  private static final String LEAST =
      "model: {path: models/base}\ndata: {train: [corpus.jsonl]}\noutput: runs/a\n";

  /** Every setting off its default. */
  private static final String MOST =
      """
      model:
        config: {model_type: llama, hidden_size: 256, rope_scaling: null}
        tokenizer: models/tokenizer
      rope: {theta: 5000000, scaling: {type: yarn, factor: 16}}
      attention: {mask: intra-document, anchorTokens: 3, anchorToken: <|x|>, positions: per-document, precision: bfloat16-compensated}
      data:
        train: [a.jsonl, "b: c.jsonl.gz"]
        validation: [held-out.jsonl]
        format: tokenized
        sequenceLength: 128
        packing: wrapped
        interleave: true
        documentTag: "null"
        boundaryLabels: keep
        shuffle: false
      training:
        steps: 7
        batchSize: 2
        gradientAccumulation: 3
        learningRate: 1e-4
        schedule: {type: linear, warmupSteps: 5, finalRatio: 0.5}
        adamw: {beta1: 0.8, beta2: 0.999, epsilon: 1.0e-6, weightDecay: 0}
        gradientClip: null
        seed: -12345678901
        checkpointEvery: 4
        keepCheckpoints: 9
        gradientCheckpointing: false
      output: "123"
      """;

  private static RunConfig parse(String text, String... overrides) {
    return RunFile.parse(text, "run.yaml", List.of(overrides));
  }

  private static String messageOf(String text, String... overrides) {
    return assertThrows(IllegalArgumentException.class, () -> parse(text, overrides)).getMessage();
  }

  @Test
  void whatIsLeftOutHasItsDefault() {
    RunConfig config = parse(LEAST);
    assertEquals(new RunConfig.Model("models/base", null, null, null), config.model());
    assertEquals(new RunConfig.Rope(null, Map.of()), config.rope());
    assertEquals(
        new RunConfig.Attention(
            AttentionMask.ANCHOR, 1, null, Positions.CONTINUOUS, Precision.FLOAT32),
        config.attention());
    assertEquals(
        new RunConfig.Data(
            List.of("corpus.jsonl"),
            List.of(),
            DataFormat.RAW,
            4096,
            Packing.BEST_FIT,
            false,
            null,
            BoundaryLabels.IGNORE,
            true),
        config.data());
    assertEquals(
        new RunConfig.Training(
            2000,
            1,
            8,
            2e-5,
            new RunConfig.Schedule(LearningRateSchedule.Type.COSINE, 20, 0.1),
            new RunConfig.Adamw(0.9, 0.95, 1e-8, 0.1),
            1.0,
            0,
            500,
            2,
            false),
        config.training());
    assertEquals("runs/a", config.output());
  }

  @Test
  void theRunFileInTheDocumentationShowsTheDefaults() throws IOException {
    String page = Files.readString(Path.of("..", "docs", "training.md"));
    String shown = page.substring(page.indexOf("```yaml\n") + 8, page.lastIndexOf("\n```") + 1);
    RunConfig documented = parse(shown);
    RunConfig defaults = parse(LEAST);
    assertEquals(defaults.attention(), documented.attention());
    assertEquals(defaults.data(), documented.data());
    assertEquals(defaults.training(), documented.training());
  }

  @Test
  void adaptersAreReadAndWritten() {
    assertEquals(
        new RunConfig.Lora(16, 32, List.of("q_proj", "v_proj"), 0, false),
        parse(LEAST, "model.lora={}").model().lora());
    RunConfig config =
        parse(
            LEAST,
            "model.lora={rank: 4, alpha: 6, targets: all-linear, dropout: 0.1, rslora: true}");
    assertEquals(new RunConfig.Lora(4, 6, List.of("all-linear"), 0.1, true), config.model().lora());
    assertEquals(config, RunConfig.parse(config.toYaml()));
  }

  @Test
  void everySettingIsRead() {
    RunConfig config = parse(MOST);
    assertEquals(256, config.model().config().get("hidden_size"));
    assertEquals("models/tokenizer", config.model().tokenizer());
    assertEquals(5e6, config.rope().theta());
    assertEquals("yarn", config.rope().scaling().get("type"));
    assertEquals(
        new RunConfig.Attention(
            AttentionMask.INTRA_DOCUMENT,
            3,
            "<|x|>",
            Positions.PER_DOCUMENT,
            Precision.BFLOAT16_COMPENSATED),
        config.attention());
    assertEquals(
        new RunConfig.Data(
            List.of("a.jsonl", "b: c.jsonl.gz"),
            List.of("held-out.jsonl"),
            DataFormat.TOKENIZED,
            128,
            Packing.WRAPPED,
            true,
            "null",
            BoundaryLabels.KEEP,
            false),
        config.data());
    assertEquals(
        new RunConfig.Training(
            7,
            2,
            3,
            1e-4,
            new RunConfig.Schedule(LearningRateSchedule.Type.LINEAR, 5, 0.5),
            new RunConfig.Adamw(0.8, 0.999, 1e-6, 0),
            null,
            -12345678901L,
            4,
            9,
            false),
        config.training());
    assertEquals("123", config.output());
  }

  @Test
  void theResolvedFileReadsBackAsTheSame() {
    for (RunConfig config : List.of(parse(LEAST), parse(MOST))) {
      assertEquals(config, parse(config.toYaml()), config.toYaml());
      assertEquals(config.toYaml(), parse(config.toYaml()).toYaml());
    }
  }

  @Test
  void theListsOfLongRopeAreTakenAsTheyStand() {
    String rope =
        "rope: {scaling: {type: longrope, short_factor: [1, 1.5], long_factor: [2, 4]}}\n";
    Map<String, Object> scaling = parse(LEAST + rope).rope().scaling();
    assertEquals(List.of(1, 1.5), scaling.get("short_factor"));
    assertEquals(List.of(2, 4), scaling.get("long_factor"));
  }

  @Test
  void overridesWinAndMakeTheSectionsTheyNeed() {
    RunConfig config =
        parse(
            LEAST,
            "training.steps=7",
            "training.learningRate=1e-3",
            "training.gradientClip=null",
            "rope.scaling.factor=2",
            "data.train=[a, b]",
            "data.validation=c",
            "data.documentTag='a: b'",
            "output=x=y");
    assertEquals(7, config.training().steps());
    assertEquals(1e-3, config.training().learningRate());
    assertNull(config.training().gradientClip());
    assertEquals(2, config.rope().scaling().get("factor"));
    assertEquals(List.of("a", "b"), config.data().train());
    assertEquals(List.of("c"), config.data().validation());
    assertEquals("a: b", config.data().documentTag());
    assertEquals("x=y", config.output());
  }

  @Test
  void aScheduleThatIsWrittenOutStartsFromTransformersDefaults() {
    assertEquals(
        new RunConfig.Schedule(LearningRateSchedule.Type.CONSTANT, 0, 0),
        parse(LEAST, "training.schedule.type=constant").training().schedule());
  }

  @ParameterizedTest
  @CsvSource({
    "training.stepz, training.steps",
    "training.batch_size, training.batchSize",
    "training.sequenceLength, data.sequenceLength",
    "trainings, training",
    "shuffel, data.shuffle",
    "rope.scaling.factr, rope.scaling.factor",
    "training.schedule.warmup, training.schedule.warmupSteps",
  })
  void anUnknownKeyNamesTheNearestKnownOne(String unknown, String nearest) {
    assertEquals(
        "run.yaml: unknown key " + unknown + "; did you mean " + nearest + "?",
        messageOf(LEAST, unknown + "=1"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "training.steps=many | training.steps must be a whole number from 1 to 2147483647, got \"many\"",
        "training.steps=0 | training.steps must be a whole number from 1 to 2147483647, got 0",
        "training.steps=1.5 | training.steps must be a whole number from 1 to 2147483647, got 1.5",
        "training.steps= | training.steps must be a whole number from 1 to 2147483647, got null",
        "training.learningRate=-1 | training.learningRate must be a number of at least 0, got -1",
        "training.learningRate=1e999 | training.learningRate must be a number of at least 0, got \"Infinity\"",
        "training.gradientClip=0 | training.gradientClip must be a number above 0, or null, got 0",
        "training.adamw.beta2=1 | training.adamw.beta2 must be a number from 0 to below 1, got 1",
        "training.schedule.type=cos | training.schedule.type must be constant or linear or cosine, got \"cos\"",
        "training.gradientCheckpointing=true | training.gradientCheckpointing must be false (true is not available yet), got true",
        "training=[1, 2] | training must be a mapping of keys to values, got [1,2]",
        "attention.mask=document | attention.mask must be full or intra-document or anchor, got \"document\"",
        "data.shuffle=1 | data.shuffle must be true or false, got 1",
        "data.train=[[a]] | data.train must be a list of names, got [[\"a\"]]",
        "data.train=[] | data.train is missing: list the files to train on",
        "rope.theta=0 | rope.theta must be a number above 0, got 0",
        "output=3 | output must be a text (put it in quotes if it looks like a number or a mapping), got 3",
        "output= | output is missing: name the run directory, such as runs/my-run",
        "data.sequenceLength=1 | data.sequenceLength must be a whole number from 2 to 2147483647, got 1",
        "attention.anchorTokens=4096 | attention.anchorTokens is 4096, which leaves no room in rows of data.sequenceLength 4096",
        "model.path= | exactly one of model.path (a Hugging Face directory) and model.config (a fresh model, fields as in config.json) must be given, got neither",
        "model.config={} | exactly one of model.path (a Hugging Face directory) and model.config (a fresh model, fields as in config.json) must be given, got both",
        "model.lora.rank=0 | model.lora.rank must be a whole number from 1 to 2147483647, got 0",
        "model.lora.dropout=1 | model.lora.dropout must be a number from 0 to below 1, got 1",
        "model={config: {}, lora: {}} | model.lora needs model.path: adapters are trained on a model that is there",
        "model={config: {}} | data.format raw, data.documentTag and attention.anchorToken need a tokenizer, which model.config does not have. Set model.tokenizer to a directory with a tokenizer.json.",
      })
  void aWrongValueNamesTheKeyWhatWasFoundAndWhatIsExpected(String override, String message) {
    assertEquals("run.yaml: " + message, messageOf(LEAST, override));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "steps | an override must be key.path=value, such as training.steps=100, got steps",
        "=1 | an override must be key.path=value, such as training.steps=100, got =1",
        "a..b=1 | an override must be key.path=value, such as training.steps=100, got a..b=1",
        "output.x=1 | the override output.x=1 needs a mapping at output, which holds \"runs/a\"",
        "training.steps={ | the value of training.steps={, line 1: not YAML: while parsing a flow node",
      })
  void anOverrideThatCannotBeReadSaysWhy(String override, String message) {
    assertEquals(message, messageOf(LEAST, override));
  }

  @Test
  void aFileThatIsNoMappingIsRefused() {
    assertEquals("run.yaml: a run file is a mapping of keys to values", messageOf("- a\n- b\n"));
    assertTrue(messageOf("").startsWith("run.yaml: exactly one of model.path"));
    assertEquals(
        "run.yaml, line 2: not YAML: Duplicate field 'output'", messageOf("output: a\noutput: b"));
    assertTrue(messageOf("output: [a\nb: }").startsWith("run.yaml, line 2: not YAML: "));
  }

  @Test
  void aFileThatCannotBeReadIsNamed(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("run.yaml");
    assertEquals(
        file + ": there is no such run file",
        assertThrows(IllegalArgumentException.class, () -> RunConfig.read(file, List.of()))
            .getMessage());
    assertEquals(
        directory + " is a directory; a run file (YAML) is expected",
        assertThrows(IllegalArgumentException.class, () -> RunConfig.read(directory, List.of()))
            .getMessage());
    Files.write(file, new byte[] {(byte) 0x89, 'P', 'N', 'G'});
    assertEquals(
        file + " is not text in UTF-8; a run file (YAML) is expected",
        assertThrows(IllegalArgumentException.class, () -> RunConfig.read(file, List.of()))
            .getMessage());
    Files.write(file, new byte[] {0, 1, 2});
    assertTrue(
        assertThrows(IllegalArgumentException.class, () -> RunConfig.read(file, List.of()))
            .getMessage()
            .startsWith(file + ", line 1: not YAML: "));
    Files.writeString(file, LEAST);
    assertFalse(RunConfig.read(file, List.of("data.shuffle=false")).data().shuffle());
  }
}

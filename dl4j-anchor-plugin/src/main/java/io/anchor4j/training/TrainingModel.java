package io.anchor4j.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.data.SpecialTokens;
import io.anchor4j.data.TextEncoder;
import io.anchor4j.decoder.Decoder;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HubModel;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.PeftAdapter;
import io.anchor4j.huggingface.PeftConfig;
import io.anchor4j.huggingface.json.JsonFields;
import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.huggingface.safetensors.WholeFile;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.deeplearning4j.nn.graph.ComputationGraph;

/** The model of a run as its run file describes it, with its tokenizer if it has one. */
final class TrainingModel implements AutoCloseable {
  private final HuggingFaceConfig stored;
  private final HuggingFaceConfig config; // as stored, but for what the run file overrides
  private final PeftConfig adapters; // null: the whole model is trained
  private final ComputationGraph graph;
  private final Tokenizer tokenizer; // null: none

  private TrainingModel(
      HuggingFaceConfig stored,
      HuggingFaceConfig config,
      PeftConfig adapters,
      ComputationGraph graph,
      Tokenizer tokenizer) {
    this.stored = stored;
    this.config = config;
    this.adapters = adapters;
    this.graph = graph;
    this.tokenizer = tokenizer;
  }

  /**
   * Loads the model, or makes a fresh one from the seed.
   *
   * @throws IllegalArgumentException if a file or setting cannot be used
   * @throws IOException if a file cannot be read
   */
  static TrainingModel open(RunConfig run) throws IOException {
    RunConfig.Model model = run.model();
    HuggingFaceConfig stored =
        model.path() == null
            ? fresh(model.config())
            : HuggingFaceConfig.read(existing(model.path()));
    HuggingFaceConfig config =
        withRope(stored, run.rope()).withPositions(run.data().sequenceLength());
    DecoderConfig described = config.toDecoderConfig();
    AttentionConfig attention =
        described
            .attention()
            .withMask(run.attention().mask())
            .withPrecision(run.attention().precision());
    DecoderConfig decoder = described.withAttention(attention);
    Tokenizer tokenizer = tokenizer(run);
    try {
      PeftConfig adapters = adapters(model, decoder);
      ComputationGraph graph = graph(model.path(), decoder, adapters, run.training().seed());
      return new TrainingModel(stored, config, adapters, graph, tokenizer);
    } catch (IOException | RuntimeException e) {
      if (tokenizer != null) {
        tokenizer.close();
      }
      throw e;
    }
  }

  private static ComputationGraph graph(
      String path, DecoderConfig decoder, PeftConfig adapters, long seed) throws IOException {
    if (path == null) {
      return Decoder.create(decoder, seed);
    }
    return adapters == null
        ? HuggingFaceModel.load(Path.of(path), decoder)
        : PeftAdapter.create(Path.of(path), decoder, adapters, seed);
  }

  private static Path existing(String path) {
    Path directory = Path.of(path);
    if (!Files.isDirectory(directory)) {
      throw new SettingException(
          "model.path: there is no directory " + path + HubModel.advice(directory));
    }
    return directory;
  }

  private static HuggingFaceConfig fresh(Map<String, ?> fields) {
    try {
      return HuggingFaceConfig.of("model.config", fields);
    } catch (IllegalArgumentException e) {
      throw new SettingException(e.getMessage(), e);
    }
  }

  private static HuggingFaceConfig withRope(HuggingFaceConfig stored, RunConfig.Rope rope) {
    OptionalDouble theta =
        rope.theta() == null ? OptionalDouble.empty() : OptionalDouble.of(rope.theta());
    try {
      return stored.withRope(theta, rope.scaling());
    } catch (IllegalArgumentException e) {
      throw new SettingException(e.getMessage(), e);
    }
  }

  /** Returns the adapters to train, or null. */
  private static PeftConfig adapters(RunConfig.Model model, DecoderConfig decoder) {
    if (model.lora() == null) {
      return null;
    }
    try {
      PeftConfig adapters = model.lora().toPeftConfig(model.path());
      adapters.requireTargets(decoder, "model.lora.targets");
      return adapters;
    } catch (IllegalArgumentException e) {
      throw new SettingException(e.getMessage(), e);
    }
  }

  /** The one the run file names; else the model's own, which token ids as data can do without. */
  private static Tokenizer tokenizer(RunConfig run) throws IOException {
    if (run.model().tokenizer() != null) {
      return Tokenizer.load(Path.of(run.model().tokenizer()));
    }
    boolean there =
        run.model().path() != null
            && Files.exists(Path.of(run.model().path()).resolve("tokenizer.json"));
    if (there) {
      return Tokenizer.load(Path.of(run.model().path()));
    }
    if (!RunSettings.needsTokenizer(run)) {
      return null;
    }
    try {
      return Tokenizer.load(Path.of(run.model().path()));
    } catch (IllegalArgumentException e) {
      throw new SettingException(
          "data.format raw, data.documentTag and attention.anchorToken need a tokenizer: %s. Or set model.tokenizer to a directory with a tokenizer.json."
              .formatted(e.getMessage()),
          e);
    }
  }

  ComputationGraph graph() {
    return graph;
  }

  int vocabularySize() {
    return config.toDecoderConfig().vocabularySize();
  }

  /** Returns the tokenizer, in a run whose data needs one. */
  TextEncoder encoder() {
    return tokenizer;
  }

  /**
   * Returns the special tokens of the tokenizer; without one, those that config.json names.
   *
   * @param anchorToken as in {@link Tokenizer#specialTokens}; null without a tokenizer
   */
  SpecialTokens specialTokens(String anchorToken) {
    if (tokenizer != null) {
      SpecialTokens tokens = tokenizer.specialTokens(anchorToken);
      return new SpecialTokens(tokens.begin(), tokens.end(), paddingId(), tokens.anchor());
    }
    JsonNode json = config.toJson(TensorType.F32);
    return new SpecialTokens(
        firstId(json.path("bos_token_id")),
        firstId(json.path("eos_token_id")),
        firstId(json.path("pad_token_id")));
  }

  /** Returns a token for people: its text, where there is a tokenizer, and its id. */
  String describe(int id) {
    return tokenizer == null ? "id " + id : tokenizer.describe(id);
  }

  /**
   * A padding token is often added to a tokenizer after training, with no row of the embedding for
   * it. Nothing sees padding, so that any id does.
   */
  private OptionalInt paddingId() {
    OptionalInt id = tokenizer.padId();
    return id.isPresent() && id.getAsInt() >= vocabularySize() ? OptionalInt.empty() : id;
  }

  /** A chat model may end a text with one of several ids; the first is the usual one. */
  private static OptionalInt firstId(JsonNode value) {
    JsonNode first = value.isArray() ? value.path(0) : value;
    return first.canConvertToInt() && first.isIntegralNumber() && first.intValue() >= 0
        ? OptionalInt.of(first.intValue())
        : OptionalInt.empty();
  }

  /**
   * Writes the Hugging Face directory, adapters merged into the weights.
   *
   * @throws IOException if a file cannot be written
   */
  void save(Path directory, TensorType type, long maxShardBytes) throws IOException {
    HuggingFaceModel.save(graph, config, directory, type, maxShardBytes);
    copyTokenizer(directory);
  }

  /**
   * Writes the adapters in PEFT's format, with a config.json where the base's is not enough.
   *
   * @throws IOException if a file cannot be written
   */
  void saveAdapter(Path directory) throws IOException {
    PeftAdapter.save(graph, config.toDecoderConfig(), adapters, directory);
    if (adaptsAnotherConfig()) {
      ObjectNode json = config.toJson(TensorType.F32);
      json.remove("dtype"); // the weights meant are the base's, of any type
      WholeFile.write(
          directory.resolve(HuggingFaceConfig.FILE),
          JsonFields.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(json));
    }
    copyTokenizer(directory);
  }

  boolean trainsAdapters() {
    return adapters != null;
  }

  /** Says whether adapters are trained on the base under a config.json that is not its own. */
  boolean adaptsAnotherConfig() {
    return trainsAdapters() && !config.toDecoderConfig().equals(stored.toDecoderConfig());
  }

  private void copyTokenizer(Path directory) throws IOException {
    if (tokenizer != null) {
      tokenizer.copyTo(directory);
    }
  }

  @Override
  public void close() {
    if (tokenizer != null) {
      tokenizer.close();
    }
  }
}

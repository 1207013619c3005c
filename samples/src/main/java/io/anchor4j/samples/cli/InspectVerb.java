package io.anchor4j.samples.cli;

import io.anchor4j.decoder.BlockOptions;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.KernelProviders;
import io.anchor4j.kernel.ProviderStatus;
import io.anchor4j.rotary.RotaryConfig;
import io.anchor4j.samples.report.Console;
import io.anchor4j.samples.report.Counts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code inspect MODEL}: what a model is and what it asks of a machine. */
@Command(
    name = "inspect",
    header = "Shows a model's architecture, its memory for training and its rotary scheme.",
    description =
        "%nAlso tells how many positions bfloat16 can tell apart at the model's context length, and"
            + " with --kernels which kernels compute here. Weights that config.json does not describe"
            + " are named, all at once, from their headers: none are loaded, but where tied embeddings"
            + " are stored twice both are read and compared.",
    footer = {"%nExamples:", "  anchor4j inspect models/base", "  anchor4j inspect --kernels"})
final class InspectVerb extends Verb {
  @Parameters(
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Hugging Face directory, or a config.json alone.")
  private Path model;

  @Option(
      names = "--kernels",
      description =
          "Tell which kernel provider and instruction set compute here, why none that is faster"
              + " does, and which others could.")
  private boolean kernels;

  @Override
  void run(Console console) throws Exception {
    if (model == null && !kernels) {
      throw new IllegalArgumentException("inspect needs a MODEL, or --kernels");
    }
    if (model != null) {
      HuggingFaceConfig file = HuggingFaceConfig.read(model);
      DecoderConfig config = file.toDecoderConfig();
      // Before the first line: damaged weights end the verb, and half an answer misleads.
      String weights = Files.isDirectory(model) ? weights(config) : "none here, config.json alone";
      line(console, "architecture", "%s, %d layers", file.family(), config.layers());
      architecture(config, console);
      bfloat16(config.maxPositions(), console);
      memory(config, console);
      line(console, "weights", "%s", weights);
    }
    if (kernels) {
      kernels(console);
    }
  }

  private static void architecture(DecoderConfig config, Console console) {
    line(
        console,
        "parameters",
        "%s (%,d)",
        Counts.text((double) config.parameters()),
        config.parameters());
    line(
        console, "channels", "%d, feed-forward %d", config.hiddenSize(), config.intermediateSize());
    line(
        console,
        "heads",
        "%d query, %d key/value, %d dimensions each%s",
        config.heads(),
        config.kvHeads(),
        config.headDim(),
        config.blocks().queryKeyNorm() ? ", queries and keys normed" : "");
    if (!biases(config.blocks()).isEmpty()) {
      line(console, "biases", "%s", biases(config.blocks()));
    }
    line(
        console,
        "vocabulary",
        "%,d tokens, %s embeddings",
        config.vocabularySize(),
        config.tiedEmbeddings() ? "tied" : "separate");
    line(console, "context", "%,d positions", config.maxPositions());
    RotaryConfig rotary = config.attention().rotary();
    line(
        console,
        "rotary",
        "theta %s, %d of %d dimensions, %s, scaling %s",
        number(rotary.theta()),
        rotary.rotatedDimensions(config.headDim()),
        config.headDim(),
        rotary.pairing().name().toLowerCase(Locale.ROOT).replace('_', '-'),
        RopeWords.of(rotary.scaling()));
    if (!config.blocks().unrotated().isEmpty()) {
      line(console, "", "none in %s", layers(config, i -> config.attention(i).rotary() == null));
    }
    String windowed = layers(config, i -> config.attention(i).window() > 0);
    if (!windowed.isEmpty()) {
      line(console, "window", "%,d tokens in %s", config.attention().window(), windowed);
    }
  }

  private static String biases(BlockOptions blocks) {
    var biases = new ArrayList<String>();
    if (blocks.queryKeyValueBias()) {
      biases.add("query, key, value");
    }
    if (blocks.projectionBias()) {
      biases.add("attention output");
    }
    if (blocks.mlpBias()) {
      biases.add("feed-forward");
    }
    return String.join(", ", biases);
  }

  /** Returns, for example, "all layers" or "layers 1, 3", counted from 0; "" for none. */
  private static String layers(DecoderConfig config, IntPredicate which) {
    int[] layers = IntStream.range(0, config.layers()).filter(which).toArray();
    if (layers.length == 0) {
      return "";
    }
    return layers.length == config.layers()
        ? "all layers"
        : Arrays.stream(layers)
            .mapToObj(String::valueOf)
            .collect(Collectors.joining(", ", "layers ", " of 0 to " + (config.layers() - 1)));
  }

  /** Says how many positions keep their value when they are rounded to bfloat16. */
  private static void bfloat16(int positions, Console console) {
    int exact = Bfloat16Positions.exact(positions);
    line(
        console,
        "bfloat16",
        "%,d of %,d positions (%.2f %%) survive rounding; here positions stay integers and angles"
            + " float32",
        exact,
        positions,
        100.0 * exact / positions);
  }

  private static void memory(DecoderConfig config, Console console) {
    long parameters = config.parameters();
    line(
        console,
        "memory",
        "%s for training in float32: weights, gradients and AdamW's two moments",
        Counts.bytes(4.0 * TrainingMemory.VALUES_PER_PARAMETER * parameters));
    for (int tokens : new int[] {config.maxPositions(), 4 * config.maxPositions()}) {
      line(
          console,
          "",
          "about %s more for activations and their gradients, a row of %,d tokens",
          Counts.bytes(4.0 * TrainingMemory.valuesPerToken(config) * tokens),
          tokens);
    }
  }

  private String weights(DecoderConfig config) throws IOException {
    HuggingFaceModel.check(model, config);
    try (var checkpoint = SafetensorsCheckpoint.open(model)) {
      Map<String, TensorInfo> tensors = checkpoint.tensors();
      String types =
          tensors.values().stream()
              .map(tensor -> tensor.type().name())
              .distinct()
              .sorted()
              .collect(Collectors.joining(", "));
      long elements = tensors.values().stream().mapToLong(TensorInfo::elements).sum();
      return "%d tensors, %s numbers stored as %s"
          .formatted(tensors.size(), Counts.text((double) elements), types);
    }
  }

  private static void kernels(Console console) {
    KernelProvider best = KernelProviders.best();
    line(console, "kernels", "%s", best.description());
    var others = new ArrayList<String>();
    for (ProviderStatus status : KernelProviders.all().toList()) {
      if (status.provider().isEmpty()) {
        line(console, "", "%s does not work here: %s", status.name(), status.note());
      } else if (!status.name().equals(best.name())) {
        others.add(status.name());
      } else if (!status.note().isEmpty()) {
        line(console, "", "%s", status.note());
      }
    }
    line(
        console,
        "",
        "also here: %s (choose with ANCHOR4J_JAVA_OPTS=-D%s=NAME)",
        String.join(", ", others),
        KernelProviders.PROPERTY);
  }

  private static void line(Console console, String name, String format, Object... values) {
    console.result(
        String.format(Locale.ROOT, "%-14s", name) + String.format(Locale.ROOT, format, values));
  }

  private static String number(double value) {
    return value == Math.rint(value)
        ? String.format(Locale.ROOT, "%,.0f", value)
        : String.valueOf(value);
  }
}

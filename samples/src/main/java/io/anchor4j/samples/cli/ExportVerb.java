package io.anchor4j.samples.cli;

import io.anchor4j.huggingface.safetensors.TensorType;
import io.anchor4j.samples.report.Console;
import io.anchor4j.training.TrainingRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** {@code export}: a run as a Hugging Face directory. */
@Command(
    name = "export",
    header = "Writes the newest state of a run as a Hugging Face directory.",
    description =
        "%nWrites config.json, model.safetensors (or shards with an index), generation_config.json"
            + " and the tokenizer's files; transformers loads the directory as it is. Of a run with"
            + " model.lora the adapters are merged into the model, unless --adapter asks for them"
            + " alone: adapter_config.json and adapter_model.safetensors, in PEFT's format.",
    footer = {
      "%nExamples:",
      "  anchor4j export --run runs/my-run --output models/extended",
      "  anchor4j export --run runs/my-run --output models/small --dtype bfloat16 \\",
      "      --max-shard-size 5GB",
      "  anchor4j export --run runs/my-lora-run --output adapters/mine --adapter"
    })
final class ExportVerb extends Verb {
  @Option(
      names = "--run",
      paramLabel = "RUN",
      required = true,
      description = "Run directory, finished or with a checkpoint.")
  private Path run;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      required = true,
      description = "The directory to write; it must be new or empty.")
  private Path output;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "float32",
      converter = Dtype.class,
      description = "Type of the weights: float32, bfloat16, float16. (default: ${DEFAULT-VALUE})")
  private TensorType dtype;

  @Option(
      names = "--max-shard-size",
      paramLabel = "SIZE",
      defaultValue = "50GB",
      converter = ShardSize.class,
      description = "Most weights in one file, as in 500MB or 5GB. (default: ${DEFAULT-VALUE})")
  private long maxShardBytes;

  @Option(
      names = "--adapter",
      description = "Write the adapter alone, always in float32 and one file.")
  private boolean adapter;

  @Override
  void run(Console console) throws Exception {
    if (!Files.isDirectory(run)) {
      throw new IllegalArgumentException(run + ": there is no such run directory");
    }
    if (adapter) {
      TrainingRun.exportAdapter(run, output);
    } else {
      TrainingRun.export(run, output, dtype, maxShardBytes);
    }
    console.result(output.toString());
  }

  private static final class Dtype implements ITypeConverter<TensorType> {
    @Override
    public TensorType convert(String word) {
      return switch (word) {
        case "float32" -> TensorType.F32;
        case "bfloat16" -> TensorType.BF16;
        case "float16" -> TensorType.F16;
        default ->
            throw new TypeConversionException(
                "expected float32, bfloat16 or float16, got '" + word + "'");
      };
    }
  }

  /** Sizes as transformers takes them: powers of 1000. */
  private static final class ShardSize implements ITypeConverter<Long> {
    private static final Pattern SIZE = Pattern.compile("([1-9]\\d{0,8})([KMG]B)");

    @Override
    public Long convert(String word) {
      Matcher size = SIZE.matcher(word);
      if (!size.matches()) {
        throw new TypeConversionException(
            "expected a size such as 500MB or 5GB, got '" + word + "'");
      }
      long unit =
          switch (size.group(2)) {
            case "KB" -> 1_000L;
            case "MB" -> 1_000_000L;
            default -> 1_000_000_000L;
          };
      return Long.parseLong(size.group(1)) * unit;
    }
  }
}

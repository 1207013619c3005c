package io.anchor4j.huggingface.safetensors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Weights in formats that are not read: some can run code (pickles), others are quantized. Knows
 * how each becomes safetensors, and an adapter where a model is expected.
 */
public final class OtherFormats {
  private static final String CONVERT =
      "convert them with transformers: python -c \"from transformers import AutoModelForCausalLM as"
          + " M; M.from_pretrained('%s'%s).save_pretrained('converted')\"";

  /** As transformers and Llama's own code name a model's weights. */
  private static final Pattern WEIGHTS =
      Pattern.compile("(pytorch_model.*\\.bin|consolidated.*\\.pth)");

  /** What a Trainer of transformers leaves beside the weights. */
  private static final Pattern NO_WEIGHTS =
      Pattern.compile("(training_args|optimizer|scheduler|scaler|rng_state).*");

  private OtherFormats() {}

  /**
   * Returns what to do about weights in another format, in one line that begins with the file; or
   * nothing where there are none.
   *
   * @param directoryOrFile a model's directory, or a file in its place
   * @throws IOException if the directory cannot be listed
   */
  public static Optional<String> advice(Path directoryOrFile) throws IOException {
    if (!Files.isDirectory(directoryOrFile)) {
      return advice(directoryOrFile, directoryOrFile);
    }
    if (Files.exists(directoryOrFile.resolve("adapter_config.json"))) {
      return Optional.of(
          directoryOrFile
              + ": this is an adapter, not a model: --model BASE --adapter "
              + directoryOrFile);
    }
    try (Stream<Path> files = Files.list(directoryOrFile)) {
      List<Path> sorted =
          files
              .filter(file -> !matches(NO_WEIGHTS, file))
              .sorted(
                  Comparator.comparing((Path file) -> !matches(WEIGHTS, file))
                      .thenComparing(Path::toString))
              .toList();
      return sorted.stream().flatMap(file -> advice(directoryOrFile, file).stream()).findFirst();
    }
  }

  private static boolean matches(Pattern names, Path file) {
    return names.matcher(file.getFileName().toString()).matches();
  }

  private static Optional<String> advice(Path model, Path file) {
    String name = file.getFileName() == null ? "" : file.getFileName().toString();
    Path directory = model.equals(file) ? file.resolveSibling("") : model;
    String how =
        switch (name.substring(name.lastIndexOf('.') + 1)) {
          case "bin", "pt" -> CONVERT.formatted(directory, "");
          case "gguf" -> CONVERT.formatted(directory, ", gguf_file='" + name + "'");
          case "h5", "msgpack" ->
              "convert them with transformers 4, whose from_pretrained takes from_tf=True (.h5) or"
                  + " from_flax=True (.msgpack), and save_pretrained";
          case "pth" ->
              "take the model's directory in the layout of Hugging Face, or convert them with"
                  + " transformers 4: models/llama/convert_llama_weights_to_hf.py";
          default -> null;
        };
    return Optional.ofNullable(how)
        .map(h -> file + ": weights in this format are not read, only safetensors; " + h);
  }
}

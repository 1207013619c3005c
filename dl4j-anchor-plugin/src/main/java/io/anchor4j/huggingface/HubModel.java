package io.anchor4j.huggingface;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** A model of the Hugging Face Hub where one on disk is expected. */
public final class HubModel {
  /** An owner and a model, as in {@code Qwen/Qwen3-0.6B}. */
  private static final Pattern NAME = Pattern.compile("\\w[\\w.\\-]*/\\w[\\w.\\-]*(?<!\\.json)");

  private HubModel() {}

  /**
   * Returns how to download what {@code path} seems to name, behind a semicolon; "" where it is
   * there, or no such name.
   */
  public static String advice(Path path) {
    return Files.exists(path) || !NAME.matcher(path.toString()).matches()
        ? ""
        : "; a model of the Hugging Face Hub is downloaded with: hf download %1$s --local-dir %1$s"
            .formatted(path);
  }
}

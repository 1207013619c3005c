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
   * Returns how to download what {@code path} may name, behind a semicolon; "" where it is no such
   * name, or its parent is a directory here.
   */
  public static String advice(Path path) {
    return !NAME.matcher(path.toString()).matches() || Files.isDirectory(path.getParent())
        ? ""
        : "; if it is a model of the Hugging Face Hub, download it with: hf download %1$s --local-dir %1$s"
            .formatted(path);
  }
}

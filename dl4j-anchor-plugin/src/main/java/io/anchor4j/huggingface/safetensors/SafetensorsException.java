package io.anchor4j.huggingface.safetensors;

import java.nio.file.Path;
import java.util.Optional;

/** Says what is wrong with a safetensors file or its index, and where in it. */
public final class SafetensorsException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /** Names come from the file: they must not flood or break the one line of the message. */
  private static final int LONGEST_NAME_SHOWN = 200;

  private final String path;
  private final String tensor;
  private final long byteOffset;

  SafetensorsException(Path path, String tensor, long byteOffset, String reason) {
    super(
        path
            + (tensor == null ? "" : ": tensor \"" + printable(tensor) + "\"")
            + ", byte "
            + byteOffset
            + ": "
            + reason);
    this.path = path.toString();
    this.tensor = tensor;
    this.byteOffset = byteOffset;
  }

  /** Returns the file that is wrong. */
  public Path path() {
    return Path.of(path);
  }

  /** Returns the name of the tensor that is wrong, or nothing where the file as a whole is. */
  public Optional<String> tensor() {
    return Optional.ofNullable(tensor);
  }

  /** Returns the position in the file, in bytes from its start, at which the fault shows. */
  public long byteOffset() {
    return byteOffset;
  }

  /** Returns {@code text}, which comes from a file, in one line and at a readable length. */
  public static String printable(String text) {
    var shown = new StringBuilder();
    for (int i = 0; i < Math.min(text.length(), LONGEST_NAME_SHOWN); i++) {
      char c = text.charAt(i);
      if (Character.isISOControl(c)) {
        shown.append(String.format("\\u%04x", (int) c));
      } else {
        shown.append(c);
      }
    }
    return text.length() <= LONGEST_NAME_SHOWN ? shown.toString() : shown + "...";
  }
}

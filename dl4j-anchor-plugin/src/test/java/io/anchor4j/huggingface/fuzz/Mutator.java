package io.anchor4j.huggingface.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Makes wrong files of good ones, by changes of bytes and by changes that know JSON. */
final class Mutator {
  private static final Pattern VALUE =
      Pattern.compile("-?\\d+(\\.\\d+)?([eE][+-]?\\d+)?|true|false|null|\"[^\"]*\"");
  private static final Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?([eE][+-]?\\d+)?");
  private static final Pattern STRING = Pattern.compile("\"[^\"]*\"");

  private static final List<String> VALUES =
      List.of(
          "0",
          "-0",
          "-1",
          "1",
          "2",
          "7",
          "0.5",
          "1e2",
          "1e400",
          "-1e400",
          "1e-400",
          "2147483647",
          "2147483648",
          "4294967296",
          "9223372036854775807",
          "9223372036854775808",
          "18446744073709551616",
          "1" + "0".repeat(400),
          "3.0",
          "NaN",
          "Infinity",
          "true",
          "false",
          "null",
          "\"\"",
          "\"x\"",
          "\"../x\"",
          "\"\\u0000\"",
          "\"\\ud800\"",
          "[]",
          "{}",
          "[0]",
          "[-1,1e9]",
          "{\"a\":[1]}",
          "\"F8_E4M3\"",
          "\"BF16\"",
          "\"F4\"");

  private final Random random;

  Mutator(Random random) {
    this.random = random;
  }

  /** Returns {@code good} with one to four changes. */
  byte[] mutate(byte[] good) {
    byte[] bytes = good;
    for (int changes = 1 + random.nextInt(4) * random.nextInt(2); changes > 0; changes--) {
      bytes = random.nextBoolean() ? changeBytes(bytes) : changeJson(bytes);
    }
    return bytes;
  }

  private byte[] changeBytes(byte[] bytes) {
    int at = random.nextInt(bytes.length + 1);
    int end = at + random.nextInt(Math.min(bytes.length - at, 200) + 1);
    byte[] noise = new byte[1 + random.nextInt(16)];
    random.nextBytes(noise);
    return switch (random.nextInt(7)) {
      case 0 -> flip(bytes);
      case 1 -> Arrays.copyOf(bytes, at);
      case 2 -> replace(bytes, at, at, noise);
      case 3 -> replace(bytes, at, at, Arrays.copyOfRange(bytes, at, end));
      case 4 -> replace(bytes, at, end, new byte[0]);
      case 5 -> replace(bytes, at, at, new byte[] {(byte) 0xc3, (byte) 0x28});
      default -> replace(bytes, at, end, noise);
    };
  }

  private byte[] flip(byte[] bytes) {
    byte[] flipped = bytes.clone();
    if (flipped.length > 0) {
      flipped[random.nextInt(flipped.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return flipped;
  }

  /** Bytes stand for characters here, so that positions in both are the same. */
  private byte[] changeJson(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    int depth = 1 << random.nextInt(14);
    MatchResult one = any(random.nextBoolean() ? NUMBER : VALUE, text);
    MatchResult first = any(STRING, text);
    MatchResult second = any(STRING, text);
    if (one == null || first == null || second == null) {
      return changeBytes(bytes);
    }
    return switch (random.nextInt(6)) {
      case 0 -> replace(bytes, one, "[".repeat(depth) + "]".repeat(depth));
      case 1 -> replace(bytes, one, "{\"a\":".repeat(depth) + "1" + "}".repeat(depth));
      case 2 -> replace(bytes, one, "\"" + "\\u4e2d".repeat(depth) + "\"");
      case 3 -> replace(bytes, first, second.group());
      case 4 -> replace(bytes, one, one.group() + random.nextInt(1000));
      default -> replace(bytes, one, VALUES.get(random.nextInt(VALUES.size())));
    };
  }

  private MatchResult any(Pattern pattern, String text) {
    List<MatchResult> matches = pattern.matcher(text).results().limit(5000).toList();
    return matches.isEmpty() ? null : matches.get(random.nextInt(matches.size()));
  }

  private static byte[] replace(byte[] bytes, MatchResult match, String by) {
    return replace(bytes, match.start(), match.end(), by.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static byte[] replace(byte[] bytes, int begin, int end, byte[] by) {
    var replaced = new ByteArrayOutputStream();
    replaced.write(bytes, 0, begin);
    replaced.writeBytes(by);
    replaced.write(bytes, end, bytes.length - end);
    return replaced.toByteArray();
  }
}

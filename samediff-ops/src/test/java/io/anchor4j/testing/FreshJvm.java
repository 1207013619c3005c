package io.anchor4j.testing;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs a main class in a Java process of its own, on this test's class path. */
public final class FreshJvm {
  private FreshJvm() {}

  /**
   * Returns what the program printed on standard output.
   *
   * @param environment variables to set over this process's own
   * @throws AssertionError if it does not end well within two minutes
   */
  public static String run(Class<?> main, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    var command = new ArrayList<String>();
    command.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
    command.addAll(List.of("-Xmx1g", "-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    File output = File.createTempFile("fresh-jvm", ".out");
    try {
      var builder = new ProcessBuilder(command).redirectOutput(output);
      builder.redirectError(ProcessBuilder.Redirect.DISCARD);
      builder.environment().putAll(environment);
      Process process = builder.start();
      if (!process.waitFor(2, TimeUnit.MINUTES)) {
        process.destroyForcibly();
        throw new AssertionError(main + " did not end within two minutes");
      }
      String text = Files.readString(output.toPath(), StandardCharsets.UTF_8);
      if (process.exitValue() != 0) {
        throw new AssertionError(main + " ended with " + process.exitValue() + ": " + text);
      }
      return text;
    } finally {
      if (!output.delete()) {
        output.deleteOnExit();
      }
    }
  }
}

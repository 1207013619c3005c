package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The shell script that starts the command line. */
class LauncherTest {
  @TempDir Path elsewhere;

  @Test
  void argumentsArriveAsTheyAreTypedFromAnyDirectoryAndThroughALink() throws Exception {
    Path link = Files.createSymbolicLink(elsewhere.resolve("a4"), Launcher.SCRIPT);
    String odd = "a  b*'c\"$HOME\\";
    var result =
        new Launcher(elsewhere)
            .run(link, Map.of("JAVA_HOME", System.getProperty("java.home")), "plot", "", odd);
    assertEquals("anchor4j plot: plot of several runs needs --output DIR\n", result.err());
    assertEquals(2, result.code());
    Files.delete(link);
    result = new Launcher(elsewhere).run(odd);
    assertEquals("anchor4j: unknown verb '" + odd + "' (see 'anchor4j --help')\n", result.err());
    assertEquals(2, result.code());
  }

  @Test
  void resultsGoToStandardOutputAloneAndNothingElseIsSaid() throws Exception {
    var result = new Launcher(elsewhere).run("--version");
    assertEquals("", result.err());
    assertTrue(result.out().startsWith("anchor4j "), result.out());
    assertEquals(0, result.code());
  }

  @Test
  void aJavaThatIsMissingOrTooOldIsNamed() throws Exception {
    assertEquals(
        "anchor4j: JAVA_HOME is '/nowhere', which holds no bin/java; set it to a JDK 17 or later\n",
        withJavaHome(Path.of("/nowhere")));
    Path old = elsewhere.resolve("old");
    Path java = old.resolve("bin/java");
    Files.createDirectories(java.getParent());
    Files.writeString(java, "#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n");
    assertTrue(java.toFile().setExecutable(true));
    assertEquals(
        "anchor4j: needs a JDK 17 or later, but '"
            + java
            + "' is version 11; set JAVA_HOME to a newer one\n",
        withJavaHome(old));
  }

  private String withJavaHome(Path home) throws IOException, InterruptedException {
    var result =
        new Launcher(elsewhere)
            .run(Launcher.SCRIPT, Map.of("JAVA_HOME", home.toString()), "--version");
    assertEquals(1, result.code());
    return result.err();
  }
}

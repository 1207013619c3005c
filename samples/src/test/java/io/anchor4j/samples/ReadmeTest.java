package io.anchor4j.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The README shows programs that run, commands that exist, and pictures that are there. */
class ReadmeTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern JAVA_BLOCK = Pattern.compile("(?s)```java\n(.*?)```");
  private static final Pattern SHOWN_LINES =
      Pattern.compile("(?s)// README begin\n(.*?)\n *// README end");

  private static String shownLines(Path program) throws IOException {
    var matcher = SHOWN_LINES.matcher(Files.readString(program));
    return matcher.find() ? matcher.group(1).stripIndent() + "\n" : "";
  }

  @Test
  void everyJavaBlockIsTheLinesOfAProgramThatATestRuns() throws IOException {
    Path folder = Path.of("src/main/java/io/anchor4j/samples");
    var programs = new ArrayList<String>();
    for (String program : List.of("NetworkExample", "ImportExample", "SameDiffExample")) {
      programs.add(shownLines(folder.resolve(program + ".java")));
    }
    List<String> blocks =
        JAVA_BLOCK
            .matcher(Files.readString(ROOT.resolve("README.md")))
            .results()
            .map(match -> match.group(1))
            .toList();
    assertEquals(programs, blocks);
  }

  @Test
  void everyLinkedFileExists() throws IOException {
    List<String> links =
        Pattern.compile("\\]\\(([^)#:]+)\\)")
            .matcher(Files.readString(ROOT.resolve("README.md")))
            .results()
            .map((MatchResult match) -> match.group(1))
            .toList();
    assertTrue(links.contains("docs/images/masks.svg"), links.toString());
    for (String link : links) {
      assertTrue(Files.exists(ROOT.resolve(link)), link);
    }
  }
}

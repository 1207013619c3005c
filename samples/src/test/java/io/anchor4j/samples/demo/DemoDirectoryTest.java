package io.anchor4j.samples.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoDirectoryTest {
  @TempDir Path root;

  @Test
  void anEarlierDemoIsReplacedAndFilesOfOthersStay() throws IOException {
    Path demo = root.resolve("demo");
    var directory = new DemoDirectory(demo);
    Path old = Files.createDirectories(directory.model("anchor")).resolve("config.json");
    Files.writeString(old, "{}");
    Path mine = Files.writeString(demo.resolve("notes.txt"), "mine");
    new DemoDirectory(demo);
    assertFalse(Files.exists(directory.run("anchor")));
    assertTrue(Files.exists(mine));
  }

  @Test
  void aDirectoryThatNoDemoMadeIsNotTouched() throws IOException {
    Path data = Files.createDirectories(root.resolve("data"));
    var error = assertThrows(IllegalArgumentException.class, () -> new DemoDirectory(root));
    assertEquals(
        root + ": holds files that are no earlier demo's; choose another --output",
        error.getMessage());
    assertTrue(Files.exists(data));
  }
}

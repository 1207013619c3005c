package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {
  @TempDir Path directory;

  private static void writeOne(Path checkpoint) throws IOException {
    Files.writeString(checkpoint.resolve("weights"), "1");
  }

  private List<String> entries() throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void theNewestAreKeptByNumberNotByName() throws IOException {
    var checkpoints = new Checkpoints(directory);
    for (long step : new long[] {2, 9, 10, 11}) {
      checkpoints.save(step, 2, CheckpointsTest::writeOne);
    }
    assertEquals(List.of("step-10", "step-11"), entries());
    assertEquals(Optional.of(directory.resolve("step-11")), checkpoints.newest());
  }

  @Test
  void aCheckpointThatCannotBeWrittenLeavesTheOthers() throws IOException {
    var checkpoints = new Checkpoints(directory);
    checkpoints.save(1, 1, CheckpointsTest::writeOne);
    assertThrows(
        IOException.class,
        () ->
            checkpoints.save(
                2,
                1,
                checkpoint -> {
                  writeOne(checkpoint);
                  throw new IOException("the disk is full");
                }));
    assertEquals(Optional.of(directory.resolve("step-1")), checkpoints.newest());
    assertEquals("1", Files.readString(directory.resolve("step-1/weights")));
    assertEquals(List.of("step-1"), entries());
  }

  @Test
  void leftoversAreNoCheckpointsAndGoWithTheNextSave() throws IOException {
    var checkpoints = new Checkpoints(directory);
    checkpoints.save(1, 5, CheckpointsTest::writeOne);
    for (String leftover :
        List.of(".anchor4j-unfinished-step-2", ".anchor4j-unfinished-old-step-0")) {
      Files.createDirectory(directory.resolve(leftover));
      writeOne(directory.resolve(leftover));
    }
    Files.createDirectory(directory.resolve("step-x"));
    Files.writeString(directory.resolve("step-7"), "a file");
    assertEquals(Optional.of(directory.resolve("step-1")), checkpoints.newest());
    checkpoints.save(2, 5, CheckpointsTest::writeOne);
    assertEquals(List.of("step-1", "step-2", "step-7", "step-x"), entries());
  }

  @Test
  void aDirectoryIsReplacedAsAWhole() throws IOException {
    Path target = directory.resolve("model");
    WholeDirectory.write(target, CheckpointsTest::writeOne);
    WholeDirectory.write(target, model -> Files.writeString(model.resolve("config"), "2"));
    assertEquals(List.of("model"), entries());
    assertEquals("2", Files.readString(target.resolve("config")));
    assertFalse(Files.exists(target.resolve("weights")));
  }

  @Test
  void aDirectoryReplacesItsOwnLeftoversAndNoOthers() throws IOException {
    List<String> mine = List.of(".anchor4j-unfinished-model", ".anchor4j-unfinished-old-model");
    String others = ".anchor4j-unfinished-other";
    for (String leftover : List.of(mine.get(0), mine.get(1), others)) {
      Files.createDirectory(directory.resolve(leftover));
      writeOne(directory.resolve(leftover));
    }
    Path target = directory.resolve("model");
    WholeDirectory.write(target, CheckpointsTest::writeOne);
    WholeDirectory.write(target, CheckpointsTest::writeOne);
    assertEquals(List.of(others, "model"), entries());
    assertEquals("1", Files.readString(directory.resolve(others).resolve("weights")));
  }

  @Test
  void aDirectoryThatIsNotThereHoldsNone() {
    assertEquals(Optional.empty(), new Checkpoints(directory.resolve("none")).newest());
  }
}

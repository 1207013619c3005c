package io.anchor4j.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MaskPictureTest {
  @Test
  void theCommittedPictureIsWhatTheMasksDraw() throws IOException {
    assertEquals(
        Files.readString(Path.of("..", "docs", "images", "masks.svg")),
        MaskPicture.svg(),
        "a mask has changed: run MaskPicture.main from the root of the repository");
  }
}

package io.anchor4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class CliNamesTest {
  @Test
  void wordsAreThoseOfTheCommandLine() {
    assertEquals("continuous", Positions.CONTINUOUS.cliName());
    assertEquals("per-document", Positions.PER_DOCUMENT.cliName());
    assertEquals("ignore", BoundaryLabels.IGNORE.cliName());
    assertEquals("keep", BoundaryLabels.KEEP.cliName());
    assertEquals("best-fit", Packing.BEST_FIT.cliName());
    assertEquals("wrapped", Packing.WRAPPED.cliName());
    assertEquals("raw", DataFormat.RAW.cliName());
    assertEquals("tokenized", DataFormat.TOKENIZED.cliName());
    assertEquals("packed", DataFormat.PACKED.cliName());
  }

  @Test
  void everyWordIsReadBack() {
    for (Positions choice : Positions.values()) {
      assertEquals(choice, Positions.parse(choice.cliName()));
    }
    for (BoundaryLabels choice : BoundaryLabels.values()) {
      assertEquals(choice, BoundaryLabels.parse(choice.cliName()));
    }
    for (Packing choice : Packing.values()) {
      assertEquals(choice, Packing.parse(choice.cliName()));
    }
    for (DataFormat choice : DataFormat.values()) {
      assertEquals(choice, DataFormat.parse(choice.cliName()));
    }
  }

  @Test
  void aWrongWordIsAnsweredWithTheRightOnes() {
    assertEquals(
        "positions must be one of continuous, per-document, got \"reset\"",
        assertThrows(IllegalArgumentException.class, () -> Positions.parse("reset")).getMessage());
    assertEquals(
        "boundaryLabels must be one of ignore, keep, got \"KEEP\"",
        assertThrows(IllegalArgumentException.class, () -> BoundaryLabels.parse("KEEP"))
            .getMessage());
    assertEquals(
        "packing must be one of best-fit, wrapped, got \"\"",
        assertThrows(IllegalArgumentException.class, () -> Packing.parse("")).getMessage());
    assertEquals(
        "format must be one of raw, tokenized, packed, got \"jsonl\"",
        assertThrows(IllegalArgumentException.class, () -> DataFormat.parse("jsonl")).getMessage());
  }
}

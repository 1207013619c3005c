package io.anchor4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.benchmarks.work.AdamWWork;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PairedRunTest {
  private static final AdamWWork WORK = new AdamWWork(1);
  private static final PairedRun TWO_ROUNDS = new PairedRun(2, 0, 60, 0);

  private final List<String> diary = new ArrayList<>();

  private FakeContestant contestant(String name, double seconds, float result, int turns) {
    return new FakeContestant(name, seconds, result, turns, diary);
  }

  @Test
  void contestantsTakeTurns() {
    CaseResult result =
        TWO_ROUNDS.run(Case.of(WORK, contestant("a", 2, 1, 9), contestant("b", 3, 1, 9)));
    assertEquals(
        List.of("prepare a", "prepare b", "a", "b", "a", "b", "close a", "close b"), diary);
    assertEquals("1.50x (1.50-1.50)", result.timing(1).over(result.timing(0)).toString());
    assertEquals(List.of(), result.notes());
  }

  @Test
  void apartOneEndsBeforeTheNextBegins() {
    TWO_ROUNDS.run(Case.apart(WORK, contestant("a", 2, 1, 9), contestant("b", 3, 1, 9)));
    assertEquals(List.of("prepare a", "a", "close a", "prepare b", "b", "close b"), diary);
  }

  @Test
  void aLongFirstCallIsNotRepeated() {
    CaseResult result = TWO_ROUNDS.run(Case.apart(WORK, contestant("a", 200, 1, 9)));
    assertEquals(List.of("prepare a", "close a"), diary);
    assertEquals(200, result.timing(0).seconds());
  }

  @Test
  void roundsThatDoNotFitAreLeftOut() {
    var noTime = new PairedRun(5, 0, 0, 1);
    CaseResult result = noTime.run(Case.of(WORK, contestant("a", 2, 1, 9)));
    assertEquals(1, result.timing(0).rounds().length);
  }

  @Test
  void whoIsMissingBreaksDownOrDiffersIsLeftOutByName() {
    CaseResult result =
        TWO_ROUNDS.run(
            Case.of(
                WORK,
                contestant("a", 2, 1, 9),
                contestant("missing", 3, 1, -1),
                contestant("fragile", 3, 1, 1),
                contestant("wrong", 3, 1.01f, 9)));
    assertTrue(result.has(0));
    for (int other = 1; other < 4; other++) {
      assertFalse(result.has(0, other));
    }
    assertEquals(3, result.notes().size());
    assertEquals("missing: not installed", result.notes().get(0));
    assertTrue(result.notes().get(1).startsWith("wrong: results differ by 0.0099"));
    assertEquals("fragile: broke down", result.notes().get(2));
    assertEquals(1, diary.stream().filter("close wrong"::equals).count());
    assertEquals(1, diary.stream().filter("close fragile"::equals).count());
  }
}

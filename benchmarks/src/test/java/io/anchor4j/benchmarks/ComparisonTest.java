package io.anchor4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.anchor4j.benchmarks.work.AttentionWork;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;

class ComparisonTest {

  @Test
  void aTableHasARowACaseAndNamesWhatIsMissing() {
    var diary = new ArrayList<String>();
    var ours = new FakeContestant("ours", 0.001, 1, 9, diary);
    var theirs = new FakeContestant("theirs", 0.0025, 1, 9, diary);
    var missing = new FakeContestant("missing", 1, 1, -1, diary);
    // 2 products x 2 operations x 36 pairs x 1000 dimensions: 144,000 operations.
    var work = AttentionWork.causal(DataType.BFLOAT16, 1, 1, 8, 1000, /* backward= */ false);
    var peak = new Peak(Map.of("float32 A", 0.1, "bfloat16 A", 0.288));
    var comparison =
        new Comparison(
            "name",
            "Title",
            "Prose.",
            List.of(
                Column.milliseconds("ours", 0),
                Column.gigaflops("ours", 0),
                Column.shareOfPeak(peak, 0),
                Column.ratio("theirs / ours", 1, 0),
                Column.ratio("missing / ours", 2, 0),
                Column.milliseconds("of other cases", 3)),
            List.of(Case.of(work, ours, theirs, missing)));
    assertEquals(
        """
        ## Title

        Prose.

        | case | ours ms | ours GFLOP/s | of peak | theirs / ours | missing / ours | of other cases ms |
        |---|---:|---:|---:|---:|---:|---:|
        | B 1, H 1, T 8, D 1000, forward | 1.00 | 0.14 | 50 % | 2.50x | - | - |

        Left out:

        - missing: not installed
        """,
        comparison.run(new PairedRun(1, 0, 60, 0)));
  }
}

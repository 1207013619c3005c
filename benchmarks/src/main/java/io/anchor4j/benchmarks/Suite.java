package io.anchor4j.benchmarks;

import static io.anchor4j.benchmarks.Column.gigaflops;
import static io.anchor4j.benchmarks.Column.milliseconds;
import static io.anchor4j.benchmarks.Column.ratio;
import static io.anchor4j.benchmarks.Column.relativeRate;
import static io.anchor4j.benchmarks.Column.shareOfPeak;
import static io.anchor4j.benchmarks.Column.tokensPerSecond;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.benchmarks.contestant.BareKernel;
import io.anchor4j.benchmarks.contestant.Contestant;
import io.anchor4j.benchmarks.contestant.OwnOps;
import io.anchor4j.benchmarks.contestant.OwnTraining;
import io.anchor4j.benchmarks.contestant.PyTorch;
import io.anchor4j.benchmarks.contestant.StockAttention;
import io.anchor4j.benchmarks.work.AdamWWork;
import io.anchor4j.benchmarks.work.AttentionWork;
import io.anchor4j.benchmarks.work.Documents;
import io.anchor4j.benchmarks.work.GatedSiluWork;
import io.anchor4j.benchmarks.work.LinearWork;
import io.anchor4j.benchmarks.work.RmsNormWork;
import io.anchor4j.benchmarks.work.TrainingWork;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;

/** What is compared with what: every section of the report. */
final class Suite {
  private static final boolean[] DIRECTIONS = {false, true};
  private static final long SEED = 20_240_229;

  private final boolean quick;
  private final Peak peak;
  private final BareKernel bareKernel;
  private final Contestant ours = new OwnOps();
  private final Contestant sdpa;
  private final Contestant dense;
  private final Contestant flex;
  private final PyTorch pyTorch;

  /**
   * @param quick smaller sizes and fewer of them
   */
  Suite(boolean quick, Peak peak, PyTorch pyTorch, BareKernel bareKernel) {
    this.quick = quick;
    this.peak = peak;
    this.pyTorch = pyTorch;
    this.bareKernel = bareKernel;
    sdpa = pyTorch.contestant("SDPA", "sdpa");
    dense = pyTorch.contestant("SDPA with a dense mask", "sdpa-dense");
    flex = pyTorch.contestant("FlexAttention", "flex");
  }

  /** Returns all sections, in the order of the report. */
  List<Section> sections() {
    return List.of(
        attention(),
        float32(),
        compensated(),
        bare(),
        documents(),
        anchors(),
        new LongRow(quick ? 16_384 : 131_072),
        training(),
        linear(),
        companions(),
        stock());
  }

  private List<Column> againstSdpa() {
    return List.of(
        milliseconds("ours", 0),
        milliseconds("SDPA", 1),
        ratio("SDPA / ours", 1, 0),
        gigaflops("ours", 0),
        gigaflops("SDPA", 1),
        shareOfPeak(peak, 0));
  }

  private Section attention() {
    List<Case> cases = new ArrayList<>();
    for (int tokens : quick ? new int[] {512, 4096} : new int[] {512, 1024, 4096, 16_384}) {
      for (int batch : quick ? new int[] {1} : new int[] {1, 4}) {
        for (int headDim : new int[] {64, 128}) {
          for (boolean backward : DIRECTIONS) {
            int heads = tokens > 4096 ? 4 : 8;
            cases.add(
                Case.of(
                    AttentionWork.causal(
                        DataType.BFLOAT16, batch, heads, tokens, headDim, backward),
                    ours,
                    sdpa));
          }
        }
      }
    }
    return new Comparison(
        "attention",
        "Causal attention, bfloat16",
        "Against PyTorch's `scaled_dot_product_attention(is_causal=True)` on bfloat16 tensors; ours"
            + " on BFLOAT16 arrays at `bfloat16`. GFLOP/s count visible pairs only.",
        againstSdpa(),
        cases);
  }

  private Section float32() {
    List<Case> cases = new ArrayList<>();
    int tokens = quick ? 2048 : 4096;
    for (int headDim : new int[] {64, 128}) {
      for (boolean backward : DIRECTIONS) {
        cases.add(
            Case.of(
                AttentionWork.causal(DataType.FLOAT, 1, 8, tokens, headDim, backward), ours, sdpa));
      }
    }
    return new Comparison(
        "float32",
        "Causal attention, float32",
        "The same in float32, with the float32 peak beside it.",
        againstSdpa(),
        cases);
  }

  private Section compensated() {
    List<Case> cases = new ArrayList<>();
    int tokens = quick ? 2048 : 4096;
    for (int headDim : new int[] {64, 128}) {
      for (boolean backward : DIRECTIONS) {
        var plain =
            AttentionWork.causal(DataType.FLOAT, 1, 8, tokens, headDim, backward)
                .withPrecision(Precision.BFLOAT16);
        var compensated = plain.withPrecision(Precision.BFLOAT16_COMPENSATED);
        cases.add(
            new Case(
                plain.label(),
                List.of(new Entry(ours, plain), new Entry(ours, compensated)),
                false));
      }
    }
    return new Comparison(
        "compensated",
        "What exact positions cost",
        "`bfloat16-compensated` against our own plain `bfloat16`, both on FLOAT arrays.",
        List.of(
            milliseconds("bfloat16", 0),
            milliseconds("compensated", 1),
            ratio("compensated / bfloat16", 1, 0)),
        cases);
  }

  private Section bare() {
    List<Case> cases = new ArrayList<>();
    int tokens = quick ? 2048 : 4096;
    for (DataType type : new DataType[] {DataType.BFLOAT16, DataType.FLOAT}) {
      for (boolean backward : DIRECTIONS) {
        var work = AttentionWork.causal(type, 1, 8, tokens, 64, backward);
        cases.add(
            new Case(
                (type == DataType.FLOAT ? "float32, " : "bfloat16, ") + work.label(),
                List.of(new Entry(ours, work), new Entry(bareKernel, work)),
                false));
      }
    }
    return new Comparison(
        "jvm",
        "Through the op in the JVM",
        "The op on ND4J arrays against a C++ program that calls the same kernels on the same"
            + " numbers.",
        List.of(
            milliseconds("op", 0),
            milliseconds("bare kernel", 1),
            relativeRate("share of the bare kernel's speed", 0, 1)),
        cases);
  }

  private Section documents() {
    List<Case> cases = new ArrayList<>();
    int tokens = quick ? 4096 : 16_384;
    for (boolean backward : DIRECTIONS) {
      var causal = AttentionWork.causal(DataType.BFLOAT16, 1, 8, tokens, 64, backward);
      for (int mean : quick ? new int[] {1024, 128} : new int[] {4096, 1024, 512, 128}) {
        int[] ids = Documents.exponential(tokens, mean, SEED);
        var packed = causal.withDocuments(AttentionMask.INTRA_DOCUMENT, ids);
        cases.add(
            new Case(
                "mean %d (%d documents), %s"
                    .formatted(
                        mean, Documents.count(ids), backward ? "forward + backward" : "forward"),
                List.of(new Entry(ours, causal), new Entry(ours, packed), new Entry(flex, packed)),
                false));
      }
    }
    return new Comparison(
        "documents",
        "Documents of any length",
        "A row of %d tokens, 8 heads, D 64, bfloat16, documents of random lengths (exponential of that mean, cut off at the row's end; seeded). GFLOP/s count visible pairs only; the share is of our own rate on one long document."
            .formatted(tokens),
        List.of(
            milliseconds("ours", 1),
            gigaflops("one document", 0),
            gigaflops("packed", 1),
            relativeRate("packed / one document", 1, 0),
            milliseconds("FlexAttention", 2),
            ratio("FlexAttention / ours", 2, 1)),
        cases);
  }

  private Section anchors() {
    List<Case> cases = new ArrayList<>();
    int tokens = quick ? 4096 : 16_384;
    // Four heads: backward through a dense mask of 16,384 x 16,384 takes more memory than many
    // machines have for eight.
    int[] ids = Documents.anchored(Documents.equal(tokens, 16));
    for (boolean backward : DIRECTIONS) {
      var causal = AttentionWork.causal(DataType.BFLOAT16, 1, 4, tokens, 64, backward);
      var anchored = causal.withDocuments(AttentionMask.ANCHOR, ids);
      cases.add(
          new Case(
              anchored.label(),
              List.of(
                  new Entry(ours, anchored), new Entry(ours, causal), new Entry(dense, anchored)),
              false));
    }
    return new Comparison(
        "anchors",
        "Sixteen documents and an anchor",
        "Anchor attention on BFLOAT16 arrays against our own full causal attention of the row and"
            + " SDPA with the mask as T x T booleans.",
        List.of(
            new Column(
                "visible pairs",
                new int[] {},
                result ->
                    "%.1f %%"
                        .formatted(
                            100.0
                                * ((AttentionWork) result.entry(0).work()).visiblePairs()
                                / ((AttentionWork) result.entry(1).work()).visiblePairs())),
            new Column(
                "time / full causal",
                new int[] {0, 1},
                result ->
                    "%.1f %%".formatted(100 * result.timing(0).over(result.timing(1)).median())),
            milliseconds("ours", 0),
            milliseconds("dense SDPA", 2),
            ratio("dense SDPA / ours", 2, 0)),
        cases);
  }

  private Section training() {
    Contestant own = new OwnTraining();
    Contestant bfloat16 = pyTorch.contestant("transformers, bfloat16", "llama-bf16");
    Contestant autocast = pyTorch.contestant("transformers, autocast", "llama-autocast");
    int plain = quick ? 1024 : 4096;
    var plainRow =
        TrainingWork.smallLlama(Precision.BFLOAT16, AttentionMask.FULL, Documents.equal(plain, 1));
    var packedRow =
        TrainingWork.smallLlama(
            Precision.BFLOAT16,
            AttentionMask.ANCHOR,
            Documents.anchored(Documents.equal(4 * plain, 16)));
    return new Comparison(
        "training",
        "A training step",
        """
        A Llama of 8 layers of 512 channels (8 heads on 4, feed-forward 1408, vocabulary 8192, tied),
        one row a step, AdamW, clipped at 1. Ours keeps float32 weights and computes products in
        bfloat16, as transformers does under autocast; transformers in bfloat16 keeps its weights and
        moments in bfloat16 too. On documents it is given the anchor mask as T x T booleans.
        """,
        List.of(
            tokensPerSecond("ours", 0),
            tokensPerSecond("transformers bfloat16", 1),
            ratio("ours / bfloat16", 1, 0),
            tokensPerSecond("transformers autocast", 2),
            ratio("ours / autocast", 2, 0),
            shareOfPeak(peak, 0)),
        List.of(Case.of(plainRow, own, bfloat16, autocast), Case.apart(packedRow, own, bfloat16)));
  }

  private Section linear() {
    List<Case> cases = new ArrayList<>();
    Contestant module = pyTorch.contestant("nn.Linear", "linear");
    int[][] shapes = {{512, 512}, {512, 256}, {512, 1408}, {1408, 512}};
    for (int[] shape : shapes) {
      for (boolean backward : DIRECTIONS) {
        cases.add(
            Case.of(
                new LinearWork(
                    DataType.BFLOAT16, Precision.BFLOAT16, 4096, shape[0], shape[1], backward),
                ours,
                module));
      }
    }
    return new Comparison(
        "linear",
        "Linear layers, bfloat16",
        "`MixedLinear` on BFLOAT16 arrays against `torch.nn.functional.linear` on bfloat16 tensors,"
            + " the shapes of the Llama above.",
        List.of(
            milliseconds("ours", 0),
            milliseconds("PyTorch", 1),
            ratio("PyTorch / ours", 1, 0),
            gigaflops("ours", 0),
            shareOfPeak(peak, 0)),
        cases);
  }

  private Section companions() {
    List<Case> cases = new ArrayList<>();
    for (boolean backward : DIRECTIONS) {
      cases.add(
          Case.of(
              new RmsNormWork(DataType.FLOAT, 4096, 512, backward),
              ours,
              pyTorch.contestant("rms_norm", "rms-norm")));
      cases.add(
          Case.of(
              new GatedSiluWork(DataType.FLOAT, 4096, 1408, backward),
              ours,
              pyTorch.contestant("silu", "gated-silu")));
    }
    cases.add(
        Case.of(
            new AdamWWork(quick ? 4_000_000 : 28_000_000),
            ours,
            pyTorch.contestant("AdamW", "adamw")));
    return new Comparison(
        "companions",
        "Norms, activations, the optimizer",
        "In float32, what memory allows decides: `F.rms_norm`, `F.silu(gate) * up`,"
            + " `clip_grad_norm_` and `AdamW(fused=True)` on one flat vector.",
        List.of(milliseconds("ours", 0), milliseconds("PyTorch", 1), ratio("PyTorch / ours", 1, 0)),
        cases);
  }

  private Section stock() {
    List<Case> cases = new ArrayList<>();
    Contestant stock = new StockAttention();
    for (int tokens : quick ? new int[] {1024} : new int[] {1024, 2048, 4096}) {
      for (boolean backward : DIRECTIONS) {
        cases.add(
            Case.of(
                AttentionWork.causal(DataType.FLOAT, 1, 8, tokens, 64, backward).withoutCausality(),
                ours,
                stock));
      }
    }
    return new Comparison(
        "stock",
        "Stock DL4J",
        "ND4J's `dot_product_attention` in the same process: float32, in both every token sees every"
            + " token, since it knows no causal mask.",
        List.of(milliseconds("ours", 0), milliseconds("stock", 1), ratio("stock / ours", 1, 0)),
        cases);
  }
}

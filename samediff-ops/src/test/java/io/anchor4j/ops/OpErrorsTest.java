package io.anchor4j.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.Precision;
import io.anchor4j.rotary.RotaryConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What a user reads who gives an op the wrong arrays. */
class OpErrorsTest {
  private static INDArray heads(int heads, int headDim) {
    return Nd4j.zeros(DataType.FLOAT, 2, heads, 4, headDim);
  }

  private static Executable attention(
      AttentionConfig config, int heads, int kvHeads, int headDim, INDArray documents) {
    return () ->
        AnchorOps.attention(
            config,
            heads(heads, headDim),
            heads(kvHeads, headDim),
            heads(kvHeads, headDim),
            documents,
            null);
  }

  private static void assertMessage(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Test
  void headsThatDoNotDivide() {
    assertMessage(
        """
        anchor_attention: query heads must be a multiple of key/value heads, got H=8 and Hkv=5.
          query [B=2, H=8, T=4, D=16] FLOAT    key [B=2, Hkv=5, T=4, D=16] FLOAT    value [B=2, Hkv=5, T=4, D=16] FLOAT
          Set kvHeads to a divisor of 8; in an imported model, check num_key_value_heads in config.json.""",
        attention(AttentionConfig.DEFAULT, 8, 5, 16, null));
  }

  @Test
  void documentsThatAreNotIntegers() {
    assertMessage(
        """
        anchor_attention: documents must be INT, got FLOAT.
          query [B=2, H=2, T=4, D=4] FLOAT    key [B=2, Hkv=1, T=4, D=4] FLOAT    value [B=2, Hkv=1, T=4, D=4] FLOAT    documents [B=2, T=4] FLOAT
          Integers never pass through a floating type: keep them as int, or castTo(DataType.INT32).""",
        attention(AttentionConfig.DEFAULT, 2, 1, 4, Nd4j.zeros(DataType.FLOAT, 2, 4)));
  }

  @Test
  void documentsOfAnotherLength() {
    assertMessage(
        """
        anchor_attention: documents must be [B=2, Tk=4].
          query [B=2, H=2, T=4, D=4] FLOAT    key [B=2, Hkv=1, T=4, D=4] FLOAT    value [B=2, Hkv=1, T=4, D=4] FLOAT    documents [B=2, T=5] INT
          One integer for each key token.""",
        attention(AttentionConfig.DEFAULT, 2, 1, 4, Nd4j.zeros(DataType.INT32, 2, 5)));
  }

  @Test
  void anOddHeadThatIsToBeRotatedWhole() {
    assertMessage(
        """
        anchor_attention: rotary: the head dimension must be even and at most 256 to be rotated whole, got D=5. Set an even number of rotary dimensions, or change the head size.
          query [B=2, H=2, T=4, D=5] FLOAT    key [B=2, Hkv=2, T=4, D=5] FLOAT    value [B=2, Hkv=2, T=4, D=5] FLOAT""",
        attention(AttentionConfig.DEFAULT.withRotary(RotaryConfig.of(10_000)), 2, 2, 5, null));
  }

  @Test
  void positionsWithoutDocuments() {
    assertMessage(
        "anchor_attention: positions need documents: give document 1 for every token of a plain"
            + " row.",
        () ->
            AnchorOps.attention(
                AttentionConfig.DEFAULT,
                heads(2, 4),
                heads(2, 4),
                heads(2, 4),
                null,
                Nd4j.zeros(DataType.INT32, 2, 4)));
  }

  @Test
  void targetsOutsideTheVocabulary() {
    assertMessage(
        "anchor_linear_cross_entropy: target 9 of row 1 is not in the vocabulary of 9 (or -100 for"
            + " none)",
        () ->
            AnchorOps.linearCrossEntropy(
                Precision.FLOAT32,
                Nd4j.zeros(DataType.FLOAT, 2, 3),
                Nd4j.zeros(DataType.FLOAT, 3, 9),
                Nd4j.createFromArray(new int[] {0, 9})));
  }

  @Test
  void weightsThatDoNotFit() {
    assertMessage(
        "anchor_mixed_linear: input must be [..., in] and weight [in, out], got [2, 3] and [4, 9]",
        () ->
            AnchorOps.mixedLinear(
                Precision.FLOAT32,
                Nd4j.zeros(DataType.FLOAT, 2, 3),
                Nd4j.zeros(DataType.FLOAT, 4, 9),
                null));
  }

  /** Gradients of an op are asked for by layers too, without the op itself before. */
  @Test
  void gradientsOfOtherShapesThanTheirOutputs() {
    INDArray two = Nd4j.zeros(DataType.FLOAT, 2, 4);
    INDArray three = Nd4j.zeros(DataType.FLOAT, 3, 4);
    INDArray square = Nd4j.zeros(DataType.FLOAT, 4, 4);
    INDArray gain = Nd4j.zeros(DataType.FLOAT, 1, 4);
    String wrong = ": the output's gradient must be FLOAT [2, 4], got FLOAT [3, 4]";
    assertMessage(
        "anchor_gated_silu_gradient" + wrong,
        () -> Nd4j.exec(new GatedSiluGradient(two, two, three, two.dup(), two.dup())));
    assertMessage(
        "anchor_rms_norm_gradient" + wrong,
        () -> Nd4j.exec(new RmsNormGradient(1e-5, two, gain, three, two.dup(), gain.dup())));
    assertMessage(
        "anchor_mixed_linear_gradient" + wrong,
        () ->
            Nd4j.exec(
                new MixedLinearGradient(
                    Precision.FLOAT32, two, square, three, two.dup(), square.dup(), null)));
    assertMessage(
        "anchor_mixed_linear_gradient: bias must have out=4 elements of FLOAT, got FLOAT [3, 4]",
        () ->
            Nd4j.exec(
                new MixedLinearGradient(
                    Precision.FLOAT32, two, square, two, two.dup(), square.dup(), three)));
  }

  @Test
  void aGradientForTargetsOutsideTheVocabulary() {
    INDArray hidden = Nd4j.zeros(DataType.FLOAT, 2, 3);
    INDArray weight = Nd4j.zeros(DataType.FLOAT, 3, 9);
    INDArray rows = Nd4j.zeros(DataType.FLOAT, 2);
    INDArray targets = Nd4j.createFromArray(new int[] {0, -1});
    assertMessage(
        "anchor_linear_cross_entropy_gradient: target -1 of row 1 is not in the vocabulary of 9 (or"
            + " -100 for none)",
        () ->
            Nd4j.exec(
                new LinearCrossEntropyGradient(
                    Precision.FLOAT32,
                    hidden,
                    weight,
                    targets,
                    rows,
                    rows,
                    hidden.dup(),
                    weight.dup())));
  }

  @Test
  void outputsThatDoNotFit() {
    INDArray two = Nd4j.zeros(DataType.FLOAT, 2, 4);
    assertMessage(
        "anchor_gated_silu: output 0 must be FLOAT [2, 4], got DOUBLE [2, 4]",
        () -> Nd4j.exec(new GatedSilu(two, two, two.castTo(DataType.DOUBLE))));
    assertMessage(
        "anchor_linear_cross_entropy: there are 2 outputs, got arrays for 1",
        () ->
            Nd4j.exec(
                new LinearCrossEntropy(
                    Precision.FLOAT32,
                    two,
                    Nd4j.zeros(DataType.FLOAT, 4, 9),
                    Nd4j.createFromArray(new int[] {0, 1}),
                    Nd4j.zeros(DataType.FLOAT, 2),
                    null)));
  }
}

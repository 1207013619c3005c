package io.anchor4j.benchmarks.contestant;

import io.anchor4j.benchmarks.work.AttentionWork;
import io.anchor4j.benchmarks.work.TestData;
import io.anchor4j.benchmarks.work.Work;
import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.factory.Nd4j;

/** ND4J's own dot_product_attention and its gradient op. */
public final class StockAttention implements Contestant {

  @Override
  public String name() {
    return "stock DL4J";
  }

  @Override
  public Job prepare(Work work) throws NotAvailableException {
    if (!(work instanceof AttentionWork attention)
        || attention.causal()
        || attention.documents() != null
        || attention.type() != DataType.FLOAT
        || attention.heads() != attention.kvHeads()) {
      throw new NotAvailableException(
          "dot_product_attention knows neither causality nor documents, grouped heads or bfloat16");
    }
    INDArray query = heads(attention, 1);
    INDArray key = heads(attention, 2);
    INDArray value = heads(attention, 3);
    INDArray output = ArrayJob.like(query);
    Runnable forward =
        () ->
            Nd4j.exec(
                DynamicCustomOp.builder("dot_product_attention")
                    .addInputs(query, key, value)
                    .addOutputs(output)
                    .addIntegerArguments(1, 0) // scaled, without returning the weights
                    .build());
    if (!attention.backward()) {
      return new ArrayJob(List.of(query, key, value, output), turnBack(output), forward).start();
    }
    INDArray gradient = heads(attention, 4);
    INDArray queryGradient = ArrayJob.like(query);
    INDArray keyGradient = ArrayJob.like(key);
    INDArray valueGradient = ArrayJob.like(value);
    return new ArrayJob(
            List.of(query, key, value, gradient, output, queryGradient, keyGradient, valueGradient),
            turnBack(output, queryGradient, keyGradient, valueGradient),
            () -> {
              forward.run();
              Nd4j.exec(
                  DynamicCustomOp.builder("dot_product_attention_bp")
                      .addInputs(query, key, value, gradient)
                      .addOutputs(queryGradient, keyGradient, valueGradient)
                      .addIntegerArguments(1) // scaled
                      .build());
            })
        .start();
  }

  /** Returns the same heads in the layout it wants: [B, H, D, T]. */
  private static INDArray heads(AttentionWork work, long seed) {
    INDArray heads =
        TestData.array(
            seed, work.type(), work.batch(), work.heads(), work.tokens(), work.headDim());
    INDArray turned = heads.permute(0, 1, 3, 2).dup('c');
    heads.close();
    return turned;
  }

  private static List<INDArray> turnBack(INDArray... results) {
    return Arrays.stream(results).map(result -> result.permute(0, 1, 3, 2)).toList();
  }
}

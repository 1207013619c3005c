package io.anchor4j.huggingface;

import io.anchor4j.decoder.DecoderConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Where each tensor of a checkpoint stands in a decoder's network: one table for all families, for
 * import and export.
 *
 * <p>A linear weight is [out, in] in Hugging Face's files and [in, out] here. The rows of query and
 * key are in half-split order on both sides (dimension i turns with i + D/2): none is permuted.
 */
public final class DecoderTensors {
  /**
   * Tensor, layer, parameter, whether the parameter is the tensor's transpose, the tensor's shape,
   * and the condition on which a model has it. {@code {}} is the index of the block. V vocabulary,
   * C hidden size, F feed-forward size, D size of a head, H*D and Hkv*D the width of all query and
   * key/value heads.
   */
  private static final String TABLE =
      """
      model.embed_tokens.weight                       embedding                W      as-is       V,C
      model.layers.{}.input_layernorm.weight          layer-{}-attention-norm  gain   as-is       C
      model.layers.{}.self_attn.q_proj.weight         layer-{}-query           W      transposed  H*D,C
      model.layers.{}.self_attn.q_proj.bias           layer-{}-query           b      as-is       H*D    qkv_bias
      model.layers.{}.self_attn.k_proj.weight         layer-{}-key             W      transposed  Hkv*D,C
      model.layers.{}.self_attn.k_proj.bias           layer-{}-key             b      as-is       Hkv*D  qkv_bias
      model.layers.{}.self_attn.v_proj.weight         layer-{}-value           W      transposed  Hkv*D,C
      model.layers.{}.self_attn.v_proj.bias           layer-{}-value           b      as-is       Hkv*D  qkv_bias
      model.layers.{}.self_attn.q_norm.weight         layer-{}-query-norm      gain   as-is       D      qk_norm
      model.layers.{}.self_attn.k_norm.weight         layer-{}-key-norm        gain   as-is       D      qk_norm
      model.layers.{}.self_attn.o_proj.weight         layer-{}-projection      W      transposed  C,H*D
      model.layers.{}.self_attn.o_proj.bias           layer-{}-projection      b      as-is       C      o_bias
      model.layers.{}.post_attention_layernorm.weight layer-{}-mlp-norm        gain   as-is       C
      model.layers.{}.mlp.gate_proj.weight            layer-{}-mlp             Wgate  transposed  F,C
      model.layers.{}.mlp.gate_proj.bias              layer-{}-mlp             bgate  as-is       F      mlp_bias
      model.layers.{}.mlp.up_proj.weight              layer-{}-mlp             Wup    transposed  F,C
      model.layers.{}.mlp.up_proj.bias                layer-{}-mlp             bup    as-is       F      mlp_bias
      model.layers.{}.mlp.down_proj.weight            layer-{}-mlp             Wdown  transposed  C,F
      model.layers.{}.mlp.down_proj.bias              layer-{}-mlp             bdown  as-is       C      mlp_bias
      model.norm.weight                               norm                     gain   as-is       C
      lm_head.weight                                  output                   W      transposed  V,C    untied
      """;

  /** The embedding, and the output that takes its place in a tied model. */
  static final String EMBEDDING = "model.embed_tokens.weight";

  static final String OUTPUT = "lm_head.weight";

  private static final String INDEX = "{}";

  private DecoderTensors() {}

  /**
   * One tensor of a model.
   *
   * @param tensor its name in the file
   * @param layer the layer of the network that holds it
   * @param parameter its key in that layer
   * @param transposed whether the parameter is the tensor's transpose
   * @param shape of the tensor in the file
   */
  public record Mapping(
      String tensor, String layer, String parameter, boolean transposed, List<Long> shape) {}

  /** Returns every tensor of a model of this configuration, in the order of its layers. */
  public static List<Mapping> of(DecoderConfig config) {
    List<String[]> rows =
        TABLE.lines().map(line -> line.split(" +")).filter(row -> holds(row, config)).toList();
    List<Mapping> mappings = new ArrayList<>();
    rows.stream().takeWhile(row -> !repeats(row)).forEach(r -> mappings.add(mapping(r, 0, config)));
    for (int block = 0; block < config.layers(); block++) {
      for (String[] row : rows) {
        if (repeats(row)) {
          mappings.add(mapping(row, block, config));
        }
      }
    }
    rows.stream()
        .dropWhile(row -> !repeats(row))
        .filter(row -> !repeats(row))
        .forEach(row -> mappings.add(mapping(row, 0, config)));
    return mappings;
  }

  /**
   * Says whether {@code tensor} carries no weight: older checkpoints store the rotary frequencies,
   * which follow from the configuration.
   */
  static boolean isBuffer(String tensor) {
    return tensor.endsWith(".rotary_emb.inv_freq");
  }

  private static Mapping mapping(String[] row, int block, DecoderConfig config) {
    return new Mapping(
        row[0].replace(INDEX, String.valueOf(block)),
        row[1].replace(INDEX, String.valueOf(block)),
        row[2],
        row[3].equals("transposed"),
        Arrays.stream(row[4].split(",")).map(letters -> size(letters, config)).toList());
  }

  private static boolean repeats(String[] row) {
    return row[0].contains(INDEX);
  }

  private static boolean holds(String[] row, DecoderConfig config) {
    String condition = row.length > 5 ? row[5] : "always";
    return switch (condition) {
      case "always" -> true;
      case "qkv_bias" -> config.blocks().queryKeyValueBias();
      case "o_bias" -> config.blocks().projectionBias();
      case "mlp_bias" -> config.blocks().mlpBias();
      case "qk_norm" -> config.blocks().queryKeyNorm();
      case "untied" -> !config.tiedEmbeddings();
      default -> throw new AssertionError(condition);
    };
  }

  private static long size(String letters, DecoderConfig config) {
    return switch (letters) {
      case "V" -> config.vocabularySize();
      case "C" -> config.hiddenSize();
      case "F" -> config.intermediateSize();
      case "D" -> config.headDim();
      case "H*D" -> (long) config.heads() * config.headDim();
      case "Hkv*D" -> (long) config.kvHeads() * config.headDim();
      default -> throw new AssertionError(letters);
    };
  }
}

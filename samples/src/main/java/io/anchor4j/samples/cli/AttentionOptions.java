package io.anchor4j.samples.cli;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.data.Positions;
import io.anchor4j.decoder.DecoderConfig;
import picocli.CommandLine.Option;

/** The three choices of every verb that runs a model. */
final class AttentionOptions {
  @Option(
      names = "--attention",
      paramLabel = "MASK",
      defaultValue = "full",
      description = "full, intra-document or anchor (${DEFAULT-VALUE}).")
  private AttentionMask mask;

  @Option(
      names = "--positions",
      paramLabel = "POSITIONS",
      defaultValue = "continuous",
      description =
          "continuous or per-document (${DEFAULT-VALUE}); position_ids that come with the data win.")
  private Positions positions;

  @Option(
      names = "--precision",
      paramLabel = "PRECISION",
      defaultValue = "float32",
      description = "float32, bfloat16 or bfloat16-compensated (${DEFAULT-VALUE}).")
  private Precision precision;

  DecoderConfig apply(DecoderConfig config) {
    return config.withAttention(config.attention().withMask(mask).withPrecision(precision));
  }

  Positions positions() {
    return positions;
  }
}

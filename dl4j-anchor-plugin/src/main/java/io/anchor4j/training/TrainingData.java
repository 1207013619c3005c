package io.anchor4j.training;

import com.google.common.collect.ImmutableList;
import com.google.common.collect.Iterators;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import com.google.common.primitives.ImmutableIntArray;
import io.anchor4j.data.BadLines;
import io.anchor4j.data.PackedDataset;
import io.anchor4j.data.PackedIterator;
import io.anchor4j.data.PackedRow;
import io.anchor4j.data.PackedRows;
import io.anchor4j.data.PackingConfig;
import io.anchor4j.data.SpecialTokens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The rows of a run, packed as its run file asks. */
final class TrainingData implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TrainingData.class);

  private final RunConfig config;
  private final PackedDataset training;
  private final String fingerprint; // of the rows to train on
  private final PackedDataset validation; // null: none
  private final int paddingId;

  private TrainingData(
      RunConfig config,
      PackedDataset training,
      String fingerprint,
      PackedDataset validation,
      int paddingId) {
    this.config = config;
    this.training = training;
    this.fingerprint = fingerprint;
    this.validation = validation;
    this.paddingId = paddingId;
  }

  /**
   * Reads and packs all rows.
   *
   * @param folder where they are kept meanwhile
   * @throws IllegalArgumentException if a file cannot be used or holds no row
   */
  static TrainingData open(RunConfig config, TrainingModel model, BadLines badLines, Path folder)
      throws IOException {
    SpecialTokens special = model.specialTokens(config.attention().anchorToken());
    int paddingId = special.pad().orElse(0);
    Hasher hasher = Hashing.murmur3_128().newHasher();
    PackedDataset training = open(config, config.data().train(), model, badLines, folder, hasher);
    try {
      PackedDataset validation =
          config.data().validation().isEmpty()
              ? null
              : open(
                  config,
                  config.data().validation(),
                  model,
                  badLines,
                  folder,
                  Hashing.murmur3_128().newHasher());
      return new TrainingData(config, training, hasher.hash().toString(), validation, paddingId);
    } catch (IOException | RuntimeException e) {
      training.close();
      throw e;
    }
  }

  private static PackedDataset open(
      RunConfig config,
      List<String> names,
      TrainingModel model,
      BadLines badLines,
      Path folder,
      Hasher hasher)
      throws IOException {
    List<Path> files = names.stream().map(Path::of).collect(ImmutableList.toImmutableList());
    try (PackedRows rows = rows(config, files, model, badLines)) {
      if (!rows.hasNext()) {
        throw new IllegalArgumentException(String.join(", ", names) + ": no row to train on");
      }
      PackedDataset dataset =
          PackedDataset.spill(Iterators.transform(rows, row -> hashed(row, hasher)), folder);
      log.info("{}: {} rows", String.join(", ", names), dataset.size());
      rows.report()
          .ifPresent(
              report -> {
                anchor(config, model).ifPresent(anchor -> log.info("anchors of {}", anchor));
                log.info("{}", report.describe());
              });
      return dataset;
    }
  }

  private static PackedRow hashed(PackedRow row, Hasher hasher) {
    hash(row.inputIds(), hasher);
    hash(row.documentIds(), hasher);
    hash(row.positionIds(), hasher);
    hash(row.labels(), hasher);
    return row;
  }

  private static void hash(int[] values, Hasher hasher) {
    hasher.putInt(values == null ? -1 : values.length);
    if (values != null) {
      for (int value : values) {
        hasher.putInt(value);
      }
    }
  }

  private static PackedRows rows(
      RunConfig config, List<Path> files, TrainingModel model, BadLines badLines) {
    int vocabulary = model.vocabularySize();
    return switch (config.data().format()) {
      case RAW ->
          PackedRows.raw(files, model.encoder(), vocabulary, packing(config, model), badLines);
      case TOKENIZED -> PackedRows.tokenized(files, vocabulary, packing(config, model), badLines);
      case PACKED -> PackedRows.packed(files, vocabulary, config.data().sequenceLength(), badLines);
    };
  }

  private static Optional<String> anchor(RunConfig config, TrainingModel model) {
    OptionalInt id = model.specialTokens(config.attention().anchorToken()).anchor();
    return config.attention().anchorTokens() == 0 || id.isEmpty()
        ? Optional.empty()
        : Optional.of(model.describe(id.getAsInt()));
  }

  private static PackingConfig packing(RunConfig config, TrainingModel model) {
    RunConfig.Data data = config.data();
    int[] tag =
        data.documentTag() == null ? new int[0] : model.encoder().encode(data.documentTag());
    SpecialTokens specialTokens = model.specialTokens(config.attention().anchorToken());
    return new PackingConfig(
        data.sequenceLength(),
        data.packing(),
        config.attention().anchorTokens(),
        data.interleave(),
        ImmutableIntArray.copyOf(tag),
        specialTokens,
        config.training().seed());
  }

  /** Returns the batches to train on, from the first row on and without end. */
  PackedIterator training() {
    PackedIterator.Builder builder = batches(training).endless();
    if (config.data().shuffle()) {
      builder.shuffle(config.training().seed());
    }
    return builder.build();
  }

  /** Returns the batches to validate on, once through; nothing if there are none. */
  Optional<PackedIterator> validation() {
    return Optional.ofNullable(validation).map(dataset -> batches(dataset).build());
  }

  private PackedIterator.Builder batches(PackedDataset dataset) {
    return new PackedIterator.Builder(dataset)
        .batchSize(config.training().batchSize())
        .positions(config.attention().positions())
        .boundaryLabels(config.data().boundaryLabels())
        .paddingId(paddingId);
  }

  /** Returns a hash of all rows to train on, in order. */
  String fingerprint() {
    return fingerprint;
  }

  /**
   * Checks that the rows to train on are those of before.
   *
   * @throws IllegalArgumentException if they are not
   */
  void require(String expected) {
    if (!fingerprint.equals(expected)) {
      throw new IllegalArgumentException(
          "data.train makes other rows (%d now) than it did when the checkpoint was written: resuming would lead to other results. Restore the files, or start a new run in another output directory."
              .formatted(training.size()));
    }
  }

  @Override
  public void close() {
    training.close();
    if (validation != null) {
      validation.close();
    }
  }
}

package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.anchor4j.huggingface.HuggingFaceModel;
import io.anchor4j.huggingface.safetensors.MappedTensor;
import io.anchor4j.huggingface.safetensors.SafetensorsCheckpoint;
import io.anchor4j.huggingface.safetensors.TensorInfo;
import io.anchor4j.huggingface.safetensors.TensorSource;
import io.anchor4j.kernel.KernelProvider;
import io.anchor4j.kernel.KernelProviders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code inspect} on checkpoints that transformers made. */
class InspectTest {
  static Stream<Fixture> fixtures() {
    return Fixture.all();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void theParametersAreThoseOfTheLoadedModel(Fixture fixture) throws IOException {
    Cli run = Cli.run("inspect", fixture.directory());
    assertEquals(0, run.code(), run.err());
    long parameters = HuggingFaceModel.load(fixture.directory()).numParams();
    String count = String.format(Locale.ROOT, "(%,d)", parameters);
    assertTrue(run.out().contains(count), count + " is not in " + run.out());
  }

  @Test
  void theRotarySchemeAndTheStoredTypeAreTold() {
    String out = Cli.run("inspect", Fixture.named("llama3-tied-sharded").directory()).out();
    assertTrue(
        out.contains(
            "rotary        theta 10,000, 8 of 8 dimensions, half-split, scaling llama3, factor 4.0,"
                + " low_freq_factor 1.0, high_freq_factor 4.0, original_max_position_embeddings"
                + " 32\n"),
        out);
    assertTrue(out.contains("weights       20 tensors, 19.1 K numbers stored as BF16\n"), out);
    assertTrue(out.contains("vocabulary    97 tokens, tied embeddings\n"), out);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          llama-gqa         | default
          llama-linear-bias | linear, factor 2.0
          llama-dynamic     | dynamic, factor 2.0 beyond max_position_embeddings 16
          qwen2-tied        | yarn, factor 4.0, original_max_position_embeddings 16, beta_fast 32.0, beta_slow 1.0, attention_factor 1.138629436111989, truncate true
          """)
  void scalingsHaveTheNamesOfConfigJson(String fixture, String scaling) {
    String out = Cli.run("inspect", Fixture.named(fixture).directory()).out();
    assertTrue(out.contains("half-split, scaling " + scaling + "\n"), out);
  }

  @Test
  void aTiedMatrixThatIsStoredTwiceIsCompared(@TempDir Path model) throws IOException {
    Path tied = Fixture.named("llama3-tied-sharded").directory();
    Files.copy(tied.resolve("config.json"), model.resolve("config.json"));
    try (var weights = SafetensorsCheckpoint.open(tied)) {
      MappedTensor embedding = weights.tensor("model.embed_tokens.weight");
      float[] values = new float[(int) embedding.info().elements()];
      embedding.readFloats(0, values, 0, values.length);
      List<TensorSource> tensors = new ArrayList<>();
      for (TensorInfo info : weights.tensors().values()) {
        float[] copy = new float[(int) info.elements()];
        weights.tensor(info.name()).readFloats(0, copy, 0, copy.length);
        tensors.add(TensorSource.ofFloats(info.name(), info.type(), info.shape(), copy));
      }
      TensorInfo info = embedding.info();
      tensors.add(TensorSource.ofFloats("lm_head.weight", info.type(), info.shape(), values));
      SafetensorsCheckpoint.write(model, tensors, Long.MAX_VALUE);
      Cli same = Cli.run("inspect", model);
      assertEquals(0, same.code(), same.err());
      assertTrue(same.out().contains("weights       21 tensors"), same.out());

      values[values.length - 1]++;
      SafetensorsCheckpoint.write(model, tensors, Long.MAX_VALUE);
    }
    Cli other = Cli.run("inspect", model);
    assertEquals(2, other.code(), other.err());
    assertEquals("", other.out());
    assertEquals(
        "anchor4j inspect: "
            + model
            + ": config.json ties the output to the embedding, but the weights hold lm_head.weight,"
            + " which differs from model.embed_tokens.weight; set tie_word_embeddings to false\n",
        other.err());
  }

  @Test
  void whatFamiliesHaveOfTheirOwnIsTold() {
    String mistral = Cli.run("inspect", Fixture.named("mistral").directory()).out();
    assertTrue(mistral.contains("architecture  Mistral, 2 layers\n"), mistral);
    assertTrue(mistral.contains("window        7 tokens in all layers\n"), mistral);
    String qwen2 = Cli.run("inspect", Fixture.named("qwen2-tied").directory()).out();
    assertTrue(qwen2.contains("biases        query, key, value\n"), qwen2);
    assertTrue(qwen2.contains("window        6 tokens in layers 1, 2 of 0 to 2\n"), qwen2);
    String qwen3 = Cli.run("inspect", Fixture.named("qwen3").directory()).out();
    assertTrue(qwen3.contains("12 dimensions each, queries and keys normed\n"), qwen3);
    assertTrue(
        qwen3.contains("longrope, short_factor 1.0 ... 1.5, long_factor 1.0 ... 6.0, "), qwen3);
    String smollm3 = Cli.run("inspect", Fixture.named("smollm3").directory()).out();
    assertTrue(smollm3.contains("none in layers 1, 3 of 0 to 3\n"), smollm3);
    assertTrue(smollm3.contains("biases        feed-forward\n"), smollm3);
  }

  @Test
  void theKernelsAreToldWithoutAModel() {
    Cli run = Cli.run("inspect", "--kernels");
    assertEquals(0, run.code(), run.err());
    KernelProvider best = KernelProviders.best();
    assertTrue(run.out().contains("kernels       " + best.description() + "\n"), run.out());
    assertTrue(run.out().contains("also here: "), run.out());
    KernelProviders.all()
        .forEach(
            status -> {
              assertTrue(run.out().contains(status.name()), run.out());
              assertTrue(run.out().contains(status.note()), run.out());
            });
    assertEquals(
        "anchor4j inspect: inspect needs a MODEL, or --kernels\n", Cli.run("inspect").err());
  }
}

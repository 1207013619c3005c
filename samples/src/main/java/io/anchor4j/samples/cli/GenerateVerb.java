package io.anchor4j.samples.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.base.CaseFormat;
import com.google.common.base.Splitter;
import io.anchor4j.data.PackedRow;
import io.anchor4j.decoder.DecoderConfig;
import io.anchor4j.generation.GenerationConfig;
import io.anchor4j.generation.Generator;
import io.anchor4j.generation.TokenListener;
import io.anchor4j.huggingface.HuggingFaceConfig;
import io.anchor4j.huggingface.tokenizer.TextStream;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import io.anchor4j.samples.report.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code generate}: continues prompts token by token. */
@Command(
    name = "generate",
    header = "Continues a prompt token by token, with a key/value cache.",
    description =
        "%nPrints the text as it comes; of several prompts each text when all are done. Stops behind"
            + " an end-of-sequence token (eos_token_id of generation_config.json, else of"
            + " config.json, else the tokenizer's). Greedy unless a temperature is set.",
    footer = {
      "%nExamples:",
      "  anchor4j generate --model models/base --prompt 'Once upon a time' --max-new-tokens 50",
      "  anchor4j generate --model models/base --adapter runs/my-lora-run/model \\",
      "      --prompt 'Once upon a time' --max-new-tokens 50",
      "  anchor4j generate --model models/instruct --chat --system 'Be brief.' \\",
      "      --prompt 'What is an anchor?' --max-new-tokens 200",
      "  anchor4j generate --model models/base --prompt-ids 1,529,8 --max-new-tokens 24 --json",
      "  anchor4j generate --model runs/my-run/model --attention anchor --temperature 0.8 \\",
      "      --top-p 0.95 --seed 7 --prompt 'public class' --max-new-tokens 200"
    })
final class GenerateVerb extends Verb {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Mixin private ModelOptions model;

  @Mixin private PromptOptions prompts;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      required = true,
      description = "Most tokens added to each prompt.")
  private int maxNewTokens;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "X",
      description =
          "What logits of tokens that stand in the row already are divided by, or multiplied by where"
              + " negative; 1 for none. If not given, repetition_penalty of generation_config.json,"
              + " or of config.json where there is none.")
  private Double repetitionPenalty;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      defaultValue = "0",
      description = "What logits are divided by before a draw; 0 takes the likeliest token.")
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      defaultValue = "0",
      description = "Draw from the K likeliest tokens alone; 0 for all.")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1",
      description = "Draw from the likeliest tokens alone that reach this probability together.")
  private double topP;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "0",
      description = "Decides all draws (${DEFAULT-VALUE}).")
  private long seed;

  @Option(names = "--ignore-eos", description = "Go on behind an end-of-sequence token.")
  private boolean ignoreEos;

  @Option(
      names = "--json",
      description =
          "Print a line {\"ids\": [new ids], \"text\": \"...\"} for each prompt; text is null without"
              + " a tokenizer.")
  private boolean json;

  @Mixin private AttentionOptions attention;

  @Override
  void run(Console console) throws Exception {
    HuggingFaceConfig config = model.config();
    DecoderConfig decoder = attention.apply(config.toDecoderConfig());
    try (Tokenizer tokenizer = tokenizer()) {
      List<PackedRow> rows = prompts.rows(tokenizer, decoder.vocabularySize());
      GenerationConfig generation = generation(config, tokenizer);
      noteIgnored(config, console);
      noteIdle(console);
      warnOfContext(rows, decoder, console);
      var generator = new Generator(model.load(decoder), attention.positions());
      if (json || rows.size() > 1) {
        for (int[] ids : generator.generate(rows, generation, (row, id) -> {})) {
          console.result(json ? jsonLine(ids, tokenizer) : text(ids, tokenizer));
        }
      } else {
        stream(generator, rows, generation, tokenizer, console);
      }
    }
  }

  private GenerationConfig generation(HuggingFaceConfig config, Tokenizer tokenizer) {
    double penalty = repetitionPenalty == null ? config.repetitionPenalty() : repetitionPenalty;
    Set<Integer> stopIds = stopIds(config, tokenizer);
    try {
      return new GenerationConfig(maxNewTokens, penalty, temperature, topK, topP, seed, stopIds);
    } catch (IllegalArgumentException e) {
      // Its components are named as the options are, in Java's way: "topP must be ...".
      List<String> words = Splitter.on(' ').limit(2).splitToList(e.getMessage());
      String option = CaseFormat.LOWER_CAMEL.to(CaseFormat.LOWER_HYPHEN, words.get(0));
      throw new IllegalArgumentException("--" + option + " " + words.get(1), e);
    }
  }

  private Tokenizer tokenizer() throws IOException {
    Path directory = model.directory();
    boolean there = Files.isRegularFile(directory.resolve("tokenizer.json"));
    return there || prompts.needTokenizer() ? Tokenizer.load(directory) : null;
  }

  private Set<Integer> stopIds(HuggingFaceConfig config, Tokenizer tokenizer) {
    if (ignoreEos) {
      return Set.of();
    }
    Set<Integer> ids = new LinkedHashSet<>(config.endIds());
    if (ids.isEmpty() && tokenizer != null) {
      tokenizer.endId().ifPresent(ids::add);
    }
    if (prompts.chat()) {
      tokenizer.turnEndId().ifPresent(ids::add);
    }
    return ids;
  }

  private static void noteIgnored(HuggingFaceConfig config, Console console) {
    List<String> ignored = config.ignoredGenerationKeys();
    if (!ignored.isEmpty()) {
      console.note(
          config.generationSource()
              + ": ignored, though transformers may choose other tokens by it: "
              + String.join(", ", ignored));
    }
  }

  private void noteIdle(Console console) {
    List<String> idle = given("--top-k", "--top-p", "--seed");
    if (temperature == 0 && !idle.isEmpty()) {
      console.note(
          "at temperature 0 the likeliest token is taken, whatever %s may be; add --temperature 1 to draw tokens"
              .formatted(String.join(", ", idle)));
    }
  }

  private void warnOfContext(List<PackedRow> rows, DecoderConfig decoder, Console console) {
    int last =
        rows.stream()
            .mapToInt(row -> row.positions(attention.positions())[row.length() - 1])
            .max()
            .orElseThrow();
    long needed = last + 1L + maxNewTokens;
    if (needed > decoder.maxPositions()) {
      console.note(
          "prompt and new tokens may take %d positions, more than the %d the model is meant for (max_position_embeddings)"
              .formatted(needed, decoder.maxPositions()));
    }
  }

  private static void stream(
      Generator generator,
      List<PackedRow> rows,
      GenerationConfig generation,
      Tokenizer tokenizer,
      Console console) {
    TextStream text = tokenizer == null ? null : tokenizer.stream();
    String[] separator = {""};
    TokenListener print =
        (row, id) -> {
          console.out().print(text == null ? separator[0] + id : text.add(id));
          console.out().flush();
          separator[0] = ",";
        };
    generator.generate(rows, generation, print);
    console.result(text == null ? "" : text.end());
  }

  private static String text(int[] ids, Tokenizer tokenizer) {
    return tokenizer == null
        ? Arrays.stream(ids).mapToObj(String::valueOf).collect(Collectors.joining(","))
        : tokenizer.decode(ids);
  }

  private static String jsonLine(int[] ids, Tokenizer tokenizer) throws IOException {
    ObjectNode line = JSON.createObjectNode();
    line.putPOJO("ids", ids);
    line.put("text", tokenizer == null ? null : tokenizer.decode(ids));
    return JSON.writeValueAsString(line);
  }
}

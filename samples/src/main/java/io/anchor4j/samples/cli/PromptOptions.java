package io.anchor4j.samples.cli;

import com.google.common.base.Splitter;
import com.google.common.primitives.Ints;
import io.anchor4j.data.PackedRow;
import io.anchor4j.data.SpecialTokens;
import io.anchor4j.generation.Generator;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What is to be continued: texts or ids, each alone or behind documents that go before it. */
final class PromptOptions {
  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description =
          "What to continue, with the tokens that the tokenizer puts around a text. Several make a"
              + " batch.")
  private List<String> texts = List.of();

  @Option(
      names = "--prompt-ids",
      paramLabel = "1,2,3",
      description =
          "The same as token ids, taken as they are. No tokenizer is needed, nor text printed"
              + " without one.")
  private List<String> ids = List.of();

  @Option(
      names = "--document",
      paramLabel = "TEXT",
      description =
          "A document of its own before each prompt, behind an anchor, as prepare packs rows. Under"
              + " full the continuation sees it; under anchor it sees the anchor and its prompt"
              + " alone, under intra-document its prompt. Several are packed in their order.")
  private List<String> documents = List.of();

  @Option(
      names = "--anchor-tokens",
      paramLabel = "N",
      description = "Anchors before the documents, as prepare put them (1). Needs --document.")
  private Integer anchorTokens;

  @Option(
      names = "--anchor-token",
      paramLabel = "TOKEN",
      description =
          "The token that anchors are, as it stands in text; if not given, the tokenizer's begin"
              + " token, or where there is none its end token. Needs --document.")
  private String anchorToken;

  @Mixin private ChatOptions conversation;

  /** Whether the prompts cannot be had without a tokenizer. */
  boolean needTokenizer() {
    return !texts.isEmpty() || !documents.isEmpty();
  }

  /** Whether the prompts are turns of a conversation. */
  boolean chat() {
    return conversation.chat();
  }

  /**
   * Returns the prompts as rows.
   *
   * @param tokenizer null where none is needed
   * @param vocabulary tokens of the model
   * @throws IllegalArgumentException if there are none, or texts and ids, or one makes no tokens,
   *     or one that the model does not have, or anchors are asked for that cannot be
   */
  List<PackedRow> rows(Tokenizer tokenizer, int vocabulary) {
    if (texts.isEmpty() == ids.isEmpty()) {
      throw new IllegalArgumentException(
          texts.isEmpty()
              ? "--prompt or --prompt-ids is missing"
              : "--prompt and --prompt-ids cannot be given together");
    }
    conversation.check(!texts.isEmpty());
    checkAnchors();
    List<PackedRow> rows = new ArrayList<>();
    for (String text : texts) {
      int[] tokens = ids(text, tokenizer);
      if (tokens.length == 0) {
        throw new IllegalArgumentException("--prompt: \"" + text + "\" makes no tokens");
      }
      check("--prompt", tokens, vocabulary);
      rows.add(row(tokens, tokenizer));
    }
    for (String list : ids) {
      int[] tokens = parse(list);
      check("--prompt-ids", tokens, vocabulary);
      rows.add(row(tokens, tokenizer));
    }
    return rows;
  }

  private int[] ids(String text, Tokenizer tokenizer) {
    if (conversation.chat()) {
      return conversation.ids(text, tokenizer);
    }
    return documents.isEmpty() ? tokenizer.encodeWithSpecialTokens(text) : tokenizer.encode(text);
  }

  private void checkAnchors() {
    if (documents.isEmpty() && (anchorToken != null || anchorTokens != null)) {
      throw new IllegalArgumentException(
          "--anchor-token and --anchor-tokens need --document: a prompt alone has no anchor");
    }
    if (anchorTokens != null && anchorTokens < 0) {
      throw new IllegalArgumentException("--anchor-tokens must be 0 or more, got " + anchorTokens);
    }
  }

  private static int[] parse(String list) {
    List<Integer> parsed = new ArrayList<>();
    for (String word : Splitter.on(',').trimResults().split(list)) {
      Integer id = Ints.tryParse(word);
      if (id == null || id < 0) {
        throw new IllegalArgumentException(
            "--prompt-ids must be token ids such as 1,2,3, got \"" + list + "\"");
      }
      parsed.add(id);
    }
    return Ints.toArray(parsed);
  }

  private static void check(String option, int[] tokens, int vocabulary) {
    for (int id : tokens) {
      if (id >= vocabulary) {
        throw new IllegalArgumentException(
            "%s: id %d is outside the model's vocabulary of %d tokens (0 to %d)"
                .formatted(option, id, vocabulary, vocabulary - 1));
      }
    }
  }

  private PackedRow row(int[] prompt, Tokenizer tokenizer) {
    if (documents.isEmpty()) {
      return Generator.prompt(prompt);
    }
    SpecialTokens special = tokenizer.specialTokens(anchorToken);
    OptionalInt end = special.end();
    IntStream.Builder tokens = IntStream.builder();
    IntStream.Builder owners = IntStream.builder();
    int anchors = anchorTokens == null ? 1 : anchorTokens;
    for (int i = 0; i < anchors; i++) {
      add(new int[] {special.anchorId()}, PackedRow.ANCHOR, tokens, owners);
    }
    for (int d = 0; d < documents.size(); d++) {
      add(tokenizer.encode(documents.get(d)), d + 1, tokens, owners);
      if (end.isPresent()) {
        add(new int[] {end.getAsInt()}, d + 1, tokens, owners);
      }
    }
    add(prompt, documents.size() + 1, tokens, owners);
    return new PackedRow(tokens.build().toArray(), owners.build().toArray());
  }

  private static void add(
      int[] ids, int document, IntStream.Builder tokens, IntStream.Builder owners) {
    for (int id : ids) {
      tokens.add(id);
      owners.add(document);
    }
  }
}

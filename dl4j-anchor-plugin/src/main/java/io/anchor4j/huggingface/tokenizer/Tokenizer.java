package io.anchor4j.huggingface.tokenizer;

import io.anchor4j.data.ChatMessage;
import io.anchor4j.data.EncoderException;
import io.anchor4j.data.SpecialTokens;
import io.anchor4j.data.TextEncoder;
import io.anchor4j.huggingface.HuggingFaceConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Text to token ids and back, by the tokenizer.json of a model's directory.
 *
 * <p>Never cuts and never pads, whatever the file asks for: rows are made elsewhere. Safe for use
 * by several threads.
 */
public final class Tokenizer implements TextEncoder, AutoCloseable {
  private final Path directory;
  private final TokenizerFiles files;
  private final OptionalInt beginId;
  private final OptionalInt padId;
  private final OptionalInt endId;
  private final boolean cleanUp;
  private final LibraryTokenizer tokenizer;
  private ChatTemplate chatTemplate; // null: not used yet
  private LibraryTokenizer literal; // takes special tokens as text; null: not used yet

  private Tokenizer(Path directory, TokenizerFiles files) throws IOException {
    this.directory = directory;
    this.files = files;
    this.beginId = files.beginId();
    this.padId = files.padId();
    this.endId = files.endId();
    this.cleanUp = SpaceCleanUp.isAskedFor(files);
    this.tokenizer = LibraryTokenizer.open(files.file(), files, /* literal= */ false);
  }

  /**
   * Loads a tokenizer as transformers 5 does, without any network access.
   *
   * @param directoryOrFile a directory with tokenizer.json, or that file; what lies beside it
   *     (tokenizer_config.json and others) names the special tokens and may add more tokens
   * @throws IllegalArgumentException if there is no tokenizer.json, or it is not a tokenizer
   * @throws IOException if a file cannot be read
   */
  public static Tokenizer load(Path directoryOrFile) throws IOException {
    Path directory = TokenizerDirectory.of(directoryOrFile);
    return new Tokenizer(directory, TokenizerFiles.read(directory));
  }

  /**
   * Returns the ids of {@code text}, without tokens for its beginning or end. A special token that
   * is written out in the text becomes that token, as in transformers.
   */
  @Override
  public int[] encode(String text) {
    return tokenizer.encode(text, /* addSpecialTokens= */ false);
  }

  /**
   * Returns the ids of {@code text} as transformers gives them by default: with the tokens for its
   * beginning and end that tokenizer.json's post-processor puts there.
   */
  public int[] encodeWithSpecialTokens(String text) {
    return tokenizer.encode(text, /* addSpecialTokens= */ true);
  }

  /**
   * Returns the ids of a conversation, as the model's chat template lays it out and without the
   * opening of a further turn.
   *
   * @throws EncoderException if the chat template cannot be read or parsed
   * @throws IllegalArgumentException if there is no chat template, it refuses the conversation, or
   *     it uses what is not supported
   */
  @Override
  public int[] encode(List<ChatMessage> messages) {
    return encode(chat(messages, /* generationPrompt= */ false));
  }

  /**
   * Returns the text of a conversation, as the model's chat template lays it out.
   *
   * @param generationPrompt whether the text ends with the opening of the assistant's next turn
   * @throws IllegalArgumentException as {@link #encode(List)} does
   */
  public synchronized String chat(List<ChatMessage> messages, boolean generationPrompt) {
    return template().render(messages, generationPrompt);
  }

  private ChatTemplate template() {
    try {
      if (chatTemplate == null) {
        chatTemplate =
            ChatTemplate.read(directory, files)
                .orElseThrow(
                    () ->
                        new IllegalArgumentException(
                            "the tokenizer in "
                                + directory
                                + " has no chat template, which \"messages\" need"));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return chatTemplate;
  }

  /**
   * Returns the id of the special token that ends an assistant's turn, if the chat template puts
   * one there: what a model that continues a conversation ends with. Found in a conversation of two
   * turns; none where the template refuses that one or changes what was said.
   *
   * @throws IllegalArgumentException if there is no chat template
   */
  public synchronized OptionalInt turnEndId() {
    String answer = "a74d1c8e"; // what no template has of its own
    var messages =
        List.of(new ChatMessage("user", "question"), new ChatMessage("assistant", answer));
    ChatTemplate template = template();
    String text;
    try {
      text = template.render(messages, /* generationPrompt= */ false);
    } catch (IllegalArgumentException e) {
      return OptionalInt.empty();
    }
    int begin = text.lastIndexOf(answer);
    return begin < 0
        ? OptionalInt.empty()
        : Arrays.stream(encode(text.substring(begin + answer.length())))
            .filter(files.vocabulary()::isSpecial)
            .findFirst();
  }

  /**
   * Returns the ids of {@code text}, in which a special token that is written out is text like any
   * other ({@code split_special_tokens} of transformers): what an author who is not trusted wrote
   * cannot end a document or begin a turn.
   */
  public int[] encodeLiterally(String text) {
    synchronized (this) {
      if (literal == null) {
        try {
          literal = LibraryTokenizer.open(files.file(), files, /* literal= */ true);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    return literal.encode(text, /* addSpecialTokens= */ false);
  }

  /** Returns the text of {@code ids}, special tokens left out. */
  public String decode(int[] ids) {
    String text = decodeAsItIs(ids, /* skipSpecialTokens= */ true);
    return cleanUp ? SpaceCleanUp.of(text) : text;
  }

  String decodeAsItIs(int[] ids, boolean skipSpecialTokens) {
    return tokenizer.decode(ids, skipSpecialTokens);
  }

  /** Returns a decoder of ids that come one by one. */
  public TextStream stream() {
    return new TextStream(this);
  }

  /** Returns the id of the token that stands as {@code token} in text, if there is one. */
  public OptionalInt id(String token) {
    return files.id(token);
  }

  /** Returns the id that begins a text, if the model has one. */
  public OptionalInt beginId() {
    return beginId;
  }

  /**
   * Returns the id that ends a text, if the model has one; of several, the tokenizer's own. Those
   * at which generation ends are {@link HuggingFaceConfig#endIds}.
   */
  public OptionalInt endId() {
    return endId;
  }

  /** Returns the id for padding, if the model has one. */
  public OptionalInt padId() {
    return padId;
  }

  /**
   * Returns the tokens that packing needs. Anchors are of the begin id where there is one, else of
   * the end id.
   *
   * @param anchorToken the token to make anchors of, as it stands in text; null for the usual one
   * @throws IllegalArgumentException if there is no such token
   */
  public SpecialTokens specialTokens(String anchorToken) {
    var usual = new SpecialTokens(beginId, endId(), padId);
    return anchorToken == null
        ? usual
        : usual.withAnchor(
            id(anchorToken)
                .orElseThrow(
                    () ->
                        new IllegalArgumentException(
                            "anchorToken must be a token of the tokenizer in %s, got \"%s\""
                                .formatted(directory, anchorToken))));
  }

  /** Returns the token {@code id} and its id, for people. */
  public String describe(int id) {
    return "%s (id %d)".formatted(files.vocabulary().token(id).orElse("no token"), id);
  }

  /** Returns the number of ids, which is one more than the largest: added tokens included. */
  public int size() {
    return files.vocabulary().size();
  }

  /**
   * Copies the tokenizer's files into {@code target}, as they are.
   *
   * @throws IOException if one cannot be copied
   */
  public void copyTo(Path target) throws IOException {
    TokenizerDirectory.copy(directory, target);
  }

  @Override
  public synchronized void close() {
    tokenizer.close();
    if (literal != null) {
      literal.close();
    }
    if (chatTemplate != null) {
      chatTemplate.close();
    }
  }
}

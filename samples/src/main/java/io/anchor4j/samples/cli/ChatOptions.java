package io.anchor4j.samples.cli;

import io.anchor4j.data.ChatMessage;
import io.anchor4j.huggingface.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Prompts that are turns of a conversation. */
final class ChatOptions {
  @Option(
      names = "--chat",
      description =
          "Take each --prompt for a user's message: the model's chat template lays it out and opens"
              + " the assistant's turn. Stops behind the token that ends a turn, too.")
  private boolean chat;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "The system's message before it. Needs --chat.")
  private String system;

  boolean chat() {
    return chat;
  }

  /**
   * Checks the options.
   *
   * @param texts whether there are prompts that are texts
   * @throws IllegalArgumentException if one needs another
   */
  void check(boolean texts) {
    if (chat && !texts) {
      throw new IllegalArgumentException("--chat needs --prompt: ids are taken as they are");
    }
    if (system != null && !chat) {
      throw new IllegalArgumentException("--system needs --chat");
    }
  }

  /** Returns the ids of a conversation in which it is the assistant's turn. */
  int[] ids(String prompt, Tokenizer tokenizer) {
    List<ChatMessage> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new ChatMessage("system", system));
    }
    messages.add(new ChatMessage("user", prompt));
    return tokenizer.encode(tokenizer.chat(messages, /* generationPrompt= */ true));
  }
}

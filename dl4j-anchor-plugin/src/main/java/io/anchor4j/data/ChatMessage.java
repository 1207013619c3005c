package io.anchor4j.data;

/**
 * A turn of a conversation.
 *
 * @param role who speaks: system, user, assistant, ...
 */
public record ChatMessage(String role, String content) {}

package io.anchor4j.dl4j.retrofit;

/**
 * What {@link AttentionRetrofit} returns.
 *
 * @param result the new network or configuration; the old one is left as it was
 * @param report what was done, and what it means for training
 */
public record Retrofitted<T>(T result, RetrofitReport report) {}

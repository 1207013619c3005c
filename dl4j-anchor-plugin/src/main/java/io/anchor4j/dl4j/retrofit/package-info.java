/**
 * Networks made with DL4J's own attention, taken over with their weights and updater state.
 *
 * <p>Start at {@link io.anchor4j.dl4j.retrofit.AttentionRetrofit}; what it did is in the {@link
 * io.anchor4j.dl4j.retrofit.RetrofitReport} that comes with the result.
 */
package io.anchor4j.dl4j.retrofit;

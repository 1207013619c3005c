/**
 * The only package that knows ND4J's insides.
 *
 * <p>{@link io.anchor4j.nd4j.AnchorCpuBackend} stands on the class path as a backend of its own,
 * which is the whole set-up: it delegates everything to the real backend, names {@link
 * io.anchor4j.nd4j.AnchorCpuExecutioner} as executioner and registers the ops. Nothing private is
 * reached into, no system property is set. A port to a newer ND4J changes this package alone.
 */
package io.anchor4j.nd4j;

/**
 * Small programs that a user of Deeplearning4j copies. The command line is in {@link
 * io.anchor4j.samples.cli}, the demo in {@link io.anchor4j.samples.demo}, plots and reports in
 * {@link io.anchor4j.samples.report}.
 */
package io.anchor4j.samples;

/**
 * The command line, one class a verb. Entry: {@link io.anchor4j.samples.cli.Anchor4j}, started by
 * {@code samples/bin/anchor4j}.
 */
package io.anchor4j.samples.cli;

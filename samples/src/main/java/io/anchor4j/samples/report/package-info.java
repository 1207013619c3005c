/**
 * What a run shows a person: its progress on the terminal ({@link
 * io.anchor4j.samples.report.Console}), plots ({@link io.anchor4j.samples.report.RunPlots}) and
 * files that appear whole ({@link io.anchor4j.samples.report.OutputFile}).
 */
package io.anchor4j.samples.report;

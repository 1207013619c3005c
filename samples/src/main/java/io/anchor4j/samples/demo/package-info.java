/**
 * The demo: real documents, a small Llama, three attentions compared. Its documents come from
 * {@link io.anchor4j.samples.demo.DemoCorpus}.
 */
package io.anchor4j.samples.demo;

/**
 * The demo: real documents, a small Llama, three attentions compared by {@link
 * io.anchor4j.samples.demo.Demo}. Its documents come from {@link
 * io.anchor4j.samples.demo.DemoCorpus}.
 */
package io.anchor4j.samples.demo;

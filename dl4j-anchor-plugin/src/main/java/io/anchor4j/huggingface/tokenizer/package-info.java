/**
 * Text to token ids and back as transformers does it, from tokenizer.json and what lies beside it.
 *
 * <p>{@link io.anchor4j.huggingface.tokenizer.Tokenizer} is the entry. TokenizerFiles reads which
 * tokens are special, TokenizerJson changes the file as transformers would, by TokenizerClass,
 * before LibraryTokenizer hands it to Hugging Face's tokenizers library, TokenizerGuard keeps from
 * that library what would end the process, ChatTemplate lays out conversations.
 */
package io.anchor4j.huggingface.tokenizer;

#!/usr/bin/env python3
"""Records which steps transformers runs by model_type and tokenizer_class, in ids of awkward text.

    python make_tokenizer_class_goldens.py      (transformers 5.23, tokenizers 0.23)

../resources/golden/tokenizer-classes has two tokenizers of no model's make and expected.json: the
different results, and a row for each tokenizer, model_type, tokenizer_class and place of that key.
"""

import json
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

from tokenizers import normalizers
from transformers import AutoTokenizer

from make_tokenizer_goldens import byte_level, sentencepiece_bpe, special, template

OUTPUT = Path(__file__).resolve().parents[1] / "resources" / "golden" / "tokenizer-classes"

# Numbers in threes, no spaces before words: none of the classes splits so.
PATTERN = r"\p{L}+|\p{N}{3}|\s+|."

TEXTS = [
    "Hello world",
    " Attention lets  every token",
    "  12345 documents\n\n  of 4096, it's  naïve cafe\u0301 ",
    "日本語 ﬁne Å</s>the<|endoftext|> token<s>",
    "",
]

MODEL_TYPES = ["llama", "mistral", "qwen2", "qwen3", "smollm3", None]
CLASSES = [
    None,
    "PreTrainedTokenizerFast",
    "TokenizersBackend",
    "LlamaTokenizer",
    "LlamaTokenizerFast",
    "Qwen2Tokenizer",
    "Qwen2TokenizerFast",
    "GPT2Tokenizer",
    "GPT2TokenizerFast",
]
SETTINGS = [
    {"legacy": legacy} | prefix
    for legacy in [True, False, None]
    for prefix in [{}, {"add_prefix_space": True}, {"add_prefix_space": False}]
]
CONFIGS = {"bytes": {"eos_token": "</s>"}, "pieces": {"legacy": False, "pad_token": None}}


def tokenizers():
    letters = byte_level(PATTERN, normalizer=normalizers.NFKC())
    letters.add_special_tokens(special("</s>"))
    letters.post_processor = template("$A </s>", [("</s>", letters.token_to_id("</s>"))])
    return {"bytes": letters, "pieces": sentencepiece_bpe("always")}


def result(directory):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    ids = [tokenizer.encode(text) for text in TEXTS]
    return {
        "size": len(tokenizer),
        "bos": tokenizer.bos_token_id,
        "eos": tokenizer.eos_token_id,
        "pad": tokenizer.pad_token_id,
        "ids": ids,
        "decoded": [tokenizer.decode(i, skip_special_tokens=True) for i in ids],
    }


def cases(name):
    """Every model_type with every class in either file, then every class with its settings."""
    for model_type in MODEL_TYPES:
        config = {"model_type": model_type} if model_type else {}
        for tokenizer_class in CLASSES:
            named = {"tokenizer_class": tokenizer_class} if tokenizer_class else {}
            yield CONFIGS[name] | named, config
            if named and config:
                yield CONFIGS[name], config | named
    for tokenizer_class in ["LlamaTokenizer", "Qwen2Tokenizer", "GPT2Tokenizer"]:
        for settings in SETTINGS:
            yield settings | {"tokenizer_class": tokenizer_class}, {"model_type": "llama"}


def main():
    OUTPUT.mkdir(parents=True, exist_ok=True)
    results, rows = [], []
    for name, tokenizer in tokenizers().items():
        model = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
        (OUTPUT / f"{name}.json").write_text(model + "\n", encoding="utf-8")
        for tokenizer_config, config in cases(name):
            files = {"tokenizer_config.json": tokenizer_config, "config.json": config}
            with tempfile.TemporaryDirectory() as directory:
                (Path(directory) / "tokenizer.json").write_text(model, encoding="utf-8")
                for key, value in files.items():
                    if value:
                        (Path(directory) / key).write_text(json.dumps(value))
                found = result(directory)
            if found not in results:
                results.append(found)
            rows.append({"tokenizer": name, **files, "result": results.index(found)})
    expected = {"texts": TEXTS, "results": results, "rows": rows}
    text = json.dumps(expected, ensure_ascii=True, separators=(",", ":"))
    (OUTPUT / "expected.json").write_text(text + "\n", encoding="utf-8")
    print(len(rows), "rows,", len(results), "results")


if __name__ == "__main__":
    main()

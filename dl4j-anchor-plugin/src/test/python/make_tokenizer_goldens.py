#!/usr/bin/env python3
"""Trains small tokenizers of every kind and records what transformers makes of awkward text.

    python make_tokenizer_goldens.py      (transformers 5.23, tokenizers 0.23)

Each directory under ../resources/golden/tokenizers has a model's tokenizer files and expected.json:
ids without and with the tokens of the post-processor, ids with special tokens in text taken as text
(split_special_tokens), and the text that ids decode to.
"""

import json
import random
import shutil
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

OUTPUT = Path(__file__).resolve().parents[1] / "resources" / "golden" / "tokenizers"

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

TEXTS = [
    "",
    " ",
    "Hello world",
    " Hello world",
    "  two spaces before and after  ",
    "tab\there\n",
    "\n\nlines\n\n\n  indented\r\nand a carriage return",
    "trailing newline \n ",
    "I'll say it isn't y'all's , is it ? Yes ! OK .",
    "3.14159 and 1234567890, 12 34",
    "naïve café Ångström Å",  # decomposed
    "e\u0301\u0323 n\u0303 \u1100\u1161\u11a8",
    "日本語のテキスト、中文字符。한국어",
    "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈 🇩🇪 done",
    "عربي עברית हिन्दी ไทย",
    "\u00a0no-break\u2003em space\u200bzero width\ufeffmark",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0001f9ff \U000e0041",
    "public static void main(String[] args) { return x<=y ? a : b; } // ▁ lower block",
    "x" * 100,
    "<0x41><0x0A> [UNK] <unk>",
    "the attention attention attention",
]




# Enough words for some merges; its own text, so that a change elsewhere does not change the files.
LINES = [
    "Attention lets every token look at the tokens before it, in its own document and at the anchor.\n",
    "public static void main(String[] args) { return attention(query, key, value); }\n",
    "The document mask of a packed row holds 128 documents, 4096 tokens and 1 anchor token.\n",
    "Rotary positions are integers; in bfloat16 they collide beyond 256, which is the fault.\n",
    "Ein naïver Text über Café und Straße, 日本語のテキスト、中文字符。\n",
    "    for (int token = 0; token < tokens.length; token++) {\n        sum += tokens[token];\n    }\n",
] * 3


def byte_level(pattern=None, digits=False, normalizer=None, ignore_merges=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    if digits:
        steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    else:
        steps = [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer


def sentencepiece_bpe(prefix):
    """Pieces with a byte for each character that is not among them, as SentencePiece's BPE does."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trained.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=300, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for byte in range(256):
        vocab[f"<0x{byte:02X}>"] = len(vocab)
    for piece in sorted(model["vocab"], key=model["vocab"].get):
        vocab[piece] = len(vocab)
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocab,
            merges=[tuple(pair) for pair in model["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    if prefix == "normalizer":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prefix, split=False)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.post_processor = template("<s> $A", [("<s>", 1)])
    return tokenizer


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.train_from_iterator(
        LINES,
        trainers.UnigramTrainer(
            vocab_size=300, unk_token="<unk>", special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False
        ),
    )
    tokenizer.post_processor = template("$A </s>", [("</s>", 1)])
    return tokenizer


def template(single, special):
    return processors.TemplateProcessing(single=single, pair=f"{single} $B:1", special_tokens=special)


def special(*tokens):
    return [AddedToken(token, special=True, normalized=False) for token in tokens]


def decoder_of(tokenizer):
    """The added_tokens_decoder that save_pretrained writes."""
    fields = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    added = tokenizer.get_added_tokens_decoder()
    return {str(i): {name: getattr(added[i], name) for name in fields} for i in sorted(added)}


def added(content, **flags):
    token = {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    return token | {"special": True} | flags


def llama3():
    tokenizer = byte_level(LLAMA3, ignore_merges=True)
    tokenizer.add_special_tokens(special("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"))
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), template("<|begin_of_text|> $A", [("<|begin_of_text|>", begin)])]
    )
    config = {
        "added_tokens_decoder": decoder_of(tokenizer),
        "bos_token": "<|begin_of_text|>",
        "clean_up_tokenization_spaces": True,
        "eos_token": "<|eot_id|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    return "llama", tokenizer, {"tokenizer_config.json": config}


def qwen():
    tokenizer = byte_level(QWEN, normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in ("<tool_call>", "</tool_call>")])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False, add_prefix_space=False, use_regex=False)
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": decoder_of(tokenizer),
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    return "qwen2", tokenizer, {"tokenizer_config.json": config}


def smollm():
    tokenizer = byte_level(digits=True)
    tokenizer.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    config = {
        "add_prefix_space": False,
        "added_tokens_decoder": decoder_of(tokenizer),
        "bos_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "tokenizer_class": "GPT2Tokenizer",
        "unk_token": "<|endoftext|>",
    }
    return "llama", tokenizer, {"tokenizer_config.json": config}


def llama2():
    """An old directory: special_tokens_map.json, and no added_tokens_decoder."""
    tokenizer = sentencepiece_bpe("normalizer")
    begin, end, unknown = (added(t, normalized=True) for t in ("<s>", "</s>", "<unk>"))
    for token in (begin, end, unknown):
        del token["special"]
    files = {
        "tokenizer_config.json": {
            "add_bos_token": True,
            "add_eos_token": False,
            "bos_token": {"__type": "AddedToken"} | begin,
            "eos_token": {"__type": "AddedToken"} | end,
            "legacy": False,
            "tokenizer_class": "LlamaTokenizer",
        },
        "special_tokens_map.json": {"bos_token": begin, "eos_token": end, "unk_token": unknown, "pad_token": "<pad>"},
        "added_tokens.json": {"<extra>": 560, "<pad>": 559},
    }
    return "llama", tokenizer, files


def mistral():
    """Says add_eos_token, which transformers 5 does not heed beside a tokenizer.json."""
    tokenizer = sentencepiece_bpe("first")
    tokenizer.add_special_tokens(special("[INST]", "[/INST]"))
    config = {
        "add_bos_token": True,
        "add_eos_token": True,
        "added_tokens_decoder": decoder_of(tokenizer),
        "bos_token": "<s>",
        "eos_token": "</s>",
        "legacy": False,
        "pad_token": None,
        "tokenizer_class": "LlamaTokenizer",
        "unk_token": "<unk>",
    }
    return "mistral", tokenizer, {"tokenizer_config.json": config}


def unigram_directory():
    config = {
        "clean_up_tokenization_spaces": True,
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>",
    }
    return "llama", unigram(), {"tokenizer_config.json": config}


def extended():
    """Tokens that a fine-tune added, which stand in tokenizer_config.json alone."""
    tokenizer = byte_level(LLAMA3)
    tokenizer.add_special_tokens(special("<|endoftext|>"))
    config = {
        "added_tokens_decoder": decoder_of(tokenizer)
        | {
            "700": added("<think>", special=False),
            "402": added("<|user|>", lstrip=True, rstrip=True),
            "401": added("gadget", special=False, normalized=True, single_word=True),
        },
        "additional_special_tokens": ["<|user|>", "<|assistant|>"],
        "bos_token": {"__type": "AddedToken"} | added("<|begin|>"),
        "eos_token": "<|endoftext|>",
        "pad_token": "<|pad|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    return "llama", tokenizer, {"tokenizer_config.json": config}


def record(directory):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    literal = AutoTokenizer.from_pretrained(directory, split_special_tokens=True)
    specials = list(dict.fromkeys(list(tokenizer.added_tokens_encoder)))
    texts = TEXTS + [f"a{token}b {token} c{token}{token}\n{token}" for token in specials]
    texts += ["".join(specials), " ".join(specials) + " gadget gadgets"]
    rows = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False)
        rows.append(
            {
                "text": text,
                "ids": ids,
                "with_special_tokens": tokenizer.encode(text),
                "literal": literal.encode(text, add_special_tokens=False),
                "decoded": tokenizer.decode(ids, skip_special_tokens=True),
                "decoded_whole": tokenizer.decode(ids),
            }
        )
    chosen = random.Random(7)
    sequences = [[chosen.randrange(len(tokenizer)) for _ in range(chosen.randrange(1, 30))] for _ in range(40)]
    decoded = [{"ids": s, "decoded": tokenizer.decode(s, skip_special_tokens=True), "decoded_whole": tokenizer.decode(s)} for s in sequences]
    expected = {
        "class": type(tokenizer).__name__,
        "size": len(tokenizer),
        "bos": tokenizer.bos_token_id,
        "eos": tokenizer.eos_token_id,
        "pad": tokenizer.pad_token_id,
        "texts": rows,
        "sequences": decoded,
    }
    with open(directory / "expected.json", "w", encoding="utf-8") as out:
        json.dump(expected, out, ensure_ascii=True)
        out.write("\n")


def main():
    makers = {
        "llama3": llama3, "qwen": qwen, "smollm": smollm, "llama2-old": llama2,
        "mistral": mistral, "unigram": unigram_directory, "extended": extended,
    }
    shutil.rmtree(OUTPUT, ignore_errors=True)
    for name, make in makers.items():
        model_type, tokenizer, files = make()
        directory = OUTPUT / name
        directory.mkdir(parents=True)
        model = json.loads(tokenizer.to_str())
        files |= {"tokenizer.json": model, "config.json": {"model_type": model_type}}
        for file, content in files.items():
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
            (directory / file).write_text(text + "\n", encoding="utf-8")
        record(directory)
        print(name, json.loads((directory / "expected.json").read_text())["class"], tokenizer.get_vocab_size())


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes the demo's tokenizer: byte-level BPE over the demo's own training documents.

The result is committed (../resources/io/anchor4j/samples/tokenizer), so nobody needs Python to run
the demo. To make it again, with the `tokenizers` package (0.23.3 made the committed files):

    mvn -q -pl samples -am process-classes      # fetches the sources jars into samples/target/corpus
    python3 samples/src/main/python/train_tokenizer.py samples/target/corpus \
        samples/src/main/resources/io/anchor4j/samples/tokenizer

The choice of documents is that of DemoCorpus.java, which this file must follow: hand-written .java
files, without the licence comment at their head, in the order of their names; a file whose name's
CRC-32 is divisible by 10 is held out for validation and not seen here.
"""

import json
import pathlib
import sys
import zipfile
import zlib

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 2048
BEGIN, END, PAD = "<s>", "</s>", "<pad>"


def documents(corpus):
    """Yields the text of each training document."""
    for jar in sorted(pathlib.Path(corpus).glob("*-sources.jar")):
        with zipfile.ZipFile(jar) as archive:
            for name in sorted(archive.namelist()):
                if not name.endswith(".java") or zlib.crc32(name.encode()) % 10 == 0:
                    continue
                text = archive.read(name).decode("utf-8", errors="replace")
                text = text.removeprefix("\ufeff").replace("\r\n", "\n")
                first_line = text.split("\n", 1)[0]
                if first_line.startswith("//") and "generated" in first_line.lower():
                    continue
                if text.startswith("/*") and "*/" in text:
                    text = text[text.index("*/") + 2 :]
                yield text.strip() + "\n"


def main(corpus, output):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BEGIN, END, PAD],
        # All 256 bytes, seen or not: any text then survives a round trip.
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = list(documents(corpus))
    tokenizer.train_from_iterator(texts, trainer)

    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(output / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
    }
    (output / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")

    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))
    characters = sum(map(len, texts))
    print(f"{len(texts)} documents, {characters} characters, {tokens} tokens, ", end="")
    print(f"{characters / tokens:.2f} characters a token, vocabulary {tokenizer.get_vocab_size()}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])

package io.anchor4j.huggingface.tokenizer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.huggingface.json.JsonFields;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A byte-level BPE tokenizer of 260 tokens: the 256 bytes, one merge, three special tokens. */
public final class ByteLevelTokenizer {
  static final int BEGIN = 257;
  static final int END = 258;
  static final int PAD = 259;

  private ByteLevelTokenizer() {}

  public static ObjectNode json() {
    ObjectNode json = JsonFields.MAPPER.createObjectNode();
    json.put("version", "1.0");
    ArrayNode added = json.putArray("added_tokens");
    String[] special = {"<s>", "</s>", "<pad>"};
    for (int i = 0; i < special.length; i++) {
      ObjectNode token = added.addObject().put("id", BEGIN + i).put("content", special[i]);
      token.put("special", true).put("normalized", false).put("single_word", false);
      token.put("lstrip", false).put("rstrip", false);
    }
    for (String part : new String[] {"pre_tokenizer", "decoder"}) {
      ObjectNode bytes = json.putObject(part).put("type", "ByteLevel");
      bytes.put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", true);
    }
    ObjectNode model = json.putObject("model").put("type", "BPE");
    ObjectNode vocab = model.putObject("vocab");
    int unprintable = 0;
    for (int b = 0; b < 256; b++) {
      // GPT-2's alphabet: printable bytes stand for themselves, the others for 256, 257, ...
      boolean printable = (b > 32 && b < 127) || (b > 160 && b != 173);
      vocab.put(String.valueOf((char) (printable ? b : 256 + unprintable++)), b);
    }
    vocab.put("he", 256);
    model.putArray("merges").add("h e");
    return json;
  }

  public static void write(Path directory, ObjectNode json) throws IOException {
    Files.write(directory.resolve("tokenizer.json"), JsonFields.MAPPER.writeValueAsBytes(json));
  }
}

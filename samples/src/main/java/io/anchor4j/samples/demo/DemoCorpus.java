package io.anchor4j.samples.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.anchor4j.samples.report.OutputFile;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The demo's documents: each hand-written .java file in the {@code sources} jars of nd4j-api and
 * deeplearning4j-nn is one document, without the licence comment at its head, which is the same
 * twenty lines in each and would be learned by heart.
 *
 * <p>Left out are files that a generator wrote (protocol buffers, FlatBuffers): half of all bytes,
 * and nearly all alike. {@code src/main/python/train_tokenizer.py} makes the same choice.
 *
 * @param training documents to train on, in the order of jar and file names
 * @param validation one in ten, chosen by the CRC-32 of the file's name, never trained on
 */
public record DemoCorpus(List<Document> training, List<Document> validation) {
  private static final int ONE_IN = 10;

  /**
   * One source file.
   *
   * @param name its path inside the jar
   * @param text without licence header, with a line feed at the end of each line
   */
  public record Document(String name, String text) {}

  /** Reads the jars that the build put beside the classes. */
  public static DemoCorpus read() throws IOException {
    return read(builtDirectory());
  }

  /**
   * Reads every {@code *-sources.jar} in {@code directory}.
   *
   * @throws NoSuchFileException if there is none
   */
  public static DemoCorpus read(Path directory) throws IOException {
    var corpus = new DemoCorpus(new ArrayList<>(), new ArrayList<>());
    for (Path jar : jars(directory)) {
      try (var archive = new ZipFile(jar.toFile(), StandardCharsets.UTF_8)) {
        List<? extends ZipEntry> entries =
            archive.stream()
                .filter(entry -> entry.getName().endsWith(".java"))
                .sorted(Comparator.comparing(ZipEntry::getName))
                .toList();
        for (ZipEntry entry : entries) {
          corpus.add(entry.getName(), text(archive, entry));
        }
      }
    }
    return corpus;
  }

  /** Writes {@code documents} as raw JSON Lines, one {@code {"text": ...}} a document. */
  public static void write(List<Document> documents, Path file) throws IOException {
    var json = new ObjectMapper();
    OutputFile.write(
        file,
        out -> {
          for (Document document : documents) {
            out.write(json.writeValueAsBytes(Map.of("text", document.text())));
            out.write('\n');
          }
        });
  }

  private void add(String name, String text) {
    String firstLine = text.lines().findFirst().orElse("");
    if (firstLine.startsWith("//") && firstLine.toLowerCase(Locale.ROOT).contains("generated")) {
      return;
    }
    var document = new Document(name, withoutLicence(text));
    (heldOut(name) ? validation : training).add(document);
  }

  static boolean heldOut(String name) {
    var crc = new CRC32();
    crc.update(name.getBytes(StandardCharsets.UTF_8));
    return crc.getValue() % ONE_IN == 0;
  }

  private static String withoutLicence(String text) {
    int end = text.startsWith("/*") ? text.indexOf("*/") : -1;
    return text.substring(end < 0 ? 0 : end + 2).strip() + "\n";
  }

  private static String text(ZipFile archive, ZipEntry entry) throws IOException {
    try (InputStream in = archive.getInputStream(entry)) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("\r\n", "\n");
      return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }
  }

  private static List<Path> jars(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      try (var files = Files.list(directory)) {
        List<Path> jars =
            files.filter(file -> file.toString().endsWith("-sources.jar")).sorted().toList();
        if (!jars.isEmpty()) {
          return jars;
        }
      }
    }
    throw new NoSuchFileException(
        directory + "/*-sources.jar",
        null,
        "the demo's documents; start it with samples/bin/anchor4j, whose build fetches them");
  }

  /** {@code target/corpus}, beside {@code target/classes} or the jar this class is in. */
  private static Path builtDirectory() {
    try {
      var location = DemoCorpus.class.getProtectionDomain().getCodeSource().getLocation();
      return Path.of(location.toURI()).resolveSibling("corpus");
    } catch (URISyntaxException e) {
      throw new IllegalStateException("the class path holds a malformed location", e);
    }
  }
}

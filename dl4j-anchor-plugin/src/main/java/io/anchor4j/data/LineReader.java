package io.anchor4j.data;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Reads a text file, gzipped or not, line by line as strict UTF-8.
 *
 * <p>Java's BufferedReader is not used because it puts U+FFFD where bytes are not UTF-8, and reads
 * a line of any length into memory.
 */
final class LineReader implements Closeable {
  /** Longest line by default: a document of half a gibibyte is an accident. */
  static final int MAX_LINE_BYTES = 1 << 29;

  private final Path path;
  private final int maxLineBytes;
  private final InputStream input;
  private final byte[] buffer = new byte[1 << 16];
  private int bufferStart;
  private int bufferEnd;
  private byte[] line = new byte[1 << 12];
  private int lineLength;
  private boolean lineTooLong;
  private long lineNumber;

  LineReader(Path path, int maxLineBytes) throws IOException {
    this.path = path;
    this.maxLineBytes = maxLineBytes;
    InputStream file = new BufferedInputStream(Files.newInputStream(path), 1 << 16);
    try {
      this.input = isGzip(file) ? new GZIPInputStream(file, 1 << 16) : file;
    } catch (EOFException | ZipException e) {
      file.close();
      throw new BadLineException(path, 1, "the gzip data is damaged or ends early", e);
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /** Looks at the first two bytes, since names lie; no JSON starts with 1F 8B. */
  private static boolean isGzip(InputStream file) throws IOException {
    file.mark(2);
    boolean gzip = file.read() == 0x1f && file.read() == 0x8b;
    file.reset();
    return gzip;
  }

  /** Returns the number of the line that {@link #next} read last, the first being 1. */
  long lineNumber() {
    return lineNumber;
  }

  /**
   * Moves to the next line that is not blank, and says whether there is one.
   *
   * @throws BadLineException if the gzip data is damaged: nothing after it can be read
   */
  boolean next() throws IOException {
    try {
      do {
        if (!readLine()) {
          return false;
        }
      } while (isBlank());
      return true;
    } catch (EOFException | ZipException e) {
      throw new BadLineException(path, lineNumber + 1, "the gzip data is damaged or ends early", e);
    }
  }

  /**
   * Returns the text of the line.
   *
   * @throws IllegalArgumentException if the line is too long or not UTF-8
   */
  String text() {
    if (lineTooLong) {
      throw new IllegalArgumentException("the line is longer than " + maxLineBytes + " bytes");
    }
    // A byte order mark, which some editors put at the head of a file, is no part of the JSON.
    boolean mark =
        lineNumber == 1
            && lineLength >= 3
            && line[0] == (byte) 0xef
            && line[1] == (byte) 0xbb
            && line[2] == (byte) 0xbf;
    int start = mark ? 3 : 0;
    ByteBuffer bytes = ByteBuffer.wrap(line, start, lineLength - start);
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT)
          .decode(bytes)
          .toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("not valid UTF-8 at byte " + (bytes.position() + 1), e);
    }
  }

  private boolean readLine() throws IOException {
    lineLength = 0;
    lineTooLong = false;
    boolean any = false;
    while (true) {
      if (bufferStart == bufferEnd) {
        bufferStart = 0;
        bufferEnd = Math.max(0, input.read(buffer));
        if (bufferEnd == 0) {
          lineNumber += any ? 1 : 0;
          return any;
        }
      }
      any = true;
      int end = bufferStart;
      while (end < bufferEnd && buffer[end] != '\n') {
        end++;
      }
      append(bufferStart, end);
      boolean newline = end < bufferEnd;
      bufferStart = newline ? end + 1 : end;
      if (newline) {
        lineNumber++;
        return true;
      }
    }
  }

  private void append(int start, int end) {
    int count = end - start;
    if (lineTooLong || count > maxLineBytes - lineLength) {
      // The rest of the line is read past, so that the next line can still be used.
      lineTooLong = true;
      return;
    }
    if (lineLength + count > line.length) {
      line = Arrays.copyOf(line, (int) Math.min(maxLineBytes, 2L * (lineLength + count)));
    }
    System.arraycopy(buffer, start, line, lineLength, count);
    lineLength += count;
  }

  private boolean isBlank() {
    if (lineTooLong) {
      return false;
    }
    for (int i = 0; i < lineLength; i++) {
      if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    input.close();
  }
}

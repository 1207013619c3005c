package io.anchor4j.huggingface.safetensors;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** Writes a file that appears under its name only when it is whole and on the disk. */
public final class WholeFile {
  /** Where Linux shows the open files of processes; /dev/stdout is a link into it. */
  private static final Path OPEN_FILES = Path.of("/proc");

  /** As Linux counts them. */
  private static final int MAX_LINKS = 40;

  private WholeFile() {}

  /** Writes the content of a file. */
  @FunctionalInterface
  public interface Content {
    /**
     * Writes everything to {@code channel}.
     *
     * @throws IOException if it cannot be written
     */
    void writeTo(FileChannel channel) throws IOException;
  }

  /**
   * Writes {@code content} to a temporary file beside {@code file}, then renames it. A reader that
   * has the replaced file open or mapped, which may be {@code content} itself, keeps the old one.
   *
   * <p>Only a regular file is ever replaced. A symbolic link stays, and the file it points at is
   * written. A device or a pipe, standard output among them, is written directly and keeps what
   * came before a failure.
   *
   * @throws IllegalArgumentException if {@code file} is a folder
   * @throws IOException if it cannot be written; then {@code file} is as it was, and nothing is
   *     left. Its message names {@code file}, not the temporary one
   */
  public static void write(Path file, Content content) throws IOException {
    requireNoFolder(file);
    Path target = followed(file);
    if (target.startsWith(OPEN_FILES) || (Files.exists(target) && !Files.isRegularFile(target))) {
      writeDirectly(target, content);
      return;
    }
    // Not Files.createTempFile: its files are closed to all but their owner.
    Path temporary = target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID());
    try {
      try (FileChannel channel =
          FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        content.writeTo(channel);
        channel.force(true);
      }
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (FileSystemException e) {
      throw temporary.toString().equals(e.getFile()) ? renamed(e, file) : e;
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /**
   * Checks that {@code file} is no folder, for those who work long before they write.
   *
   * @throws IllegalArgumentException if it is one
   */
  public static void requireNoFolder(Path file) {
    if (Files.isDirectory(file)) {
      throw new IllegalArgumentException(file + ": is a folder, not a file to write");
    }
  }

  /** Returns where the links of {@code file} end, which need not exist. */
  private static Path followed(Path file) throws IOException {
    Path target = inRealFolder(file);
    // A link in /proc stands for an open file, and its text may be no path ("pipe:[42]").
    for (int links = 0; Files.isSymbolicLink(target) && !target.startsWith(OPEN_FILES); links++) {
      if (links == MAX_LINKS) {
        throw new FileSystemException(file.toString(), null, "too many symbolic links");
      }
      target = inRealFolder(target.resolveSibling(Files.readSymbolicLink(target)));
    }
    return target;
  }

  private static Path inRealFolder(Path file) throws IOException {
    Path absolute = file.toAbsolutePath();
    Path folder = absolute.getParent();
    return Files.isDirectory(folder)
        ? folder.toRealPath().resolve(absolute.getFileName())
        : absolute;
  }

  private static void writeDirectly(Path target, Content content) throws IOException {
    Path open = OPEN_FILES.resolve(Long.toString(ProcessHandle.current().pid())).resolve("fd");
    // Opened by name, a redirected standard output would have a second position: what is printed
    // later would overwrite what is written here.
    if (target.equals(open.resolve("1"))) {
      content.writeTo(stream(FileDescriptor.out));
    } else if (target.equals(open.resolve("2"))) {
      content.writeTo(stream(FileDescriptor.err));
    } else {
      try (FileChannel channel = FileChannel.open(target, StandardOpenOption.WRITE)) {
        content.writeTo(channel);
      }
    }
  }

  /** Returns a channel that is not to be closed: the process goes on printing. */
  private static FileChannel stream(FileDescriptor descriptor) {
    return new FileOutputStream(descriptor).getChannel();
  }

  private static FileSystemException renamed(FileSystemException error, Path file) {
    String name = file.toString();
    FileSystemException renamed =
        error instanceof AccessDeniedException
            ? new AccessDeniedException(name, null, error.getReason())
            : error instanceof NoSuchFileException
                ? new NoSuchFileException(name, null, error.getReason())
                : new FileSystemException(name, null, error.getReason());
    renamed.initCause(error);
    return renamed;
  }

  /**
   * Writes {@code bytes} as the other method does.
   *
   * @throws IOException if they cannot be written
   */
  public static void write(Path file, byte[] bytes) throws IOException {
    write(
        file,
        channel -> {
          ByteBuffer remaining = ByteBuffer.wrap(bytes);
          while (remaining.hasRemaining()) {
            channel.write(remaining);
          }
        });
  }
}

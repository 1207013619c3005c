package io.anchor4j.samples.cli;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** The one place that turns an exception into a line on standard error and an exit code. */
final class Failures implements IParameterExceptionHandler, IExecutionExceptionHandler {
  /** Bad usage or bad input: the user can mend it. */
  static final int BAD_INPUT = 2;

  /** Anything else: this program or the machine is at fault. */
  static final int FAILED = 1;

  @Override
  public int handleParseException(ParameterException error, String[] args) {
    CommandLine command = error.getCommandLine();
    command.getErr().println(name(command) + ": " + usage(error) + help(command));
    return BAD_INPUT;
  }

  @Override
  public int handleExecutionException(
      Exception error, CommandLine command, ParseResult parseResult) {
    return report(error, command);
  }

  /** Prints one line about {@code error} and returns the exit code it deserves. */
  int report(Throwable error, CommandLine command) {
    if (error instanceof ParameterException usage) {
      return handleParseException(usage, new String[0]);
    }
    String badInput = badInput(unwrapped(error));
    if (badInput != null) {
      command.getErr().println(name(command) + ": " + oneLine(badInput));
      return BAD_INPUT;
    }
    String line = error instanceof OutOfMemoryError ? outOfMemory(error) : unexpected(error);
    command.getErr().println(name(command) + ": " + oneLine(line) + log(error));
    return FAILED;
  }

  private static Throwable unwrapped(Throwable error) {
    boolean wrapper =
        error instanceof UncheckedIOException || error instanceof ExceptionInInitializerError;
    return wrapper && error.getCause() != null ? error.getCause() : error;
  }

  /** Returns what to tell the user if the input is at fault, null if it is not. */
  private static String badInput(Throwable error) {
    if (error instanceof NoSuchFileException missing) {
      return missing.getFile() + ": no such file or directory" + reason(missing);
    }
    if (error instanceof FileNotFoundException) {
      return error.getMessage();
    }
    if (error instanceof AccessDeniedException denied) {
      return denied.getFile() + ": permission denied" + reason(denied);
    }
    if (error instanceof FileAlreadyExistsException exists) {
      return exists.getFile() + ": exists already" + reason(exists);
    }
    if (error instanceof NotDirectoryException file) {
      return file.getFile() + ": is not a directory";
    }
    return error instanceof IllegalArgumentException && thrownByUs(error)
        ? error.getMessage()
        : null;
  }

  /**
   * Whether this project threw {@code error} on purpose. An IllegalArgumentException out of ND4J or
   * the JDK is our mistake, not the user's, and its message would not help them.
   */
  private static boolean thrownByUs(Throwable error) {
    for (StackTraceElement frame : error.getStackTrace()) {
      if (!frame.getClassName().startsWith("com.google.common.base.")) { // Preconditions
        return frame.getClassName().startsWith("io.anchor4j.");
      }
    }
    return false;
  }

  private static String reason(FileSystemException error) {
    return error.getReason() == null ? "" : " (" + error.getReason() + ")";
  }

  private static String usage(ParameterException error) {
    if (!(error instanceof UnmatchedArgumentException unmatched)) {
      return oneLine(error.getMessage());
    }
    String argument = unmatched.getUnmatched().get(0);
    CommandLine command = error.getCommandLine();
    String kind =
        argument.startsWith("-")
            ? "unknown option "
            : command.getSubcommands().isEmpty() ? "unexpected argument " : "unknown verb ";
    List<String> nearest = unmatched.getSuggestions();
    String hint = nearest.isEmpty() ? "" : ", did you mean '" + nearest.get(0) + "'?";
    return kind + "'" + argument + "'" + hint;
  }

  private static String help(CommandLine command) {
    return " (see '" + name(command) + " --help')";
  }

  private static String name(CommandLine command) {
    return command.getCommandSpec().qualifiedName();
  }

  private static String outOfMemory(Throwable error) {
    return "out of memory: "
        + error.getMessage()
        + ". Use a shorter sequence length or a smaller batch, or give Java more with"
        + " ANCHOR4J_JAVA_OPTS=-Xmx8g";
  }

  private static String unexpected(Throwable error) {
    String name = error.getClass().getSimpleName();
    return error.getMessage() == null ? name : name + ": " + error.getMessage();
  }

  private static String log(Throwable error) {
    try {
      Path file = Logs.save(error);
      return " (details in " + file + ")";
    } catch (IOException e) {
      return " (the log could not be written: " + e.getMessage() + ")";
    }
  }

  /**
   * Op messages come in indented lines; a terminal user and a script get one. Jackson's name for
   * where something starts ("(start marker at [Source: REDACTED ...; line: 1, column: 1])") goes:
   * it hides the place of the fault, which our own words give.
   */
  private static String oneLine(String message) {
    return message
        .strip()
        .replaceAll("\\s*\\([^()]*\\[Source:.*?; line: \\d+, column: \\d+\\]\\)", "")
        .replaceAll("\\s*\\R\\s*", "; ");
  }
}

package io.anchor4j.benchmarks.contestant;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * A process that answers each line with a line, alive from the first case to the last. What it
 * writes to standard error goes to a log.
 */
public final class ChildProcess implements AutoCloseable {
  private final Path log;
  private final Process process;
  private final BufferedWriter requests;
  private final BufferedReader answers;

  /**
   * Starts it.
   *
   * @throws NotAvailableException if the program is not there
   */
  public ChildProcess(List<String> command, Path log) throws NotAvailableException {
    this.log = log;
    try {
      var builder = new ProcessBuilder(command).redirectError(Redirect.to(log.toFile()));
      // Its waiting threads behave as they do for its users, whatever this process was told.
      builder.environment().keySet().removeIf(name -> name.matches("(OMP|GOMP|KMP)_.*"));
      process = builder.start();
    } catch (IOException e) {
      throw new NotAvailableException("%s cannot be started".formatted(command.get(0)));
    }
    requests = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /**
   * Sends a line and waits for the answer.
   *
   * @throws NotAvailableException if it has ended
   */
  public String ask(String request) throws NotAvailableException {
    try {
      requests.write(request);
      requests.newLine();
      requests.flush();
      String answer = answers.readLine();
      if (answer != null) {
        return answer;
      }
    } catch (IOException e) {
      // said below
    }
    throw new NotAvailableException("its process has ended, see %s".formatted(log));
  }

  @Override
  public void close() {
    process.destroy();
  }
}

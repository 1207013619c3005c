package io.anchor4j.samples.cli;

import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * One command, run in this process.
 *
 * @param code the exit code
 * @param out what went to standard output
 * @param err what went to standard error
 */
record CommandLineRun(int code, String out, String err) {
  static CommandLineRun of(String... args) {
    var out = new StringWriter();
    var err = new StringWriter();
    int code = Anchor4j.run(new PrintWriter(out), new PrintWriter(err), args);
    return new CommandLineRun(code, out.toString(), err.toString());
  }
}

package io.anchor4j.it;

import io.anchor4j.samples.cli.Anchor4j;
import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * One command of the command line, run in this process.
 *
 * @param code the exit code
 */
record Cli(int code, String out, String err) {
  static Cli run(Object... args) {
    var out = new StringWriter();
    var err = new StringWriter();
    String[] words = new String[args.length];
    for (int i = 0; i < args.length; i++) {
      words[i] = args[i].toString();
    }
    int code = Anchor4j.run(new PrintWriter(out), new PrintWriter(err), words);
    return new Cli(code, out.toString(), err.toString());
  }
}

package io.anchor4j.samples.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.PatternLayout;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.filter.ThresholdFilter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.read.CyclicBufferAppender;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;

/**
 * Where log lines go: the newest are kept in memory and become a file only when something fails;
 * warnings of this project also reach standard error, ND4J's start-up lines do not.
 */
final class Logs {
  private static final String PATTERN = "%d{HH:mm:ss.SSS} %-5level %logger{36} - %msg%n";
  private static final int LINES_KEPT = 1000;

  private static CyclicBufferAppender<ILoggingEvent> recent;

  private Logs() {}

  /** Starts from nothing, so that a second command in one process logs like the first. */
  static synchronized void start() {
    LoggerContext context = context();
    context.reset();
    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.INFO);
    recent = new CyclicBufferAppender<>();
    recent.setContext(context);
    recent.setMaxSize(LINES_KEPT);
    recent.start();
    root.addAppender(recent);
    context.getLogger("io.anchor4j").addAppender(standardError(context, Level.WARN, "%msg%n"));
  }

  /** Lets every line through to standard error. */
  static void verbose() {
    LoggerContext context = context();
    context.getLogger("io.anchor4j").detachAndStopAllAppenders();
    Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.addAppender(standardError(context, Level.INFO, PATTERN));
  }

  /** Writes the kept lines and {@code error}'s trace to a new file and returns it. */
  static synchronized Path save(Throwable error) throws IOException {
    var layout = new PatternLayout();
    layout.setContext(context());
    layout.setPattern(PATTERN);
    layout.start();
    var text = new StringWriter();
    for (int i = 0; i < recent.getLength(); i++) {
      text.write(layout.doLayout(recent.get(i)));
    }
    error.printStackTrace(new PrintWriter(text));
    Path file = Files.createTempFile("anchor4j-", ".log");
    Files.writeString(file, text.toString());
    return file;
  }

  private static ConsoleAppender<ILoggingEvent> standardError(
      LoggerContext context, Level from, String pattern) {
    var encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern(pattern);
    encoder.start();
    var threshold = new ThresholdFilter();
    threshold.setLevel(from.toString());
    threshold.start();
    var appender = new ConsoleAppender<ILoggingEvent>();
    appender.setContext(context);
    appender.setTarget("System.err");
    appender.setEncoder(encoder);
    appender.addFilter(threshold);
    appender.start();
    return appender;
  }

  private static LoggerContext context() {
    return (LoggerContext) LoggerFactory.getILoggerFactory();
  }
}

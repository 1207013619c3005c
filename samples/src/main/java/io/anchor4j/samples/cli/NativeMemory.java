package io.anchor4j.samples.cli;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/**
 * Sets how much memory arrays may take outside the Java heap.
 *
 * <p>JavaCPP's default is the size of the Java heap, a quarter of the machine: too little for a
 * model that fits the machine. Arrays get 70 % of the machine (of the container, if in one), the
 * process as a whole 90 %; values given with {@code -D} win.
 */
final class NativeMemory {
  private NativeMemory() {}

  /** Must run before the first class of ND4J is loaded: JavaCPP reads these once. */
  static void limit() {
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long total = system.getTotalMemorySize();
    setIfAbsent("org.bytedeco.javacpp.maxbytes", total / 10 * 7);
    setIfAbsent("org.bytedeco.javacpp.maxphysicalbytes", total / 10 * 9);
  }

  private static void setIfAbsent(String name, long bytes) {
    if (System.getProperty(name) == null) {
      System.setProperty(name, Long.toString(bytes));
    }
  }
}

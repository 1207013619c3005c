package io.anchor4j.samples.report;

import java.util.Locale;

/** Writes counts and sizes for a person. */
public final class Counts {
  private Counts() {}

  /** Returns, for example, "950", "12.3 K", "4.5 M" or "6.74 G". */
  public static String text(double count) {
    return scaled(count, 1000, new String[] {"", " K", " M", " G", " T"});
  }

  /** Returns, for example, "512 B", "12.3 KiB" or "27 GiB". */
  public static String bytes(double bytes) {
    return scaled(bytes, 1024, new String[] {" B", " KiB", " MiB", " GiB", " TiB"});
  }

  private static String scaled(double value, int base, String[] units) {
    int unit = 0;
    double scaled = value;
    while (scaled >= base && unit < units.length - 1) {
      scaled /= base;
      unit++;
    }
    int digits = unit == 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
    return String.format(Locale.ROOT, "%." + digits + "f", scaled) + units[unit];
  }
}

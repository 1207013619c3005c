package io.anchor4j.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Looks at every field that a class declares, so that a new option cannot be forgotten by a test.
 */
public final class Options {
  private Options() {}

  /** Checks that each field has another value than in {@code defaults} in at least one variant. */
  public static void assertNoneStaysAtItsDefault(Object defaults, Object... variants) {
    for (Field field : fields(defaults.getClass())) {
      assertTrue(
          Arrays.stream(variants)
              .anyMatch(variant -> !Objects.equals(value(field, defaults), value(field, variant))),
          () -> field + " is " + value(field, defaults) + " in every variant: vary it");
    }
  }

  /** Checks each field of {@code actual} against {@code expected}. */
  public static void assertSame(Object expected, Object actual) {
    assertEquals(expected.getClass(), actual.getClass());
    for (Field field : fields(expected.getClass())) {
      assertEquals(value(field, expected), value(field, actual), field::toString);
    }
  }

  private static List<Field> fields(Class<?> type) {
    return Arrays.stream(type.getDeclaredFields())
        .filter(field -> !Modifier.isStatic(field.getModifiers()))
        .toList();
  }

  private static Object value(Field field, Object object) {
    try {
      field.setAccessible(true);
      return field.get(object);
    } catch (IllegalAccessException e) {
      throw new AssertionError(e);
    }
  }
}

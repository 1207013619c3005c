package io.anchor4j.kernel.cuda;

import com.google.common.primitives.ImmutableLongArray;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * A record of numbers as the C struct of the same fields: the one argument of a kernel.
 *
 * <p>Components are int (4 bytes), long and double (8; a long is a device address or an {@code
 * int64_t}), records (nested structs) and immutable arrays of long (C arrays), each aligned as C++
 * aligns it. What {@code parameters.cuh} says is compared with this by a test.
 */
final class ParameterStruct {
  private ParameterStruct() {}

  /**
   * A number inside a struct.
   *
   * @param path names joined by dots, an array's with its index
   */
  record Field(String path, int offset, Number value) {}

  /** Returns the bytes of the struct. */
  static byte[] pack(Record parameters) {
    var fields = new ArrayList<Field>();
    int size = layOut(parameters, "", 0, fields);
    ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.nativeOrder());
    for (Field field : fields) {
      Number value = field.value();
      if (value instanceof Integer number) {
        buffer.putInt(field.offset(), number);
      } else if (value instanceof Long number) {
        buffer.putLong(field.offset(), number);
      } else {
        buffer.putDouble(field.offset(), value.doubleValue());
      }
    }
    return buffer.array();
  }

  /** Returns every number of the struct in order. */
  static List<Field> fields(Record parameters) {
    var fields = new ArrayList<Field>();
    layOut(parameters, "", 0, fields);
    return fields;
  }

  /** Adds the fields of a struct at {@code start} and returns where it ends, padding included. */
  private static int layOut(Record struct, String prefix, int start, List<Field> fields) {
    int end = start;
    for (RecordComponent component : struct.getClass().getRecordComponents()) {
      end = layOutValue(value(struct, component), prefix + component.getName(), end, fields);
    }
    return aligned(end, alignment(struct));
  }

  private static int layOutValue(Object value, String path, int end, List<Field> fields) {
    int start = aligned(end, alignment(value));
    if (value instanceof Record nested) {
      return layOut(nested, path + ".", start, fields);
    }
    if (value instanceof ImmutableLongArray numbers) {
      for (int i = 0; i < numbers.length(); i++) {
        start = layOutValue(numbers.get(i), path + "[" + i + "]", start, fields);
      }
      return start;
    }
    fields.add(new Field(path, start, (Number) value));
    return start + alignment(value);
  }

  private static int alignment(Object value) {
    if (value instanceof Integer) {
      return 4;
    }
    if (value instanceof Long || value instanceof Double || value instanceof ImmutableLongArray) {
      return 8;
    }
    if (value instanceof Record struct) {
      int largest = 1;
      for (RecordComponent component : struct.getClass().getRecordComponents()) {
        largest = Math.max(largest, alignment(value(struct, component)));
      }
      return largest;
    }
    throw new IllegalStateException("no C type for " + value);
  }

  private static Object value(Record struct, RecordComponent component) {
    try {
      var accessor = component.getAccessor();
      accessor.setAccessible(true); // the record is package-private
      return accessor.invoke(struct);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(struct + ": " + component, e);
    }
  }

  private static int aligned(int offset, int alignment) {
    return (offset + alignment - 1) / alignment * alignment;
  }
}

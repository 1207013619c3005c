package io.anchor4j.training;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.stream.StreamSupport;

/** The files that golden/training/make_training_goldens.py wrote. */
final class Goldens {
  private Goldens() {}

  static JsonNode read(String name) {
    String resource = "/golden/training/" + name;
    try (InputStream in = Goldens.class.getResourceAsStream(resource)) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(resource, e);
    }
  }

  static double[] doubles(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false)
        .mapToDouble(JsonNode::doubleValue)
        .toArray();
  }

  /** Numbers that are float32 values written out as doubles. */
  static float[] floats(JsonNode array) {
    double[] doubles = doubles(array);
    float[] floats = new float[doubles.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) doubles[i];
    }
    return floats;
  }
}

package io.anchor4j.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LearningRateScheduleTest {
  static Stream<JsonNode> cases() {
    return StreamSupport.stream(Goldens.read("schedules.json").spliterator(), false);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void ratesAreThoseOfTransformers(JsonNode golden) {
    var schedule =
        new LearningRateSchedule(
            LearningRateSchedule.Type.valueOf(
                golden.get("type").textValue().toUpperCase(Locale.ROOT)),
            golden.get("peak").doubleValue(),
            golden.get("steps").longValue(),
            golden.get("warmupSteps").longValue(),
            golden.get("finalRatio").doubleValue());
    double[] rates = Goldens.doubles(golden.get("rates"));
    for (int update = 0; update < rates.length; update++) {
      // A rounding or two of double apart: the same formula, associated another way.
      assertEquals(rates[update], schedule.rate(update), 4e-16 * 3e-4, schedule + " at " + update);
    }
  }

  @Test
  void linearDecayEndsAtTheFinalRatio() {
    var schedule = new LearningRateSchedule(LearningRateSchedule.Type.LINEAR, 2, 10, 0, 0.25);
    assertEquals(2, schedule.rate(0));
    assertEquals(1.25, schedule.rate(5), 1e-15);
    assertEquals(0.5, schedule.rate(10), 1e-15);
    assertEquals(0.5, schedule.rate(11), 1e-15);
  }

  @Test
  void aWarmupOfAllStepsNeverReachesThePeak() {
    for (int warmup = 0; warmup < 8; warmup++) {
      var schedule = new LearningRateSchedule(LearningRateSchedule.Type.COSINE, 2, 6, warmup, 0.25);
      double highest = LongStream.range(0, 6).mapToDouble(schedule::rate).max().getAsDouble();
      // The last of six updates, 5, is the first after five of warm-up.
      assertEquals(highest < 2, schedule.endsDuringWarmup(), schedule.toString());
    }
  }

  @Test
  void numbersOutOfRangeAreRefusedByName() {
    assertEquals(
        "finalRatio must be from 0 to 1, got 1.5",
        assertThrows(
                IllegalArgumentException.class,
                () -> new LearningRateSchedule(LearningRateSchedule.Type.COSINE, 1e-3, 10, 0, 1.5))
            .getMessage());
    assertEquals(
        "learning rate must be a finite number of at least 0, got NaN",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    new LearningRateSchedule(
                        LearningRateSchedule.Type.COSINE, Double.NaN, 10, 0, 0))
            .getMessage());
  }
}

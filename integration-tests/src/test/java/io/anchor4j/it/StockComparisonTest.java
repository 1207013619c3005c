package io.anchor4j.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class StockComparisonTest {

  @Test
  void theLayerTakesAtMostAFifthOfStockAttentionsTime() {
    var times = StockComparison.measure(4096);
    System.out.println(times);
    assertTrue(times.stock().layer() >= 5 * times.float32().layer(), times.toString());
  }
}

package io.anchor4j.samediff;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;

/** Attention as DL4J's users write it: projections, one of the variants, a product and a loss. */
enum AttentionGraphs {
  STOCK_OP {
    @Override
    SDVariable attention(Parts p) {
      return p.sd
          .nn
          .dotProductAttention(p.channels("q"), p.channels("k"), p.channels("v"), null, true)
          .permute(0, 2, 1);
    }
  },
  STOCK_OP_UNSCALED_WITH_MASK {
    @Override
    SDVariable attention(Parts p) {
      return p.sd
          .nn
          .dotProductAttention(p.channels("q"), p.channels("k"), p.channels("v"), p.mask(), false)
          .permute(0, 2, 1);
    }
  },
  STOCK_OP_OF_RANK_4_WITH_MASK {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      for (int i = 0; i < 3; i++) {
        qkv[i] = qkv[i].permute(0, 1, 3, 2);
      }
      return p.join(
          p.sd.nn.dotProductAttention(qkv[0], qkv[1], qkv[2], p.mask(), true).permute(0, 1, 3, 2));
    }
  },
  MULTI_HEAD_OP {
    @Override
    SDVariable attention(Parts p) {
      return p.multiHead(null, true, Parts.DIM);
    }
  },
  MULTI_HEAD_OP_WITH_MASK_AND_WIDE_VALUES {
    @Override
    SDVariable attention(Parts p) {
      return p.multiHead(p.mask(), false, Parts.DIM + 3);
    }
  },
  SCALED_AFTER_BY_A_NUMBER {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable scores = qkv[0].mmul(qkv[1].permute(0, 1, 3, 2)).mul(0.5);
      return p.join(p.sd.nn.softmax("weights", scores, -1).mmul(qkv[2]));
    }
  },
  SCALED_AFTER_BY_A_CONSTANT_ROOT {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable root = p.sd.math.sqrt(p.sd.constant("dim", Parts.DIM).castTo(p.type));
      SDVariable scores = p.sd.mmul(qkv[0], qkv[1], false, true, false).div(root);
      return p.join(p.sd.mmul(p.sd.nn.softmax(scores, 3), qkv[2]));
    }
  },
  SCALED_BEFORE {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable scores = qkv[0].div(Math.sqrt(Parts.DIM)).mmul(qkv[1].permute(0, 1, 3, 2));
      return p.join(p.sd.nn.softmax(scores).mmul(qkv[2]));
    }
  },
  KEYS_PERMUTED_STRAIGHT_FROM_THE_PROJECTION {
    @Override
    SDVariable attention(Parts p) {
      SDVariable query = p.split("q").permute(0, 2, 1, 3);
      SDVariable key = p.split("k").permute(0, 2, 3, 1);
      SDVariable value = p.split("v").permute(0, 2, 1, 3);
      return p.join(p.sd.nn.softmax(query.mmul(key).div(2), -1).mmul(value));
    }
  },
  ADDITIVE_MASK_INPUT {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable mask = p.sd.placeHolder("bias", p.type, -1, 1, 1, -1);
      SDVariable scores = p.scores(qkv).add(mask);
      return p.join(p.sd.nn.softmax(scores, -1).mmul(qkv[2]));
    }
  },
  ONE_MINUS_MASK_TIMES_A_LOT {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable keys = p.sd.expandDims(p.sd.expandDims(p.mask(), 1), 1);
      SDVariable scores = p.scores(qkv).add(keys.rsub(1).mul(-1e9));
      return p.join(p.sd.nn.softmax(scores, -1).mmul(qkv[2]));
    }
  },
  MASK_SUBTRACTED_BEFORE_THE_SCALE {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable keys = p.sd.expandDims(p.sd.expandDims(p.mask(), 1), 1);
      SDVariable scores = qkv[0].mmul(qkv[1].permute(0, 1, 3, 2)).sub(keys.rsub(1).mul(1e9));
      return p.join(p.sd.nn.softmax(scores.mul(0.5), -1).mmul(qkv[2]));
    }
  },
  TRAINED_KEY_BIAS {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable bias = p.var("bias", 1, Parts.HEADS, 1, Parts.TOKENS);
      return p.join(p.sd.nn.softmax(p.scores(qkv).add(bias), -1).mmul(qkv[2]));
    }
  },
  CAUSAL_CONSTANT {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable scores = p.scores(qkv).add(p.sd.constant("causal", causal(p.type)));
      return p.join(p.sd.nn.softmax(scores, -1).mmul(qkv[2]));
    }
  },
  CAUSAL_AND_PADDING_IN_ONE_SUM {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable keys = p.sd.expandDims(p.sd.expandDims(p.mask(), 1), 1);
      SDVariable both = keys.sub(1).add(p.sd.constant("causal", causal(p.type).div(1e9)));
      return p.join(p.sd.nn.softmax(p.scores(qkv).add(both.mul(1e9)), -1).mmul(qkv[2]));
    }
  },
  SOFTMAX_OVER_THE_AXIS_BEFORE_THE_LAST {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable scores = p.sd.mmul(qkv[1], qkv[0], false, true, false).mul(0.5);
      SDVariable keys = p.sd.expandDims(p.sd.expandDims(p.mask(), 2), 1);
      SDVariable weights = p.sd.nn.softmax(scores.add(keys.sub(1).mul(1e9)), 2);
      return p.join(p.sd.mmul(weights, qkv[2], true, false, false));
    }
  },
  VALUES_BEFORE_WEIGHTS {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      SDVariable weights = p.sd.nn.softmax(p.scores(qkv), -1);
      SDVariable mixed = p.sd.mmul(qkv[2], weights, true, true, false); // [B, H, D, T]
      return p.join(mixed.permute(0, 1, 3, 2));
    }
  },
  HEADS_FOLDED_INTO_THE_BATCH {
    @Override
    SDVariable attention(Parts p) {
      SDVariable[] qkv = p.heads();
      for (int i = 0; i < 3; i++) {
        qkv[i] = qkv[i].reshape(Parts.ROWS * Parts.HEADS, Parts.TOKENS, Parts.DIM);
      }
      SDVariable scores = p.sd.mmul(qkv[0], qkv[1], false, true, false).mul(0.5);
      SDVariable mixed = p.sd.mmul(p.sd.nn.softmax(scores, 2), qkv[2]);
      return p.join(mixed.reshape(Parts.ROWS, Parts.HEADS, Parts.TOKENS, Parts.DIM));
    }
  },
  HEADS_CONCATENATED_ALONG_THE_BATCH {
    @Override
    SDVariable attention(Parts p) {
      var folded = new SDVariable[3];
      String[] names = {"q", "k", "v"};
      for (int i = 0; i < 3; i++) {
        SDVariable[] heads = p.sd.split(p.project(names[i]), Parts.HEADS, 2);
        folded[i] = p.sd.concat(0, heads);
      }
      SDVariable scores = folded[0].mmul(folded[1].permute(0, 2, 1)).div(2);
      SDVariable mixed = p.sd.nn.softmax(scores, -1).mmul(folded[2]);
      return p.sd.concat(2, p.sd.split(mixed, Parts.HEADS, 0));
    }
  },
  SINGLE_HEAD_OF_RANK_3_WITH_MASK {
    @Override
    SDVariable attention(Parts p) {
      SDVariable keys = p.sd.expandDims(p.mask(), 1); // [B, 1, T]
      SDVariable scores = p.project("q").mmul(p.project("k").permute(0, 2, 1)).mul(0.3);
      SDVariable weights = p.sd.nn.softmax(scores.add(keys.sub(1).mul(1e9)), -1);
      return weights.mmul(p.project("v"));
    }
  },
  RANK_2_WITHOUT_BATCH {
    @Override
    SDVariable attention(Parts p) {
      SDVariable scores = p.row("q").mmul(p.row("k").permute(1, 0)).div(Math.sqrt(Parts.CHANNELS));
      return p.rows(p.sd.nn.softmax(scores, 1).mmul(p.row("v")));
    }
  },
  RANK_2_WITH_MASK {
    @Override
    SDVariable attention(Parts p) {
      SDVariable keys = p.mask().reshape(Parts.ROWS * Parts.TOKENS); // [T]
      SDVariable scores = p.sd.mmul(p.row("q"), p.row("k"), false, true, false).mul(0.3);
      SDVariable weights = p.sd.nn.softmax(scores.add(keys.sub(1).mul(1e9)), -1);
      return p.rows(weights.mmul(p.row("v")));
    }
  };

  /** The batch is fixed, as in most graphs that reshape. */
  static final class Parts {
    static final int ROWS = 3;
    static final int TOKENS = 6;
    static final int HEADS = 2;
    static final int DIM = 4;
    static final int CHANNELS = HEADS * DIM;

    final SameDiff sd = SameDiff.create();
    final DataType type;
    final SDVariable input;
    private final SplittableRandom random = new SplittableRandom(5);
    private SDVariable mask;

    Parts(DataType type) {
      this.type = type;
      input = sd.placeHolder("input", type, ROWS, TOKENS, CHANNELS);
    }

    SDVariable var(String name, long... shape) {
      return sd.var(name, normal(random, type, shape).muli(0.5));
    }

    SDVariable mask() {
      if (mask == null) {
        mask = sd.placeHolder("mask", type, -1, -1);
      }
      return mask;
    }

    /** [B, T, C] */
    SDVariable project(String name) {
      SDVariable rows = input.reshape(ROWS * TOKENS, CHANNELS);
      SDVariable product = rows.mmul(var("W" + name, CHANNELS, CHANNELS));
      // Keys without: a softmax does not see it, and Adam would make steps of its rounding.
      SDVariable biased = name.equals("k") ? product : product.add(var("b" + name, CHANNELS));
      return biased.reshape(ROWS, TOKENS, CHANNELS);
    }

    /** All rows as one, [T, C] */
    SDVariable row(String name) {
      return project(name).reshape(ROWS * TOKENS, CHANNELS);
    }

    /** [B, T, C] of {@link #row} */
    SDVariable rows(SDVariable row) {
      return row.reshape(ROWS, TOKENS, CHANNELS);
    }

    /** [B, C, T] */
    SDVariable channels(String name) {
      return project(name).permute(0, 2, 1);
    }

    /** [B, T, H, D] */
    SDVariable split(String name) {
      return project(name).reshape(ROWS, TOKENS, HEADS, DIM);
    }

    /** [B, H, T, D], three times */
    SDVariable[] heads() {
      return Stream.of("q", "k", "v")
          .map(name -> split(name).permute(0, 2, 1, 3))
          .toArray(SDVariable[]::new);
    }

    SDVariable scores(SDVariable[] qkv) {
      return sd.mmul(qkv[0], qkv[1], false, true, false).div(Math.sqrt(DIM));
    }

    SDVariable join(SDVariable heads) {
      return heads.permute(0, 2, 1, 3).reshape(ROWS, TOKENS, CHANNELS);
    }

    SDVariable multiHead(SDVariable mask, boolean scaled, int valueDim) {
      SDVariable channels = input.permute(0, 2, 1);
      return sd.nn
          .multiHeadDotProductAttention(
              channels,
              channels,
              channels,
              var("Wq", HEADS, DIM, CHANNELS),
              var("Wk", HEADS, DIM, CHANNELS),
              var("Wv", HEADS, valueDim, CHANNELS),
              var("Wo", (long) HEADS * valueDim, CHANNELS),
              mask,
              scaled)
          .permute(0, 2, 1);
    }
  }

  abstract SDVariable attention(Parts p);

  /** The same weights at each call. */
  SameDiff graph(DataType type) {
    var p = new Parts(type);
    SDVariable mixed = attention(p).rename("mixed");
    SDVariable rows = mixed.reshape(Parts.ROWS * Parts.TOKENS, Parts.CHANNELS);
    SDVariable output = rows.mmul("output", p.var("Wout", Parts.CHANNELS, 3));
    SDVariable labels = p.sd.placeHolder("labels", type, Parts.ROWS * Parts.TOKENS, 3);
    SDVariable error = output.sub(labels);
    error.mul(error).mean("loss");
    p.sd.setLossVariables("loss");
    return p.sd;
  }

  private static INDArray normal(SplittableRandom random, DataType type, long... shape) {
    long length = 1;
    for (long size : shape) {
      length *= size;
    }
    double[] values = new double[(int) length];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextGaussian();
    }
    return Nd4j.createFromArray(values).reshape(shape).castTo(type);
  }

  /** 0 up to the query, -1e9 beyond. */
  static INDArray causal(DataType type) {
    INDArray mask = Nd4j.zeros(type, Parts.TOKENS, Parts.TOKENS);
    for (int query = 0; query < Parts.TOKENS; query++) {
      for (int key = query + 1; key < Parts.TOKENS; key++) {
        mask.putScalar(query, key, -1e9);
      }
    }
    return mask;
  }

  /** An array for each placeholder: two rows padded on the right, or the third all padding. */
  static Map<String, INDArray> inputs(SameDiff graph, DataType type, long seed, boolean empty) {
    var random = new SplittableRandom(seed);
    var arrays = new LinkedHashMap<String, INDArray>();
    arrays.put("input", normal(random, type, Parts.ROWS, Parts.TOKENS, Parts.CHANNELS));
    arrays.put("labels", normal(random, type, Parts.ROWS * Parts.TOKENS, 3));
    INDArray mask = Nd4j.ones(type, Parts.ROWS, Parts.TOKENS);
    mask.putScalar(1, 5, 0).putScalar(1, 4, 0);
    if (empty) {
      mask.getRow(2).assign(0);
    } else {
      mask.putScalar(2, 5, 0);
    }
    if (graph.hasVariable("mask")) {
      arrays.put("mask", mask);
    }
    if (graph.hasVariable("bias") && graph.getVariable("bias").isPlaceHolder()) {
      arrays.put("bias", mask.sub(1).mul(1e9).reshape(Parts.ROWS, 1, 1, Parts.TOKENS));
    }
    return arrays;
  }

  static TrainingConfig training(SameDiff graph, IUpdater updater) {
    var config = TrainingConfig.builder().updater(updater).dataSetLabelMapping("labels");
    config.dataSetFeatureMapping(
        graph.inputs().stream().filter(name -> !name.equals("labels")).toArray(String[]::new));
    return config.build();
  }

  static void fit(SameDiff graph, Map<String, INDArray> arrays) {
    INDArray[] features =
        graph.getTrainingConfig().getDataSetFeatureMapping().stream()
            .map(arrays::get)
            .toArray(INDArray[]::new);
    graph.fit(new MultiDataSet(features, new INDArray[] {arrays.get("labels")}));
  }
}

package io.anchor4j.kernel.cuda;

import com.google.common.primitives.ImmutableLongArray;
import io.anchor4j.attention.Alibi;
import io.anchor4j.attention.AttentionConfig;
import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.AttentionShapes;
import io.anchor4j.kernel.AttentionArguments;
import io.anchor4j.kernel.cuda.KernelFunction.Grid;
import io.anchor4j.kernel.cuda.KernelParameters.Array;
import io.anchor4j.kernel.cuda.KernelParameters.Attention;
import io.anchor4j.kernel.cuda.KernelParameters.AttentionArrays;
import io.anchor4j.kernel.cuda.KernelParameters.AttentionRules;
import io.anchor4j.kernel.cuda.KernelParameters.AttentionSizes;
import io.anchor4j.kernel.cuda.KernelParameters.AttentionTables;
import io.anchor4j.kernel.cuda.KernelParameters.PackedOperands;
import io.anchor4j.rotary.RotaryConfig.Pairing;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Attention on the GPU: preparation, then one kernel forward or two backward. */
final class CudaAttention {
  private static final int TILE = 64;
  private static final int PACKED_ROWS = 128;

  private final CudaDevice device;
  private final DeviceArrays arrays;
  private final CompiledKernels kernels;

  CudaAttention(CudaDevice device, DeviceArrays arrays, CompiledKernels kernels) {
    this.device = device;
    this.arrays = arrays;
    this.kernels = kernels;
  }

  void forward(AttentionArguments arguments, INDArray output, INDArray logSumExp) {
    try (var call = new KernelCall(device, arrays)) {
      var placed =
          new AttentionArrays(
              call.read(arguments.query()),
              call.read(arguments.key()),
              call.read(arguments.value()),
              call.write(output),
              fromTheLeft(call.write(logSumExp)),
              KernelParameters.NONE,
              KernelParameters.NONE,
              KernelParameters.NONE,
              KernelParameters.NONE);
      Attention attention = prepare(call, arguments, placed, false);
      AttentionSizes sizes = attention.sizes();
      PackFormat format = format(arguments);
      call.launch(
          module(format, sizes.packedDim()).function("attention_forward"),
          AttentionLaunches.of(format, sizes.packedDim())
              .forward(sizes.queryRows(), sizes.heads(), sizes.batch()),
          attention);
      call.finish();
    }
  }

  void backward(
      AttentionArguments arguments,
      INDArray output,
      INDArray logSumExp,
      INDArray outputGradient,
      INDArray queryGradient,
      INDArray keyGradient,
      INDArray valueGradient) {
    try (var call = new KernelCall(device, arrays)) {
      var placed =
          new AttentionArrays(
              call.read(arguments.query()),
              call.read(arguments.key()),
              call.read(arguments.value()),
              call.read(output),
              fromTheLeft(call.read(logSumExp)),
              call.read(outputGradient),
              call.write(queryGradient),
              call.write(keyGradient),
              call.write(valueGradient));
      Attention attention = prepare(call, arguments, placed, true);
      AttentionSizes sizes = attention.sizes();
      PackFormat format = format(arguments);
      KernelModule module = module(format, sizes.packedDim());
      var launches = AttentionLaunches.of(format, sizes.packedDim());
      call.launch(
          module.function("attention_backward_keys"),
          launches.backward(sizes.tokens(), sizes.kvHeads(), sizes.batch()),
          attention);
      call.launch(
          module.function("attention_backward_queries"),
          launches.backward(sizes.queryRows(), sizes.heads(), sizes.batch()),
          attention);
      call.finish();
    }
  }

  private static PackFormat format(AttentionArguments arguments) {
    return PackFormat.of(
        ElementType.of(arguments.query().dataType()), arguments.config().precision());
  }

  private KernelModule module(PackFormat format, int headDim) {
    if (format.tensorCores()) {
      return kernels.module(
          "attention_pairs.cu",
          "HEAD_DIM=" + headDim,
          "COMPENSATED=" + (format == PackFormat.PAIR ? 1 : 0));
    }
    return kernels.module(
        "attention_plain.cu",
        "HEAD_DIM=" + headDim,
        "REAL=" + (format == PackFormat.FLOAT64 ? "double" : "float"));
  }

  /** [B, H, T] has its strides in the first three places. */
  private static Array fromTheLeft(Array array) {
    ImmutableLongArray stride = array.stride();
    return new Array(
        array.data(),
        ImmutableLongArray.of(stride.get(1), stride.get(2), stride.get(3), 0),
        array.type(),
        0);
  }

  /** Launches what forward and backward begin with. */
  private Attention prepare(
      KernelCall call, AttentionArguments arguments, AttentionArrays placed, boolean backward) {
    AttentionConfig config = arguments.config();
    AttentionShapes shapes = arguments.shapes();
    PackFormat format = format(arguments);
    KernelModule prepare = kernels.module("attention_prepare.cu");
    AttentionSizes sizes = sizes(shapes);
    int tiles = up(sizes.tokens(), TILE) / TILE;
    long positions = call.integers(arguments.positions());
    var tables =
        new AttentionTables(
            call.integers(arguments.documents()),
            positions,
            config.rotary() == null
                ? 0
                : AngleTable.make(
                    call,
                    prepare.function("rotary_angles"),
                    config.rotary(),
                    sizes.headDim(),
                    arguments.positions(),
                    positions,
                    format.wide()),
            config.alibi()
                ? call.upload("ALiBi's slopes", format.wide(), Alibi.slopes(sizes.heads()))
                : 0,
            call.scratch("the table of tiles", 16L * sizes.batch() * tiles));
    var attention =
        new Attention(
            placed,
            tables,
            operands(call, sizes, format, backward),
            config.scaleFor(sizes.headDim()),
            sizes,
            rules(config, sizes.headDim(), format));
    call.launch(
        prepare.function("attention_tiles"), new Grid(tiles, sizes.batch(), 1, 32, 0), attention);
    int packed = sizes.heads() * (backward ? 2 : 1) + 2 * sizes.kvHeads();
    call.launch(
        prepare.function("attention_pack"),
        new Grid(Math.max(sizes.queryRows(), sizes.keyRows()) / 8, packed, sizes.batch(), 256, 0),
        attention);
    return attention;
  }

  private static AttentionSizes sizes(AttentionShapes shapes) {
    int start = (shapes.tokens() - shapes.queryTokens()) / TILE * TILE;
    return new AttentionSizes(
        shapes.batch(),
        shapes.heads(),
        shapes.kvHeads(),
        shapes.queryTokens(),
        shapes.tokens(),
        shapes.headDim(),
        up(shapes.headDim(), 16),
        up(shapes.tokens() - start, PACKED_ROWS),
        up(shapes.tokens(), PACKED_ROWS));
  }

  private static PackedOperands operands(
      KernelCall call, AttentionSizes sizes, PackFormat format, boolean backward) {
    long queries = (long) sizes.batch() * sizes.heads() * sizes.queryRows();
    long keys = (long) sizes.batch() * sizes.kvHeads() * sizes.keyRows();
    long row = (long) sizes.packedDim() * format.bytes();
    boolean pair = format == PackFormat.PAIR;
    long statistics = queries * format.wide().bytes;
    return new PackedOperands(
        call.scratch("packed queries", queries * row),
        pair ? call.scratch("packed queries", queries * row) : 0,
        call.scratch("packed keys", keys * row),
        pair ? call.scratch("packed keys", keys * row) : 0,
        call.scratch("packed values", keys * row),
        backward ? call.scratch("packed gradients", queries * row) : 0,
        backward ? call.scratch("statistics of rows", statistics) : 0,
        backward ? call.scratch("statistics of rows", statistics) : 0);
  }

  private static AttentionRules rules(AttentionConfig config, int headDim, PackFormat format) {
    boolean rotates = config.rotary() != null;
    return new AttentionRules(
        rotates ? config.rotary().rotatedDimensions(headDim) / 2 : 0,
        rotates ? code(config.rotary().pairing()) : 0,
        code(config.mask()),
        config.causal() ? 1 : 0,
        config.window(),
        format.code,
        0);
  }

  private static int code(AttentionMask mask) {
    return switch (mask) {
      case FULL -> 0;
      case INTRA_DOCUMENT -> 1;
      case ANCHOR -> 2;
    };
  }

  static int code(Pairing pairing) {
    return switch (pairing) {
      case HALF_SPLIT -> 0;
      case INTERLEAVED -> 1;
    };
  }

  private static int up(int x, int n) {
    return (x + n - 1) / n * n;
  }
}

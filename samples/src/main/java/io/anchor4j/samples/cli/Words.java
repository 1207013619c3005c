package io.anchor4j.samples.cli;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.attention.Precision;
import io.anchor4j.data.DataFormat;
import io.anchor4j.data.Packing;
import io.anchor4j.data.Positions;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Teaches picocli the words of cli.md, which each enum parses itself. */
final class Words {
  private Words() {}

  static CommandLine register(CommandLine commandLine) {
    return commandLine
        .registerConverter(AttentionMask.class, converter(AttentionMask::parse))
        .registerConverter(Precision.class, converter(Precision::parse))
        .registerConverter(Positions.class, converter(Positions::parse))
        .registerConverter(Packing.class, converter(Packing::parse))
        .registerConverter(DataFormat.class, converter(DataFormat::parse));
  }

  private static <E> ITypeConverter<E> converter(Function<String, E> parse) {
    return word -> {
      try {
        return parse.apply(word);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    };
  }
}

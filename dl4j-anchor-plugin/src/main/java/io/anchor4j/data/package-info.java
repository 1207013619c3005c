/**
 * From documents to minibatches of integers: JSON Lines files, packing, and a DL4J iterator.
 *
 * <p>Start at {@link io.anchor4j.data.PackedRow}, whose {@link io.anchor4j.data.PackedRow#positions
 * positions} and {@link io.anchor4j.data.PackedRow#targets targets} hold the rules for numbering
 * and counting; they are written nowhere else. {@link io.anchor4j.data.JsonlReader} reads files.
 *
 * <p>Letters for shapes: B rows of a batch, T tokens of a row. Everything is 32-bit integers.
 * Unless a method says otherwise, no argument and no result is null.
 */
package io.anchor4j.data;

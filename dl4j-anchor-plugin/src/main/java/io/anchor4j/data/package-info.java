/**
 * From documents to minibatches of integers: JSON Lines files, packing, and a DL4J iterator.
 *
 * <p>Start at {@link io.anchor4j.data.PackedRows}, which reads raw, tokenized or packed files as
 * packed rows.
 *
 * <ul>
 *   <li>A row: {@link io.anchor4j.data.PackedRow}, whose {@link
 *       io.anchor4j.data.PackedRow#positions positions} and {@link
 *       io.anchor4j.data.PackedRow#targets targets} hold the rules for numbering and counting; they
 *       are written nowhere else.
 *   <li>Reading: {@link io.anchor4j.data.JsonlReader}, {@link io.anchor4j.data.BadLines}, {@link
 *       io.anchor4j.data.ChatMessage}.
 *   <li>Packing: {@link io.anchor4j.data.Packer}, {@link io.anchor4j.data.PackingConfig}, {@link
 *       io.anchor4j.data.PackingReport}.
 *   <li>Writing: {@link io.anchor4j.data.PackedWriter}.
 *   <li>Training: {@link io.anchor4j.data.PackedDataset}, {@link io.anchor4j.data.PackedIterator}.
 *   <li>Documents for a data set of one's own: {@link io.anchor4j.data.DocumentBorders} with {@link
 *       io.anchor4j.data.DocumentMaskIterator} or {@link io.anchor4j.data.DocumentInputIterator}.
 * </ul>
 *
 * <p>Letters for shapes: B rows of a batch, T tokens of a row. Everything is 32-bit integers.
 * Unless a method says otherwise, no argument and no result is null.
 */
package io.anchor4j.data;

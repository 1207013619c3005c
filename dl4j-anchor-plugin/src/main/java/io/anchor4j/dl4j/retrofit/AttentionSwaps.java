package io.anchor4j.dl4j.retrofit;

import io.anchor4j.attention.AttentionMask;
import io.anchor4j.dl4j.layer.AnchorAttentionLayer;
import io.anchor4j.dl4j.retrofit.RetrofitReport.Attention;
import io.anchor4j.dl4j.retrofit.RetrofitReport.Outcome;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.AttentionVertex;
import org.deeplearning4j.nn.conf.graph.FrozenVertex;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LearnedSelfAttentionLayer;
import org.deeplearning4j.nn.conf.layers.RecurrentAttentionLayer;
import org.deeplearning4j.nn.conf.layers.SelfAttentionLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.conf.layers.util.MaskZeroLayer;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;

/** Swaps the attention layers of one configuration, one call a layer, and keeps account of it. */
final class AttentionSwaps {
  private final Predicate<String> only;
  private final AnchorTemplate template;
  private final List<Attention> found = new ArrayList<>();
  private final Set<String> swapped = new HashSet<>();
  private final List<String> notes = new ArrayList<>();

  AttentionSwaps(Predicate<String> only, AnchorTemplate template) {
    this.only = only;
    this.template = template;
  }

  /** What became of every attention layer so far. */
  List<Attention> found() {
    return found;
  }

  /** The names of the swapped ones. */
  Set<String> swapped() {
    return swapped;
  }

  /** Whether the new attention heeds documents. */
  boolean readsDocuments() {
    return !swapped.isEmpty() && template.attention().mask() != AttentionMask.FULL;
  }

  /** What else the user should know. */
  List<String> notes() {
    return notes;
  }

  /**
   * Returns what comes in a layer's place, itself unless it is attention that can be swapped.
   *
   * @param layer of a copied configuration: a wrapper gets its new inside
   */
  Layer layer(String name, Layer layer) {
    return layer(name, type(layer), false, layer);
  }

  @SuppressWarnings("ReferenceEquality") // what was not swapped is returned as it is
  private Layer layer(String name, String type, boolean frozen, Layer layer) {
    if (layer instanceof FrozenLayer outside) {
      Layer inside = layer(name, type, true, outside.getLayer());
      return inside == outside.getLayer() ? outside : frozen(outside, inside);
    }
    if (layer instanceof MaskZeroLayer outside && isAttention(inside(outside))) {
      refuse(name, type, "DL4J steps over the mask of a MaskZeroLayer in segments and time steps");
      return layer;
    }
    if (layer instanceof BaseWrapperLayer outside) {
      boolean frozenHere = frozen || outside instanceof FrozenLayerWithBackprop;
      outside.setUnderlying(layer(name, type, frozenHere, outside.getUnderlying()));
      return outside;
    }
    if (layer instanceof LearnedSelfAttentionLayer) {
      refuse(name, type, "its queries are weights, and its output has a token for each of them");
    } else if (layer instanceof RecurrentAttentionLayer) {
      refuse(name, type, "each token's query is computed from the output of the token before");
    } else if (layer instanceof SelfAttentionLayer stock) {
      if (stock.getClass() != SelfAttentionLayer.class) {
        refuse(name, type, "a subclass of SelfAttentionLayer may compute something else");
        return layer;
      }
      Optional<AnchorAttentionLayer> ours = swap(name, type, () -> template.of(stock));
      if (ours.isPresent() && stock.getIDropout() != null && !frozen) {
        notes.add("\"%s\": dropout was set and DL4J ignored it, now it applies".formatted(name));
      }
      return ours.isPresent() ? ours.get() : layer;
    } else if (layer instanceof AnchorAttentionLayer) {
      String reason = "an AnchorAttentionLayer already, change it with its setters";
      found.add(new Attention(name, type, Outcome.KEPT, reason));
    }
    return layer;
  }

  private static FrozenLayer frozen(FrozenLayer old, Layer inside) {
    var frozen = new FrozenLayer(inside);
    frozen.setIDropout(old.getIDropout());
    // These two setters reach through to the inside, which has its own.
    if (old.getLayerName() != null) {
      frozen.setLayerName(old.getLayerName());
    }
    if (old.getConstraints() != null) {
      frozen.setConstraints(old.getConstraints());
    }
    return frozen;
  }

  /**
   * Returns what comes in a vertex's place, itself unless it is attention that can be swapped.
   *
   * @param vertex of a copied configuration: a layer vertex gets its new layer
   * @param inputs the names of its inputs
   * @param defaults settings of the network that a layer vertex holds too
   */
  GraphVertex vertex(
      String name, GraphVertex vertex, List<String> inputs, NeuralNetConfiguration defaults) {
    if (vertex instanceof LayerVertex layerVertex) {
      NeuralNetConfiguration conf = layerVertex.getLayerConf();
      conf.setLayer(layer(name, conf.getLayer()));
      return vertex;
    }
    boolean frozen = vertex instanceof FrozenVertex;
    GraphVertex inside = frozen ? ((FrozenVertex) vertex).getUnderlying() : vertex;
    if (!(inside instanceof AttentionVertex stock)) {
      return vertex;
    }
    String type = frozen ? "FrozenVertex(" + type(stock) + ")" : type(stock);
    if (stock.getClass() != AttentionVertex.class) {
      refuse(name, type, "a subclass of AttentionVertex may compute something else");
      return vertex;
    }
    if (Set.copyOf(inputs).size() != 1) {
      refuse(
          name,
          type,
          "AnchorAttentionLayer has one input, here queries, keys and values are " + inputs);
      return vertex;
    }
    Optional<AnchorAttentionLayer> ours = swap(name, type, () -> template.of(name, stock));
    if (ours.isEmpty()) {
      return vertex;
    }
    if (!frozen) {
      noteWhatTheVertexLacked(name, stock);
    }
    NeuralNetConfiguration conf = defaults.clone();
    conf.clearVariables();
    conf.setLayer(frozen ? new FrozenLayer(ours.get()) : ours.get());
    conf.getLayer().setLayerName(name);
    return new LayerVertex(conf, null);
  }

  private void noteWhatTheVertexLacked(String name, AttentionVertex stock) {
    GradientNormalization normalization = stock.getGradientNormalization();
    if (normalization != null
        && normalization != GradientNormalization.None
        && normalization != GradientNormalization.RenormalizeL2PerParamType
        && normalization != GradientNormalization.ClipL2PerParamType) {
      notes.add(
          "\"%s\": %s was set and DL4J ignored it, now it applies".formatted(name, normalization));
    }
    if (stock.getUpdater() == null && stock.isProjectInput()) {
      notes.add(
          "\"%s\" has no updater, DL4J's clone() of a configuration loses it: swap the original"
              .formatted(name));
    }
  }

  private Optional<AnchorAttentionLayer> swap(
      String name, String type, Supplier<AnchorAttentionLayer> ours) {
    if (!only.test(name)) {
      found.add(new Attention(name, type, Outcome.KEPT, "not picked"));
      return Optional.empty();
    }
    try {
      AnchorAttentionLayer layer = ours.get();
      found.add(new Attention(name, type, Outcome.SWAPPED, ""));
      swapped.add(name);
      return Optional.of(layer);
    } catch (IllegalArgumentException e) {
      // The builder's own words: heads too wide, or of an odd size with rotary embedding.
      refuse(name, type, e.getMessage());
      return Optional.empty();
    }
  }

  private void refuse(String name, String type, String reason) {
    found.add(
        only.test(name)
            ? new Attention(name, type, Outcome.REFUSED, reason)
            : new Attention(name, type, Outcome.KEPT, "not picked"));
  }

  private static boolean isAttention(Layer layer) {
    return layer instanceof SelfAttentionLayer
        || layer instanceof LearnedSelfAttentionLayer
        || layer instanceof RecurrentAttentionLayer;
  }

  /** What is inside all wrappers, the layer itself if it is none. */
  static Layer inside(Layer layer) {
    Layer inside = underlying(layer);
    return inside == null ? layer : inside(inside);
  }

  private static Layer underlying(Layer layer) {
    if (layer instanceof FrozenLayer outside) {
      return outside.getLayer();
    }
    return layer instanceof BaseWrapperLayer outside ? outside.getUnderlying() : null;
  }

  private static String type(Layer layer) {
    Layer inside = underlying(layer);
    String type = layer.getClass().getSimpleName();
    return inside == null ? type : type + "(" + type(inside) + ")";
  }

  private static String type(GraphVertex vertex) {
    return vertex.getClass().getSimpleName();
  }
}

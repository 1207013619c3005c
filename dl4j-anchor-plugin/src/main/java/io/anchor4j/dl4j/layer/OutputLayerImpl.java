package io.anchor4j.dl4j.layer;

import java.util.List;
import org.deeplearning4j.nn.api.layers.IOutputLayer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** An output layer that is no classifier of examples, which DL4J's interface takes it to be. */
abstract class OutputLayerImpl<C extends TokenLayer> extends TokenLayerImpl<C>
    implements IOutputLayer {
  private static final long serialVersionUID = 1L;

  OutputLayerImpl(NeuralNetConfiguration conf, DataType dataType) {
    super(conf, dataType);
  }

  @Override
  @SuppressWarnings("deprecation") // The interface still asks for it.
  public int numLabels() {
    return Math.toIntExact(layerConf().getNOut());
  }

  @Override
  public double f1Score(DataSet data) {
    throw notAClassifier();
  }

  @Override
  public double f1Score(INDArray examples, INDArray labels) {
    throw notAClassifier();
  }

  @Override
  public int[] predict(INDArray examples) {
    throw notAClassifier();
  }

  @Override
  public List<String> predict(DataSet dataSet) {
    throw notAClassifier();
  }

  @Override
  public void fit(DataSetIterator iter) {
    throw notAClassifier();
  }

  @Override
  public void fit(INDArray examples, INDArray labels) {
    throw notAClassifier();
  }

  @Override
  public void fit(DataSet data) {
    throw notAClassifier();
  }

  @Override
  public void fit(INDArray examples, int[] labels) {
    throw notAClassifier();
  }

  private UnsupportedOperationException notAClassifier() {
    return new UnsupportedOperationException(
        layerId()
            + ": not a classifier of examples. Train the network it belongs to, and read losses with"
            + " tokenLosses(hidden, targets).");
  }
}

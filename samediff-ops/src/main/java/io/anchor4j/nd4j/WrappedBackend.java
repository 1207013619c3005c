package io.anchor4j.nd4j;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import org.nd4j.common.io.AbstractResource;
import org.nd4j.common.io.Resource;
import org.nd4j.linalg.factory.Environment;
import org.nd4j.linalg.factory.Nd4jBackend;

/**
 * A backend of ND4J's with our executioner: the same arrays, native library and properties.
 *
 * <p>The delegate is made by name when first needed, so that a class path without it only finds
 * this backend unavailable: a superclass or field type that is absent would end ND4J's start with
 * NoClassDefFoundError.
 */
abstract class WrappedBackend extends Nd4jBackend {
  private static final String EXECUTIONER_KEY = "opexec";

  private final String artifact;
  private final String delegateName;
  private final String executioner;
  private Nd4jBackend delegate;

  /**
   * Wraps a backend that need not be on the class path.
   *
   * @param artifact what a user puts on the class path to have the delegate
   * @param delegateName the delegate's class
   * @param executioner the class of the executioner to use in place of the delegate's
   */
  WrappedBackend(String artifact, String delegateName, String executioner) {
    this.artifact = artifact;
    this.delegateName = delegateName;
    this.executioner = executioner;
  }

  private Nd4jBackend delegate() {
    if (delegate == null) {
      try {
        delegate =
            Class.forName(delegateName)
                .asSubclass(Nd4jBackend.class)
                .getDeclaredConstructor()
                .newInstance();
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(artifact + " is not on the class path", e);
      }
    }
    return delegate;
  }

  /** Returns whether the delegate is on the class path. */
  final boolean isPresent() {
    try {
      Class.forName(delegateName, false, getClass().getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  @Override
  public boolean isAvailable() {
    return delegate().isAvailable();
  }

  @Override
  public boolean canRun() {
    return delegate().canRun();
  }

  @Override
  public boolean allowsOrder() {
    return delegate().allowsOrder();
  }

  @Override
  public Resource getConfigurationResource() {
    return new WithExecutioner(delegate().getConfigurationResource());
  }

  @Override
  @SuppressWarnings("rawtypes") // as declared by ND4J
  public Class getNDArrayClass() {
    return delegate().getNDArrayClass();
  }

  @Override
  public Environment getEnvironment() {
    return delegate().getEnvironment();
  }

  @Override
  public String buildInfo() {
    return delegate().buildInfo();
  }

  /** The last call of ND4J's start: the moment to register the ops. */
  @Override
  public void logBackendInit() {
    delegate().logBackendInit();
    OpRegistry.register();
  }

  /** The delegate's properties with the executioner exchanged. */
  private final class WithExecutioner extends AbstractResource {
    private final Resource original;

    WithExecutioner(Resource original) {
      this.original = original;
    }

    @Override
    public InputStream getInputStream() throws IOException {
      var properties = new Properties();
      try (InputStream stream = original.getInputStream()) {
        properties.load(stream);
      }
      properties.setProperty(EXECUTIONER_KEY, executioner);
      var bytes = new ByteArrayOutputStream();
      properties.store(bytes, null);
      return new ByteArrayInputStream(bytes.toByteArray());
    }

    @Override
    public String getDescription() {
      return original.getDescription() + " with " + executioner;
    }
  }
}

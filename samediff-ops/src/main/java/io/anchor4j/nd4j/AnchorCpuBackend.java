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
 * ND4J's CPU backend with our executioner: the same arrays, native library and properties.
 *
 * <p>The delegate is made by name when first needed, so that a class path without nd4j-native only
 * finds this backend unavailable: a superclass or field type that is absent would end ND4J's start
 * with NoClassDefFoundError.
 */
public final class AnchorCpuBackend extends Nd4jBackend {
  private static final String DELEGATE = "org.nd4j.linalg.cpu.nativecpu.CpuBackend";
  private static final String EXECUTIONER_KEY = "opexec";
  private static final String EXECUTIONER = "io.anchor4j.nd4j.AnchorCpuExecutioner";

  private Nd4jBackend delegate;

  private Nd4jBackend delegate() {
    if (delegate == null) {
      try {
        delegate =
            Class.forName(DELEGATE)
                .asSubclass(Nd4jBackend.class)
                .getDeclaredConstructor()
                .newInstance();
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("nd4j-native is not on the class path", e);
      }
    }
    return delegate;
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

  /** One above the CPU's, so that ND4J takes this one first, and far below a GPU's. */
  @Override
  public int getPriority() {
    return BACKEND_PRIORITY_CPU + 1;
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
  private static final class WithExecutioner extends AbstractResource {
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
      properties.setProperty(EXECUTIONER_KEY, EXECUTIONER);
      var bytes = new ByteArrayOutputStream();
      properties.store(bytes, null);
      return new ByteArrayInputStream(bytes.toByteArray());
    }

    @Override
    public String getDescription() {
      return original.getDescription() + " with " + EXECUTIONER;
    }
  }
}

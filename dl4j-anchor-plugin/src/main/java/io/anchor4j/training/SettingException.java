package io.anchor4j.training;

/**
 * A setting of a run that does not fit the model or the data it is for. The message begins with the
 * setting's key in the run file.
 */
public final class SettingException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  SettingException(String message) {
    super(message);
  }

  SettingException(String message, IllegalArgumentException cause) {
    super(message, cause);
  }
}

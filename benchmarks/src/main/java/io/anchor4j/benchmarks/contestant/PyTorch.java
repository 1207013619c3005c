package io.anchor4j.benchmarks.contestant;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.anchor4j.benchmarks.work.Work;
import java.nio.file.Path;
import java.util.List;

/** PyTorch and transformers in a Python process, see {@code peer.py}. */
public final class PyTorch implements AutoCloseable {
  /** What to do where it is missing. */
  private static final String INSTALL = "no PyTorch: pip install torch transformers";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final ChildProcess process; // null: not there
  private final JsonNode versions;

  private PyTorch(ChildProcess process, JsonNode versions) {
    this.process = process;
    this.versions = versions;
  }

  /** Starts it; where that fails, its contestants say so when they are asked for. */
  public static PyTorch start(String python, Path script, int threads, Path log) {
    ChildProcess process = null;
    try {
      process = new ChildProcess(List.of(python, script.toString()), log);
      ObjectNode request = JSON.createObjectNode().put("do", "versions").put("threads", threads);
      return new PyTorch(process, ask(process, request));
    } catch (NotAvailableException e) {
      if (process != null) {
        process.close();
      }
      return new PyTorch(null, JSON.createObjectNode());
    }
  }

  /** Returns versions and thread count, or what to install. */
  public String describe() {
    if (process == null) {
      return INSTALL;
    }
    return "PyTorch %s, transformers %s, %d threads"
        .formatted(
            versions.path("torch").asText(),
            versions.path("transformers").asText("missing"),
            versions.path("threads").asInt());
  }

  /**
   * Returns one of its ways to compute.
   *
   * @param name in the table
   * @param variant in the script
   */
  public Contestant contestant(String name, String variant) {
    return new Variant(name, variant);
  }

  private static JsonNode ask(ChildProcess process, ObjectNode request)
      throws NotAvailableException {
    JsonNode answer;
    try {
      answer = JSON.readTree(process.ask(JSON.writeValueAsString(request)));
    } catch (JsonProcessingException e) {
      throw new AssertionError("requests and answers of peer.py are JSON", e);
    }
    if (answer.has("error")) {
      throw new NotAvailableException(answer.get("error").asText().lines().findFirst().orElse(""));
    }
    return answer;
  }

  @Override
  public void close() {
    if (process != null) {
      process.close();
    }
  }

  private final class Variant implements Contestant {
    private final String name;
    private final String variant;

    Variant(String name, String variant) {
      this.name = name;
      this.variant = variant;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public Job prepare(Work work) throws NotAvailableException {
      if (process == null) {
        throw new NotAvailableException(INSTALL);
      }
      ObjectNode request = JSON.createObjectNode().put("do", "prepare").put("as", variant);
      request.set("work", JSON.valueToTree(work));
      return new RemoteJob(ask(process, request));
    }
  }

  private final class RemoteJob implements Job {
    private final JsonNode prepared;

    RemoteJob(JsonNode prepared) {
      this.prepared = prepared;
    }

    private ObjectNode request(String what) {
      return JSON.createObjectNode().put("do", what).put("job", prepared.get("job").asInt());
    }

    @Override
    public double firstCall() {
      return prepared.get("seconds").asDouble();
    }

    @Override
    public double[] measure(double seconds) throws NotAvailableException {
      JsonNode answer = ask(process, request("measure").put("seconds", seconds));
      return JSON.convertValue(answer.get("times"), double[].class);
    }

    @Override
    public float[][] samples() {
      return JSON.convertValue(prepared.get("samples"), float[][].class);
    }

    @Override
    public void close() {
      try {
        ask(process, request("close"));
      } catch (NotAvailableException e) {
        // It has ended, and its jobs with it; the next case will say so.
      }
    }
  }
}

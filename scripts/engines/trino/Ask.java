import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.trino.plugin.hive.HivePlugin;
import io.trino.testing.DistributedQueryRunner;
import io.trino.testing.MaterializedRow;
import io.trino.testing.TestingSession;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Asks Trino: the same job and result as the Python drivers' (see job.py), with a server in this process, the Hive
 * connector, and a metastore in the folder that is the argument.
 */
public final class Ask {
  private static DistributedQueryRunner trino;

  public static void main(String[] args) {
    PrintStream err = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.err), true, StandardCharsets.UTF_8);
    try {
      run(args);
      System.exit(0);
    } catch (Throwable e) { // the log has so much more that the reason would be lost in it
      for (Throwable cause = e; cause != null; cause = cause.getCause()) {
        err.println(cause);
      }
      System.exit(1);
    }
  }

  private static void run(String[] args) throws Exception {
    PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true, StandardCharsets.UTF_8);
    System.setOut(System.err);
    ObjectMapper json = new ObjectMapper();
    JsonNode job = json.readTree(System.in);
    Map<String, Object> answers = new LinkedHashMap<>();
    Map<String, Object> result = new LinkedHashMap<>();
    var session = TestingSession.testSessionBuilder().setTimeZoneKey(io.trino.spi.type.TimeZoneKey.getTimeZoneKey("Asia/Shanghai")).build();
    try (DistributedQueryRunner runner = DistributedQueryRunner.builder(session).setWorkerCount(0).build()) {
      trino = runner;
      runner.installPlugin(new HivePlugin());
      runner.createCatalog("hive", "hive", Map.of(
          "hive.metastore", "file",
          "hive.metastore.catalog.dir", "local://" + args[0],
          "fs.native-local.enabled", "true",
          "local.location", "/"));
      for (JsonNode statement : job.get("statements")) {
        runner.execute(session, statement.asText());
      }
      for (JsonNode query : job.get("queries")) {
        answers.put(query.get("name").asText(), answer(query, job));
      }
    }
    result.put("answers", answers);
    out.println(json.writeValueAsString(result));
  }

  private static Map<String, Object> answer(JsonNode query, JsonNode job) {
    try {
      List<List<String>> rows = rows(query.get("sql").asText());
      if (query.get("pruned").asBoolean()) {
        rows.add(List.of("files read", String.valueOf(filesRead(rows, query, job))));
      }
      return Map.of("rows", rows, "error", "");
    } catch (RuntimeException e) {
      return Map.of("rows", List.of(), "error", String.valueOf(e.getMessage()));
    }
  }

  /** Where the other files are no Parquet, the same answer proves that they were not read. */
  private static int filesRead(List<List<String>> want, JsonNode query, JsonNode job) {
    for (JsonNode statement : job.get("broken_statements")) {
      trino.execute(trino.getDefaultSession(), statement.asText());
    }
    List<List<String>> got = rows(query.get("broken_sql").asText());
    if (!got.equals(want)) {
      throw new IllegalStateException("another answer where the other days cannot be read: " + got);
    }
    var days = new HashSet<String>();
    got.forEach(row -> days.add(row.get(0)));
    return days.size();
  }

  private static List<List<String>> rows(String sql) {
    List<List<String>> rows = new ArrayList<>();
    for (MaterializedRow row : trino.execute(trino.getDefaultSession(), sql)) {
      List<String> texts = new ArrayList<>();
      row.getFields().forEach(value -> texts.add(value == null ? "NULL" : value.toString()));
      rows.add(texts);
    }
    return rows;
  }
}

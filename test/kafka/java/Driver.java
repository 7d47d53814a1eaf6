import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Does to a cluster what tests ask for, with Kafka's own clients: one JSON object per line comes in, one goes out with the
 * same id. Ends with its standard input. Argument: bootstrap servers.
 */
public final class Driver {
  private static final long PATIENCE_MS = 60_000;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String brokers;
  private final Admin admin;
  private final Map<String, KafkaProducer<byte[], byte[]>> producers = new ConcurrentHashMap<>();

  private Driver(String brokers) {
    this.brokers = brokers;
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("reconnect.backoff.max.ms", "200");
    properties.put("metadata.max.age.ms", "1000");
    admin = Admin.create(properties);
  }

  public static void main(String[] args) throws IOException {
    Driver driver = new Driver(args[0]);
    ExecutorService threads = Executors.newCachedThreadPool();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String command = line;
      threads.execute(() -> driver.answer(command));
    }
    Runtime.getRuntime().halt(0);
  }

  private void answer(String line) {
    ObjectNode answer = JSON.createObjectNode();
    try {
      JsonNode command = JSON.readTree(line);
      answer.set("id", command.get("id"));
      answer.set("result", run(command));
    } catch (Throwable failed) {
      Throwable cause = failed.getCause() == null ? failed : failed.getCause();
      answer.put("error", cause.toString());
    }
    synchronized (System.out) {
      System.out.println(answer);
    }
  }

  private JsonNode run(JsonNode command) throws Exception {
    switch (command.get("do").asText()) {
      case "createTopic":
        return createTopic(command);
      case "deleteTopic":
        admin.deleteTopics(List.of(command.get("topic").asText())).all().get();
        return null;
      case "write":
        return write(command);
      case "end":
        return end(command);
      case "settle":
        return settle(command.get("node").asInt());
      case "leader":
        return JSON.getNodeFactory().numberNode(leader(partition(command)));
      case "moveLeader":
        return JSON.getNodeFactory().numberNode(moveLeader(partition(command), command.path("to").asInt(-1)));
      case "truncate":
        long before = command.get("before").asLong();
        admin.deleteRecords(Map.of(partition(command), RecordsToDelete.beforeOffset(before))).all().get();
        return null;
      case "committed":
        return committed(command.get("group").asText());
      default:
        throw new IllegalArgumentException("unknown command " + command.get("do"));
    }
  }

  private static TopicPartition partition(JsonNode command) {
    return new TopicPartition(command.get("topic").asText(), command.get("partition").asInt());
  }

  private JsonNode createTopic(JsonNode command) throws Exception {
    String topic = command.get("topic").asText();
    int partitions = command.get("partitions").asInt();
    short replicas = (short) command.get("replicas").asInt();
    Map<String, String> config = new TreeMap<>();
    command.get("config").fields().forEachRemaining(entry -> config.put(entry.getKey(), entry.getValue().asText()));
    admin.createTopics(List.of(new NewTopic(topic, partitions, replicas).configs(config))).all().get();
    until("every replica of " + topic + " is in sync and its leaders serve it", () -> {
      List<TopicPartitionInfo> all = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions();
      if (all.size() < partitions || all.stream().anyMatch(p -> p.isr().size() < replicas)) return false;
      return served(all.stream().map(p -> new TopicPartition(topic, p.partition())).toList());
    });
    return null;
  }

  /**
   * Whether the leaders answer for these partitions: a leader that was just chosen does not know it yet. One that is gone is asked no
   * longer than it may take to choose another.
   */
  private boolean served(Collection<TopicPartition> partitions) throws Exception {
    Map<TopicPartition, OffsetSpec> ends = partitions.stream().collect(Collectors.toMap(each -> each, each -> OffsetSpec.latest()));
    admin.listOffsets(ends, new ListOffsetsOptions().timeoutMs(5_000)).all().get();
    return true;
  }

  /** Waits until every partition that a node has an in-sync replica of is served again. */
  private JsonNode settle(int node) throws Exception {
    until("all partitions of node " + node + " are served", () -> {
      List<TopicPartition> its = new ArrayList<>();
      for (TopicDescription topic : admin.describeTopics(admin.listTopics().names().get()).allTopicNames().get().values()) {
        for (TopicPartitionInfo info : topic.partitions()) {
          if (info.isr().stream().anyMatch(replica -> replica.id() == node)) {
            its.add(new TopicPartition(topic.name(), info.partition()));
          }
        }
      }
      return served(its);
    });
    return null;
  }

  private static boolean hasLeader(TopicPartitionInfo info) {
    return info.leader() != null && !info.leader().isEmpty();
  }

  private TopicPartitionInfo describe(TopicPartition partition) throws Exception {
    return admin.describeTopics(List.of(partition.topic())).allTopicNames().get().get(partition.topic())
      .partitions().get(partition.partition());
  }

  private int leader(TopicPartition partition) throws Exception {
    TopicPartitionInfo info = describe(partition);
    return hasLeader(info) ? info.leader().id() : -1;
  }

  /** Puts the wanted node first among the replicas, then asks for the preferred leader. */
  private int moveLeader(TopicPartition partition, int wanted) throws Exception {
    TopicPartitionInfo info = describe(partition);
    int from = hasLeader(info) ? info.leader().id() : -1;
    int to = wanted >= 0 ? wanted : info.isr().stream().map(Node::id).filter(id -> id != from).findFirst()
      .orElseThrow(() -> new IllegalStateException("no other in-sync replica of " + partition + " to lead it"));
    List<Integer> replicas = new ArrayList<>(List.of(to));
    info.replicas().stream().map(Node::id).filter(id -> id != to).forEach(replicas::add);
    while (replicas.size() > Math.max(1, info.replicas().size())) replicas.remove(replicas.size() - 1);
    NewPartitionReassignment order = new NewPartitionReassignment(replicas);
    admin.alterPartitionReassignments(Map.of(partition, Optional.of(order))).all().get();
    until(partition + " is led by " + to, () -> {
      if (leader(partition) == to) return served(List.of(partition));
      if (!admin.listPartitionReassignments(Set.of(partition)).reassignments().get().isEmpty()) return false;
      admin.electLeaders(ElectionType.PREFERRED, Set.of(partition)).partitions().get();
      return false;
    });
    return to;
  }

  private JsonNode committed(String group) throws Exception {
    Map<TopicPartition, OffsetAndMetadata> offsets =
      admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    ArrayNode all = JSON.createArrayNode();
    offsets.forEach((partition, offset) -> {
      if (offset == null) return;
      all.addObject().put("topic", partition.topic()).put("partition", partition.partition())
        .put("offset", offset.offset()).put("metadata", offset.metadata());
    });
    return all;
  }

  private JsonNode write(JsonNode command) throws Exception {
    String topic = command.get("topic").asText();
    String compression = command.path("compression").asText("none");
    String transaction = command.path("transaction").asText("");
    KafkaProducer<byte[], byte[]> producer =
      producers.computeIfAbsent(transaction + "/" + compression, name -> producer(compression, transaction));
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    int turn = 0;
    for (JsonNode message : command.get("messages")) {
      Integer partition = message.hasNonNull("partition") ? message.get("partition").asInt() : null;
      if (partition == null && !message.hasNonNull("key")) partition = turn++ % producer.partitionsFor(topic).size();
      sent.add(producer.send(record(topic, partition, message)));
    }
    producer.flush();
    ArrayNode partitions = JSON.createArrayNode();
    ArrayNode offsets = JSON.createArrayNode();
    for (Future<RecordMetadata> result : sent) {
      partitions.add(result.get().partition());
      offsets.add(result.get().offset());
    }
    ObjectNode result = JSON.createObjectNode();
    result.set("partitions", partitions);
    result.set("offsets", offsets);
    return result;
  }

  private JsonNode end(JsonNode command) {
    String name = command.get("transaction").asText() + "/" + command.path("compression").asText("none");
    KafkaProducer<byte[], byte[]> producer = producers.remove(name);
    if (producer == null) return null;
    if (command.get("commit").asBoolean()) producer.commitTransaction();
    else producer.abortTransaction();
    producer.close();
    return null;
  }

  private static ProducerRecord<byte[], byte[]> record(String topic, Integer partition, JsonNode message)
      throws IOException {
    Long timestamp = message.hasNonNull("timestamp") ? message.get("timestamp").asLong() : null;
    byte[] key = bytes(message.get("key"));
    byte[] value = bytes(message.get("value"));
    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, partition, timestamp, key, value);
    for (JsonNode header : message.path("headers")) {
      record.headers().add(new RecordHeader(header.get(0).asText(), bytes(header.get(1))));
    }
    return record;
  }

  private static byte[] bytes(JsonNode base64) throws IOException {
    return base64 == null || base64.isNull() ? null : base64.binaryValue();
  }

  /** Lingers so long that only a flush sends: what one write holds for a partition is one batch, while it fits. */
  private KafkaProducer<byte[], byte[]> producer(String compression, String transaction) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("compression.type", compression);
    properties.put("linger.ms", "60000");
    properties.put("batch.size", "1000000");
    properties.put("reconnect.backoff.max.ms", "200");
    properties.put("metadata.max.age.ms", "1000");
    if (!transaction.isEmpty()) properties.put("transactional.id", transaction);
    KafkaProducer<byte[], byte[]> producer =
      new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    if (!transaction.isEmpty()) {
      producer.initTransactions();
      producer.beginTransaction();
    }
    return producer;
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void until(String what, Condition condition) throws Exception {
    long end = System.currentTimeMillis() + PATIENCE_MS;
    Exception last = null;
    while (System.currentTimeMillis() < end) {
      try {
        if (condition.holds()) return;
      } catch (java.util.concurrent.ExecutionException failed) {
        last = failed;
      }
      Thread.sleep(20);
    }
    throw new IllegalStateException("waited in vain until " + what, last);
  }
}

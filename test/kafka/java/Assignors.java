import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/**
 * Answers each line of JSON with one, by Kafka's own assignors and wire formats of consumer groups. "do" says what is asked: "assign"
 * (what each member gets), "subscription" and "assignment" (what the bytes say, and how Kafka writes that), "userData" (what a member
 * of this strategy adds once it was assigned something).
 */
public class Assignors {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HexFormat HEX = HexFormat.of();

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(answer(JSON.readTree(line)));
      if (!in.ready()) {
        out.flush();
      }
    }
    out.flush();
  }

  private static JsonNode answer(JsonNode question) {
    return switch (question.get("do").asText()) {
      case "assign" -> assign(question);
      case "subscription" -> subscription(ByteBuffer.wrap(HEX.parseHex(question.get("bytes").asText())));
      case "assignment" -> assignment(ByteBuffer.wrap(HEX.parseHex(question.get("bytes").asText())));
      default -> userData(question);
    };
  }

  private static ConsumerPartitionAssignor assignor(JsonNode question) {
    return switch (question.get("strategy").asText()) {
      case "range" -> new RangeAssignor();
      case "roundrobin" -> new RoundRobinAssignor();
      case "sticky" -> new StickyAssignor();
      default -> new CooperativeStickyAssignor();
    };
  }

  private static JsonNode assign(JsonNode question) {
    Map<String, Subscription> members = new HashMap<>();
    for (JsonNode member : question.get("members")) {
      ByteBuffer metadata = ByteBuffer.wrap(HEX.parseHex(member.get("metadata").asText()));
      Subscription subscription = ConsumerProtocol.deserializeSubscription(metadata);
      subscription.setGroupInstanceId(Optional.ofNullable(member.get("instanceId").textValue()));
      members.put(member.get("id").asText(), subscription);
    }
    ArrayNode answer = JSON.createArrayNode();
    assignor(question).assign(cluster(question.get("topics")), new GroupSubscription(members)).groupAssignment()
        .forEach((id, assignment) -> answer.addArray().add(id).add(json(assignment.partitions())));
    return answer;
  }

  private static Cluster cluster(JsonNode topics) {
    Map<String, Node> nodes = new HashMap<>();
    List<PartitionInfo> partitions = new ArrayList<>();
    topics.fields().forEachRemaining(topic -> {
      int number = 0;
      for (JsonNode racks : topic.getValue()) {
        List<Node> replicas = new ArrayList<>();
        racks.forEach(rack -> replicas.add(
            nodes.computeIfAbsent(rack.asText(), name -> new Node(nodes.size() + 1, "host", 9092, name))));
        replicas.add(new Node(0, "host", 9092));
        Node[] all = replicas.toArray(new Node[0]);
        partitions.add(new PartitionInfo(topic.getKey(), number++, null, all, all));
      }
    });
    return new Cluster("cluster", nodes.values(), partitions, Set.of(), Set.of());
  }

  private static JsonNode subscription(ByteBuffer bytes) {
    Subscription read = ConsumerProtocol.deserializeSubscription(bytes);
    ObjectNode answer = JSON.createObjectNode();
    answer.set("topics", JSON.valueToTree(read.topics()));
    answer.set("owned", json(read.ownedPartitions()));
    answer.put("generation", read.generationId().orElse(-1));
    answer.put("rack", read.rackId().orElse(null));
    answer.put("userData", hex(read.userData()));
    answer.put("written", hex(ConsumerProtocol.serializeSubscription(read)));
    return answer;
  }

  private static JsonNode assignment(ByteBuffer bytes) {
    Assignment read = ConsumerProtocol.deserializeAssignment(bytes);
    ObjectNode answer = JSON.createObjectNode();
    answer.set("partitions", json(read.partitions()));
    answer.put("userData", hex(read.userData()));
    answer.put("written", hex(ConsumerProtocol.serializeAssignment(read)));
    return answer;
  }

  private static JsonNode userData(JsonNode question) {
    List<TopicPartition> owned = new ArrayList<>();
    question.get("owned").forEach(each -> owned.add(new TopicPartition(each.get(0).asText(), each.get(1).asInt())));
    ConsumerPartitionAssignor assignor = assignor(question);
    ConsumerGroupMetadata group = new ConsumerGroupMetadata("group", question.get("generation").asInt(), "", Optional.empty());
    assignor.onAssignment(new Assignment(owned), group);
    return JSON.createObjectNode().put("userData", hex(assignor.subscriptionUserData(Set.of())));
  }

  private static JsonNode json(List<TopicPartition> partitions) {
    return JSON.valueToTree(partitions.stream().map(each -> List.of(each.topic(), each.partition())).toList());
  }

  private static String hex(ByteBuffer buffer) {
    if (buffer == null) {
      return null;
    }
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return HEX.formatHex(bytes);
  }
}

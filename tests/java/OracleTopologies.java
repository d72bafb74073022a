import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.CogroupedKStream;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The topologies that are compared, by name: in Kafka Streams' DSL here, and in ours in
 * {@code crates/streams/examples/oracle.rs}.
 *
 * <p>All read and write text. They read some of the topics {@code in}, {@code other}, {@code table}, {@code table2} and
 * {@code global}, and write {@code out}. What they compute shows in which order values were put together, and does not
 * grow.
 */
final class OracleTopologies {
    private static final Serde<String> TEXT = Serdes.String();
    private static final Consumed<String, String> READ = Consumed.with(TEXT, TEXT);
    private static final Map<String, Consumer<StreamsBuilder>> ALL = new LinkedHashMap<>();

    static {
        stateless();
        extracted();
        grouped();
        tumbling();
        hoppingAndSliding();
        sessions();
        emittedOnClose();
        tables();
        groupedTables();
        suppressed();
        streamTableJoins();
        streamStreamJoins();
        tableTableJoins();
        foreignKeyJoins();
        OracleProcessors.addTo(ALL);
    }

    private static final Duration LONG = Duration.ofDays(1);
    /** A grace of cogroups that no record exceeds: each of their streams has a stream time of its own. */
    private static final Duration NEVER_LATE = Duration.ofMillis(100);

    private OracleTopologies() {}

    static Consumer<StreamsBuilder> named(String name) {
        Consumer<StreamsBuilder> topology = ALL.get(name);
        if (topology == null) {
            throw new IllegalArgumentException("no topology is called " + name);
        }
        return topology;
    }

    /**
     * Whether its stores must be Kafka Streams' usual ones, on disk. Those in memory forget sessions before they are
     * emitted on close, and records of joins that are just within the window and grace.
     */
    static boolean needsDisk(String name) {
        return name.endsWith("-on-close") || name.startsWith("stream-stream-");
    }

    private static void stateless() {
        ALL.put("filter", b -> write(in(b).filter((key, value) -> isLong(value))));
        ALL.put("filter-not", b -> write(in(b).filterNot((key, value) -> isLong(value))));
        ALL.put("map", b -> write(in(b).map((key, value) -> KeyValue.pair(
                first(value), value == null ? null : text(key) + "/" + value))));
        ALL.put("map-values", b -> write(in(b).mapValues(OracleTopologies::swap)));
        ALL.put("flat-map-values", b -> write(in(b).flatMapValues(OracleTopologies::halves)));
        ALL.put("flat-map", b -> write(in(b).flatMap((key, value) -> letters(value, text(key)))));
        ALL.put("select-key", b -> write(in(b).selectKey((key, value) -> first(value))));
        ALL.put("repartition", b -> write(in(b).selectKey((key, value) -> first(value))
                .repartition(Repartitioned.with(TEXT, TEXT).withName("by-letter"))));
        ALL.put("fan-out", b -> {
            KStream<String, String> in = in(b);
            write(in.mapValues(value -> text(value) + "/1"));
            write(in.filter((key, value) -> isLong(value)).mapValues(value -> value + "/2"));
            write(in);
        });
        ALL.put("split", b -> in(b).split()
                .branch((key, value) -> isLong(value), marked("long"))
                .branch((key, value) -> value != null, marked("short"))
                .defaultBranch(marked("rest")));
        ALL.put("split-without-default", b -> in(b).split()
                .branch((key, value) -> isLong(value), marked("long"))
                .branch((key, value) -> key == null, marked("keyless"))
                .noDefaultBranch());
        ALL.put("merge", b -> write(in(b).mapValues(value -> text(value) + "/1").merge(other(b))));
    }

    private static void extracted() {
        Consumed<String, String> read = Consumed.with(TEXT, TEXT)
                .withTimestampExtractor(OracleTopologies::extract);
        ALL.put("extracted", b -> write(b.stream("in", read)));
        ALL.put("extracted-tumbling-count", b -> writeWindows(b.stream("in", read).groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(10), ms(5))).count()));
        ALL.put("extracted-table", b -> writeTable(b.table("table", read)));
    }

    /** The partition's time for a null value, none for some, an earlier one for others. */
    private static long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
        String value = (String) record.value();
        if (value == null) {
            return partitionTime;
        }
        return switch (value.charAt(0)) {
            case 'b' -> record.timestamp() - 5;
            case 'd' -> -1;
            default -> record.timestamp();
        };
    }

    private static void grouped() {
        ALL.put("count", b -> writeTable(in(b).groupByKey().count()));
        ALL.put("count-rekeyed", b -> writeTable(byLetter(in(b)).count()));
        ALL.put("reduce", b -> writeTable(in(b).groupByKey().reduce(OracleTopologies::join)));
        ALL.put("reduce-rekeyed", b -> writeTable(byLetter(in(b)).reduce(OracleTopologies::join)));
        ALL.put("aggregate", b -> writeTable(in(b).groupByKey().aggregate(
                () -> "", OracleTopologies::fold, Materialized.with(TEXT, TEXT))));
        ALL.put("two-aggregates", b -> {
            KGroupedStream<String, String> grouped = in(b).groupByKey();
            writeTable(grouped.count());
            writeTable(grouped.reduce(OracleTopologies::join));
        });
        ALL.put("cogroup", b -> writeTable(cogrouped(b).aggregate(() -> "", Materialized.with(TEXT, TEXT))));
    }

    private static CogroupedKStream<String, String> cogrouped(StreamsBuilder b) {
        return in(b).groupByKey()
                .<String>cogroup(OracleTopologies::fold)
                .cogroup(other(b).groupByKey(), (key, value, so) -> tail(so + "(" + value + ")"));
    }

    private static void tumbling() {
        ALL.put("tumbling-count", b -> writeWindows(in(b).groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(10), ms(5))).count()));
        ALL.put("tumbling-reduce", b -> writeWindows(in(b).groupByKey()
                .windowedBy(TimeWindows.ofSizeWithNoGrace(ms(10))).reduce(OracleTopologies::join)));
        ALL.put("tumbling-aggregate", b -> writeWindows(in(b).groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(7), ms(20)))
                .aggregate(() -> "", OracleTopologies::fold, Materialized.with(TEXT, TEXT))));
        ALL.put("tumbling-count-rekeyed", b -> writeWindows(byLetter(in(b))
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(10), ms(5))).count()));
        ALL.put("tumbling-cogroup", b -> writeWindows(cogrouped(b)
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(10), NEVER_LATE))
                .aggregate(() -> "", Materialized.with(TEXT, TEXT))));
    }

    private static void hoppingAndSliding() {
        TimeWindows hops = TimeWindows.ofSizeAndGrace(ms(20), ms(5)).advanceBy(ms(6));
        ALL.put("hopping-count", b -> writeWindows(in(b).groupByKey().windowedBy(hops).count()));
        ALL.put("hopping-aggregate", b -> writeWindows(in(b).groupByKey().windowedBy(hops)
                .aggregate(() -> "", OracleTopologies::fold, Materialized.with(TEXT, TEXT))));
        SlidingWindows slides = SlidingWindows.ofTimeDifferenceAndGrace(ms(10), ms(15));
        ALL.put("sliding-count", b -> writeWindows(in(b).groupByKey().windowedBy(slides).count()));
        ALL.put("sliding-reduce", b -> writeWindows(in(b).groupByKey()
                .windowedBy(SlidingWindows.ofTimeDifferenceWithNoGrace(ms(10))).reduce(OracleTopologies::join)));
        ALL.put("sliding-aggregate", b -> writeWindows(in(b).groupByKey().windowedBy(slides)
                .aggregate(() -> "", OracleTopologies::fold, Materialized.with(TEXT, TEXT))));
        ALL.put("hopping-cogroup", b -> writeWindows(cogrouped(b)
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(20), NEVER_LATE).advanceBy(ms(6)))
                .aggregate(() -> "", Materialized.with(TEXT, TEXT))));
        ALL.put("sliding-cogroup", b -> writeWindows(cogrouped(b)
                .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(ms(10), NEVER_LATE))
                .aggregate(() -> "", Materialized.with(TEXT, TEXT))));
    }

    private static void sessions() {
        SessionWindows sessions = SessionWindows.ofInactivityGapAndGrace(ms(10), ms(15));
        ALL.put("session-count", b -> writeWindows(in(b).groupByKey().windowedBy(sessions).count()));
        ALL.put("session-reduce", b -> writeWindows(in(b).groupByKey()
                .windowedBy(SessionWindows.ofInactivityGapWithNoGrace(ms(10))).reduce(OracleTopologies::join)));
        ALL.put("session-aggregate", b -> writeWindows(in(b).groupByKey().windowedBy(sessions)
                .aggregate(() -> "", OracleTopologies::fold, OracleTopologies::merge,
                        Materialized.with(TEXT, TEXT))));
        ALL.put("session-cogroup", b -> writeWindows(cogrouped(b)
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(ms(10), NEVER_LATE))
                .aggregate(() -> "", OracleTopologies::merge, Materialized.with(TEXT, TEXT))));
    }

    private static void emittedOnClose() {
        ALL.put("tumbling-on-close", b -> writeWindows(in(b).groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(10), ms(5)))
                .emitStrategy(EmitStrategy.onWindowClose()).count(keptWindows(Serdes.Long()))));
        ALL.put("hopping-on-close", b -> writeWindows(in(b).groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(20), ms(5)).advanceBy(ms(6)))
                .emitStrategy(EmitStrategy.onWindowClose()).reduce(OracleTopologies::join, keptWindows(TEXT))));
        ALL.put("sliding-on-close", b -> writeWindows(in(b).groupByKey()
                .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(ms(10), ms(100)))
                .emitStrategy(EmitStrategy.onWindowClose()).count(keptWindows(Serdes.Long()))));
        ALL.put("session-on-close", b -> writeWindows(in(b).groupByKey()
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(ms(10), ms(100)))
                .emitStrategy(EmitStrategy.onWindowClose()).reduce(OracleTopologies::join,
                        Materialized.<String, String, SessionStore<Bytes, byte[]>>with(TEXT, TEXT)
                                .withRetention(LONG))));
    }

    /**
     * Kept for so long that no jump of time makes Kafka Streams forget windows before it has told of them. (Sliding
     * windows and sessions have a grace that no record exceeds, so that none finds what is over and still kept.)
     */
    private static <V> Materialized<String, V, WindowStore<Bytes, byte[]>> keptWindows(Serde<V> values) {
        return Materialized.<String, V, WindowStore<Bytes, byte[]>>with(TEXT, values).withRetention(LONG);
    }

    private static void tables() {
        ALL.put("table-to-stream", b -> writeTable(b.table("table", READ)));
        ALL.put("count-of-changes", b -> writeTable(b.table("table", READ).toStream().groupByKey().count()));
        ALL.put("to-table", b -> writeTable(in(b).toTable()));
        ALL.put("to-table-rekeyed", b -> writeTable(in(b)
                .selectKey((key, value) -> first(value)).toTable(Materialized.with(TEXT, TEXT))));
        ALL.put("table-filter", b -> writeTable(knowingOld(b.table("table", READ)
                .filter((key, value) -> isLong(value)))));
        ALL.put("table-filter-not", b -> writeTable(knowingOld(b.table("table", READ)
                .filterNot((key, value) -> isLong(value)))));
        ALL.put("table-map-values", b -> writeTable(b.table("table", READ)
                .mapValues(value -> value + "!")));
        ALL.put("table-filter-map-filter", b -> writeTable(knowingOld(b.table("table", READ)
                .filter((key, value) -> isLong(value))
                .mapValues(value -> value.substring(1))
                .filter((key, value) -> !value.startsWith("a")))));
        ALL.put("count-filter", b -> writeTable(in(b).groupByKey().count().filter((key, count) -> count % 3 != 0)));
    }

    private static void groupedTables() {
        ALL.put("table-group-by-count", b -> writeTable(byLetter(b.table("table", READ)).count()));
        ALL.put("table-group-by-reduce", b -> writeTable(byLetter(b.table("table", READ))
                .reduce((so, value) -> tail(so + "+" + value), (so, value) -> tail(so + "-" + value))));
        ALL.put("table-group-by-aggregate", b -> writeTable(byLetter(b.table("table", READ)).aggregate(
                () -> "",
                (key, value, so) -> tail(so + "+" + value),
                (key, value, so) -> tail(so + "-" + value),
                Materialized.with(TEXT, TEXT))));
        ALL.put("table-filter-group-by", b -> writeTable(byLetter(b.table("table", READ)
                .filter((key, value) -> isLong(value))).count()));
        ALL.put("count-group-by", b -> writeTable(in(b).groupByKey().count()
                .groupBy((key, count) -> KeyValue.pair("sum", count), Grouped.with(TEXT, Serdes.Long()))
                .reduce(Long::sum, (so, count) -> so - count)));
    }

    private static void suppressed() {
        ALL.put("suppress-tumbling", b -> writeWindows(in(b).groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(10), ms(5))).count()
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))));
        ALL.put("suppress-hopping", b -> writeWindows(in(b).groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(ms(20), ms(5)).advanceBy(ms(6)))
                .reduce(OracleTopologies::join)
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))));
        ALL.put("suppress-session", b -> writeWindows(in(b).groupByKey()
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(ms(10), ms(15))).count()
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))));
        ALL.put("suppress-time-limit", b -> writeTable(in(b).groupByKey().count()
                .suppress(Suppressed.untilTimeLimit(ms(10), BufferConfig.unbounded()))));
        ALL.put("suppress-table", b -> writeTable(b.table("table", READ, Materialized.as("kept"))
                .suppress(Suppressed.untilTimeLimit(ms(10), BufferConfig.unbounded()))));
        ALL.put("suppress-early", b -> writeTable(in(b).groupByKey().reduce(OracleTopologies::join)
                .suppress(Suppressed.untilTimeLimit(ms(50), BufferConfig.maxRecords(2).emitEarlyWhenFull()))));
    }

    private static void streamTableJoins() {
        ALL.put("stream-table-join", b -> {
            KTable<String, String> table = b.table("table", READ);
            write(in(b).join(table, OracleTopologies::pair));
        });
        ALL.put("stream-table-left-join", b -> {
            KTable<String, String> table = b.table("table", READ);
            write(in(b).leftJoin(table, OracleTopologies::pair));
        });
        ALL.put("rekeyed-table-join", b -> {
            KTable<String, String> table = b.table("table", READ);
            write(in(b).selectKey((key, value) -> first(value)).join(
                    table, OracleTopologies::pair, Joined.with(TEXT, TEXT, TEXT)));
        });
        ALL.put("rekeyed-table-left-join", b -> {
            KTable<String, String> table = b.table("table", READ);
            write(in(b).selectKey((key, value) -> isLong(value) ? first(value) : null).leftJoin(
                    table, OracleTopologies::pair, Joined.with(TEXT, TEXT, TEXT)));
        });
        ALL.put("repartition-left-join", b -> {
            KTable<String, String> table = b.table("table", READ);
            write(in(b).selectKey((key, value) -> isLong(value) ? first(value) : null)
                    .repartition(Repartitioned.with(TEXT, TEXT).withName("by-letter"))
                    .leftJoin(table, OracleTopologies::pair));
        });
        ALL.put("stream-global-join", b -> {
            GlobalKTable<String, String> table = b.globalTable("global", READ);
            write(in(b).join(table, (key, value) -> reference(value), OracleTopologies::pair));
        });
        ALL.put("stream-global-left-join", b -> {
            GlobalKTable<String, String> table = b.globalTable("global", READ);
            write(in(b).leftJoin(table, (key, value) -> reference(value), OracleTopologies::pair));
        });
        ALL.put("join-with-own-count", b -> {
            KStream<String, String> in = in(b);
            KTable<String, Long> counts = in.groupByKey().count();
            write(in.join(counts, OracleTopologies::pair));
            writeTable(counts);
        });
        ALL.put("join-with-own-windows", b -> {
            KStream<String, String> in = in(b);
            KTable<String, Long> counts = in.groupByKey().count();
            writeWindows(in.join(counts, OracleTopologies::pair).groupByKey()
                    .windowedBy(TimeWindows.ofSizeAndGrace(ms(10), ms(5))).count());
        });
        ALL.put("versioned-table-join-grace", b -> {
            KTable<String, String> table = b.table("table", READ, Materialized.as(
                    Stores.persistentVersionedKeyValueStore("versions", ms(100))));
            write(in(b).join(table, OracleTopologies::pair,
                    Joined.with(TEXT, TEXT, TEXT, "kept", ms(10))));
        });
    }

    private static void streamStreamJoins() {
        JoinWindows windows = JoinWindows.ofTimeDifferenceAndGrace(ms(10), ms(5));
        StreamJoined<String, String, String> joined = StreamJoined.with(TEXT, TEXT, TEXT);
        ALL.put("stream-stream-join", b -> write(in(b).join(
                other(b), OracleTopologies::pair, windows, joined)));
        ALL.put("stream-stream-left-join", b -> write(in(b).leftJoin(
                other(b), OracleTopologies::pair, windows, joined)));
        ALL.put("stream-stream-outer-join", b -> write(in(b).outerJoin(
                other(b), OracleTopologies::pair, windows, joined)));
        JoinWindows lopsided = JoinWindows.ofTimeDifferenceWithNoGrace(ms(10)).before(ms(2));
        ALL.put("stream-stream-join-lopsided", b -> write(in(b).join(
                other(b), OracleTopologies::pair, lopsided, joined)));
        ALL.put("stream-stream-left-join-lopsided", b -> write(in(b).leftJoin(
                other(b), OracleTopologies::pair, lopsided, joined)));
        ALL.put("stream-stream-outer-join-lopsided", b -> write(in(b).outerJoin(
                other(b), OracleTopologies::pair, lopsided, joined)));
        ALL.put("stream-stream-join-rekeyed", b -> write(in(b).selectKey((key, value) -> first(value)).join(
                other(b).selectKey((key, value) -> first(value)), OracleTopologies::pair, windows, joined)));
    }

    private static void tableTableJoins() {
        ALL.put("table-table-join", b -> writeTable(b.table("table", READ)
                .join(b.table("table2", READ), OracleTopologies::pair)));
        ALL.put("table-table-left-join", b -> writeTable(b.table("table", READ)
                .leftJoin(b.table("table2", READ), OracleTopologies::pair)));
        ALL.put("table-table-outer-join", b -> writeTable(b.table("table", READ)
                .outerJoin(b.table("table2", READ), OracleTopologies::pair)));
        ALL.put("filtered-table-table-join", b -> writeTable(b.table("table", READ)
                .filter((key, value) -> isLong(value))
                .leftJoin(b.table("table2", READ).mapValues(value -> value + "!"), OracleTopologies::pair)
                .filter((key, value) -> !value.startsWith("a"))));
        ALL.put("table-table-join-group-by", b -> writeTable(byLetter(b.table("table", READ)
                .outerJoin(b.table("table2", READ), OracleTopologies::pair)).count()));
    }

    private static void foreignKeyJoins() {
        ALL.put("foreign-key-join", b -> writeTable(b.table("table", READ)
                .join(b.table("table2", READ), OracleTopologies::reference, OracleTopologies::pair,
                        Materialized.with(TEXT, TEXT))));
        ALL.put("foreign-key-left-join", b -> writeTable(b.table("table", READ)
                .leftJoin(b.table("table2", READ), OracleTopologies::reference, OracleTopologies::pair,
                        Materialized.with(TEXT, TEXT))));
    }

    private static KStream<String, String> in(StreamsBuilder builder) {
        return builder.stream("in", READ);
    }

    private static KStream<String, String> other(StreamsBuilder builder) {
        return builder.stream("other", READ);
    }

    private static KGroupedStream<String, String> byLetter(KStream<String, String> stream) {
        return stream.groupBy((key, value) -> first(value), Grouped.with("by-letter", TEXT, TEXT));
    }

    private static KGroupedTable<String, String> byLetter(KTable<String, String> table) {
        return table.groupBy((key, value) -> KeyValue.pair(first(value), key + value), Grouped.with(TEXT, TEXT));
    }

    /** The table, whose filters know the values before: somebody behind it wants them. Ours always do. */
    private static KTable<String, String> knowingOld(KTable<String, String> table) {
        byLetter(table).count();
        return table;
    }

    private static Branched<String, String> marked(String mark) {
        return Branched.withConsumer(stream -> write(stream.mapValues(value -> mark + "/" + text(value))));
    }

    private static void write(KStream<String, ?> stream) {
        stream.mapValues(value -> value == null ? null : value.toString()).to("out", Produced.with(TEXT, TEXT));
    }

    private static void writeTable(KTable<String, ?> table) {
        write(table.toStream());
    }

    /** Keys within windows as {@code KEY@START/END}. */
    private static <V> void writeWindows(KTable<Windowed<String>, V> table) {
        write(table.toStream((key, value) -> key.key() + "@" + key.window().start() + "/" + key.window().end()));
    }

    private static Duration ms(long milliseconds) {
        return Duration.ofMillis(milliseconds);
    }

    private static boolean isLong(String value) {
        return value != null && value.length() > 1;
    }

    private static String first(String value) {
        return value == null ? null : value.substring(0, 1);
    }

    /** The key that a value refers to; short ones refer to none. */
    private static String reference(String value) {
        return isLong(value) ? value.substring(1, 2) : null;
    }

    private static String text(Object value) {
        return value == null ? "null" : value.toString();
    }

    private static String swap(String value) {
        if (value == null) {
            return "none";
        }
        return isLong(value) ? value + "!" : null;
    }

    /** None of a null, one of a letter, three of anything longer, a null among them. */
    private static List<String> halves(String value) {
        if (value == null) {
            return List.of();
        }
        return isLong(value) ? Arrays.asList(first(value), null, value.substring(1)) : List.of(value);
    }

    private static List<KeyValue<String, String>> letters(String value, String key) {
        List<KeyValue<String, String>> letters = new ArrayList<>();
        for (String letter : value == null ? new String[0] : value.split("")) {
            letters.add(KeyValue.pair(letter.equals("d") ? null : letter, key));
        }
        return letters;
    }

    private static String pair(String left, Object right) {
        return text(left) + "+" + text(right);
    }

    private static String join(String so, String value) {
        return tail(so + value);
    }

    private static String fold(String key, String value, String so) {
        return tail(so + key + value);
    }

    private static String merge(String key, String left, String right) {
        return tail(left + "|" + right);
    }

    private static String tail(String text) {
        return text.length() > 12 ? text.substring(text.length() - 12) : text;
    }
}

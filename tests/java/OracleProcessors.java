import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.WindowStoreIterator;

/** The topologies of {@link OracleTopologies} that are made of processors; ours are in {@code oracle/processors.rs}. */
final class OracleProcessors {
    private static final Serde<String> TEXT = Serdes.String();
    private static final Consumed<String, String> READ = Consumed.with(TEXT, TEXT);

    private OracleProcessors() {}

    static void addTo(Map<String, Consumer<StreamsBuilder>> all) {
        all.put("process-store-timer", b -> {
            b.addStateStore(keyValues("texts"));
            write(b.stream("in", READ).process(Texts::new, "texts"));
        });
        all.put("processors-share-store", b -> {
            b.addStateStore(keyValues("newest"));
            b.stream("in", READ).process(Keeper::new, "newest");
            write(b.stream("other", READ).process(Asker::new, "newest"));
        });
        all.put("process-window-store", b -> {
            b.addStateStore(Stores.windowStoreBuilder(
                    Stores.inMemoryWindowStore("values", ms(50), ms(1), false), TEXT, TEXT));
            write(b.stream("in", READ).process(Recent::new, "values"));
        });
        all.put("process-values", b -> {
            b.addStateStore(keyValues("before"));
            b.stream("in", READ).processValues(Before::new, "before")
                    .groupByKey(Grouped.with(TEXT, TEXT)).count().toStream()
                    .mapValues(count -> Long.toString(count)).to("out", Produced.with(TEXT, TEXT));
        });
    }

    /** Strings the values of a key together; tells all of them every ten milliseconds, and forgets the long ones. */
    private static final class Texts extends ContextualProcessor<String, String, String, String> {
        private KeyValueStore<String, String> texts;

        @Override
        public void init(ProcessorContext<String, String> context) {
            super.init(context);
            texts = context.getStateStore("texts");
            context.schedule(ms(10), PunctuationType.STREAM_TIME, this::tell);
        }

        @Override
        public void process(Record<String, String> record) {
            if (record.key() == null) {
                context().forward(record.withValue("keyless"));
                return;
            }
            String before = texts.get(record.key());
            String text = tail((before == null ? "" : before) + record.value());
            texts.put(record.key(), text);
            context().forward(record.withKey(text.substring(0, 1)).withValue(text));
        }

        private void tell(long time) {
            List<KeyValue<String, String>> all = new ArrayList<>();
            try (KeyValueIterator<String, String> entries = texts.range("b", "d")) {
                entries.forEachRemaining(all::add);
            }
            for (KeyValue<String, String> entry : all) {
                context().forward(new Record<>(entry.key, "timer/" + entry.value, time));
                if (entry.value.length() > 8) {
                    texts.delete(entry.key);
                }
            }
        }
    }

    /** Keeps the newest value of each key. */
    private static final class Keeper extends ContextualProcessor<String, String, Void, Void> {
        @Override
        public void process(Record<String, String> record) {
            if (record.key() != null) {
                KeyValueStore<String, String> newest = context().getStateStore("newest");
                newest.put(record.key(), record.value());
            }
        }
    }

    /** Looks up what the other keeps; its timer starts anew, in steps of another length, now and then. */
    private static final class Asker extends ContextualProcessor<String, String, String, String> {
        private KeyValueStore<String, String> newest;
        private Cancellable timer;
        private int turns;

        @Override
        public void init(ProcessorContext<String, String> context) {
            super.init(context);
            newest = context.getStateStore("newest");
            timer = context.schedule(ms(7), PunctuationType.STREAM_TIME, this::tell);
        }

        @Override
        public void process(Record<String, String> record) {
            String found = record.key() == null ? null : newest.get(record.key());
            context().forward(record.withValue(record.value() + "+" + found));
        }

        private void tell(long time) {
            int count = 0;
            try (KeyValueIterator<String, String> entries = newest.all()) {
                while (entries.hasNext()) {
                    entries.next();
                    count++;
                }
            }
            context().forward(new Record<>("timer", count + "/" + turns, time));
            turns++;
            if (turns % 5 == 0) {
                timer.cancel();
                long start = turns % 2 == 0 ? time - 30 : time + 30;
                timer = context().schedule(
                        Instant.ofEpochMilli(Math.max(0, start)), ms(10 + turns % 7), PunctuationType.STREAM_TIME,
                        this::tell);
            }
        }
    }

    /** What was said under the key a short time before and after; now and then, of all keys. */
    private static final class Recent extends ContextualProcessor<String, String, String, String> {
        private WindowStore<String, String> values;

        @Override
        public void init(ProcessorContext<String, String> context) {
            super.init(context);
            values = context.getStateStore("values");
            context.schedule(ms(30), PunctuationType.STREAM_TIME, this::tell);
        }

        @Override
        public void process(Record<String, String> record) {
            if (record.key() == null) {
                return;
            }
            long time = record.timestamp();
            values.put(record.key(), record.value(), time);
            StringBuilder found = new StringBuilder();
            try (WindowStoreIterator<String> entries = values.fetch(
                    record.key(), Instant.ofEpochMilli(Math.max(0, time - 40)), Instant.ofEpochMilli(time + 5))) {
                entries.forEachRemaining(entry -> found.append(entry.key).append(entry.value));
            }
            context().forward(record.withValue(tail(found.toString())));
        }

        private void tell(long time) {
            try (KeyValueIterator<Windowed<String>, String> entries = values.fetchAll(
                    Instant.ofEpochMilli(Math.max(0, time - 60)), Instant.ofEpochMilli(time))) {
                entries.forEachRemaining(entry -> context().forward(
                        new Record<>(entry.key.key(), "timer/" + entry.value, entry.key.window().start())));
            }
        }
    }

    /** Hands on the value and the one before it. */
    private static final class Before extends ContextualFixedKeyProcessor<String, String, String> {
        @Override
        public void process(FixedKeyRecord<String, String> record) {
            if (record.key() == null) {
                return;
            }
            KeyValueStore<String, String> before = context().getStateStore("before");
            String last = before.putIfAbsent(record.key(), record.value());
            context().forward(record);
            if (last != null) {
                before.put(record.key(), record.value());
                context().forward(record.withValue(last).withTimestamp(record.timestamp() + 1));
            }
        }
    }

    private static StoreBuilder<KeyValueStore<String, String>> keyValues(String name) {
        return Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), TEXT, TEXT);
    }

    private static void write(KStream<String, String> stream) {
        stream.to("out", Produced.with(TEXT, TEXT));
    }

    private static Duration ms(long milliseconds) {
        return Duration.ofMillis(milliseconds);
    }

    private static String tail(String text) {
        return text.length() > 12 ? text.substring(text.length() - 12) : text;
    }
}

// franz-go behind the driver protocol (tests/README.md).
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	sessionTimeout = 6 * time.Second
	heartbeat      = time.Second
	commitEvery    = 500 * time.Millisecond

	transactionTimeout    = 10 * time.Second
	recordsPerTransaction = 20
	// A copier gives up every so many-th transaction.
	abortedEvery = 3

	// How long anything that is asked once may take.
	patience = 60 * time.Second
)

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) < 4 {
		return fmt.Errorf("no such command: %v", words)
	}
	bootstrap, command, topic := kgo.SeedBrokers(words[0]), words[1], words[2]
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch command {
	case "create":
		partitions, err := strconv.ParseInt(words[3], 10, 32)
		if err != nil {
			return err
		}
		return create(ctx, bootstrap, topic, int32(partitions))
	case "produce":
		return produce(ctx, bootstrap, topic, codecs[words[3]], words[4] == "idempotent")
	case "consume":
		return consume(bootstrap, topic, words[3])
	case "copy":
		if len(words) < 6 {
			return fmt.Errorf("no such command: %v", words)
		}
		return copyRecords(bootstrap, topic, words[3], words[4], words[5])
	case "read":
		timestamp, err := strconv.ParseInt(words[3], 10, 64)
		if err != nil {
			return err
		}
		return read(ctx, bootstrap, topic, timestamp)
	default:
		return fmt.Errorf("no such command: %s", command)
	}
}

func create(ctx context.Context, bootstrap kgo.Opt, topic string, partitions int32) error {
	client, err := kgo.NewClient(bootstrap)
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, partitions, -1, nil, topic); err != nil {
		return err
	}
	for {
		topics, err := admin.ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		if topics[topic].Err == nil && len(topics[topic].Partitions) == int(partitions) {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

type header [2]*string

// toSend is a record to produce; seen is one that was consumed.
type toSend struct {
	Partition *int32   `json:"partition"`
	Key       *string  `json:"key"`
	Value     *string  `json:"value"`
	Headers   []header `json:"headers"`
	Timestamp *int64   `json:"timestamp"`
}

type seen struct {
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"timestamp"`
	Key       *string  `json:"key"`
	Value     *string  `json:"value"`
	Headers   []header `json:"headers"`
}

type acknowledged struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

// unplaced is the partition of a record that the client is to place.
const unplaced = -1

// placing sends a record where it wants to go, or else where the client would send it.
type placing struct{ kgo.TopicPartitioner }

func (p placing) RequiresConsistency(record *kgo.Record) bool {
	return record.Partition != unplaced || p.TopicPartitioner.RequiresConsistency(record)
}

func (p placing) Partition(record *kgo.Record, partitions int) int {
	if record.Partition != unplaced {
		return int(record.Partition)
	}
	return p.TopicPartitioner.Partition(record, partitions)
}

type placer struct{ kgo.Partitioner }

func (p placer) ForTopic(topic string) kgo.TopicPartitioner {
	return placing{p.Partitioner.ForTopic(topic)}
}

func produce(
	ctx context.Context, bootstrap kgo.Opt, topic string, codec kgo.CompressionCodec, idempotent bool,
) error {
	options := []kgo.Opt{
		bootstrap,
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytes(16_384),
		kgo.ProducerLinger(20 * time.Millisecond),
		kgo.RecordPartitioner(placer{kgo.StickyKeyPartitioner(nil)}),
	}
	if !idempotent {
		// More requests at a time would let a retry overtake.
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	out := json.NewEncoder(os.Stdout)
	var guard sync.Mutex
	var failed error
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		record, err := parse(topic, lines.Bytes())
		if err != nil {
			return err
		}
		client.Produce(ctx, record, func(record *kgo.Record, err error) {
			guard.Lock()
			defer guard.Unlock()
			if err == nil {
				err = out.Encode(acknowledged{record.Partition, record.Offset})
			}
			failed = errors.Join(failed, err)
		})
	}
	if err := errors.Join(lines.Err(), client.Flush(ctx)); err != nil {
		return err
	}
	guard.Lock()
	defer guard.Unlock()
	return failed
}

func parse(topic string, line []byte) (*kgo.Record, error) {
	var wanted toSend
	if err := json.Unmarshal(line, &wanted); err != nil {
		return nil, err
	}
	record := &kgo.Record{
		Topic: topic, Partition: unplaced, Key: data(wanted.Key), Value: data(wanted.Value),
	}
	if wanted.Partition != nil {
		record.Partition = *wanted.Partition
	}
	if wanted.Timestamp != nil {
		record.Timestamp = time.UnixMilli(*wanted.Timestamp)
	}
	for _, one := range wanted.Headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: *one[0], Value: data(one[1])})
	}
	return record, nil
}

// consume commits by itself what was printed (marked), also when partitions are taken away.
func consume(bootstrap kgo.Opt, topic, group string) error {
	client, err := kgo.NewClient(
		bootstrap,
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(heartbeat),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(commitEvery),
		kgo.BlockRebalanceOnPoll(),
	)
	if err != nil {
		return err
	}
	stopped, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	out := json.NewEncoder(os.Stdout)
	for stopped.Err() == nil {
		fetches := client.PollFetches(stopped)
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.Canceled) {
				fmt.Fprintf(os.Stderr, "%s-%d: %v\n", topic, partition, err)
			}
		})
		for _, record := range fetches.Records() {
			if err := show(out, record); err != nil {
				return err
			}
			client.MarkCommitRecords(record)
		}
		client.AllowRebalance()
	}
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	err = client.CommitMarkedOffsets(ctx)
	// Leaves the group.
	client.CloseAllowingRebalance()
	return err
}

func read(ctx context.Context, bootstrap kgo.Opt, topic string, timestampMs int64) error {
	client, err := kgo.NewClient(bootstrap)
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	found, err := admin.ListOffsetsAfterMilli(ctx, timestampMs, topic)
	if err != nil {
		return err
	}
	if err := errors.Join(ends.Error(), found.Error()); err != nil {
		return err
	}
	left := map[int32]int64{}
	starts := map[int32]kgo.Offset{}
	found.Each(func(start kadm.ListedOffset) {
		// Where no record is that young, it answers the end.
		end, _ := ends.Lookup(topic, start.Partition)
		if start.Offset < end.Offset {
			left[start.Partition] = end.Offset
			starts[start.Partition] = kgo.NewOffset().At(start.Offset)
		}
	})
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts})
	out := json.NewEncoder(os.Stdout)
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			end, isOpen := left[record.Partition]
			if !isOpen || record.Offset >= end {
				continue
			}
			if err := show(out, record); err != nil {
				return err
			}
			if record.Offset+1 == end {
				delete(left, record.Partition)
			}
		}
	}
	return nil
}

// ended is the outcome of a transaction.
type ended struct {
	Committed int `json:"committed,omitempty"`
	Aborted   int `json:"aborted,omitempty"`
}

func copyRecords(bootstrap kgo.Opt, source, target, group, transactionalID string) error {
	// It goes back to where the group has committed by itself, whenever it does not commit.
	session, err := kgo.NewGroupTransactSession(
		bootstrap,
		kgo.TransactionalID(transactionalID),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumerGroup(group),
		kgo.InstanceID(transactionalID),
		kgo.ConsumeTopics(source),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(heartbeat),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		return err
	}
	defer session.Close()
	// Ends what a predecessor has left open: the group's offsets are not told before.
	if _, _, err := session.Client().ProducerID(context.Background()); err != nil {
		return err
	}
	stopped, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	out := json.NewEncoder(os.Stdout)
	for number := 1; ; number++ {
		records := session.PollRecords(stopped, recordsPerTransaction).Records()
		if stopped.Err() != nil {
			return nil
		}
		if len(records) == 0 {
			number--
			continue
		}
		isWanted := number%abortedEvery != 0
		isCommitted, err := transact(session, records, target, kgo.TransactionEndTry(isWanted))
		if err != nil {
			return err
		}
		outcome := ended{Aborted: len(records)}
		if isCommitted {
			outcome = ended{Committed: len(records)}
		}
		if err := out.Encode(outcome); err != nil {
			return err
		}
	}
}

func transact(
	session *kgo.GroupTransactSession, records []*kgo.Record, target string, wanted kgo.TransactionEndTry,
) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := session.Begin(); err != nil {
		return false, err
	}
	var copies []*kgo.Record
	for _, record := range records {
		copies = append(copies, &kgo.Record{
			Topic: target, Partition: record.Partition, Key: record.Key, Value: record.Value,
		})
	}
	// Waits for all of them, so that what is aborted is in the log.
	if err := session.ProduceSync(ctx, copies...).FirstErr(); err != nil {
		wanted = kgo.TryAbort
	}
	return session.End(ctx, wanted)
}

func show(out *json.Encoder, record *kgo.Record) error {
	headers := []header{}
	for _, one := range record.Headers {
		headers = append(headers, header{&one.Key, text(one.Value)})
	}
	return out.Encode(seen{
		record.Partition, record.Offset, record.Timestamp.UnixMilli(), text(record.Key), text(record.Value), headers,
	})
}

func data(text *string) []byte {
	if text == nil {
		return nil
	}
	// Never nil, not even for an empty text.
	return append([]byte{}, *text...)
}

func text(data []byte) *string {
	if data == nil {
		return nil
	}
	text := string(data)
	return &text
}

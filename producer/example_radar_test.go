package producer_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"log"
	"math"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// A sweep is what a radar sees at once.
type sweep struct {
	at     time.Time
	ranges []float32 // in metres, one for each degree
	alarm  string    // the zone in which something is too near; usually empty
}

// AppendBinary writes the ranges one behind the other.
func (s sweep) AppendBinary(b []byte) ([]byte, error) {
	for _, r := range s.ranges {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(r))
	}
	return b, nil
}

// watch sends sweeps as frames of a data track, with times finer than a
// millisecond, and tags for what matters.
func watch(ctx context.Context, client *producer.Client, radar iter.Seq[sweep]) error {
	s, err := client.Open(ctx, "forklift", producer.StreamConfig{
		Create:   &producer.Spec{Retention: 24 * time.Hour},
		Tracks:   []media.Track{{Number: 1, Type: media.Metadata, CodecID: "X_RADAR", Name: "ranges"}},
		Fragment: producer.FragmentRules{MinDuration: time.Second},
		Time:     producer.TimeRules{Tick: 100 * time.Microsecond},
	})
	if err != nil {
		return err
	}
	var sample []byte
	for sweep := range radar {
		if sample, err = sweep.AppendBinary(sample[:0]); err != nil {
			return err
		}
		if err := s.Write(ctx, media.Frame{Track: 1, PTS: time.Duration(sweep.at.UnixNano()), Key: true, Data: sample}); err != nil {
			return err
		}
		if sweep.alarm != "" {
			if err := s.SetTag("alarm", sweep.alarm, producer.OpenFragment); err != nil {
				return err
			}
		}
	}
	return s.Close(ctx)
}

// sweeps are 20 a second for five seconds, with an alarm in the third one.
func sweeps(yield func(sweep) bool) {
	for n := range 100 {
		s := sweep{at: noon().Add(time.Duration(n) * 50 * time.Millisecond), ranges: make([]float32, 360)}
		if n == 42 {
			s.alarm = "aisle 7"
		}
		if !yield(s) {
			return
		}
	}
}

// Samples of a sensor are frames as well: no codec, many a second.
func ExampleStream_SetTag() {
	server := serve()
	defer server.Close()

	ctx := context.Background()
	var client producer.Client
	defer client.Close(ctx)
	if err := watch(ctx, &client, sweeps); err != nil {
		log.Fatal(err)
	}
	for _, fragment := range server.Persisted("forklift") {
		fmt.Print(len(fragment.Frames), " sweeps")
		for _, tag := range fragment.Tags {
			fmt.Print(", ", tag.Name, " in ", tag.String)
		}
		fmt.Println()
	}
	// Output:
	// 20 sweeps
	// 20 sweeps
	// 20 sweeps, alarm in aisle 7
	// 20 sweeps
	// 20 sweeps
}

package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
)

// plates hands each key frame of a gate to a detector. It goes on where it was
// when it is started again, and with the newest picture when it is too slow.
func plates(ctx context.Context, client *consumer.Client, store checkpoint.Store, detect func(time.Time, []byte) error) error {
	gate := client.Live("gate", consumer.LiveOptions{
		Name:  "plates",
		Store: store,
		Start: millrace.StartSelector{Type: millrace.StartEarliest}, // the first time
		Lag:   consumer.LagPolicy{Mode: consumer.SkipToLive, Max: 2 * time.Hour},
		Events: consumer.Events{
			Gap:          func(g consumer.Gap) { log.Printf("no pictures from %v to %v: %v", g.From, g.To, g.Cause) },
			Disconnected: func(err error, wait time.Duration) { log.Printf("%v; again in %v", err, wait) },
		},
	})
	for frame, err := range gate.Frames(ctx) {
		if err != nil {
			return errors.Join(err, gate.Close())
		}
		if !frame.Key {
			continue
		}
		if err := detect(frame.Time, frame.Data); err != nil {
			return errors.Join(err, gate.Close()) // this frame comes again
		}
	}
	return gate.Close()
}

// A detector fails at its fifth picture, and is started again.
func Example_positions() {
	server, client := gateOf(10)
	defer server.Close()
	store := new(checkpoint.Memory)
	ctx, end := context.WithCancel(context.Background())
	began := time.Time{}
	seen := 0
	detect := func(at time.Time, _ []byte) error {
		if began.IsZero() {
			began = at
		}
		switch seen++; seen {
		case 5:
			return errors.New("no memory for the model")
		case 11:
			end()
		}
		return nil
	}
	for ctx.Err() == nil {
		fmt.Println(plates(ctx, client, store, detect))
	}
	record, err := store.Load(context.Background(), checkpoint.Key{App: "plates", Stream: "gate"})
	if err != nil {
		log.Fatal(err)
	}
	var at consumer.Position
	if err := at.UnmarshalText(record.Position); err != nil {
		log.Fatal(err)
	}
	fmt.Println("done to", at.ProducerTime.Sub(began), "of it")
	// Output:
	// no memory for the model
	// context canceled
	// done to 1.08s of it
}

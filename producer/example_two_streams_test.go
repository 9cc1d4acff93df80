package producer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"os"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// drive sends one camera to two streams. Whoever looks at the first wants the
// present: where the network is slow, it jumps there. The second is the record:
// nothing is missing from it, and what cannot be sent waits on the disk.
func drive(ctx context.Context, client *producer.Client, camera iter.Seq[media.Frame]) error {
	front := []media.Track{{Number: 1, Type: media.Video, Codec: media.AVC}}
	live, err := client.Open(ctx, "cab-live", producer.StreamConfig{
		Create: &producer.Spec{},
		Tracks: front,
		Buffer: producer.BufferRules{OnSlow: producer.SlowJump, Backlog: 5 * time.Second},
	})
	if err != nil {
		return err
	}
	record, err := client.Open(ctx, "cab-record", producer.StreamConfig{
		Create: &producer.Spec{Retention: 72 * time.Hour},
		Tracks: front,
		Buffer: producer.BufferRules{Spool: true, MaxAge: 6 * time.Hour},
	})
	if err != nil {
		return err
	}
	for frame := range camera {
		if err := errors.Join(live.Write(ctx, frame), record.Write(ctx, frame)); err != nil {
			log.Print(err)
		}
	}
	return client.Close(ctx) // and with it both streams
}

// Streams of one client share its memory, its credentials and its care for the
// server, and nothing else.
func ExampleClient_Open() {
	server := serve()
	defer server.Close()
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	client := &producer.Client{Spool: dir}
	if err := drive(context.Background(), client, encoder(4*time.Second)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(durable(server, "cab-live"))
	fmt.Println(durable(server, "cab-record"))
	// Output:
	// 2 100
	// 2 100
}

package producer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// catchUp sends what earlier runs of a program have left on the disk, and returns
// when all of it is durable.
func catchUp(ctx context.Context, client *producer.Client) error {
	names, err := client.Spooled() // streams that have something there
	if err != nil {
		return err
	}
	for _, name := range names {
		left, err := client.Open(ctx, name, producer.StreamConfig{Buffer: producer.BufferRules{Spool: true}})
		if err != nil {
			return err
		}
		fmt.Println(name, "has", left.Stats().Pending, "fragments left")
		if err := left.Close(ctx); err != nil {
			return err
		}
	}
	return nil
}

// A program that ends while there is no network loses nothing that Write took: the
// next one goes on with it.
func ExampleClient_Spooled() {
	server := serve()
	defer server.Close()
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	server.SetNetwork(producertest.Down)
	before := &producer.Client{Spool: dir}
	cam, err := before.Open(context.Background(), "gate", producer.StreamConfig{
		Tracks: []media.Track{{Number: 1, Type: media.Video, Codec: media.AVC}},
		Buffer: producer.BufferRules{Spool: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	for frame := range encoder(10 * time.Second) {
		if err := cam.Write(context.Background(), frame); err != nil {
			log.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // the program is told to end at once
	fmt.Println(errors.Is(cam.Close(ctx), context.Canceled), cam.Receipt().Spooled)

	server.SetNetwork(producertest.Up)
	after := &producer.Client{Spool: dir}
	defer after.Close(context.Background())
	if err := catchUp(context.Background(), after); err != nil {
		log.Fatal(err)
	}
	fmt.Println(durable(server, "gate"))
	// Output:
	// true true
	// gate has 5 fragments left
	// 5 250
}

package consumer_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

// Frames of a live stream, from now on, over any number of connections.
func ExampleClient_Follow() {
	ctx := context.Background()
	var client consumer.Client // finds the server as the AWS tools do
	for f, err := range client.Follow(ctx, "gate", millrace.StartSelector{Type: millrace.StartNow}, consumer.FollowOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		for frame, err := range f.Frames() {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(f.Number, frame.Time, frame.Key, len(frame.Data))
		}
	}
}

// The bytes of a response, or of a file, can be read without a client.
func ExampleFragments() {
	response := bytes.NewReader(document(1, true, 2))
	for f, err := range consumer.Fragments(response) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("fragment of", f.ServerTime.UnixMilli())
		for frame, err := range f.Frames() {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s, key %v\n", frame.Data, frame.Key)
		}
		fmt.Println("complete:", f.Complete())
	}
	// Output:
	// fragment of 1700000002000
	// frame 1/0, key true
	// frame 1/1, key false
	// complete: true
}

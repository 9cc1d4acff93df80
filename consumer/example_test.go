package consumer_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/millrace/millrace/consumer"
)

// Frames of a live stream, from now on, over any number of connections.
func ExampleClient_Live() {
	ctx := context.Background()
	var client consumer.Client // finds the server as the AWS tools do
	for frame, err := range client.Live("gate", consumer.LiveOptions{}).Frames(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(frame.Fragment.Number, frame.Time, frame.Key, len(frame.Data))
	}
}

// The bytes of a response, or of a file, can be read without a client.
func ExampleReadFrom() {
	response := bytes.NewReader(document(1, true, 2))
	for f, err := range consumer.ReadFrom(response, consumer.ReadOptions{}).Fragments(context.Background()) {
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

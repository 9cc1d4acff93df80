package consumer_test

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/consumertest"
)

// gateOf is a server whose stream "gate" has so many fragments of three frames each,
// made an hour ago, and a client of it.
func gateOf(fragments int) (*consumertest.Server, *consumer.Client) {
	server, err := consumertest.NewServer(consumertest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server.Stream("gate").Add(footage().Fragments(fragments)...)
	return server, clientOf(server.Endpoint())
}

// footage was filmed an hour ago.
func footage() consumertest.Footage {
	return consumertest.Footage{Began: time.Now().Add(-time.Hour).Truncate(time.Millisecond)}
}

// clientOf is a client whose server is told to it.
func clientOf(endpoint string) *consumer.Client {
	return &consumer.Client{
		Endpoint:    endpoint,
		Region:      "us-east-1",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}),
	}
}

// framesOf counts the frames of a file.
func framesOf(path string) (frames int) {
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	for _, err := range consumer.ReadFrom(file, consumer.ReadOptions{Strict: true}).Frames(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		frames++
	}
	return frames
}

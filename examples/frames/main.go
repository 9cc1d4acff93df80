package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/millrace/millrace/consumer"
)

func main() {
	told := consumer.Events{Disconnected: func(err error, _ time.Duration) { log.Print(err) }}
	for frame, err := range new(consumer.Client).Live("demo", consumer.LiveOptions{Events: told}).Frames(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(frame.Time, frame.Track, frame.Key, len(frame.Data))
	}
}

package consumertest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/consumertest"
)

// counted is an application's code: it counts the frames of each fragment.
func counted(ctx context.Context, client *consumer.Client, counts map[millrace.FragmentNumber]int) error {
	reader := client.Live("gate", consumer.LiveOptions{
		Start: millrace.StartSelector{Type: millrace.StartEarliest},
		Until: consumer.Until{Idle: time.Second},
	})
	for frame, err := range reader.Frames(ctx) {
		if err != nil {
			return err
		}
		counts[frame.Fragment.Number]++
	}
	return nil
}

func TestACountOverAConnectionThatBreaks(t *testing.T) {
	server := consumertest.Start(t, consumertest.Config{
		Idle: -1, // responses do not end by themselves
		Steps: map[consumertest.Operation][]consumertest.Step{
			// The first response is reset in the middle of a frame, the second one ends with an error.
			consumertest.GetMedia: {
				consumertest.Cut(800, consumertest.Reset),
				{Faults: []consumertest.Fault{{At: consumertest.AtDocument, Document: 1, Do: consumertest.Fail, Code: millrace.CodeInternal}}},
			},
		},
	})
	server.Stream("gate").Add(consumertest.Footage{Frames: 25}.Fragments(3)...)
	client := &consumer.Client{
		Endpoint:    server.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}),
		HTTPClient:  server.HTTPClient(),
	}
	counts := map[millrace.FragmentNumber]int{}
	if err := counted(t.Context(), client, counts); err != nil { // your application's code
		t.Fatal(err)
	}
	for _, fragment := range server.Stream("gate").All() {
		if counts[fragment.Number] != len(fragment.Frames) {
			t.Errorf("%d frames of %s", counts[fragment.Number], fragment.Number)
		}
	}
	if calls := server.Calls(consumertest.GetMedia); len(calls) != 3 {
		t.Errorf("%d calls", len(calls))
	}
}

// A fragment arrives frame by frame, and the connection is reset in the middle of it.
func ExampleServer() {
	server, err := consumertest.NewServer(consumertest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	server.Next(consumertest.GetMedia, consumertest.Step{
		Faults: []consumertest.Fault{{At: consumertest.AtBlock, Block: 2, Do: consumertest.Reset}},
	})
	arriving := server.Stream("gate").Begin(consumertest.Fragment{})
	client := consumer.Client{
		Endpoint:    server.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}),
		HTTPClient:  server.HTTPClient(),
	}
	arriving.Write(consumertest.Frame{Key: true, Data: []byte("first")})
	for frame, err := range client.Live("gate", consumer.LiveOptions{}).Frames(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d %s\n", frame.Index, frame.Data)
		if frame.Index == 3 {
			break
		}
		arriving.Write(consumertest.Frame{Time: int16(40 * (frame.Index + 1)), Data: []byte("another")})
	}
	fmt.Println(len(server.Calls(consumertest.GetMedia)), "calls")
	// Output:
	// 0 first
	// 1 another
	// 2 another
	// 3 another
	// 2 calls
}

// A Ledger says what is wrong with what a reader was given.
func ExampleLedger_Compare() {
	server, err := consumertest.NewServer(consumertest.Config{Pipes: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	stream := server.Stream("gate")
	stream.Add(consumertest.Footage{}.Fragments(2)...)
	var ledger consumertest.Ledger
	for _, fragment := range stream.All() {
		for i, frame := range fragment.Frames[1:] {
			ledger.Take(consumertest.Got{
				Number: fragment.Number, Index: i + 1, Track: 1, Key: frame.Key,
				Timecode: int64(fragment.Timecode) + int64(frame.Time), Data: frame.Data,
			})
		}
	}
	fmt.Println(errors.Is(ledger.Compare(stream.All(), consumertest.Comparison{}), consumertest.ErrLost))
	// Output: true
}

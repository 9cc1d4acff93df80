package consumer_test

import (
	"context"
	"errors"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/consumertest"
)

// TestALoopWhoseContextEndsGoesNoFurtherThanItsFragment: although much more has
// come already.
func TestALoopWhoseContextEndsGoesNoFurtherThanItsFragment(t *testing.T) {
	server := consumertest.Start(t, consumertest.Config{})
	server.Stream("gate").Add(consumertest.Footage{}.Fragments(20)...)
	client := clientOf(server.Endpoint())
	ctx, end := context.WithCancel(t.Context())
	defer end()
	gate := client.Live("gate", consumer.LiveOptions{Start: millrace.StartSelector{Type: millrace.StartEarliest}})
	frames, ended := 0, error(nil)
	for _, err := range gate.Frames(ctx) {
		if err != nil {
			ended = err
			break
		}
		if frames++; frames == 10 {
			end()
		}
	}
	if !errors.Is(ended, context.Canceled) || frames < 10 || frames > 12 { // as many of it as had come
		t.Errorf("%d frames, %v", frames, ended)
	}
	if at := gate.Position(); at.Fragment != server.Stream("gate").All()[3].Number {
		t.Errorf("position %v", at)
	}
}

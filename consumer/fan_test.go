package consumer_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/consumer"
)

func TestSubscribersShareOneConnection(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(liveDocuments(1, 3))}}, func(t *testing.T, s *script, c *consumer.Client) {
		fan := consumer.NewFan(c.Live("gate", consumer.LiveOptions{Start: earliest(), Until: once()}))
		var got [3][]string
		var wait sync.WaitGroup
		for i, o := range []consumer.SubscriberOptions{{}, {KeyFrames: true}, {Block: true, MaxFrames: 2}} {
			sub := fan.Subscribe(o)
			wait.Go(func() { got[i] = data(t, sub.Frames(t.Context())) })
		}
		if err := fan.Run(t.Context()); err != nil {
			t.Error(err)
		}
		wait.Wait()
		all := "1/0 1/1 1/2 1/3 1/4 2/0 2/1 2/2 2/3 2/4 3/0 3/1 3/2 3/3 3/4"
		for i, want := range []string{all, "1/0 2/0 3/0", all} {
			if strings.Join(got[i], " ") != want {
				t.Errorf("subscriber %d got %q", i, got[i])
			}
		}
		if len(s.asked) != 1 {
			t.Errorf("asked %q", s.asked)
		}
		if late := data(t, fan.Subscribe(consumer.SubscriberOptions{}).Frames(t.Context())); len(late) > 0 {
			t.Errorf("one that came late got %q", late)
		}
	})
}

func TestASlowSubscriberHoldsNobodyUpAndGoesOnWithAKeyFrame(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(liveDocuments(1, 3))}}, func(t *testing.T, _ *script, c *consumer.Client) {
		fan := consumer.NewFan(c.Live("gate", consumer.LiveOptions{Start: earliest(), Until: once()}))
		slow := fan.Subscribe(consumer.SubscriberOptions{MaxFrames: 6})
		if err := fan.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if got, want := data(t, slow.Frames(t.Context())), []string{"3/0", "3/1", "3/2", "3/3", "3/4"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if n := slow.Dropped(); n != 10 {
			t.Errorf("dropped %d", n)
		}
	})
}

func TestASubscriberThatLeavesLetsTheReaderGoOn(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(liveDocuments(1, 3))}}, func(t *testing.T, _ *script, c *consumer.Client) {
		fan := consumer.NewFan(c.Live("gate", consumer.LiveOptions{Start: earliest(), Until: once()}))
		sub := fan.Subscribe(consumer.SubscriberOptions{Block: true, MaxFrames: 1})
		done := make(chan error, 1)
		go func() { done <- fan.Run(t.Context()) }()
		synctest.Wait() // the reader waits
		for range sub.Frames(t.Context()) {
			break
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestTheReadersErrorIsEverySubscribers(t *testing.T) {
	reading(t, []answer{{status: 403, body: strings.NewReader("{}")}, {body: io.MultiReader()}}, func(t *testing.T, _ *script, c *consumer.Client) {
		fan := consumer.NewFan(c.Live("gate", consumer.LiveOptions{}))
		sub := fan.Subscribe(consumer.SubscriberOptions{})
		want := fan.Run(t.Context())
		if want == nil {
			t.Fatal("no error")
		}
		for _, err := range sub.Frames(t.Context()) {
			if !errors.Is(err, want) {
				t.Error(err)
			}
		}
		time.Sleep(time.Second)
	})
}

package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// contenders is how many goroutines the races are run by.
const contenders = 8

// race calls f by all contenders at once and waits for them.
func race(f func(i int)) {
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range contenders {
		done.Go(func() {
			start.Wait()
			f(i)
		})
	}
	start.Done()
	done.Wait()
}

func oneCreationWins(t *testing.T, c controlCase) {
	for round := range 4 {
		name := fmt.Sprintf("s%d", round)
		var created [contenders]millrace.Stream
		var answers [contenders]error
		race(func(i int) {
			s := draft(name)
			s.DeviceName = fmt.Sprint("device-", i)
			created[i], answers[i] = c.Create(c.ctx, s, map[string]string{"by": s.DeviceName})
			// Whoever won: once a creation was answered, everybody sees it.
			if now, err := c.Stream(c.ctx, s.Name); err != nil || answers[i] == nil && now != created[i] {
				t.Errorf("after create: %+v, %v", now, err)
			}
		})
		winner := -1
		for i, err := range answers {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				t.Errorf("%s was created by %d and by %d", name, winner, i)
			case !errors.Is(err, millrace.ErrExists):
				t.Errorf("contender %d: %v", i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("nobody created %s: %v", name, answers)
		}
		wantEqual(t, "the winner's", c.stream(t, name), created[winner])
		tags, _ := c.Tags(c.ctx, created[winner].Key)
		wantEqual(t, "tags", tags, map[string]string{"by": fmt.Sprint("device-", winner)})
	}
}

func oneUpdateWinsEachVersion(t *testing.T, c controlCase) {
	c.create(t, draft("a"), nil)
	const rounds = 6
	var mu sync.Mutex
	taken := map[string]int{} // how many updates each version was the base of
	race(func(i int) {
		for n := range rounds {
			s, err := c.Stream(c.ctx, "a")
			if err != nil {
				t.Error(err)
				return
			}
			was := s.Version
			s.Version = fmt.Sprintf("v%dx%d", i, n)
			switch err := c.Update(c.ctx, s, was); {
			case err == nil:
				mu.Lock()
				taken[was]++
				mu.Unlock()
			case !errors.Is(err, millrace.ErrConflict):
				t.Error(err)
			}
		}
	})
	if len(taken) == 0 {
		t.Error("no update succeeded")
	}
	for version, n := range taken {
		if n != 1 {
			t.Errorf("version %s was replaced %d times", version, n)
		}
	}
}

func tagsAtOnceKeepLimit(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), nil)
	const most = 5
	var answers [contenders]error
	race(func(i int) {
		answers[i] = c.SetTags(c.ctx, s.Key, map[string]string{fmt.Sprint(i): ""}, most)
	})
	var set int
	for _, err := range answers {
		switch {
		case err == nil:
			set++
		case !errors.Is(err, store.ErrLimit):
			t.Error(err)
		}
	}
	tags, _ := c.Tags(c.ctx, s.Key)
	if set != most || len(tags) != most {
		t.Errorf("%d calls succeeded and %d tags are set, want %d", set, len(tags), most)
	}
}

func metaAtOnce(t *testing.T, c controlCase) {
	var epochs [contenders]uint32
	var values [contenders]string
	race(func(i int) {
		var err error
		if epochs[i], err = c.NextEpoch(c.ctx, 0); err != nil {
			t.Error(err)
		}
		value, err := c.Keep(c.ctx, "key", []byte(fmt.Sprint(i)))
		if err != nil {
			t.Error(err)
		}
		values[i] = string(value)
	})
	slices.Sort(epochs[:])
	for i, epoch := range epochs {
		if epoch != uint32(i+1) {
			t.Errorf("epochs = %v", epochs)
			break
		}
	}
	for _, v := range values {
		if v == "" || v != values[0] {
			t.Errorf("values = %q", values)
			break
		}
	}
}

// closeWaits closes the state under calls: each is finished or refused, and
// what was answered is kept.
func closeWaits(t *testing.T, c controlCase) {
	var created [contenders][]string
	var first sync.WaitGroup
	first.Add(contenders)
	go func() {
		first.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	race(func(i int) {
		for n := 0; ; n++ {
			name := fmt.Sprintf("s%d-%d", i, n)
			_, err := c.Create(c.ctx, draft(name), nil)
			if n == 0 {
				first.Done()
			}
			if errors.Is(err, millrace.ErrClosed) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			created[i] = append(created[i], name)
		}
	})
	if err := c.Close(); err != nil { // waits for the other one
		t.Error(err)
	}
	if c.reopen == nil {
		return
	}
	again := controlCase{Control: c.reopen(t, c.Control), ctx: c.ctx}
	defer again.Close()
	list, err := again.List(c.ctx, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(slices.Values(slices.Concat(created[:]...)))
	wantEqual(t, "streams", names(list), want)
}

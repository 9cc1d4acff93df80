package consumer_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
)

// kept is the position in a store.
func kept(t *testing.T, s checkpoint.Store) (p consumer.Position) {
	t.Helper()
	r, err := s.Load(t.Context(), checkpoint.Key{App: "app", Stream: "gate"})
	if errors.Is(err, checkpoint.ErrNotFound) {
		return p
	}
	if err == nil {
		err = p.UnmarshalText(r.Position)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPositionIsCommittedWhenTheModeSaysSo(t *testing.T) {
	for name, tc := range map[string]struct {
		mode consumer.CommitMode
		want int // frames done, of those that are left at the third
	}{
		"behind the handler": {consumer.AfterHandler, 2},
		"on delivery":        {consumer.OnDelivery, 3},
		"by hand alone":      {consumer.Manual, 0},
	} {
		t.Run(name, func(t *testing.T) {
			reading(t, []answer{{body: bytes.NewReader(document(1, true, 5))}}, func(t *testing.T, _ *script, c *consumer.Client) {
				store := new(checkpoint.Memory)
				r := c.Live("gate", consumer.LiveOptions{Start: earliest(), Name: "app", Store: store, Commit: tc.mode, Until: once()})
				n := 0
				for range r.Frames(t.Context()) {
					if n++; n == 3 {
						break
					}
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
				if p := kept(t, store); p.Done != tc.want {
					t.Errorf("kept %v", p)
				}
			})
		})
	}
}

func TestAFragmentIsCommittedWholeWhenItsStepBegins(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(document(1, true, 5))}}, func(t *testing.T, _ *script, c *consumer.Client) {
		store := new(checkpoint.Memory)
		r := c.Live("gate", consumer.LiveOptions{Start: earliest(), Name: "app", Store: store, Commit: consumer.OnDelivery, Until: once()})
		for range r.Fragments(t.Context()) {
			break
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if p := kept(t, store); p.Fragment != number(1) || p.Done != consumer.Whole {
			t.Errorf("kept %v", p)
		}
	})
}

func TestACommitByHandIsOfWhatTheBodyHas(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(document(1, true, 5))}}, func(t *testing.T, _ *script, c *consumer.Client) {
		store := new(checkpoint.Memory)
		r := c.Live("gate", consumer.LiveOptions{Start: earliest(), Name: "app", Store: store, Commit: consumer.Manual, Until: once()})
		n := 0
		for range r.Frames(t.Context()) {
			if n++; n == 4 {
				break
			}
			if n == 3 {
				if err := r.Commit(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		if p := kept(t, store); p.Done != 3 || p.Fragment != number(1) {
			t.Errorf("kept %v", p)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatTheStoreHasGoesBeforeTheOptions(t *testing.T) {
	stored := slices.Concat(document(1, true, 2), document(2, true, 2), document(3, true, 2))
	for name, tc := range map[string]struct {
		kept, at int
		want     []string
	}{
		"an older position in the store": {1, 2, []string{"2/0", "2/1", "3/0", "3/1"}},
		"a newer position in the store":  {2, 1, []string{"3/0", "3/1"}},
		"nothing in the store":           {0, 2, []string{"3/0", "3/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			reading(t, []answer{{body: bytes.NewReader(stored)}}, func(t *testing.T, _ *script, c *consumer.Client) {
				store := new(checkpoint.Memory)
				at := func(n int) consumer.Position {
					return consumer.Position{Stream: "gate", Fragment: number(n), Done: consumer.Whole}
				}
				if tc.kept > 0 {
					text, _ := at(tc.kept).MarshalText()
					if err := store.Save(t.Context(), checkpoint.Key{App: "app", Stream: "gate"}, checkpoint.Record{Position: text}); err != nil {
						t.Fatal(err)
					}
				}
				r := c.Live("gate", consumer.LiveOptions{At: at(tc.at), Name: "app", Store: store, Until: once()})
				defer r.Close()
				if got := data(t, r.Frames(t.Context())); !slices.Equal(got, tc.want) {
					t.Errorf("got %q", got)
				}
			})
		})
	}
}

func TestASecondLoopGoesOnBehindWhatIsNotSavedYet(t *testing.T) {
	stored := slices.Concat(document(1, true, 2), document(2, true, 2))
	answers := []answer{{body: bytes.NewReader(stored)}, {body: bytes.NewReader(stored)}}
	reading(t, answers, func(t *testing.T, _ *script, c *consumer.Client) {
		r := c.Live("gate", consumer.LiveOptions{Start: earliest(), Name: "app", Store: new(checkpoint.Memory), Until: once()})
		defer r.Close()
		for f := range r.Frames(t.Context()) {
			if f.Index == 1 {
				break
			}
			time.Sleep(2 * time.Second) // so that the first is saved
			synctest.Wait()
		}
		if got := data(t, r.Frames(t.Context())); !slices.Equal(got, []string{"2/0", "2/1"}) {
			t.Errorf("got %q", got)
		}
	})
}

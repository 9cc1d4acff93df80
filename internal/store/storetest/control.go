package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// ControlOptions say what TestControl may ask of an implementation.
type ControlOptions struct {
	// Open returns an empty control state of its own for each call. The suite
	// closes it.
	Open func(t *testing.T) store.Control

	// Reopen returns the state that c, which is closed, has kept. It is nil
	// for an implementation that keeps nothing.
	Reopen func(t *testing.T, c store.Control) store.Control
}

// TestControl checks that an implementation keeps what store.Control promises.
func TestControl(t *testing.T, o ControlOptions) {
	for _, c := range []struct {
		name string
		test func(*testing.T, controlCase)
	}{
		{"create gives a stream its key and its time", createGivesIdentity},
		{"a stream is read back as it was created", streamIsReadBack},
		{"a name that is taken is refused", takenNameIsRefused},
		{"a name created again moves on", nameCreatedAgainMovesOn},
		{"ids are never given to another name", idsAreNotReused},
		{"list pages in byte order", listPages},
		{"list keeps to a prefix", listPrefix},
		{"count counts what list lists", countCounts},
		{"every stream is met once", allStreamsMeetsEach},
		{"update replaces what may change", updateReplaces},
		{"update refuses a stale version", updateRefusesStale},
		{"kept since only grows", keptSinceGrows},
		{"many streams are kept since a time at once", keptSinceAtOnce},
		{"deletion has two steps", deletionHasTwoSteps},
		{"deletion keeps to a version if one is named", deletionKeepsToVersion},
		{"tags are replaced and removed", tagsAreReplaced},
		{"tags over the limit change nothing", tagsOverLimit},
		{"tags of a stream that is going are out of reach", tagsOfDeleted},
		{"deleted ranges are recorded", deletionsAreRecorded},
		{"deleted ranges are listed by stream and in pages", deletionsAreListed},
		{"only a stream in use has ranges to delete", deletionsNeedAStream},
		{"documents are put, replaced and deleted", documentsAreKept},
		{"a document is put only in place of the revision that it names", documentsKeepToRevisions},
		{"documents are listed by kind in byte order", documentsAreListed},
		{"documents of a stream go with it", documentsGoWithTheirStream},
		{"documents out of bounds are refused", documentsOutOfBounds},
		{"of many documents at once one wins each revision", oneDocumentWinsEachRevision},
		{"epochs grow", epochsGrow},
		{"the clock stamp never goes back", clockStampGrows},
		{"the first value is kept", firstValueIsKept},
		{"the last value is remembered", lastValueIsRemembered},
		{"what was answered is still there after a close", survivesReopen},
		{"a closed state says so", closedSaysSo},
		{"a call that was cancelled before it began changes nothing", cancelledChangesNothing},
		{"of many creations at once one wins", oneCreationWins},
		{"of many updates at once one wins each version", oneUpdateWinsEachVersion},
		{"tags set at once never pass the limit", tagsAtOnceKeepLimit},
		{"epochs and values taken at once", metaAtOnce},
		{"a close waits for the calls under way", closeWaits},
	} {
		t.Run(c.name, func(t *testing.T) {
			control := o.Open(t)
			t.Cleanup(func() { control.Close() })
			c.test(t, controlCase{Control: control, ctx: t.Context(), reopen: o.Reopen})
		})
	}
}

type controlCase struct {
	store.Control
	ctx    context.Context
	reopen func(*testing.T, store.Control) store.Control
}

// birth is when the suite's streams are created unless a test says otherwise.
func birth() time.Time { return time.UnixMilli(1_705_489_836_421).UTC() }

func draft(name string) millrace.Stream {
	return millrace.Stream{
		Name:       millrace.StreamName(name),
		ARN:        millrace.StreamARN{Partition: "aws", Region: "us-west-2", Account: "111122223333"},
		Created:    birth(),
		Version:    "davN9FKg4vjyKdCSs0f4",
		Retention:  24 * time.Hour,
		DeviceName: "camera",
		MediaType:  "video/h264,audio/aac",
		KMSKeyID:   "arn:aws:kms:us-west-2:111122223333:alias/aws/kinesisvideo",
		Tier:       millrace.TierWarm,
	}
}

func (c controlCase) create(t *testing.T, s millrace.Stream, tags map[string]string) millrace.Stream {
	t.Helper()
	got, err := c.Create(c.ctx, s, tags)
	if err != nil {
		t.Fatalf("create %s: %v", s.Name, err)
	}
	return got
}

func (c controlCase) stream(t *testing.T, name string) millrace.Stream {
	t.Helper()
	s, err := c.Stream(c.ctx, millrace.StreamName(name))
	if err != nil {
		t.Fatalf("stream %s: %v", name, err)
	}
	return s
}

func (c controlCase) remove(t *testing.T, key millrace.StreamKey) {
	t.Helper()
	if err := c.BeginDelete(c.ctx, key, ""); err != nil {
		t.Fatalf("begin to delete: %v", err)
	}
	if err := c.FinishDelete(c.ctx, key); err != nil {
		t.Fatalf("finish deleting: %v", err)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error = %v, want %v", what, got, want)
	}
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(sameNumber)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func sameNumber(a, b millrace.FragmentNumber) bool { return a == b }

func createGivesIdentity(t *testing.T, c controlCase) {
	s := draft("a")
	s.Key = millrace.StreamKey{ID: 77, Generation: 8}
	s.Created = birth().Add(123 * time.Microsecond)
	got := c.create(t, s, nil)
	if got.Key.ID == 77 || got.Key.ID == 0 || got.Key.Generation != 1 {
		t.Errorf("key = %+v, want a new id and generation 1", got.Key)
	}
	wantEqual(t, "created", got.Created, birth())
	wantEqual(t, "ARN", got.ARN.String(), "arn:aws:kinesisvideo:us-west-2:111122223333:stream/a/1705489836421")
}

func streamIsReadBack(t *testing.T, c controlCase) {
	for _, name := range []string{"full", "bare"} {
		s := draft(name)
		if name == "bare" {
			s.DeviceName, s.MediaType, s.Retention, s.Tier = "", "", 0, millrace.TierHot
		}
		want := c.create(t, s, nil)
		wantEqual(t, name, c.stream(t, name), want)
	}
	_, err := c.Stream(c.ctx, "FULL")
	wantError(t, "a name in another case", err, millrace.ErrNotFound)
}

func takenNameIsRefused(t *testing.T, c controlCase) {
	first := c.create(t, draft("a"), map[string]string{"k": "first"})
	again := draft("a")
	again.DeviceName = "other"
	_, err := c.Create(c.ctx, again, map[string]string{"k": "second"})
	wantError(t, "taken by an active stream", err, millrace.ErrExists)
	wantEqual(t, "the first", c.stream(t, "a"), first)
	tags, _ := c.Tags(c.ctx, first.Key)
	wantEqual(t, "its tags", tags, map[string]string{"k": "first"})

	if err := c.BeginDelete(c.ctx, first.Key, ""); err != nil {
		t.Fatal(err)
	}
	_, err = c.Create(c.ctx, draft("a"), nil)
	wantError(t, "taken by a stream that is being deleted", err, millrace.ErrExists)
}

func nameCreatedAgainMovesOn(t *testing.T, c controlCase) {
	previous := c.create(t, draft("a"), map[string]string{"old": "tag"})
	for range 3 {
		c.remove(t, previous.Key)
		next := c.create(t, draft("a"), nil) // the clock has not moved, or was set back
		if next.Key.ID != previous.Key.ID || next.Key.Generation <= previous.Key.Generation {
			t.Errorf("key = %+v after %+v", next.Key, previous.Key)
		}
		if !next.Created.After(previous.Created) || !next.ARN.Created.Equal(next.Created) {
			t.Errorf("created %v, ARN %v, after %v", next.Created, next.ARN.Created, previous.Created)
		}
		wantEqual(t, "read back", c.stream(t, "a"), next)
		tags, err := c.Tags(c.ctx, next.Key)
		if err != nil || len(tags) != 0 {
			t.Errorf("the new stream has tags %v, error %v", tags, err)
		}
		wantError(t, "an update of the old one", c.Update(c.ctx, previous, previous.Version), millrace.ErrNotFound)
		previous = next
	}
	later := draft("a")
	later.Created = birth().Add(time.Hour)
	c.remove(t, previous.Key)
	wantEqual(t, "created when the clock is ahead", c.create(t, later, nil).Created, later.Created)
}

func idsAreNotReused(t *testing.T, c controlCase) {
	seen := map[uint64]bool{}
	for i := range 5 {
		s := c.create(t, draft(fmt.Sprintf("s%d", i)), nil)
		if seen[s.Key.ID] {
			t.Errorf("id %d was given twice", s.Key.ID)
		}
		seen[s.Key.ID] = true
		c.remove(t, s.Key)
	}
}

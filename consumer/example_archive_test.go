package consumer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/consumer"
)

// What a camera saw between two times, by its own clock, late uploads in their
// place.
func evidence(ctx context.Context, client *consumer.Client, from, to time.Time, out io.Writer) error {
	span := consumer.Range{From: from, To: to, Clock: consumer.ProducerClock}
	footage := client.Archive("gate", span, consumer.ArchiveOptions{
		Order:  consumer.ByProducerTime,
		Events: consumer.Events{Failed: func(e *consumer.FragmentError) { log.Printf("missing: %v", e) }},
	})
	for f, err := range footage.Fragments(ctx) {
		if err != nil {
			return err
		}
		if _, err := f.WriteTo(out); err != nil {
			return err
		}
	}
	return nil
}

// When there are recordings.
func recordings(ctx context.Context, client *consumer.Client, since time.Time, out io.Writer) error {
	for v, err := range client.Ranges(ctx, "gate", consumer.Range{From: since}) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%v: %v, %d fragments, %d bytes\n", v.From, v.To.Sub(v.From), v.Fragments, v.Bytes)
	}
	return nil
}

func TestTheProgramsForArchivesRun(t *testing.T) {
	s := &vault{kept: shelve(6, 2)}
	s.kept[5].producer, s.kept[5].server = 3, 60
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		var out, want bytes.Buffer
		if err := evidence(t.Context(), c, vaultTime(2), vaultTime(6), &out); err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{1, 5, 2} {
			want.Write(s.kept[i].document())
		}
		if !slices.Equal(out.Bytes(), want.Bytes()) {
			t.Errorf("wrote %d bytes, want %d", out.Len(), want.Len())
		}
		out.Reset()
		if err := recordings(t.Context(), c, vaultTime(0), &out); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), "2000-01-01 00:00:00 +0000 UTC: 10s, 5 fragments, 500 bytes\n2000-01-01 00:01:00 +0000 UTC: 2s, 1 fragments, 100 bytes\n"; got != want {
			t.Errorf("found %q, want %q", got, want)
		}
	})
}

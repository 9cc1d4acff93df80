package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/consumertest"
	"github.com/millrace/millrace/mkv"
)

// Bounds of what reading any bytes may cost, in bytes that are allocated, all in
// all: so many for each byte of input, and so many for a reader.
const (
	costPerByte   = 200
	costPerReader = 4 << 20
)

// allocated is what do allocates, freed or not.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzReadFrom: any bytes in. No panic, memory bounded by the input, an end, errors
// and events that have a place within it, and frames that are bytes of it.
func FuzzReadFrom(f *testing.F) {
	s, err := consumertest.NewServer(consumertest.Config{Pipes: true})
	if err != nil {
		f.Fatal(err)
	}
	defer s.Close()
	stream := s.Stream("gate")
	for _, shape := range shapes() {
		stream.Add(consumertest.Footage{Size: 30, Shape: shape}.Fragments(2)...)
	}
	var all [][]byte
	for _, fragment := range stream.All() {
		all = append(all, fragment.Document(time.Second))
		f.Add(fragment.Document(0), uint8(0))
	}
	for _, bad := range consumertest.Hostile() {
		f.Add(slices.Concat(all[0], bad[:min(len(bad), 200)], all[1]), uint8(1))
	}
	f.Add(slices.Concat(all[0], consumertest.ErrorDocument(stream.All()[0].Number, millrace.CodeNotFound), all[1]), uint8(2))
	f.Fuzz(func(t *testing.T, input []byte, how uint8) {
		var source io.Reader = bytes.NewReader(input)
		if how&1 != 0 {
			source = iotest.HalfReader(source)
		}
		o := consumer.ReadOptions{Strict: how&2 != 0, MaxFrame: 1 << 20}
		var told []consumer.Damage
		o.Events.Damaged = func(d consumer.Damage) { told = append(told, d) }
		var last error
		cost := allocated(func() { last = walkAll(t, consumer.ReadFrom(source, o), input, how) })
		if most := uint64(len(input)*costPerByte + costPerReader); cost > most {
			t.Errorf("%d bytes allocated for %d, at most %d", cost, len(input), most)
		}
		if last != nil {
			syntax, ok := errors.AsType[*mkv.SyntaxError](last)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(input)) {
				t.Errorf("ended with %v", last)
			}
		}
		checkDamages(t, told, o.Strict, int64(len(input)))
	})
}

// checkDamages: what was passed over lies within the input, in order.
func checkDamages(t *testing.T, told []consumer.Damage, strict bool, size int64) {
	t.Helper()
	if strict && len(told) > 0 {
		t.Errorf("told of %+v", told)
	}
	at := int64(0)
	for _, d := range told {
		if d.Offset < at || d.Skipped < 0 || d.Offset+d.Skipped > size || d.Err == nil {
			t.Errorf("told of %+v behind %d, of %d", d, at, size)
		}
		at = d.Offset
	}
}

// walkAll reads a loop to its end, fragment by fragment or frame by frame.
func walkAll(t *testing.T, r *consumer.Reader, input []byte, how uint8) error {
	if how&4 != 0 {
		for f, err := range r.Frames(context.Background()) {
			if err != nil {
				return err
			}
			if len(f.Data) > 0 && !bytes.Contains(input, f.Data) {
				t.Errorf("a frame of %d bytes is not in the input", len(f.Data))
			}
		}
		return nil
	}
	for f, err := range r.Fragments(context.Background()) {
		if err != nil {
			return err
		}
		if how&8 != 0 {
			if _, err := f.WriteTo(io.Discard); err != nil {
				continue // the loop says it
			}
		}
		f.Tags()
		_ = r.Position()
	}
	return nil
}

// FuzzPosition: any text is a position, which comes out as it went in, or an error.
func FuzzPosition(f *testing.F) {
	p := consumer.Position{
		Stream: "gate", Fragment: millrace.NewFragmentNumber(7, time.UnixMilli(1_700_000_000_000), 3), Done: 4,
		Previous: millrace.NewFragmentNumber(6, time.UnixMilli(1_699_999_990_000), 2), ServerTime: time.UnixMilli(1_700_000_000_000), Epoch: 9,
	}
	f.Add(p.String())
	p.Done, p.Token, p.ProducerTime = consumer.Whole, "token", time.UnixMilli(5)
	f.Add(p.String())
	f.Add("")
	f.Add("1 ~ ~ all ~ ~ ~ ~ 0")
	f.Fuzz(func(t *testing.T, text string) {
		var p, q consumer.Position
		if err := p.UnmarshalText([]byte(text)); err != nil {
			if !p.IsZero() {
				t.Errorf("%v and %v", p, err)
			}
			return
		}
		out, err := p.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsFunc(out, unicode.IsControl) || len(out) > 1<<10 {
			t.Errorf("%q became %d bytes: %q", text, len(out), out)
		}
		if err := q.UnmarshalText(out); err != nil {
			t.Fatalf("%q became %q: %v", text, out, err)
		}
		if p.String() != q.String() || p.Compare(q) != 0 {
			t.Errorf("%q became %q", p, q)
		}
	})
}

// FuzzLive: responses of any bytes. The loop ends with its context, and what it
// hands out of a fragment that is stored is what is stored.
func FuzzLive(f *testing.F) {
	f.Add([]byte{}, uint16(0), uint8(0))
	f.Add([]byte{0, 1, 2, 3}, uint16(700), uint8(1))
	f.Add(mkv.AppendEBML(nil, mkv.EBML{}), uint16(1000), uint8(2))
	for _, bad := range consumertest.Hostile() {
		f.Add(bad[:min(len(bad), 100)], uint16(900), uint8(3))
	}
	f.Fuzz(func(t *testing.T, bad []byte, at uint16, how uint8) {
		synctest.Test(t, func(t *testing.T) {
			s, c := quiet(t, consumertest.Config{})
			stream := s.Stream("gate")
			stream.Add(consumertest.Footage{Size: 40}.Fragments(3)...)
			end := []consumertest.Action{consumertest.Reset, consumertest.Close, consumertest.Finish, consumertest.Proceed}[how&3]
			step := faults(consumertest.Fault{At: consumertest.AtByte, Offset: int64(at), Do: consumertest.Insert, Bytes: bad})
			if end != consumertest.Proceed {
				step.Faults = append(step.Faults, consumertest.Fault{At: consumertest.AtByte, Offset: int64(at) + int64(len(bad)) + 50, Do: end})
			}
			for range 1 + how>>2&3 {
				s.Next(consumertest.GetMedia, step)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			began := time.Now()
			l, err := readAll(ctx, c.Live("gate", fromStart()))
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				if _, ok := errors.AsType[*mkv.SyntaxError](err); !ok {
					t.Errorf("ended with %v", err)
				}
			}
			if took := time.Since(began); took > time.Hour {
				t.Errorf("ended after %v", took)
			}
			checkStored(t, l, stream)
		})
	})
}

// checkStored: each fragment's frames are in their order, none twice.
func checkStored(t *testing.T, l *consumertest.Ledger, stream *consumertest.Stream) {
	t.Helper()
	last := map[millrace.FragmentNumber]int{}
	for _, g := range l.Frames() {
		if before, ok := last[g.Number]; ok && g.Index <= before && !g.Number.IsZero() {
			t.Errorf("frame %d of %s behind frame %d", g.Index, g.Number, before)
		}
		last[g.Number] = g.Index
	}
	if l.Len() > 10_000 {
		t.Errorf("%d frames of %d fragments", l.Len(), len(stream.All()))
	}
}

package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
)

func TestEngineKeepsAFragmentOverARestart(t *testing.T) {
	ctx := context.Background()
	fs, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e, err := store.Open(ctx, store.Config{FS: fs, Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_700_000_000_000).UTC()
	key := millrace.StreamKey{ID: 7}
	f := &millrace.Fragment{
		Stream: key, Number: millrace.NewFragmentNumber(1<<32|1, at, 5),
		ProducerTime: at.Add(-time.Second), Duration: 2 * time.Second, TimecodeScale: 1e6,
		Header: millrace.NewHeader([]byte("header")), Cluster: [][]byte{[]byte("clu"), []byte("ster")},
		Samples: []millrace.Sample{{Track: 1, Offset: 2, Size: 3, Time: -1, Flags: millrace.SampleKey}},
	}
	done := make(chan error, 1)
	if err := e.Submit(ctx, f, func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	check := func(e *store.Engine) {
		t.Helper()
		list, err := e.After(ctx, store.Scope{Stream: key}, millrace.FragmentNumber{}, 10)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		got, err := e.Read(ctx, store.Scope{Stream: key}, list[0], nil)
		if err != nil || !bytes.Equal(got.Cluster[0], []byte("cluster")) || string(got.Header.Bytes) != "header" {
			t.Fatal(got, err)
		}
	}
	check(e)
	e.Close()
	if e, err = store.Open(ctx, store.Config{FS: fs, Epoch: 2}); err != nil {
		t.Fatal(err)
	}
	check(e)
	e.Close()
}

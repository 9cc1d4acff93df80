package server_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestAServerStartsWithItsBallastWhereNoByteIsLeft: once, and not again before
// there was room. A start that fails says why, and harms nothing.
func TestAServerStartsWithItsBallastWhereNoByteIsLeft(t *testing.T) {
	disk := storetest.NewSmallDisk(t, 16<<20)
	r := start(t, nil, func(c *config.Server) {
		c.Data, c.ReaderIdleTimeout = filepath.Join(disk.Dir, "data"), readerIdle
	})
	path := filepath.Join(r.cfg.Data, "ballast")
	hasBallast := func() bool {
		_, err := os.Stat(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return err == nil
	}
	awaitBallast := func() {
		for end := time.Now().Add(fullWait); !hasBallast(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("there is no ballast, though there is room")
			}
		}
	}
	r.create("cam", 24)
	put := func(timecode uint64) {
		p := r.put("cam", nil)
		p.mustSend(slices.Concat(header(1), cluster(timecode, block(1, 0, "frame")), endOfFragment()))
		p.end()
		if acks := p.rest(); len(acks) == 0 || acks[len(acks)-1].EventType != "PERSISTED" {
			t.Errorf("acknowledged with %v", acks)
		}
	}
	put(1)
	awaitBallast()
	r.close()
	disk.Fill(0)
	r.open()
	if hasBallast() {
		t.Error("the ballast is there on a full disk")
	}
	if docs, err := readAll(r, "cam"); err != nil || len(docs) != 1 {
		t.Errorf("%d fragments on a full disk: %v", len(docs), err)
	}
	r.close()
	disk.Fill(0)
	if _, err := server.Start(context.Background(), r.cfg, r.options); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a start without any room: %v", err)
	}
	disk.Leave(0)
	r.open()
	put(2)
	if docs, err := readAll(r, "cam"); err != nil || len(docs) != 2 {
		t.Errorf("%d fragments with room again: %v", len(docs), err)
	}
	awaitBallast()
}

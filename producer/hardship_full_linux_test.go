package producer_test

import (
	"testing"

	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// A disk that others fill costs nothing: media are kept in memory, and go to the
// disk again when there is room.
func TestADiskThatFillsUnderASpoolIsToldOnceAndTheRestGoesOn(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	disk := storetest.NewSmallDisk(t, 8<<20)
	yardOf(t, producertest.Millrace(), disk.Dir, func(t *testing.T, y *yard) {
		f := footage(20_000)
		o := producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{Spool: true, SpoolBytes: 4 << 20}}
		gate, lane := y.open("gate", o), y.open("lane", producer.StreamConfig{Tracks: tracks()})
		y.server.SetNetwork(producertest.Down)
		capture(t, gate, f, 0, 50)
		disk.Fill(100_000)
		capture(t, gate, f, 50, 150)
		capture(t, lane, f, 0, 50)
		full := gate.Stats()
		if full.Buffered < 300_000 {
			t.Errorf("memory keeps what the disk does not take: %+v", full)
		}
		disk.Leave(0)
		capture(t, gate, f, 150, 200)
		if got := gate.Stats(); got.Spooled < full.Spooled+500_000 {
			t.Errorf("with room again, stats %+v, before %+v", got, full)
		}
		y.server.SetNetwork(producertest.Up)
		y.close(gate, lane)
		y.compare("gate", f, 200, nil)
		y.compare("lane", f, 50, nil)
		if gate.countNotices(producer.ErrSpool) != 1 || lane.countNotices(producer.ErrSpool) != 0 {
			t.Errorf("told of %v and %v", gate.notices, lane.notices)
		}
		if len(gate.dropped) != 0 || gate.Stats().Persisted != gate.Stats().Begun {
			t.Errorf("dropped %v, stats %+v", gate.dropped, gate.Stats())
		}
	})
}

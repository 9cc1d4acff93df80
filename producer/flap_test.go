package producer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// A change is of the network, so many seconds after the beginning.
type change struct {
	at      int
	network producertest.Network
}

// resumption is how long a stream may take from the return of the network until
// everything is durable.
const resumption = 2 * time.Minute

// In whatever state a stream is when the network goes, and however it goes, the
// stream goes on by itself when the network is back, and nothing is lost.
func TestTheNetworkMayGoInAnyState(t *testing.T) {
	// Frames are written from second 0 to 29 and from 90 to 119; then the stream
	// is closed.
	const up = producertest.Up
	for state, when := range map[string][]int{ // when it goes and when it is back, in turn
		"before anything is known":      {-1, 25},
		"in the midst of a fragment":    {10, 20},
		"while there is nothing to do":  {60, 100},
		"for longer than frames come":   {20, 900},
		"again and again":               {5, 12, 14, 21, 22, 29, 91, 93, 94, 100, 101, 110},
		"while it is waiting":           {10, 18, 18, 60},
		"as the stream is being closed": {119, 200},
	} {
		for how, gone := range map[string]producertest.Network{"refused": producertest.Down, "silent": producertest.Silent} {
			t.Run(fmt.Sprintf("%s, %s", state, how), func(t *testing.T) {
				inYard(t, func(t *testing.T, y *yard) {
					var changes []change
					for i, at := range when {
						changes = append(changes, change{at, [...]producertest.Network{gone, up}[i%2]})
					}
					last := y.weather(changes)
					f := footage(0)
					gate := y.open("gate", producer.StreamConfig{Tracks: tracks()})
					y.shoot(gate, f, 0, 30)
					time.Sleep(time.Minute)
					y.shoot(gate, f, 90, 120)
					y.close(gate)
					if took := time.Since(last); took > resumption && when[len(when)-1] > 120 {
						t.Errorf("took %v from the return of the network", took)
					}
					y.compare("gate", f, 120, []producer.Dropped{{From: f.Time(30), To: f.Time(89)}}) // nobody wrote these
					if len(gate.dropped) != 0 {
						t.Errorf("dropped %+v", gate.dropped)
					}
				})
			})
		}
	}
}

// weather changes the network beside the test, and returns when the last change is.
func (y *yard) weather(changes []change) (last time.Time) {
	began := time.Now()
	if changes[0].at < 0 {
		y.server.SetNetwork(changes[0].network)
		changes = changes[1:]
	}
	go func() {
		for _, c := range changes {
			time.Sleep(time.Until(began.Add(time.Duration(c.at)*time.Second + 300*time.Millisecond)))
			y.server.SetNetwork(c.network)
		}
	}()
	return began.Add(time.Duration(changes[len(changes)-1].at)*time.Second + 300*time.Millisecond)
}

// shoot is capture at the pace of the footage.
func (y *yard) shoot(s *told, f producertest.Footage, from, to int) {
	y.t.Helper()
	for n := from; n < to; n++ {
		must(y.t, s.Write(y.t.Context(), frameAt(1, f.Time(n).Sub(clock), n == from || f.Key(n), string(f.Data(n)))))
		time.Sleep(f.Every)
	}
}

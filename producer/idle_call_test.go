package producer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer"
)

// A stream to which nothing is written is well: its fragment ends, what there is
// becomes durable, the call ends in good order, and nobody is told of a fault.
func TestAnIdleStreamEndsItsCallInGoodOrder(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		gate := y.open("gate", producer.StreamConfig{Tracks: tracks()})
		write(t, gate.Stream, 0, "AbC")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		y.want("gate", 1, "A b C")
		time.Sleep(time.Hour)
		synctest.Wait()
		calls := y.server.Calls()
		if len(calls) != 1 || !calls[0].Terminated || calls[0].Ended.IsZero() || calls[0].Ended.Sub(calls[0].Began) > 2*time.Minute {
			t.Errorf("calls %+v", calls)
		}
		wantFrameError(t, writeUntil(t, gate.Stream, 3700, "d"), 1, producer.ErrNeedKeyFrame)
		write(t, gate.Stream, 3701, "Ef")
		y.close(gate)
		y.want("gate", 1, "A b C E f")
		y.blameless()
		if got := gate.Stats(); got.Connections != 2 || got.Failures != 0 || got.Resent != 0 || len(gate.broken) != 0 {
			t.Errorf("stats %+v, told of %v", got, gate.broken)
		}
	})
}

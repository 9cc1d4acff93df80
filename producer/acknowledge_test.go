package producer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

func TestWhatLetsAFragmentGo(t *testing.T) {
	without := func(types ...millrace.AckType) producertest.Step {
		return producertest.Step{Acks: producertest.Acks{Omit: types}}
	}
	none := time.Duration(-1)
	for name, tc := range map[string]struct {
		level     producer.AckLevel
		retention time.Duration
		after     producertest.Step
		keeps     bool // nothing is let go
	}{
		"durable":                              {level: producer.AckDurable},
		"durable, which never comes":           {level: producer.AckDurable, after: without(millrace.AckPersisted), keeps: true},
		"durable, without retention":           {level: producer.AckDurable, retention: none},
		"durable, nothing without retention":   {level: producer.AckDurable, retention: none, after: without(millrace.AckReceived), keeps: true},
		"arrived":                              {level: producer.AckArrived, after: without(millrace.AckPersisted)},
		"arrived, without retention":           {level: producer.AckArrived, retention: none},
		"arrived, but BUFFERING is not enough": {level: producer.AckArrived, after: without(millrace.AckPersisted, millrace.AckReceived), keeps: true},
		"arrived, and PERSISTED is more":       {level: producer.AckArrived, after: without(millrace.AckReceived)},
		"nothing":                              {level: producer.AckNothing},
		"nothing, and nothing comes":           {level: producer.AckNothing, after: producertest.Step{Acks: producertest.Acks{Never: true}}},
		"nothing, without retention":           {level: producer.AckNothing, retention: none},
	} {
		t.Run(name, func(t *testing.T) {
			c := setting{server: producertest.Millrace()}
			c.server.Retention, c.server.After, c.stream.Ack = tc.retention, tc.after, tc.level
			play(t, c, func(s *scene) {
				s.film(600)
				stats := s.up.Stats()
				if tc.keeps {
					if stats.Persisted > 0 || stats.Pending != 300 {
						t.Errorf("stats %+v", stats)
					}
					return
				}
				s.flawless()
				if stats.Pending > 2 || stats.Buffered > 2000 {
					t.Errorf("kept are %d", stats.Pending)
				}
				began := time.Now()
				s.close(time.Minute)
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("close took %v", took)
				}
				if stats := s.up.Stats(); stats.Persisted != 300 || stats.Pending > 0 || stats.Connections != 1 {
					t.Errorf("stats %+v", stats)
				}
				want := "1"
				if tc.level == producer.AckNothing {
					want = "0"
				}
				if got := s.server.Calls()[0].Header["X-Amzn-Fragment-Acknowledgment-Required"]; !slices.Equal(got, []string{want}) {
					t.Errorf("acknowledgements are required: %q", got)
				}
			})
		})
	}
}

// Where nothing is acknowledged, what was not sent to its end is sent again, and
// nothing else; and no silence is too long.
func TestWithoutAcknowledgementsOnlyWhatWasCutIsSentAgain(t *testing.T) {
	for name, config := range map[string]producertest.Config{"Millrace": producertest.Millrace(), "AWS": producertest.AWS()} {
		t.Run(name, func(t *testing.T) {
			config.Idle = -1
			config.Steps = []producertest.Step{{Faults: []producertest.Fault{{At: producertest.AtBlock, Fragment: 5, Block: 3, Do: producertest.Reset}}}}
			c := setting{server: config, gop: 20}
			c.stream.Ack, c.stream.Fragment = producer.AckNothing, producer.FragmentRules{MaxDuration: 20 * time.Second, Idle: -1}
			play(t, c, func(s *scene) {
				s.film(200)
				time.Sleep(20 * time.Minute)
				s.close(time.Minute)
				s.compare(true)
				if stats := s.up.Stats(); stats.Connections != 2 || stats.Failures != 1 || stats.Resent != 1 {
					t.Errorf("stats %+v, %v", stats, s.told.breaks())
				}
			})
		})
	}
}

// guilty are the frames of fragments that calls were ended for, so that they may be
// missing: those that were named, with a code that says that the fragment is at
// fault whatever stands before it, and those that were alone.
func (s *scene) guilty() map[int]bool {
	frames := map[int]bool{}
	all := s.server.Fragments()
	for _, e := range s.server.Events() {
		if e.Kind != producertest.FaultHappened || e.Fault.Do != producertest.Fail || e.Fault.Code == millrace.CodeMediaInternal {
			continue
		}
		var carried []producertest.Fragment
		for _, f := range all {
			if f.Call == e.Call {
				carried = append(carried, f)
			}
		}
		if n := e.Fault.Fragment; n < len(carried) && (len(carried) == 1 || !e.Fault.Bare && e.Fault.Code == millrace.CodeFramesMissing) {
			first := int(carried[n].Time.Sub(s.footage.Began) / time.Second)
			for i := range s.gop {
				frames[first+i] = true
			}
		}
	}
	return frames
}

// Whatever a server says against fragments, and in which order, with several on
// their way: those that it does not mean are not lost.
func TestErrorsCostNobodyButTheGuilty(t *testing.T) {
	codes := []millrace.Code{
		millrace.CodeTimecodeOrder, millrace.CodeInvalidMKV, millrace.CodeFramesMissing, millrace.CodeMediaInternal,
	}
	places := []producertest.Place{
		producertest.AtTimecode, producertest.AtBlock, producertest.AtFragmentEnd, producertest.AtPersisted, producertest.AtAcknowledged,
	}
	lost := 0
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 9))
			config := []producertest.Config{producertest.Millrace(), producertest.AWS()}[seed%2]
			for range 1 + rnd.IntN(8) {
				config.Steps = append(config.Steps, producertest.Step{
					Acks: producertest.Acks{Delay: time.Duration(rnd.IntN(3)) * 5 * time.Second, Reverse: rnd.IntN(4) == 0, Group: rnd.IntN(4)},
					Faults: []producertest.Fault{{
						At: places[rnd.IntN(len(places))], Fragment: rnd.IntN(6), Do: producertest.Fail,
						Code: codes[rnd.IntN(len(codes))], Bare: rnd.IntN(2) == 0,
					}},
				})
			}
			play(t, setting{server: config}, func(s *scene) {
				s.burst(16)
				s.film(64)
				s.close(5 * time.Minute)
				guilty := s.guilty()
				err := s.footage.Compare(s.kept(), producertest.Comparison{
					Written: s.next, Once: seed%2 == 0, Millis: true, Missing: func(n int) bool { return guilty[n] },
				})
				if err != nil {
					t.Errorf("%v; steps %+v", err, config.Steps)
				}
				stats := s.up.Stats()
				if lost += stats.Rejected; stats.Rejected*s.gop > len(guilty) || stats.Dropped > 0 {
					t.Errorf("stats %+v, guilty %d", stats, len(guilty))
				}
			})
		})
	}
	if lost == 0 {
		t.Error("nobody was guilty, which tests nothing")
	}
}

package readings_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/internal/readings"
)

// A fake is a stream with any counts.
type fake struct {
	name  millrace.StreamName
	stats producer.Stats
}

func (f fake) Name() millrace.StreamName { return f.name }
func (f fake) Stats() producer.Stats     { return f.stats }

func read(t *testing.T, streams ...fake) []readings.Reading {
	t.Helper()
	return readings.Read(readings.Families(), slices.Values(streams), 0).Streams
}

// leaves calls visit with each number in v, and where it stands.
func leaves(v reflect.Value, path string, visit func(path string, leaf reflect.Value)) {
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
		return
	}
	visit(path, v)
}

// TestEveryFieldOfStatsIsShown, and each by series of its own.
func TestEveryFieldOfStatsIsShown(t *testing.T) {
	zero := read(t, fake{})[0].Values
	shows := make([]string, len(zero))
	var all producer.Stats
	leaves(reflect.ValueOf(&all).Elem(), "Stats", func(path string, leaf reflect.Value) {
		switch {
		case leaf.CanInt():
			leaf.SetInt(2)
		case leaf.CanUint():
			leaf.SetUint(2)
		case leaf.CanFloat():
			leaf.SetFloat(2)
		default:
			t.Fatalf("%s is a %v", path, leaf.Kind())
		}
		shown := false
		for i, v := range read(t, fake{stats: all})[0].Values {
			if v == zero[i] {
				continue
			}
			shown = true
			if shows[i] != "" {
				t.Errorf("%s and %s are one series", shows[i], path)
			}
			shows[i] = path
		}
		if !shown {
			t.Errorf("%s is in no metric", path)
		}
		leaf.SetZero()
	})
}

func TestEveryStateHasASeries(t *testing.T) {
	if producer.Over != 4 {
		t.Fatal("there are other states than this test knows")
	}
	for state := producer.Preparing; state <= producer.Over; state++ {
		values := read(t, fake{stats: producer.Stats{State: state}})[0].Values
		if at := slices.Index(values, 1); at != int(state) || slices.Contains(values[at+1:], 1) {
			t.Errorf("state %d is shown as %v", state, values)
		}
	}
}

func TestTheTableIsWellFormed(t *testing.T) {
	names := map[string]bool{}
	for _, f := range append(readings.Families(), *readings.Open(), *readings.LeftOut()) {
		if names[f.Name] || !strings.HasPrefix(f.Name, "millrace.producer.") || f.Unit == "" || !strings.HasSuffix(f.Help, ".") {
			t.Errorf("family %+v", f)
		}
		names[f.Name] = true
		series := map[string]bool{}
		for _, s := range f.Series {
			key := fmt.Sprint(s.Values)
			if len(s.Values) != len(f.Labels) || series[key] {
				t.Errorf("series %q of %s, whose labels are %q", s.Values, f.Name, f.Labels)
			}
			series[key] = true
		}
	}
}

func TestStreamsOfOneNameAreAddedUp(t *testing.T) {
	a := producer.Stats{State: producer.Sending, Frames: 3, Backlog: time.Second, Latency: producer.Latencies{Wire: producer.Quantiles{Max: time.Second}}}
	b := producer.Stats{State: producer.Sending, Frames: 4, Backlog: 2 * time.Second}
	sum := producer.Stats{Frames: 7, Backlog: 2 * time.Second, Latency: a.Latency}
	got := read(t, fake{"gate", a}, fake{"gate", b})
	want := read(t, fake{"gate", sum})
	want[0].Values[producer.Preparing], want[0].Values[producer.Sending] = 0, 2
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

func TestNoMoreNamesAreShownThanThereMayBe(t *testing.T) {
	streams := slices.Values([]fake{{name: "a"}, {name: "b"}, {name: "c"}, {name: "a"}, {name: "d"}})
	r := readings.Read(readings.Families(), streams, 2)
	if r.Open != 5 || r.Left != 2 || len(r.Streams) != 2 || r.Streams[0].Name != "a" || r.Streams[1].Name != "b" {
		t.Errorf("read %d of %d, %d left: %v", len(r.Streams), r.Open, r.Left, r.Streams)
	}
	if r := readings.Read[fake](readings.Families(), nil, 0); r.Open != 0 || len(r.Streams) != 0 {
		t.Errorf("of nothing is read %v", r)
	}
}

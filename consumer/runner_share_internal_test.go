package consumer

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestShare(t *testing.T) {
	all := func(room int, held ...int) (workers []worker) {
		for i, n := range held {
			workers = append(workers, worker{string(rune('a' + i)), room, n})
		}
		return workers
	}
	for name, tc := range map[string]struct {
		n       int
		workers []worker
		want    map[string]int
	}{
		"one worker has all":                 {5, all(math.MaxInt, 0), map[string]int{"a": 5}},
		"nobody is there":                    {5, nil, map[string]int{}},
		"nothing is there":                   {0, all(math.MaxInt, 0, 0), map[string]int{}},
		"each has as many":                   {6, all(math.MaxInt, 6, 0, 0), map[string]int{"a": 2, "b": 2, "c": 2}},
		"the odd ones stay where they are":   {20, all(math.MaxInt, 6, 7, 7), map[string]int{"a": 6, "b": 7, "c": 7}},
		"the odd ones go by name at first":   {20, all(math.MaxInt, 0, 0, 0), map[string]int{"a": 7, "b": 7, "c": 6}},
		"who comes last gets its part":       {9, all(math.MaxInt, 3, 3, 3, 0), map[string]int{"a": 3, "b": 2, "c": 2, "d": 2}},
		"more workers than streams":          {2, all(math.MaxInt, 0, 1, 1), map[string]int{"a": 0, "b": 1, "c": 1}},
		"nobody has more than there is room": {20, all(4, 4, 4, 0), map[string]int{"a": 4, "b": 4, "c": 4}},
		"what has no room goes to others":    {20, []worker{{"a", 5, 10}, {"b", math.MaxInt, 10}}, map[string]int{"a": 5, "b": 15}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := share(tc.n, tc.workers); !maps.Equal(got, tc.want) {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

// Nobody who has room has two streams less than another, all streams are shared
// out if there is room, and who has its part keeps it when everybody has.
func TestShareIsEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var workers []worker
		room := 0
		for i := range rapid.IntRange(1, 8).Draw(t, "workers") {
			w := worker{fmt.Sprint("w", i), rapid.SampledFrom([]int{1, 2, 5, 1000}).Draw(t, "room"), rapid.IntRange(0, 20).Draw(t, "held")}
			workers = append(workers, w)
			room += w.room
		}
		n := rapid.IntRange(0, 60).Draw(t, "streams")
		parts := share(n, workers)
		total, most := 0, 0
		for _, part := range parts {
			total += part
			most = max(most, part)
		}
		if total != min(n, room) {
			t.Fatalf("%d of %d streams are shared out: %v", total, n, parts)
		}
		for i, w := range workers {
			if part := parts[w.owner]; part > w.room || part < w.room && part < most-1 {
				t.Fatalf("%s with room for %d has %d in %v", w.owner, w.room, part, parts)
			}
			workers[i].held = parts[w.owner]
		}
		if again := share(n, workers); !maps.Equal(again, parts) {
			t.Fatalf("%v becomes %v", parts, again)
		}
		slices.Reverse(workers)
		if again := share(n, workers); !maps.Equal(again, parts) {
			t.Fatalf("in another order %v becomes %v", parts, again)
		}
	})
}

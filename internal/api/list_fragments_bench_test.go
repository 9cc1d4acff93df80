package api_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

// fullIndex is an index that has as many entries as are asked for.
type fullIndex struct{ store.Index }

func (fullIndex) List(_ context.Context, _ store.Scope, l store.Listing) ([]store.Entry, error) {
	list := make([]store.Entry, l.Limit)
	for i := range list {
		at := clock().Add(time.Duration(i) * time.Second)
		list[i] = store.Entry{Number: millrace.NewFragmentNumber(uint64(i), at, uint32(i)*7919), ProducerTime: at, Duration: time.Second, Size: 250_000}
	}
	return list, nil
}

// BenchmarkListFragments is a call for a page, its signature and its answer, over
// an index that costs nothing.
func BenchmarkListFragments(b *testing.B) {
	c := config(mem.NewControl())
	c.Archive = &api.Archive{Index: fullIndex{}, Since: func(time.Duration) time.Time { return time.Time{} }}
	h, err := api.New(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	askFor := func(path, body string) reply {
		return ask(b, h, "root", http.MethodPost, path, body, nil)
	}
	if r := askFor("/createStream", `{"StreamName":"cam","DataRetentionInHours":24}`); r.status != http.StatusOK {
		b.Fatal(r.body)
	}
	for _, most := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint("page of ", most), func(b *testing.B) {
			body := fmt.Sprintf(`{"StreamName":"cam","MaxResults":%d,"FragmentSelector":{"FragmentSelectorType":"SERVER_TIMESTAMP","TimestampRange":{"StartTimestamp":0,"EndTimestamp":2e9}}}`, most)
			b.ReportAllocs()
			for b.Loop() {
				if r := askFor("/listFragments", body); r.status != http.StatusOK || len(r.body) < 150*most {
					b.Fatal(r.body)
				}
			}
		})
	}
}

package api_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/sqlite"
)

// eachStore runs a test with either kind of control state.
func eachStore(t *testing.T, test func(t *testing.T, c store.Control)) {
	t.Helper()
	t.Run("mem", func(t *testing.T) { test(t, mem.NewControl()) })
	t.Run("sqlite", func(t *testing.T) {
		test(t, openSQLite(t, filepath.Join(t.TempDir(), "control.db"), sqlite.Options{}))
	})
}

// atOnce makes n calls at the same time and returns the answers.
func atOnce(n int, call func(i int) reply) []reply {
	answers := make([]reply, n)
	var ready, done sync.WaitGroup
	ready.Add(1)
	for i := range n {
		done.Go(func() {
			ready.Wait()
			answers[i] = call(i)
		})
	}
	ready.Done()
	done.Wait()
	return answers
}

// tally counts the answers of each kind.
func tally(answers []reply) map[string]int {
	kinds := map[string]int{}
	for _, a := range answers {
		kinds[a.errorType()]++
	}
	return kinds
}

func TestOfCreationsAtOnceOneSucceeds(t *testing.T) {
	eachStore(t, func(t *testing.T, c store.Control) {
		url := listen(t, newHandler(t, config(c)))
		for round := range 3 {
			got := tally(atOnce(12, func(i int) reply {
				return send(t, url, "root", "/createStream", fmt.Sprintf(`{"StreamName":"cam-%d","DeviceName":"d%d"}`, round, i))
			}))
			if got[fine] != 1 || got[inUse] != 11 {
				t.Errorf("answers: %v", got)
			}
		}
	})
}

func TestOfUpdatesAtOnceOneSucceeds(t *testing.T) {
	eachStore(t, func(t *testing.T, c store.Control) {
		h := newHandler(t, config(c))
		url := listen(t, h)
		create(t, h, "cam")
		for range 3 {
			v := version(t, h, "cam")
			got := tally(atOnce(12, func(i int) reply {
				path, body := "/updateStream", fmt.Sprintf(`{"StreamName":"cam","CurrentVersion":"%s","DeviceName":"d%d"}`, v, i)
				if i%2 == 0 {
					path = "/updateDataRetention"
					body = `{"StreamName":"cam","CurrentVersion":"` + v + `","Operation":"INCREASE_DATA_RETENTION","DataRetentionChangeInHours":1}`
				}
				return send(t, url, "root", path, body)
			}))
			if got[fine] != 1 || got[staleV] != 11 {
				t.Errorf("answers: %v", got)
			}
		}
	})
}

func TestOfDeletionsAtOnceOneSucceeds(t *testing.T) {
	eachStore(t, func(t *testing.T, c store.Control) {
		h := newHandler(t, config(c))
		running(t, h)
		url := listen(t, h)
		arn := create(t, h, "cam")
		got := tally(atOnce(12, func(int) reply {
			return send(t, url, "root", "/deleteStream", `{"StreamARN":"`+arn+`"}`)
		}))
		if got[fine] != 1 || got[inUse]+got[missing] != 11 {
			t.Errorf("answers: %v", got)
		}
	})
}

func TestTagsSetAtOnceKeepTheLimit(t *testing.T) {
	eachStore(t, func(t *testing.T, c store.Control) {
		h := newHandler(t, config(c))
		url := listen(t, h)
		create(t, h, "cam")
		post(t, h, "/tagStream", `{"StreamName":"cam","Tags":{`+tagEntries(45)+`}}`)
		got := tally(atOnce(12, func(i int) reply {
			return send(t, url, "root", "/tagStream", fmt.Sprintf(`{"StreamName":"cam","Tags":{"new%d":""}}`, i))
		}))
		if got[fine] != 5 || got[tooMany] != 7 {
			t.Errorf("answers: %v", got)
		}
	})
}

func TestEveryStreamIsOnOnePage(t *testing.T) {
	eachStore(t, func(t *testing.T, c store.Control) {
		h := newHandler(t, config(c))
		for i := range 23 {
			create(t, h, fmt.Sprintf("cam-%02d", i))
		}
		var names []string
		token := ""
		for pages := 0; pages == 0 || token != ""; pages++ {
			got := post(t, h, "/listStreams", `{"MaxResults":5,"NextToken":"`+token+`"}`)
			if got.status != 200 || pages > 5 {
				t.Fatalf("page %d: %d %s", pages, got.status, got.body)
			}
			for _, part := range strings.Split(got.body, `"StreamName":"`)[1:] {
				name, _, _ := strings.Cut(part, `"`)
				names = append(names, name)
			}
			token = got.field(t, "NextToken")
		}
		for i, name := range names {
			if name != fmt.Sprintf("cam-%02d", i) {
				t.Errorf("name %d is %s", i, name)
			}
		}
		if len(names) != 23 {
			t.Errorf("%d names", len(names))
		}
	})
}

func TestTokensOutliveTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	before := openSQLite(t, path, sqlite.Options{})
	h := newHandler(t, config(before))
	for _, name := range []string{"a", "b", "c"} {
		create(t, h, name)
	}
	token := post(t, h, "/listStreams", `{"MaxResults":1}`).field(t, "NextToken")
	before.Close()
	ask := `{"NextToken":"` + token + `"}`

	h = newHandler(t, config(openSQLite(t, path, sqlite.Options{})))
	if got := post(t, h, "/listStreams", ask); got.status != http.StatusOK || strings.Count(got.body, `"StreamName"`) != 2 {
		t.Errorf("after a restart: %d %s", got.status, got.body)
	}
	if got := post(t, memHandler(t), "/listStreams", ask); got.errorType() != badArg {
		t.Errorf("on another server: %d %s", got.status, got.body)
	}
}

func TestVersionsAreNew(t *testing.T) {
	h := memHandler(t)
	create(t, h, "cam")
	seen := map[string]bool{}
	for range 50 {
		v := version(t, h, "cam")
		if len(v) != 20 || strings.Trim(v, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" || seen[v] {
			t.Fatalf("version %q, after %d others", v, len(seen))
		}
		seen[v] = true
		if got := post(t, h, "/updateStream", `{"StreamName":"cam","CurrentVersion":"`+v+`"}`); got.status != 200 {
			t.Fatal(got.body)
		}
		post(t, h, "/tagStream", `{"StreamName":"cam","Tags":{"a":"b"}}`)
		if version(t, h, "cam") == v {
			t.Fatal("the version is the same after an update")
		}
	}
}

// TestTagsLeaveTheVersion: only updates of the stream itself make a new one.
func TestTagsLeaveTheVersion(t *testing.T) {
	h := memHandler(t)
	arn := create(t, h, "cam")
	v := version(t, h, "cam")
	post(t, h, "/tagStream", `{"StreamName":"cam","Tags":{"a":"b"}}`)
	post(t, h, "/UntagResource", `{"ResourceARN":"`+arn+`","TagKeyList":["a"]}`)
	if now := version(t, h, "cam"); now != v {
		t.Errorf("version %s became %s", v, now)
	}
}

package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/wire"
)

// mediaRows returns the members of an operation from the table of shapes: the
// type of each, by "in" or "out" and its path.
func mediaRows(t *testing.T, operation string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "api", "testdata", "shapes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	var current string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) > 1 && words[0] == "operation":
			current = words[1]
		case len(words) > 2 && current == operation && (words[0] == "in" || words[0] == "out"):
			rows[words[0]+" "+words[1]] = words[2]
		}
	}
	if len(rows) == 0 {
		t.Fatalf("no %s in the table", operation)
	}
	return rows
}

// everyRowHasCases fails for a member of the request that nothing tries.
func everyRowHasCases(t *testing.T, rows map[string]string, names []string) {
	t.Helper()
	for row := range rows {
		member, in := strings.CutPrefix(row, "in ")
		if in && !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, member+" ") }) {
			t.Errorf("no case tries %s", member)
		}
	}
}

const (
	badArgument = "InvalidArgumentException"
	badBody     = "SerializationException"
	notFound    = "ResourceNotFoundException"
)

// TestGetMediaHasTheShapeOfTheTable tries each member of the request from both
// sides, and looks for each of the answer.
func TestGetMediaHasTheShapeOfTheTable(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	arn := r.arn("cam")
	selector := func(kind, more string) string {
		return `{"StreamName":"cam","StartSelector":{"StartSelectorType":"` + kind + `"` + more + `}}`
	}
	number := func(digits int) string { return `"` + strings.Repeat("0", digits-1) + `1"` }
	cases := map[string]struct{ body, want string }{
		"StreamName and its selector":                   {selector("NOW", ``), ""},
		"StreamName must be a string":                   {`{"StreamName":7,"StartSelector":{"StartSelectorType":"NOW"}}`, badBody},
		"StreamName below 1 character":                  {`{"StreamName":"","StartSelector":{"StartSelectorType":"NOW"}}`, badArgument},
		"StreamName of 256 characters":                  {`{"StreamName":"` + strings.Repeat("n", 256) + `","StartSelector":{"StartSelectorType":"NOW"}}`, notFound},
		"StreamName above 256 characters":               {`{"StreamName":"` + strings.Repeat("n", 257) + `","StartSelector":{"StartSelectorType":"NOW"}}`, badArgument},
		"StreamName must match its pattern":             {`{"StreamName":"a b","StartSelector":{"StartSelectorType":"NOW"}}`, badArgument},
		"StreamName or StreamARN is required":           {`{"StartSelector":{"StartSelectorType":"NOW"}}`, badArgument},
		"StreamARN alone":                               {`{"StreamARN":"` + arn + `","StartSelector":{"StartSelectorType":"NOW"}}`, ""},
		"StreamARN must be a string":                    {`{"StreamARN":{},"StartSelector":{"StartSelectorType":"NOW"}}`, badBody},
		"StreamARN must match its pattern":              {`{"StreamARN":"cam","StartSelector":{"StartSelectorType":"NOW"}}`, badArgument},
		"StreamARN above 1024 characters":               {`{"StreamARN":"` + strings.Replace(arn, "/cam/", "/"+strings.Repeat("c", 1024)+"/", 1) + `","StartSelector":{"StartSelectorType":"NOW"}}`, badArgument},
		"StartSelector is required":                     {`{"StreamName":"cam"}`, badArgument},
		"StartSelector must not be null":                {`{"StreamName":"cam","StartSelector":null}`, badArgument},
		"StartSelector must be a structure":             {`{"StreamName":"cam","StartSelector":"NOW"}`, badBody},
		"StartSelector.StartSelectorType is required":   {`{"StreamName":"cam","StartSelector":{}}`, badArgument},
		"StartSelector.StartSelectorType is a string":   {`{"StreamName":"cam","StartSelector":{"StartSelectorType":1}}`, badBody},
		"StartSelector.StartSelectorType of its values": {selector("LATEST", ``), badArgument},
		"StartSelector.StartSelectorType EARLIEST":      {selector("EARLIEST", ``), ""},
		"StartSelector.AfterFragmentNumber": {
			selector("FRAGMENT_NUMBER", `,"AfterFragmentNumber":"1"`), "",
		},
		"StartSelector.AfterFragmentNumber is required by its type": {selector("FRAGMENT_NUMBER", ``), badArgument},
		"StartSelector.AfterFragmentNumber is a string":             {selector("FRAGMENT_NUMBER", `,"AfterFragmentNumber":1`), badBody},
		"StartSelector.AfterFragmentNumber below 1 character":       {selector("FRAGMENT_NUMBER", `,"AfterFragmentNumber":""`), badArgument},
		"StartSelector.AfterFragmentNumber of 128 characters":       {selector("FRAGMENT_NUMBER", `,"AfterFragmentNumber":`+number(128)), ""},
		"StartSelector.AfterFragmentNumber above 128 characters":    {selector("FRAGMENT_NUMBER", `,"AfterFragmentNumber":`+number(129)), badArgument},
		"StartSelector.AfterFragmentNumber matches its pattern":     {selector("FRAGMENT_NUMBER", `,"AfterFragmentNumber":"-1"`), badArgument},
		"StartSelector.StartTimestamp by the server's clock":        {selector("SERVER_TIMESTAMP", `,"StartTimestamp":1700000000.5`), ""},
		"StartSelector.StartTimestamp by the producer's clock":      {selector("PRODUCER_TIMESTAMP", `,"StartTimestamp":1700000000`), ""},
		"StartSelector.StartTimestamp is required by its type":      {selector("SERVER_TIMESTAMP", ``), badArgument},
		"StartSelector.StartTimestamp is a timestamp":               {selector("SERVER_TIMESTAMP", `,"StartTimestamp":true`), badBody},
		"StartSelector.ContinuationToken":                           {selector("CONTINUATION_TOKEN", `,"ContinuationToken":"1"`), ""},
		"StartSelector.ContinuationToken is required by its type":   {selector("CONTINUATION_TOKEN", ``), badArgument},
		"StartSelector.ContinuationToken is a string":               {selector("CONTINUATION_TOKEN", `,"ContinuationToken":1`), badBody},
		"StartSelector.ContinuationToken below 1 character":         {selector("CONTINUATION_TOKEN", `,"ContinuationToken":""`), badArgument},
		"StartSelector.ContinuationToken of 128 characters":         {selector("CONTINUATION_TOKEN", `,"ContinuationToken":`+number(128)), ""},
		"StartSelector.ContinuationToken above 128 characters":      {selector("CONTINUATION_TOKEN", `,"ContinuationToken":`+number(129)), badArgument},
		"StartSelector.ContinuationToken matches its pattern":       {selector("CONTINUATION_TOKEN", `,"ContinuationToken":"a b"`), badArgument},
	}
	rows := mediaRows(t, "GetMedia")
	everyRowHasCases(t, rows, slices.Collect(maps.Keys(cases)))
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			alone := *r
			alone.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := alone.tryPost(ctx, "/getMedia", json.RawMessage(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if kind := resp.Header.Get("x-amzn-ErrorType"); kind != tc.want || (resp.StatusCode == http.StatusOK) != (tc.want == "") {
				body, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
				t.Errorf("%d %q, want %q: %s", resp.StatusCode, kind, tc.want, body)
			}
			if tc.want == "" && resp.Header.Get("Content-Type") != "video/webm" {
				t.Errorf("content type %q", resp.Header.Get("Content-Type"))
			}
		})
	}
}

// TestPutMediaHasTheShapeOfTheTable does the same of PutMedia, whose request is
// made of headers and whose answer of acknowledgements.
func TestPutMediaHasTheShapeOfTheTable(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	arn := r.arn("cam")
	long := strings.Replace(arn, "/cam/", "/"+strings.Repeat("c", 1024)+"/", 1)
	with := func(pairs ...string) http.Header {
		h := http.Header{wire.HeaderTimecodeType: {"ABSOLUTE"}, wire.HeaderStreamName: {"cam"}, wire.HeaderProducerStart: {"1700000000.000"}}
		for i := 0; i < len(pairs); i += 2 {
			h.Del(pairs[i])
			delete(h, pairs[i])
			if pairs[i+1] != "" {
				h[pairs[i]] = []string{pairs[i+1]}
			}
		}
		return h
	}
	const name, byARN, kind, began = wire.HeaderStreamName, wire.HeaderStreamARN, wire.HeaderTimecodeType, wire.HeaderProducerStart
	cases := map[string]struct {
		header http.Header
		want   string
	}{
		"StreamName alone":                           {with(), ""},
		"StreamName of 256 characters":               {with(name, strings.Repeat("n", 256)), notFound},
		"StreamName above 256 characters":            {with(name, strings.Repeat("n", 257)), badArgument},
		"StreamName must match its pattern":          {with(name, "a b"), badArgument},
		"StreamName or StreamARN is required":        {with(name, ""), badArgument},
		"StreamARN alone":                            {with(name, "", byARN, arn), ""},
		"StreamARN beside StreamName":                {with(byARN, arn), badArgument},
		"StreamARN must match its pattern":           {with(name, "", byARN, "cam"), badArgument},
		"StreamARN above 1024 characters":            {with(name, "", byARN, long), badArgument},
		"FragmentTimecodeType is required":           {with(kind, ""), badArgument},
		"FragmentTimecodeType RELATIVE":              {with(kind, "RELATIVE"), ""},
		"FragmentTimecodeType must be of its values": {with(kind, "absolute"), badArgument},
		"ProducerStartTimestamp is not required":     {with(began, ""), ""},
		"ProducerStartTimestamp is so for RELATIVE":  {with(kind, "RELATIVE", began, ""), badArgument},
		"ProducerStartTimestamp must be a timestamp": {with(began, "noon"), badArgument},
		"Payload that ends in what is no Matroska":   {with(), ""},
	}
	rows := mediaRows(t, "PutMedia")
	everyRowHasCases(t, rows, slices.Collect(maps.Keys(cases)))
	seen := map[string]bool{}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			chunked := form{headers: []string{"Transfer-Encoding: chunked"}}
			head := r.head(chunked, func(d *draft) { d.header = tc.header })
			if tc.want != "" {
				a, err := r.ask(head)
				if err != nil || a.kind != tc.want {
					t.Errorf("%+v, %v; want %s", a, err, tc.want)
				}
				return
			}
			p := r.putRaw(head)
			p.mustSend(slices.Concat(header(1), cluster(1, oneBlock()), []byte("no Matroska at all")))
			p.end()
			for a := range p.acks {
				note(t, rows, seen, a.raw)
			}
		})
	}
	for row := range rows {
		if member, out := strings.CutPrefix(row, "out "); out && !seen[member] {
			t.Errorf("no acknowledgement has a %s", member)
		}
	}
}

// note compares an acknowledgement with the table, and remembers its members.
func note(t *testing.T, rows map[string]string, seen map[string]bool, raw string) {
	t.Helper()
	var ack map[string]any
	if err := json.Unmarshal([]byte(raw), &ack); err != nil {
		t.Fatal(err)
	}
	for member, value := range ack {
		seen[member] = true
		want := map[string]string{"string": "string", "long": "float64", "integer": "float64"}[rows["out "+member]]
		if got := fmt.Sprintf("%T", value); got != want {
			t.Errorf("%s is a %s, want %q: %s", member, got, want, raw)
		}
	}
}

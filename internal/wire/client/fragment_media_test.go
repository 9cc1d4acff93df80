package client_test

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

func TestMediaOfFragmentsComeFromTheirOwnEndpoint(t *testing.T) {
	one := millrace.NewFragmentNumber(1, time.UnixMilli(5), 6)
	two := one.Next()
	var asked []string
	status := 200
	c := clientOn(func(r *http.Request, in map[string]any) (int, string) {
		asked = append(asked, r.URL.String())
		switch r.URL.Path {
		case "/getDataEndpoint":
			return 200, fmt.Sprintf(`{"DataEndpoint":"http://%s"}`, in["APIName"])
		default:
			want := map[string]any{"StreamName": "gate", "Fragments": []any{one.String(), two.String()}}
			if !reflect.DeepEqual(in, want) {
				t.Errorf("sent %v", in)
			}
		}
		return status, "media"
	})
	body, at, err := c.OpenFragments(t.Context(), gate, []millrace.FragmentNumber{one, two})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if b, err := io.ReadAll(body); string(b) != "media" || err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("read %q at %v, %v", b, at, err)
	}
	const endpoint, call = "http://control/getDataEndpoint", "http://GET_MEDIA_FOR_FRAGMENT_LIST/getMediaForFragmentList"
	if !slices.Equal(asked, []string{endpoint, call}) {
		t.Errorf("asked %q", asked)
	}
	// It is tried once, and an endpoint that fails is forgotten.
	asked, status = nil, 0
	for range 2 {
		if _, _, err := c.OpenFragments(t.Context(), gate, []millrace.FragmentNumber{one, two}); err == nil {
			t.Error("there is an answer")
		}
	}
	if !slices.Equal(asked, []string{call, endpoint, call}) {
		t.Errorf("asked %q", asked)
	}
}

func TestPagesThatNameAnotherAndHaveNothingEnd(t *testing.T) {
	pages := 0
	c := clientOn(func(r *http.Request, _ map[string]any) (int, string) {
		if r.URL.Path == "/getDataEndpoint" {
			return 200, `{"DataEndpoint":"http://data"}`
		}
		if pages++; pages > 10_000 {
			return 404, "{}"
		}
		return 200, `{"Fragments":[],"NextToken":"next"}`
	})
	var last error
	for _, err := range c.FragmentPages(t.Context(), gate, client.FragmentRange{Clock: client.ServerTimestamp}) {
		last = err
	}
	if last == nil || millrace.CodeOf(last) == millrace.CodeNotFound {
		t.Errorf("%d pages, %v", pages, last)
	}
}

package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

func document(kind, name, value string) store.Document {
	return store.Document{Kind: kind, Name: name, Value: []byte(value)}
}

func (c controlCase) put(t *testing.T, d store.Document) store.Document {
	t.Helper()
	kept, err := c.PutDocument(c.ctx, d)
	if err != nil {
		t.Fatalf("put %s %q: %v", d.Kind, d.Name, err)
	}
	return kept
}

func documentsAreKept(t *testing.T, c controlCase) {
	first := c.put(t, document("device", "Größe ☃", `{"a": 1}`))
	if first.Revision == 0 {
		t.Error("the document has no revision")
	}
	other := c.put(t, document("access-key", "Größe ☃", `"of another kind"`))
	got, err := c.Document(c.ctx, "device", "Größe ☃")
	wantError(t, "read", err, nil)
	wantEqual(t, "as kept", got, first)
	got.Value[0] = 'x' // the caller's own

	second := first
	second.Revision, second.Value = store.AnyRevision, []byte(`[]`)
	second = c.put(t, second)
	if second.Revision <= other.Revision {
		t.Errorf("revision %d after %d", second.Revision, other.Revision)
	}
	got, err = c.Document(c.ctx, "device", "Größe ☃")
	wantError(t, "read again", err, nil)
	wantEqual(t, "as replaced", got, second)

	wantError(t, "delete", c.DeleteDocument(c.ctx, "device", "Größe ☃"), nil)
	wantError(t, "delete again", c.DeleteDocument(c.ctx, "device", "Größe ☃"), millrace.ErrNotFound)
	_, err = c.Document(c.ctx, "device", "Größe ☃")
	wantError(t, "read what is gone", err, millrace.ErrNotFound)
	got, err = c.Document(c.ctx, "access-key", "Größe ☃")
	wantError(t, "read of another kind", err, nil)
	wantEqual(t, "of another kind", got, other)
	if again := c.put(t, document("device", "Größe ☃", `{}`)); again.Revision <= second.Revision {
		t.Errorf("revision %d of what was put again, after %d", again.Revision, second.Revision)
	}
}

func documentsKeepToRevisions(t *testing.T, c controlCase) {
	d := document("device", "a", `1`)
	d.Revision = 7
	_, err := c.PutDocument(c.ctx, d)
	wantError(t, "in place of what is not there", err, millrace.ErrNotFound)
	d.Revision = 0
	first := c.put(t, d)
	_, err = c.PutDocument(c.ctx, d)
	wantError(t, "where there is one", err, millrace.ErrExists)
	d.Value, d.Revision = []byte(`2`), first.Revision
	second := c.put(t, d)
	_, err = c.PutDocument(c.ctx, d)
	wantError(t, "in place of an old revision", err, millrace.ErrConflict)
	got, err := c.Document(c.ctx, "device", "a")
	wantError(t, "read", err, nil)
	wantEqual(t, "as kept", got, second)
}

func documentsAreListed(t *testing.T, c controlCase) {
	for _, name := range []string{"b/2", "a", "b/10", "b", "B", "ä", "b/", "c", "b/1"} {
		c.put(t, document("edge", name, `{}`))
		c.put(t, document("edge2", name, `{}`))
	}
	for _, page := range []struct {
		store.DocumentPage
		want []string
	}{
		{store.DocumentPage{}, []string{"B", "a", "b", "b/", "b/1", "b/10", "b/2", "c", "ä"}},
		{store.DocumentPage{Prefix: "b/"}, []string{"b/", "b/1", "b/10", "b/2"}},
		{store.DocumentPage{Prefix: "b/", After: "b/1", Limit: 1}, []string{"b/10"}},
		{store.DocumentPage{After: "b/2", Limit: 2}, []string{"c", "ä"}},
		{store.DocumentPage{After: "b", Limit: 2}, []string{"b/", "b/1"}},
		{store.DocumentPage{Prefix: "ä"}, []string{"ä"}},
		{store.DocumentPage{Prefix: "d"}, nil},
		{store.DocumentPage{After: "ä"}, nil},
	} {
		list, err := c.Documents(c.ctx, "edge", page.DocumentPage)
		wantError(t, "list", err, nil)
		var names []string
		for _, d := range list {
			names = append(names, d.Name)
		}
		wantEqual(t, fmt.Sprintf("%+v", page.DocumentPage), names, page.want)
	}
}

func documentsGoWithTheirStream(t *testing.T, c controlCase) {
	s, other := c.create(t, draft("a"), nil), c.create(t, draft("b"), nil)
	of := func(kind, name string, s millrace.Stream) store.Document {
		d := document(kind, name, `{}`)
		d.Stream = s.Key
		return d
	}
	c.put(t, of("notification", "a", s))
	c.put(t, of("edge", "hub/a", s))
	kept := c.put(t, of("notification", "b", other))
	free := c.put(t, document("device", "a", `{}`))
	later := s
	later.Key.Generation++
	_, err := c.PutDocument(c.ctx, of("notification", "x", later))
	wantError(t, "of a generation that is not there", err, millrace.ErrNotFound)

	wantError(t, "begin to delete", c.BeginDelete(c.ctx, s.Key, ""), nil)
	_, err = c.PutDocument(c.ctx, of("notification", "x", s))
	wantError(t, "of a stream that is going", err, millrace.ErrNotFound)
	wantError(t, "finish", c.FinishDelete(c.ctx, s.Key), nil)
	for _, key := range [][2]string{{"notification", "a"}, {"edge", "hub/a"}, {"notification", "x"}} {
		_, err := c.Document(c.ctx, key[0], key[1])
		wantError(t, key[0]+" "+key[1], err, millrace.ErrNotFound)
	}
	for _, want := range []store.Document{kept, free} {
		got, err := c.Document(c.ctx, want.Kind, want.Name)
		wantError(t, want.Kind+" "+want.Name, err, nil)
		wantEqual(t, "what is another's", got, want)
	}
}

func documentsOutOfBounds(t *testing.T, c controlCase) {
	value := strings.Repeat(" ", store.MaxDocumentValue-2) + "{}"
	widest := document(strings.Repeat("k", store.MaxDocumentKind), strings.Repeat("n", store.MaxDocumentName), value)
	kept := c.put(t, widest)
	got, err := c.Document(c.ctx, widest.Kind, widest.Name)
	wantError(t, "the widest", err, nil)
	wantEqual(t, "the widest", got, kept)
	for name, d := range map[string]store.Document{
		"no kind":          document("", "a", `{}`),
		"a long kind":      document(widest.Kind+"k", "a", `{}`),
		"a kind in spaces": document("a b", "a", `{}`),
		"no name":          document("k", "", `{}`),
		"a long name":      document("k", widest.Name+"n", `{}`),
		"a name with NUL":  document("k", "a\x00b", `{}`),
		"a broken name":    document("k", "a\xff", `{}`),
		"no value":         document("k", "a", ``),
		"a long value":     document("k", "a", " "+value),
		"no JSON":          document("k", "a", `{`),
		"broken JSON":      document("k", "a", "\"\xff\""),
	} {
		_, err := c.PutDocument(c.ctx, d)
		wantError(t, name, err, millrace.ErrInvalid)
	}
}

func oneDocumentWinsEachRevision(t *testing.T, c controlCase) {
	const writers, rounds = 8, 5
	at := c.put(t, document("device", "a", `{}`))
	for round := range rounds {
		kept := make([]*store.Document, writers)
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				d := at
				d.Value = fmt.Appendf(nil, "[%d, %d]", round, i)
				d, err := c.PutDocument(c.ctx, d)
				switch {
				case err == nil:
					kept[i] = &d
				case !errors.Is(err, millrace.ErrConflict):
					t.Errorf("a writer that lost: %v", err)
				}
			})
		}
		wait.Wait()
		got, err := c.Document(c.ctx, "device", "a")
		wantError(t, "read", err, nil)
		winners := 0
		for _, d := range kept {
			if d != nil {
				winners++
				wantEqual(t, "the winner's", got, *d)
			}
		}
		if winners != 1 {
			t.Fatalf("round %d: %d winners", round, winners)
		}
		at = got
	}
}

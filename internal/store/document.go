package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace"
)

// The bounds of a Document, in bytes.
const (
	MaxDocumentKind  = 64
	MaxDocumentName  = 2048
	MaxDocumentValue = 64 << 10
)

// AnyRevision lets PutDocument replace whatever there is, or nothing.
const AnyRevision uint64 = math.MaxUint64

// A Document is a small piece of control state that is no stream: a
// configuration of a stream, an access key, a device.
type Document struct {
	Kind     string             // such as "access-key": visible ASCII
	Name     string             // unique within its kind: UTF-8 without NUL
	Stream   millrace.StreamKey // whose it is, and with which it goes; zero if it is no stream's
	Revision uint64             // given by the store: every change has a greater one
	Value    []byte             // JSON
}

// Documents keep small pieces of control state. What Streams promises of
// concurrency, durability and errors holds here.
type Documents interface {
	// PutDocument keeps d and returns it as it was kept, with its new Revision.
	// d.Revision says what it replaces: nothing if it is 0, or else the error is
	// ErrExists; whatever there is, or nothing, if it is AnyRevision; otherwise
	// the document with just that revision, or else the error is ErrConflict, and
	// ErrNotFound where there is none. A Stream that is not there, or that is not
	// active, is ErrNotFound. A document that fails Check is ErrInvalid.
	PutDocument(ctx context.Context, d Document) (Document, error)

	// Document returns a document. None is ErrNotFound.
	Document(ctx context.Context, kind, name string) (Document, error)

	// Documents returns documents of one kind in ascending byte order of their
	// names. An empty slice means that there are no more.
	Documents(ctx context.Context, kind string, p DocumentPage) ([]Document, error)

	// DeleteDocument forgets a document. None is ErrNotFound.
	DeleteDocument(ctx context.Context, kind, name string) error
}

// A DocumentPage asks Documents for a part of a kind. The zero DocumentPage
// asks for all.
type DocumentPage struct {
	Prefix string // of the names
	After  string // names up to and including this one are left out
	Limit  int    // most documents to return; 0 means no limit
}

// Check says what is wrong with d: ErrInvalid with the reason, or nil.
func (d Document) Check() error {
	switch {
	case d.Kind == "" || len(d.Kind) > MaxDocumentKind || strings.ContainsFunc(d.Kind, func(c rune) bool { return c <= ' ' || c > '~' }):
		return fmt.Errorf("a kind of %d bytes: %w", len(d.Kind), millrace.ErrInvalid)
	case d.Name == "" || len(d.Name) > MaxDocumentName || !utf8.ValidString(d.Name) || strings.Contains(d.Name, "\x00"):
		return fmt.Errorf("a name of %d bytes: %w", len(d.Name), millrace.ErrInvalid)
	case len(d.Value) > MaxDocumentValue || !json.Valid(d.Value) || !utf8.Valid(d.Value):
		return fmt.Errorf("a value of %d bytes: %w", len(d.Value), millrace.ErrInvalid)
	}
	return nil
}

// Replaces decides whether d may be put where old is, which is nil if there is
// nothing, by d.Revision: the error is PutDocument's.
func (d Document) Replaces(old *Document) error {
	switch {
	case d.Revision == AnyRevision, d.Revision == 0 && old == nil:
		return nil
	case d.Revision == 0:
		return millrace.ErrExists
	case old == nil:
		return millrace.ErrNotFound
	case old.Revision != d.Revision:
		return millrace.ErrConflict
	}
	return nil
}

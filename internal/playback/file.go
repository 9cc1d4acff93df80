package playback

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/millrace/millrace/internal/store"
)

// A FileFormat is what a File is.
type FileFormat uint8

// The formats.
const (
	FileMP4 FileFormat = iota
	FileMKV
)

// ContentType is the format's media type.
func (f FileFormat) ContentType() string {
	if f == FileMKV {
		return "video/x-matroska"
	}
	return "video/mp4"
}

// A Cut says how the ends of a File are made.
type Cut uint8

// The cuts.
const (
	CutExact    Cut = iota // what is shown begins with the first picture of the range and ends with the range; MP4 alone can say that
	CutFragment            // whole fragments, of which any part is in the range
)

// A FileRequest says which range of a stream becomes a File.
type FileRequest struct {
	Scope  store.Scope
	Clock  store.Clock
	From   time.Time // the first moment
	To     time.Time // the first moment that is not in it
	Format FileFormat
	Cut    Cut
}

// A File is a range of a stream as one file. Its length is known and nothing of
// it is held: the tables are read from the sample tables of the fragments when
// they are wanted, the media from the fragments. It is a picture of one moment:
// fragments that come into the range later are in another File. A File is
// immutable, and any number of goroutines may use it.
type File struct {
	layout    layout
	format    FileFormat
	tag       string
	modified  time.Time
	fragments int
	length    time.Duration
	memory    int64 // bytes that a Cursor may take
}

// Size is the length of the file in bytes.
func (f *File) Size() int64 { return f.layout.size }

// Tag is a strong entity tag, in quotes: another file has another one.
func (f *File) Tag() string { return f.tag }

// Modified is when the newest fragment arrived.
func (f *File) Modified() time.Time { return f.modified }

// ContentType is the file's media type.
func (f *File) ContentType() string { return f.format.ContentType() }

// Fragments is how many there are in the file.
func (f *File) Fragments() int { return f.fragments }

// Length is how long the file plays.
func (f *File) Length() time.Duration { return f.length }

// Cursor returns what reads the file.
func (f *File) Cursor() *Cursor { return &Cursor{layout: &f.layout} }

// tagVersion changes whenever the same fragments become other bytes.
const tagVersion = 1

// tagOf names the file that fragments become. A fragment never changes, so that
// their numbers suffice.
func tagOf(r *FileRequest, entries []store.Entry, limits ClipLimits) string {
	h := sha256.New()
	b := []byte{tagVersion, byte(r.Format), byte(r.Cut), byte(r.Clock)}
	for _, v := range [...]uint64{
		r.Scope.Stream.ID, uint64(r.Scope.Stream.Generation), uint64(r.From.UnixNano()), uint64(r.To.UnixNano()),
		uint64(limits.Fragments), uint64(limits.Bytes),
	} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	_, _ = h.Write(b) // never fails, like the next
	for i := range entries {
		n := entries[i].Number.Bytes()
		_, _ = h.Write(binary.BigEndian.AppendUint64(n[:], uint64(entries[i].Size)))
	}
	return `"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18]) + `"`
}

// startOf is when a fragment starts on a clock.
func startOf(c store.Clock, e *store.Entry) time.Time {
	if c == store.ServerClock {
		return e.ServerTime()
	}
	return e.ProducerTime
}
